//! `bulkhead client`: an MCP client's configuration, to paste or written into the client's own file; and back out of it.

pub(super) mod document;
mod file;
mod jsonc;
pub(super) mod kind;
mod node;
pub(super) mod place;
mod toml;
mod undo;
mod yaml;

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bulkhead::{
    config::{Config, front::Front},
    secret::Secret,
};
use clap::Args;
use serde_json::json;
use similar::TextDiff;

use self::{
    document::{Broken, Slot},
    file::{File, Readers},
    kind::{Form, Key, Kind, Reach},
    node::nested,
    place::{Scope, shown},
    undo::How,
};
use super::{Failure, Options, Outcome, failed, usage};

/// The variable that clients take the key from, unless another is named.
const VARIABLE: &str = "BULKHEAD_KEY";

/// Show what to paste into an MCP client, or write it into the client's own file.
#[derive(Debug, Args)]
pub(super) struct Client {
    /// Which client.
    client: Kind,
    /// Write it into the client's file: what else is in there stays, and a backup is kept beside it.
    #[arg(long, conflicts_with = "undo")]
    write: bool,
    /// Only show what `--write`, or `--undo`, would change.
    #[arg(long)]
    dry_run: bool,
    /// Take back what `--write` wrote last.
    #[arg(long)]
    undo: bool,
    /// What the client calls this server.
    #[arg(long, default_value = "bulkhead")]
    name: String,
    /// For all projects of this user, or for the project in this folder.
    #[arg(long, value_enum, default_value_t = Scope::User)]
    scope: Scope,
    /// The client starts the host itself, and speaks over stdin and stdout.
    #[arg(long)]
    stdio: bool,
    /// Only this service's tools.
    #[arg(long, value_name = "NAME", conflicts_with = "stdio")]
    service: Option<String>,
    /// The URL of `/mcp`, where it is not what the configuration says.
    #[arg(long, conflicts_with_all = ["stdio", "service"])]
    url: Option<url::Url>,
    /// The variable of the client's environment that holds the API key; BULKHEAD_KEY, if there are keys.
    #[arg(long, value_name = "VARIABLE", conflicts_with_all = ["stdio", "key_file"])]
    key_env: Option<String>,
    /// Write the key of this file into the client's file, in plain.
    #[arg(long, value_name = "FILE", conflicts_with = "stdio")]
    key_file: Option<PathBuf>,
}

impl Client {
    pub(super) fn run(self, options: &Options) -> Outcome {
        let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if self.name.is_empty() || !plain(&self.name) {
            return Err(usage("--name is letters, digits, `_` and `-`"));
        }
        let Some(form) = self.client.form() else { return self.curl(options) };
        if self.undo {
            return self.take_back(form, options);
        }
        let reach = self.reach(form, options)?;
        if self.write || self.dry_run {
            self.put(form, &reach, options)
        } else {
            self.show(form, &reach, options)
        }
    }

    /// Prints what to paste.
    fn show(&self, form: &Form, reach: &Reach, options: &Options) -> Outcome {
        let entry = form.entry(&self.name, reach);
        let file = form.file(self.scope).ok_or_else(|| no_file(form, self.scope))?;
        if options.json {
            let whole = nested(form.servers, nested(&[&self.name], entry.value()));
            out!("{}", json!({ "client": form.name, "file": file, "configuration": whole }));
            return Ok(());
        }
        let text = self.slot(form).put("", &entry).map_err(failed)?;
        out!("{}", text.trim_end());
        let windows =
            if self.scope == Scope::User { format!(" ({} on Windows)", form.windows) } else { String::new() };
        eprintln!("\nThis goes into {}{windows}; `--write` puts it there.", shown(&file));
        if self.client == Kind::ClaudeCode {
            eprintln!("Or: {}", claude(&self.name, self.scope, reach));
        }
        about_key(form, reach);
        Ok(())
    }

