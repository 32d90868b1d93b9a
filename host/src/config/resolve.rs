//! From what was written to what can be acted on: names checked, paths absolute, secrets in place.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    ComponentSource, Components, Config, EgressRule, Limits, Server, Service, Tenant, raw, secrets::Secrets,
};
use crate::egress::{credential::Credential, pattern::UrlPattern};

/// Something in the file that parses and still cannot be acted on.
#[derive(Debug)]
pub struct ResolveError {
    /// Dotted path of the key at fault.
    pub key: Option<String>,
    message: String,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

fn at(key: impl Into<String>) -> impl FnOnce(String) -> ResolveError {
    let key = Some(key.into());
    move |message| ResolveError { key, message }
}

/// Room for this many guests is reserved unless the file says otherwise.
const CONCURRENT_CALLS: u32 = 256;

/// Resolves a parsed file. Relative paths in it start at `base`.
///
/// # Errors
/// Names the key and says what to write instead.
pub fn resolve(file: raw::File, base: &Path) -> Result<Config, ResolveError> {
    let secrets = Secrets::load(&file.secrets, base).map_err(at("secrets"))?;
    let server = server(file.server)?;
    let components = components(file.components, base)?;
    if file.tenants.len() > 1 {
        let names: Vec<_> = file.tenants.keys().cloned().collect();
        return Err(at("tenants")(format!(
            "there is no authentication yet to tell the callers of {} apart, so exactly one tenant can be served",
            names.join(", ")
        )));
    }
    let tenants = file
        .tenants
        .into_iter()
        .map(|(name, tenant)| {
            let key = format!("tenants.{name}");
            check_name(&name).map_err(at(&key))?;
            let services = tenant.services.into_iter();
            let services = services.map(|(service, raw)| {
                let key = format!("{key}.services.{service}");
                resolve_service(service, raw, &components.dir, base, &secrets, &key)
            });
            Ok(Tenant { name, services: services.collect::<Result<_, _>>()? })
        })
        .collect::<Result<_, _>>()?;
    Ok(Config { server, components, tenants })
}

fn server(raw: raw::Server) -> Result<Server, ResolveError> {
    let listen = raw.listen.unwrap_or_else(|| ([127, 0, 0, 1], 8080).into());
    check_listen(listen).map_err(at("server.listen"))?;
    for origin in &raw.allowed_origins {
        let scheme = origin.starts_with("http://") || origin.starts_with("https://");
        if !scheme || origin.split("://").nth(1).is_none_or(|rest| rest.is_empty() || rest.contains('/')) {
            return Err(at("server.allowed_origins")(format!(
                "`{origin}` is not an origin; write scheme, host and port, like https://app.example.com:443"
            )));
        }
    }
    let concurrent_calls = raw.concurrent_calls.unwrap_or(CONCURRENT_CALLS);
    if !(1..=10_000).contains(&concurrent_calls) {
        return Err(at("server.concurrent_calls")("must be between 1 and 10000".to_owned()));
    }
    Ok(Server {
        listen,
        allowed_hosts: raw.allowed_hosts,
        allowed_origins: raw.allowed_origins,
        concurrent_calls,
    })
}

/// Until callers can be told apart, nobody but this machine may reach the listener.
///
/// # Errors
/// When the address can be reached from elsewhere.
pub fn check_listen(listen: std::net::SocketAddr) -> Result<(), String> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "{listen} can be reached from other machines, and there is no authentication yet; listen on 127.0.0.1 and put an \
         authenticating proxy in front"
    ))
}

fn components(raw: raw::Components, base: &Path) -> Result<Components, ResolveError> {
    let dir = base.join(raw.dir.unwrap_or_else(|| "components".into()));
    let cache_dir = match (raw.cache, raw.cache_dir) {
        (Some(false), Some(_)) => {
            return Err(at("components.cache_dir")(
                "has no effect with `cache: false`; remove one of the two".into(),
            ));
        }
        (Some(false), None) => None,
        (_, Some(dir)) => Some(base.join(dir)),
        (_, None) => user_cache(),
    };
    Ok(Components { dir, cache_dir })
}

