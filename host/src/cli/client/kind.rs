//! The MCP clients whose configuration is known: where it is, in which language, and how it names a server.
//!
//! Each is written as its own documentation says; the source is named beside it. A new client is a row here, a line in
//! `Kind`, and a file in the test.

use bulkhead::secret::Secret;
use clap::ValueEnum;

use super::{
    document::Syntax,
    node::Node,
    place::User::{self, App, Config, Home, Own},
};

/// The clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    ClaudeDesktop,
    ClaudeCode,
    Vscode,
    Cursor,
    Codex,
    GeminiCli,
    CopilotCli,
    Windsurf,
    Zed,
    Opencode,
    Goose,
    Cline,
    Kiro,
    Curl,
}

/// What is known of a client that has a configuration file.
#[derive(Debug)]
pub(crate) struct Form {
    /// What people call it.
    pub(crate) name: &'static str,
    /// The language of its file.
    pub(crate) syntax: Syntax,
    /// The keys under which its servers are.
    pub(crate) servers: &'static [&'static str],
    /// Its file for all of a user's projects.
    pub(super) user: User,
    /// Its file on Windows, for people: the host itself does not run there.
    pub(super) windows: &'static str,
    /// Its file in a project's folder.
    pub(super) project: Option<&'static str>,
    http: Http,
    stdio: Stdio,
}

/// How a server behind a URL is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http {
    /// Not in this file.
    None,
    /// Fixed entries, the key of the URL, and how `headers` names a variable of the environment.
    Url { fixed: &'static [(&'static str, &'static str)], url: &'static str, variable: Variable },
    /// Codex.
    Codex,
    /// Goose.
    Goose,
}

/// How a value names a variable of the client's environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    /// What stands around its name.
    Around(&'static str, &'static str),
    /// It cannot.
    Never,
}

/// How a server that the client starts is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stdio {
    /// `command` and `args`, and sometimes a `type` before.
    Plain(Option<&'static str>),
    /// OpenCode: one list.
    OneList,
    /// Goose.
    Goose,
}

/// How a client comes to the host.
#[derive(Debug)]
pub(crate) enum Reach {
    Http { url: String, key: Key },
    Stdio { command: String, args: Vec<String> },
}

/// The API key that a client sends.
#[derive(Debug)]
pub(crate) enum Key {
    None,
    /// In this variable of the client's environment.
    Variable(String),
    /// In the file, for whoever can read it.
    Plain(Secret),
}

/// A name in braces after a dollar.
const BRACES: Variable = Variable::Around("${", "}");
const ENV_BRACES: Variable = Variable::Around("${env:", "}");

// Linux has no Claude Desktop of Anthropic's own; those that others build for it look in `~/.config/Claude`. Servers
// behind URLs are added in its settings, as connectors. https://modelcontextprotocol.io/quickstart/user
static CLAUDE_DESKTOP: Form = Form {
    name: "Claude Desktop",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: App("Claude/claude_desktop_config.json"),
    windows: r"%APPDATA%\Claude\claude_desktop_config.json",
    project: None,
    http: Http::None,
    stdio: Stdio::Plain(None),
};

// https://code.claude.com/docs/en/mcp: `${VAR}` is expanded in command, args, env, url and headers.
static CLAUDE_CODE: Form = Form {
    name: "Claude Code",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: Own("CLAUDE_CONFIG_DIR", "", ".claude.json"),
    windows: r"%USERPROFILE%\.claude.json",
    project: Some(".mcp.json"),
    http: Http::Url { fixed: &[("type", "http")], url: "url", variable: BRACES },
    stdio: Stdio::Plain(Some("stdio")),
};

// https://code.visualstudio.com/docs/copilot/reference/mcp-configuration; that `${env:…}` works in it:
// https://github.com/microsoft/vscode/issues/245237
static VSCODE: Form = Form {
    name: "VS Code",
    syntax: Syntax::Json,
    servers: &["servers"],
    user: App("Code/User/mcp.json"),
    windows: r"%APPDATA%\Code\User\mcp.json",
    project: Some(".vscode/mcp.json"),
    http: Http::Url { fixed: &[("type", "http")], url: "url", variable: ENV_BRACES },
    stdio: Stdio::Plain(Some("stdio")),
};

// https://cursor.com/docs/mcp: `${env:NAME}` in command, args, env, url and headers.
static CURSOR: Form = Form {
    name: "Cursor",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: Home(".cursor/mcp.json"),
    windows: r"%USERPROFILE%\.cursor\mcp.json",
    project: Some(".cursor/mcp.json"),
    http: Http::Url { fixed: &[], url: "url", variable: ENV_BRACES },
    stdio: Stdio::Plain(None),
};