    /// Writes it, or shows what that would change.
    fn put(&self, form: &Form, reach: &Reach, options: &Options) -> Outcome {
        let (entry, slot, file) = (form.entry(&self.name, reach), self.slot(form), self.open(form)?);
        let path = shown(&file.path);
        let said = |broken: Broken| failed(format!("{path}:{broken}; nothing was written"));
        let before = file.text.as_deref().unwrap_or_default();
        let had = slot.find(before).map_err(said)?;
        let unchanged = had == Some(entry.value());
        let text = slot.put(before, &entry).map_err(said)?;
        let secret = match reach {
            Reach::Http { key: Key::Plain(key), .. } => Some(key),
            _ => None,
        };
        if self.dry_run {
            let diff =
                if unchanged { String::new() } else { difference(&path, file.text.as_deref(), Some(&text)) };
            let kept = secret.map_or(diff.clone(), |key| kind::hidden(&diff, key));
            return show_difference(&path, &kept, options);
        }
        let mut backup = None;
        if !unchanged {
            let stamp = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
            let kept = file.keep(&free(&file, &stamp.replace(['-', ':'], ""))).map_err(failed)?;
            let name = kept.as_ref().and_then(|path| path.file_name()?.to_str()).map(str::to_owned);
            undo::note(&file, slot, &text, &entry, name).map_err(failed)?;
            let own = secret.is_some() || (self.scope == Scope::User && file.readers().is_none());
            let readers = if own { Readers::User } else { Readers::All };
            if let Err(why) = file.replace(&text, readers) {
                let _ = undo::forget(&file);
                let _ = kept.map(std::fs::remove_file);
                return Err(failed(why));
            }
            backup = kept;
        }
        if options.json {
            out!(
                "{}",
                json!({ "client": form.name, "file": file.path, "name": self.name, "changed": !unchanged, "backup": backup })
            );
            return Ok(());
        }
        let name = &self.name;
        match (unchanged, &had, &backup) {
            (true, ..) => out!("{path} has `{name}` as it should be"),
            (_, Some(_), _) => out!("{path}: `{name}` is replaced"),
            (_, None, Some(_)) => out!("{path}: `{name}` is added"),
            (_, None, None) => out!("{path} is made, with `{name}`"),
        }
        if let Some(backup) = backup {
            out!("  backup  {}", shown(&backup));
        }
        if !unchanged {
            out!("  undo    {}", self.undo_command());
            eprintln!("Restart {} for it to take effect.", form.name);
            about_key(form, reach);
        }
        Ok(())
    }

    /// Takes the last step back.
    fn take_back(&self, form: &Form, options: &Options) -> Outcome {
        let (slot, file) = (self.slot(form), self.open(form)?);
        let undone = undo::undo(&file, slot, self.dry_run).map_err(failed)?;
        let path = shown(&file.path);
        if self.dry_run {
            let diff = difference(&path, file.text.as_deref(), undone.text.as_deref());
            return show_difference(&path, &diff, options);
        }
        let (how, words) = match undone.how {
            How::Restored => ("restored", format!("{path} is as it was before")),
            How::Removed => ("removed", format!("{path} is removed: it was made by `--write`")),
            How::Entry => {
                ("entry", format!("{path}: only `{}` is undone; what others changed since stays", self.name))
            }
        };
        if options.json {
            out!("{}", json!({ "client": form.name, "file": file.path, "name": self.name, "undone": how }));
        } else {
            out!("{words}");
        }
        Ok(())
    }

    fn open(&self, form: &Form) -> Result<File, Failure> {
        let path = form.file(self.scope).ok_or_else(|| no_file(form, self.scope))?;
        let project = std::env::current_dir().map_err(failed)?;
        let project = (self.scope == Scope::Project).then_some(project.as_path());
        File::open(&path, project).map_err(failed)
    }

    fn slot<'a>(&'a self, form: &'a Form) -> Slot<'a> {
        Slot { syntax: form.syntax, servers: form.servers, name: &self.name }
    }

    fn undo_command(&self) -> String {
        let client = clap::ValueEnum::to_possible_value(&self.client);
        let mut text =
            format!("bulkhead client {} --undo", client.as_ref().map_or("", |value| value.get_name()));
        if self.name != "bulkhead" {
            let _ = write!(text, " --name {}", self.name);
        }
        if self.scope == Scope::Project {
            text.push_str(" --scope project");
        }
        text
    }