/// `$XDG_CACHE_HOME/bulkhead` or `~/.cache/bulkhead` (XDG base directory specification); none without a home.
fn user_cache() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(cache?.join("bulkhead"))
}

fn resolve_service(
    name: String,
    raw: raw::Service,
    dir: &Path,
    base: &Path,
    secrets: &Secrets,
    key: &str,
) -> Result<Service, ResolveError> {
    check_name(&name).map_err(at(key))?;
    let component = component_source(raw.component.as_deref().unwrap_or(&name), dir, base);
    let component = component.map_err(at(format!("{key}.component")))?;
    let config = match raw.config {
        Value::Null => Value::Object(serde_json::Map::new()),
        config @ Value::Object(_) => config,
        _ => return Err(at(format!("{key}.config"))("must be a mapping".into())),
    };
    if config.to_string().contains("${secret:") {
        return Err(at(format!("{key}.config"))(
            "a component never sees a secret; put `${secret:…}` under `credentials`, from where the host attaches it".into(),
        ));
    }
    let credentials = raw.credentials.into_iter().enumerate().map(|(i, credential)| {
        let value = secrets.fill(&credential.value);
        value
            .and_then(|value| Credential::new(&credential.r#for, &credential.header, &value))
            .map_err(at(format!("{key}.credentials[{i}]")))
    });
    let credentials = credentials.collect::<Result<_, _>>()?;
    let egress = raw.egress.map(|rules| egress(rules, key)).transpose()?;
    Ok(Service {
        name,
        component,
        config,
        credentials,
        egress,
        allow_addresses: raw.network.allow_addresses,
        limits: limits(&raw.limits).map_err(at(format!("{key}.limits")))?,
        disabled_tools: raw.tools.disable,
    })
}

fn egress(rules: Vec<raw::Egress>, key: &str) -> Result<Vec<EgressRule>, ResolveError> {
    let resolved = |rule: raw::Egress| {
        let url = rule.url.map(|url| url.parse::<UrlPattern>().map_err(|e| e.to_string())).transpose()?;
        let methods = rule.methods.map(|methods| methods.iter().map(|m| method(m)).collect::<Result<_, _>>());
        Ok(EgressRule { url, methods: methods.transpose()? })
    };
    let rules = rules.into_iter().enumerate();
    rules.map(|(i, rule)| resolved(rule).map_err(at(format!("{key}.egress[{i}]")))).collect()
}

/// An HTTP method as rules write them.
///
/// # Errors
/// When it is not upper-case letters.
pub fn method(text: &str) -> Result<http::Method, String> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(format!("`{text}` is not an HTTP method; write it in capitals, like GET"));
    }
    http::Method::from_bytes(text.as_bytes()).map_err(|e| e.to_string())
}

fn limits(raw: &raw::Limits) -> Result<Limits, String> {
    let default = Limits::default();
    let limits = Limits {
        memory: raw.memory.map_or(default.memory, |b| b.0),
        deadline: raw.deadline.map_or(default.deadline, |t| t.0),
        concurrent_calls: raw.concurrent_calls.unwrap_or(default.concurrent_calls),
        result_bytes: raw.result_bytes.map_or(default.result_bytes, |b| b.0),
        response_bytes: raw.response_bytes.map_or(default.response_bytes, |b| b.0),
    };
    // A wasm page; less starts no guest. Four GiB is what a 32-bit memory can address.
    if !(64 << 10..=4 << 30).contains(&limits.memory.as_u64()) {
        return Err("memory must be between 64KiB and 4GiB".into());
    }
    if limits.deadline.is_zero() || limits.deadline > std::time::Duration::from_secs(3600) {
        return Err("deadline must be more than 0 and at most 1h".into());
    }
    if limits.concurrent_calls == 0 {
        return Err("concurrent_calls must be at least 1; to serve no calls, remove the service".into());
    }
    Ok(limits)
}