// https://developers.openai.com/codex/mcp
static CODEX: Form = Form {
    name: "Codex",
    syntax: Syntax::Toml,
    servers: &["mcp_servers"],
    user: Own("CODEX_HOME", ".codex", "config.toml"),
    windows: r"%USERPROFILE%\.codex\config.toml",
    project: Some(".codex/config.toml"),
    http: Http::Codex,
    stdio: Stdio::Plain(None),
};

// https://geminicli.com/docs/tools/mcp-server; `$VAR` and `${VAR}` in any string:
// https://geminicli.com/docs/cli/configuration
static GEMINI_CLI: Form = Form {
    name: "Gemini CLI",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: Home(".gemini/settings.json"),
    windows: r"%USERPROFILE%\.gemini\settings.json",
    project: Some(".gemini/settings.json"),
    http: Http::Url { fixed: &[], url: "httpUrl", variable: BRACES },
    stdio: Stdio::Plain(None),
};

// https://docs.github.com/en/copilot/how-tos/copilot-cli/customize-copilot/add-mcp-servers; no variables in headers:
// https://github.com/microsoft/apm/pull/947
static COPILOT_CLI: Form = Form {
    name: "Copilot CLI",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: Own("COPILOT_HOME", ".copilot", "mcp-config.json"),
    windows: r"%USERPROFILE%\.copilot\mcp-config.json",
    project: Some(".mcp.json"),
    http: Http::Url { fixed: &[("type", "http")], url: "url", variable: Variable::Never },
    stdio: Stdio::Plain(Some("stdio")),
};

// https://docs.windsurf.com/windsurf/cascade/mcp: `serverUrl`, and `${env:NAME}` in it and in headers.
static WINDSURF: Form = Form {
    name: "Windsurf",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: Home(".codeium/windsurf/mcp_config.json"),
    windows: r"%USERPROFILE%\.codeium\windsurf\mcp_config.json",
    project: None,
    http: Http::Url { fixed: &[], url: "serverUrl", variable: ENV_BRACES },
    stdio: Stdio::Plain(None),
};

// https://zed.dev/docs/ai/mcp, and https://zed.dev/docs/configuring-zed for the file.
static ZED: Form = Form {
    name: "Zed",
    syntax: Syntax::Json,
    servers: &["context_servers"],
    user: Config("zed/settings.json"),
    windows: r"%APPDATA%\Zed\settings.json",
    project: Some(".zed/settings.json"),
    http: Http::Url { fixed: &[], url: "url", variable: Variable::Never },
    stdio: Stdio::Plain(None),
};

// https://opencode.ai/v2/docs/mcp-servers: below `mcp.servers` since version 2.
static OPENCODE: Form = Form {
    name: "OpenCode",
    syntax: Syntax::Json,
    servers: &["mcp", "servers"],
    user: Config("opencode/opencode.json"),
    windows: r"%USERPROFILE%\.config\opencode\opencode.json",
    project: Some("opencode.json"),
    http: Http::Url { fixed: &[("type", "remote")], url: "url", variable: Variable::Around("{env:", "}") },
    stdio: Stdio::OneList,
};

// https://block.github.io/goose/docs/guides/config-files; `${VAR}` in headers, for what `env_keys` names.
static GOOSE: Form = Form {
    name: "goose",
    syntax: Syntax::Yaml,
    servers: &["extensions"],
    user: Config("goose/config.yaml"),
    windows: r"%APPDATA%\Block\goose\config\config.yaml",
    project: None,
    http: Http::Goose,
    stdio: Stdio::Goose,
};

// https://docs.cline.bot/mcp/configuring-mcp-servers: in the storage of the VS Code extension.
static CLINE: Form = Form {
    name: "Cline",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: App("Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"),
    windows: r"%APPDATA%\Code\User\globalStorage\saoudrizwan.claude-dev\settings\cline_mcp_settings.json",
    project: None,
    http: Http::Url { fixed: &[("type", "streamableHttp")], url: "url", variable: Variable::Never },
    stdio: Stdio::Plain(None),
};

// https://kiro.dev/docs/mcp/configuration: `${VAR}`, once its user has approved the variable.
static KIRO: Form = Form {
    name: "Kiro",
    syntax: Syntax::Json,
    servers: &["mcpServers"],
    user: Home(".kiro/settings/mcp.json"),
    windows: r"%USERPROFILE%\.kiro\settings\mcp.json",
    project: Some(".kiro/settings/mcp.json"),
    http: Http::Url { fixed: &[], url: "url", variable: BRACES },
    stdio: Stdio::Plain(None),
};