    /// How the client comes to the host.
    fn reach(&self, form: &Form, options: &Options) -> Result<Reach, Failure> {
        let asked_for_http =
            self.url.is_some() || self.service.is_some() || self.key_env.is_some() || self.key_file.is_some();
        if !self.stdio && !form.takes_urls() && asked_for_http {
            return Err(usage(format!(
                "{}'s file takes no URLs, only programs that it starts: leave out --url, --service and the key",
                form.name
            )));
        }
        if self.stdio || !form.takes_urls() {
            return started(options);
        }
        let config = options.load(None)?;
        let key = self.key(&config)?;
        if let (Key::Variable(_), false, true) = (&key, form.takes_variables(), self.write || self.dry_run) {
            return Err(usage(format!(
                "{} cannot take the key from its environment, so the key would stand in {} in plain. If it may, name \
                 its file with --key-file; with --stdio it needs none",
                form.name,
                form.file(self.scope).map_or_else(String::new, |file| shown(&file))
            )));
        }
        let url = match &self.url {
            Some(url) => url.to_string(),
            None => own_url(&config, self.service.as_deref()),
        };
        Ok(Reach::Http { url, key })
    }

    fn key(&self, config: &Config) -> Result<Key, Failure> {
        if let Some(path) = &self.key_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| usage(format!("--key-file: {}: {error}", path.display())))?;
            let key = text.trim_end_matches(['\r', '\n']);
            if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return Err(usage(format!(
                    "--key-file: {} is not a key: it must be one word",
                    path.display()
                )));
            }
            return Ok(Key::Plain(Secret::new(key.to_owned())));
        }
        let takes_keys = config.auth.as_ref().is_some_and(|auth| !auth.keys.is_empty());
        Ok(match &self.key_env {
            Some(variable) => Key::Variable(variable.clone()),
            None if takes_keys => Key::Variable(VARIABLE.to_owned()),
            None => Key::None,
        })
    }

    fn curl(&self, options: &Options) -> Outcome {
        if self.write || self.undo || self.dry_run {
            return Err(usage("curl has no configuration of servers to write"));
        }
        let config = options.load(None)?;
        let url =
            self.url.as_ref().map_or_else(|| own_url(&config, self.service.as_deref()), url::Url::to_string);
        let header = match self.key(&config)? {
            Key::None => String::new(),
            Key::Variable(variable) => format!(" \\\n     -H \"Authorization: Bearer ${variable}\""),
            Key::Plain(_) => format!(
                " \\\n     -H \"Authorization: Bearer $(cat {})\"",
                self.key_file.as_deref().unwrap_or(Path::new("")).display()
            ),
        };
        out!("{}", curl(&url, &header));
        Ok(())
    }
}

/// The host as a program that a client starts: with whole paths, since nobody knows in which folder.
fn started(options: &Options) -> Result<Reach, Failure> {
    let config = options.own()?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut args = vec!["stdio".to_owned()];
    if let Some(file) = &options.config {
        let file = std::path::absolute(file).map_err(failed)?;
        args.extend(["--config".to_owned(), file.display().to_string()]);
    }
    if let Some(tenant) = &config.local_tenant {
        args.extend(["--tenant".to_owned(), tenant.clone()]);
    }
    Ok(Reach::Stdio { command: program.display().to_string(), args })
}

/// Where clients find a host with this configuration.
pub(super) fn own_url(config: &Config, service: Option<&str>) -> String {
    let service = service.map(|name| format!("/{name}")).unwrap_or_default();
    url_at(&config.front, config.server.listen) + &service
}

fn url_at(front: &Front, listen: SocketAddr) -> String {
    let base = front.public_url.clone().unwrap_or_else(|| {
        let scheme = if front.tls.is_some() { "https" } else { "http" };
        // A certificate is for a name, and a listener of all addresses has none of its own.
        if listen.ip().is_unspecified() || front.tls.is_some() {
            format!("{scheme}://localhost:{}", listen.port())
        } else {
            format!("{scheme}://{listen}")
        }
    });
    format!("{base}/mcp")
}