/// A file if it looks like one, otherwise a name in the folder; `utilities` is in the binary unless the
/// folder has another.
fn component_source(text: &str, dir: &Path, base: &Path) -> Result<ComponentSource, String> {
    if text.contains('@') && text.contains('/') {
        return Err(format!(
            "`{text}` looks like a registry reference; registries are not supported yet, name a file"
        ));
    }
    if text.ends_with(".wasm") || text.contains('/') {
        let path = base.join(text);
        return if path.is_file() { Ok(ComponentSource::File(path)) } else { Err(no_file(&path)) };
    }
    let path = dir.join(format!("{text}.wasm"));
    match (path.is_file(), text) {
        (true, _) => Ok(ComponentSource::File(path)),
        (false, "utilities") => Ok(ComponentSource::EmbeddedUtilities),
        (false, _) => Err(no_file(&path)),
    }
}

fn no_file(path: &Path) -> String {
    format!("there is no file {}; build it with `bulkhead build`, or name another", path.display())
}

/// Names become prefixes of tool names, so they share their alphabet and leave room for the tool.
fn check_name(name: &str) -> Result<(), String> {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if letters && name.len() <= 32 && name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Ok(());
    }
    Err(format!(
        "`{name}` is not a valid name: lower-case letters, digits and `-`, a letter first, at most 32 characters"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::parse;

    #[track_caller]
    fn refused(text: &str, key: &str, part: &str) {
        let error = resolve(parse(text).unwrap(), Path::new("/nowhere")).unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }

    fn service(body: &str) -> String {
        format!("tenants: {{a: {{services: {{utilities: {{{body}}}}}}}}}")
    }

    const KEY: &str = "tenants.a.services.utilities";

    #[test]
    fn a_listener_others_can_reach_is_refused() {
        refused("server: {listen: 0.0.0.0:80}", "server.listen", "no authentication");
    }

    #[test]
    fn a_second_tenant_is_refused() {
        refused("tenants: {a: {}, b: {}}", "tenants", "exactly one tenant");
    }

    #[test]
    fn a_secret_in_the_config_is_refused() {
        refused(&service("config: {x: 'a${secret:t}'}"), &format!("{KEY}.config"), "never sees a secret");
    }

    #[test]
    fn an_undeclared_secret_is_refused() {
        let body = "credentials: [{for: 'http://h', header: a, value: '${secret:t}'}]";
        refused(&service(body), &format!("{KEY}.credentials[0]"), "secret `t` is not declared");
    }

    #[test]
    fn odd_values_are_refused() {
        refused(
            &service("component: nope"),
            &format!("{KEY}.component"),
            "there is no file /nowhere/components/nope.wasm",
        );
        refused(&service("component: ghcr.example/a/b@sha256:1"), &format!("{KEY}.component"), "registry");
        refused(&service("limits: {memory: 1KiB}"), &format!("{KEY}.limits"), "between 64KiB and 4GiB");
        refused(&service("limits: {deadline: 0s}"), &format!("{KEY}.limits"), "more than 0");
        refused(&service("limits: {concurrent_calls: 0}"), &format!("{KEY}.limits"), "at least 1");
        refused(
            &service("egress: [{url: 'https://h/**', methods: [get]}]"),
            &format!("{KEY}.egress[0]"),
            "capitals",
        );
        refused(&service("egress: [{url: 'h/**'}]"), &format!("{KEY}.egress[0]"), "scheme");
        refused("server: {allowed_origins: [app.example.com]}", "server.allowed_origins", "not an origin");
        refused("server: {concurrent_calls: 0}", "server.concurrent_calls", "between 1 and 10000");
        refused("tenants: {A: {}}", "tenants.A", "not a valid name");
        refused("components: {cache: false, cache_dir: x}", "components.cache_dir", "no effect");
    }

    #[test]
    fn limits_fall_back_to_the_defaults() {
        let config =
            resolve(parse(&service("limits: {memory: 128MiB}")).unwrap(), Path::new("/nowhere")).unwrap();
        let limits = config.tenants[0].services[0].limits;
        assert_eq!(limits, Limits { memory: bytesize::ByteSize::mib(128), ..Limits::default() });
    }
}