impl Kind {
    /// What is known of its file; curl has none.
    pub(crate) fn form(self) -> Option<&'static Form> {
        Some(match self {
            Self::ClaudeDesktop => &CLAUDE_DESKTOP,
            Self::ClaudeCode => &CLAUDE_CODE,
            Self::Vscode => &VSCODE,
            Self::Cursor => &CURSOR,
            Self::Codex => &CODEX,
            Self::GeminiCli => &GEMINI_CLI,
            Self::CopilotCli => &COPILOT_CLI,
            Self::Windsurf => &WINDSURF,
            Self::Zed => &ZED,
            Self::Opencode => &OPENCODE,
            Self::Goose => &GOOSE,
            Self::Cline => &CLINE,
            Self::Kiro => &KIRO,
            Self::Curl => return None,
        })
    }
}

impl Form {
    /// Whether its file can name a server by URL.
    pub(crate) fn takes_urls(&self) -> bool {
        self.http != Http::None
    }

    /// Whether its file can name a variable that holds the key.
    pub(crate) fn takes_variables(&self) -> bool {
        match self.http {
            Http::None => false,
            Http::Url { variable, .. } => variable != Variable::Never,
            Http::Codex | Http::Goose => true,
        }
    }

    /// The entry of a server called `name`.
    pub(super) fn entry(&self, name: &str, reach: &Reach) -> Node {
        match reach {
            Reach::Http { url, key } => self.remote(name, url, key),
            Reach::Stdio { command, args } => self.local(name, command, args),
        }
    }

    fn remote(&self, name: &str, url: &str, key: &Key) -> Node {
        let text = |value: &str| Node::text(value);
        match self.http {
            Http::Url { fixed, url: url_key, variable } => {
                let fixed = fixed.iter().map(|(key, value)| ((*key).to_owned(), text(value)));
                let mut entries: Vec<_> = fixed.chain([(url_key.to_owned(), text(url))]).collect();
                if let Some(bearer) = bearer(key, variable) {
                    entries.push(("headers".to_owned(), Node::table([("Authorization", bearer)])));
                }
                Node::Table(entries)
            }
            Http::Codex => match key {
                Key::None => Node::table([("url", text(url))]),
                Key::Variable(variable) => {
                    Node::table([("url", text(url)), ("bearer_token_env_var", text(variable))])
                }
                Key::Plain(_) => {
                    let bearer = bearer(key, Variable::Never).unwrap_or(Node::Null);
                    Node::table([
                        ("url", text(url)),
                        ("http_headers", Node::table([("Authorization", bearer)])),
                    ])
                }
            },
            Http::Goose => {
                let mut entry = vec![
                    ("enabled".to_owned(), Node::Bool(true)),
                    ("type".to_owned(), text("streamable_http")),
                    ("name".to_owned(), text(name)),
                    ("description".to_owned(), text("")),
                    ("uri".to_owned(), text(url)),
                    ("timeout".to_owned(), Node::Number("300".to_owned())),
                ];
                if let Key::Variable(variable) = key {
                    entry.push(("env_keys".to_owned(), Node::List(vec![text(variable)])));
                }
                if let Some(bearer) = bearer(key, BRACES) {
                    entry.push(("headers".to_owned(), Node::table([("Authorization", bearer)])));
                }
                Node::Table(entry)
            }
            // Whoever asks looked at `takes_urls` first.
            Http::None => Node::Null,
        }
    }

    fn local(&self, name: &str, command: &str, args: &[String]) -> Node {
        let text = Node::text;
        match self.stdio {
            Stdio::Plain(kind) => {
                let kind = kind.map(|kind| ("type".to_owned(), text(kind)));
                let rest = [("command".to_owned(), text(command)), ("args".to_owned(), Node::texts(args))];
                Node::Table(kind.into_iter().chain(rest).collect())
            }
            Stdio::OneList => {
                let all: Vec<String> = [command.to_owned()].into_iter().chain(args.iter().cloned()).collect();
                Node::table([("type", text("local")), ("command", Node::texts(&all))])
            }
            Stdio::Goose => Node::table([
                ("enabled", Node::Bool(true)),
                ("type", text("stdio")),
                ("name", text(name)),
                ("description", text("")),
                ("cmd", text(command)),
                ("args", Node::texts(args)),
                ("timeout", Node::Number("300".to_owned())),
            ]),
        }
    }
}

/// The `Authorization` header.
fn bearer(key: &Key, variable: Variable) -> Option<Node> {
    match (key, variable) {
        (Key::None, _) | (Key::Variable(_), Variable::Never) => None,
        (Key::Variable(name), Variable::Around(before, after)) => {
            Some(Node::text(format!("Bearer {before}{name}{after}")))
        }
        (Key::Plain(key), _) => Some(Node::text(format!("Bearer {}", key.expose()))),
    }
}

/// A text to show, without the key that is in it.
pub(super) fn hidden(text: &str, key: &Secret) -> String {
    text.replace(key.expose(), "…")
}