fn no_file(form: &Form, scope: Scope) -> Failure {
    usage(match scope {
        Scope::User => "there is no home folder; HOME must name one".to_owned(),
        Scope::Project => format!("{} has no configuration in a project; leave out --scope", form.name),
    })
}

/// Says what is still to be done for the key, and what it means where it is.
fn about_key(form: &Form, reach: &Reach) {
    match reach {
        Reach::Http { key: Key::Variable(variable), .. } if form.takes_variables() => {
            eprintln!("{} takes the key from {variable}: set it where {} is started.", form.name, form.name);
        }
        Reach::Http { key: Key::Variable(_), .. } => eprintln!(
            "The host wants a key, and {} cannot take it from its environment: --key-file puts it in the file in plain.",
            form.name
        ),
        Reach::Http { key: Key::Plain(_), .. } => {
            eprintln!("The key stands in the file in plain: whoever reads the file can use it.");
        }
        _ => {}
    }
}

/// The name of a backup that is not there yet.
fn free(file: &File, stamp: &str) -> String {
    let name = |more: u32| if more == 0 { format!(".{stamp}.bak") } else { format!(".{stamp}-{more}.bak") };
    (0..).map(name).find(|name| !file.beside(name).exists()).unwrap_or_default()
}

fn difference(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    let name = |text: Option<&str>| if text.is_some() { path.to_owned() } else { "/dev/null".to_owned() };
    let diff = TextDiff::from_lines(before.unwrap_or_default(), after.unwrap_or_default());
    diff.unified_diff().header(&name(before), &name(after)).to_string()
}

fn show_difference(path: &str, diff: &str, options: &Options) -> Outcome {
    if options.json {
        out!("{}", json!({ "file": path, "changed": !diff.is_empty(), "diff": diff }));
    } else if diff.is_empty() {
        out!("{path} would stay as it is");
    } else {
        out!("{}", diff.trim_end_matches('\n'));
    }
    Ok(())
}

/// Claude Code's own command for it.
fn claude(name: &str, scope: Scope, reach: &Reach) -> String {
    let scope = match scope {
        Scope::User => "user",
        Scope::Project => "project",
    };
    match reach {
        Reach::Http { url, key } => {
            let header = match key {
                Key::Variable(variable) => format!(" --header 'Authorization: Bearer ${{{variable}}}'"),
                _ => String::new(),
            };
            format!("claude mcp add --scope {scope} --transport http {name} {url}{header}")
        }
        Reach::Stdio { command, args } => {
            let quote = |text: &String| format!("'{}'", text.replace('\'', r"'\''"));
            let args: Vec<String> = [command].into_iter().chain(args).map(quote).collect();
            format!("claude mcp add --scope {scope} {name} -- {}", args.join(" "))
        }
    }
}

fn curl(url: &str, header: &str) -> String {
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "utilities_get_time", "arguments": { "timezone": "Europe/Oslo" } },
    });
    format!(
        "curl -s {url} -H 'Content-Type: application/json' \\\n     -H 'Accept: application/json, text/event-stream'{header} \\\n     -d '{call}'"
    )
}

/// What a newcomer sees once the host is ready.
pub(super) fn welcome(address: SocketAddr, front: &Front) -> String {
    let url = url_at(front, address);
    let snippet = |kind: Kind| {
        let reach = Reach::Http { url: url.clone(), key: Key::None };
        let whole = |form: &Form| {
            let entry = form.entry("bulkhead", &reach).value();
            nested(form.servers, nested(&["bulkhead"], entry)).to_string()
        };
        kind.form().map(whole).unwrap_or_default()
    };
    format!(
        "Bulkhead is ready at {url}\n\n\
         Claude Code     claude mcp add --transport http bulkhead {url}\n\
         VS Code         .vscode/mcp.json:   {}\n\
         Cursor          ~/.cursor/mcp.json: {}\n\
         others          bulkhead client --help; `--write` puts it where it belongs\n\n\
         Try it from another terminal:\n\n{}\n\n\
         Ctrl-C stops it.",
        snippet(Kind::Vscode),
        snippet(Kind::Cursor),
        curl(&url, ""),
    )
}
