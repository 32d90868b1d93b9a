//! From what was written to what can be acted on: names checked, paths absolute, secrets in place.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{
    Components, Config, Server, Tenant, access, audit, auth, files,
    front::{self, RawFront},
    raw,
    secrets::Secrets,
    service, telemetry,
};
use crate::secret::Secret;

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

pub(super) fn at(key: impl Into<String>) -> impl FnOnce(String) -> ResolveError {
    let key = Some(key.into());
    move |message| ResolveError { key, message }
}

/// Bytes of a key for handles.
const LEAST_KEY: usize = 32;
/// Room for this many guests is reserved unless the file says otherwise.
const CONCURRENT_CALLS: u32 = 256;

/// Resolves a parsed file. Relative paths in it start at `base`.
///
/// # Errors
/// Names the key and says what to write instead.
pub fn resolve(mut file: raw::File, base: &Path) -> Result<Config, ResolveError> {
    serve_dropped(&mut file, base)?;
    let (dir, lock) = (files::components_dir(&file, base), files::lock(&file, base));
    let secrets = Secrets::load(&file.secrets, base).map_err(at("secrets"))?;
    let raw::Server { tls, plaintext, public_url, metrics_open, .. } = &file.server;
    let (tls, public_url) = (tls.clone(), public_url.clone());
    let front = RawFront { tls, plaintext: *plaintext, public_url, metrics_open: *metrics_open };
    let front = front::resolve(front, base)?;
    let server = server(file.server, &secrets)?;
    let components = components(file.components, dir, lock, base)?;
    let signatures = file.signatures.resolve(base)?;
    let presets = access::presets(file.presets, "presets")?;
    let names: Vec<&str> = file.tenants.keys().map(String::as_str).collect();
    let auth =
        file.auth.map(|raw| auth::resolve(raw, &names, &secrets, &presets, &front, base)).transpose()?;
    if names.len() > 1 && auth.is_none() {
        return Err(at("tenants")(format!(
            "nothing tells the callers of {} apart; add an `auth` section (`bulkhead key new` makes a key)",
            names.join(", ")
        )));
    }
    auth::check_exposure(server.listen, auth.as_ref(), &front)?;
    let keyed = |(key, message): (&'static str, String)| at(key)(message);
    let otlp = telemetry::resolve(file.telemetry, &secrets).map_err(keyed)?;
    let services: Vec<&str> =
        file.tenants.values().flat_map(|t| t.services.keys().map(String::as_str)).collect();
    let logging = telemetry::resolve_logging(file.logging, &services).map_err(keyed)?;
    let defaults = file.defaults;
    let tenant = |(name, tenant): (String, raw::Tenant)| {
        let key = format!("tenants.{name}");
        check_name(&name).map_err(at(&key))?;
        let own = Secrets::load(&tenant.secrets, base).map_err(at(format!("{key}.secrets")))?;
        let secrets = own.over(&secrets);
        let allowed = tenant.components.as_deref();
        let folders = service::Folders {
            components: &components.dir,
            base,
            secrets: &secrets,
            allowed,
            signatures: &signatures,
        };
        let services = tenant.services.into_iter().map(|(service, raw)| {
            let key = format!("{key}.services.{service}");
            let raw = defaults.complete(&service, raw);
            service::resolve(service, raw, &folders, &key)
        });
        let services = services.collect::<Result<_, _>>()?;
        let calls = defaults.limits(tenant.limits).resolve(&format!("{key}.limits"))?;
        let listing = tenant.listing.or(defaults.listing).unwrap_or_default();
        Ok(Tenant { name, calls, listing, services })
    };
    let tenants = file.tenants.into_iter().map(tenant).collect::<Result<_, _>>()?;
    let audit = file.audit.map(|written| audit::resolve(written, base)).transpose()?;
    let cache = file.cache.resolve("cache")?;
    let metrics = file.metrics;
    let local_tenant = None;
    Ok(Config {
        local_tenant,
        server,
        components,
        signatures,
        front,
        auth,
        presets,
        metrics,
        otlp,
        logging,
        audit,
        cache,
        tenants,
    })
}

fn server(raw: raw::Server, secrets: &Secrets) -> Result<Server, ResolveError> {
    let listen = raw.listen.unwrap_or_else(|| ([127, 0, 0, 1], 8080).into());
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
        limits: raw.limits.resolve("server.limits")?,
        handle_keys: handle_keys(&raw.handle_keys, secrets)?,
        sessions: raw.sessions.map(|written| written.resolve("server.sessions")).transpose()?,
        tasks: raw.tasks.resolve("server.tasks")?,
        legacy_sse: raw.legacy_sse,
        direct: raw.direct.unwrap_or(true),
    })
}

fn handle_keys(written: &[String], secrets: &Secrets) -> Result<Vec<Secret>, ResolveError> {
    let key = |(number, text): (usize, &String)| {
        secrets.key(text, LEAST_KEY).map_err(at(format!("server.handle_keys[{number}]")))
    };
    written.iter().enumerate().map(key).collect()
}

/// Puts components that lie in the folder among the services of the one tenant there is.
fn serve_dropped(file: &mut raw::File, base: &Path) -> Result<(), ResolveError> {
    if !files::serves_dropped(file) {
        return Ok(());
    }
    if file.tenants.len() > 1 {
        return Err(at("components.serve")(
            "there are several tenants, and nothing says whose these components are; list them under `services`".into(),
        ));
    }
    let dir = files::components_dir(file, base);
    let dropped =
        dropped(&dir).map_err(|error| at("components.dir")(format!("{}: {error}", dir.display())))?;
    if dropped.is_empty() {
        return Ok(());
    }
    if file.tenants.is_empty() {
        file.tenants.insert("local".to_owned(), raw::Tenant::default());
    }
    for tenant in file.tenants.values_mut() {
        for name in &dropped {
            tenant.services.entry(name.clone()).or_default();
        }
    }
    Ok(())
}

/// The components in a folder, by name; none if there is no such folder.
fn dropped(dir: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".wasm")) else {
            continue;
        };
        // What is still being copied often has a name of its own: `.x.wasm`, `x.wasm.part`.
        if name.starts_with('.') || !path.is_file() {
            continue;
        }
        match check_service_name(name) {
            Ok(()) => names.push(name.to_owned()),
            Err(why) => tracing::warn!(file = %path.display(), why, "a component is not served"),
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn components(
    raw: raw::Components,
    dir: PathBuf,
    lock: PathBuf,
    base: &Path,
) -> Result<Components, ResolveError> {
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
    Ok(Components { dir, cache_dir, trust: raw.trust, lock })
}

/// `$XDG_CACHE_HOME/bulkhead` or `~/.cache/bulkhead` (XDG base directory specification); none without a home.
fn user_cache() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(cache?.join("bulkhead"))
}

/// Names of services become prefixes of tool names, so they share their alphabet and leave room for the tool.
pub(super) fn check_service_name(name: &str) -> Result<(), String> {
    if name == "tool" {
        return Err("`tool` is taken: tool_search, tool_schema and tool_invoke are the host's own".to_owned());
    }
    check_name(name)
}

/// Other names are made likewise.
///
/// # Errors
/// What a name is made of.
pub fn check_name(name: &str) -> Result<(), String> {
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
    use crate::config::{Limits, ListingLimits, load::parse};

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
    fn a_key_for_handles_is_a_long_secret() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("long"), "k".repeat(32)).unwrap();
        std::fs::write(dir.path().join("short"), "k".repeat(31)).unwrap();
        let with = |key: &str| {
            let text = format!(
                "secrets: {{l: {{file: long}}, s: {{file: short}}}}\nserver: {{handle_keys: ['{key}']}}"
            );
            resolve(parse(&text).unwrap(), dir.path()).map_err(|error| error.to_string())
        };
        assert_eq!(with("${secret:l}").unwrap().server.handle_keys[0].expose(), "k".repeat(32));
        let error = |key| with(key).unwrap_err();
        let short = "is shorter than 32 bytes; `openssl rand -base64 32` makes one";
        assert_eq!(error("${secret:s}"), format!("server.handle_keys[0]: {short}"));
        let plain = "must not stand in this file; write `${secret:NAME}`, and nothing else";
        for key in [&"k".repeat(40), "x${secret:l}", "${secret:l}${secret:l}"] {
            assert_eq!(error(key), format!("server.handle_keys[0]: {plain}"));
        }
    }

    #[test]
    fn a_service_cannot_take_the_names_of_the_tools_about_tools() {
        let message = "`tool` is taken: tool_search, tool_schema and tool_invoke are the host's own";
        refused("tenants: {a: {services: {tool: {}}}}", "tenants.a.services.tool", message);
    }

    #[test]
    fn a_second_tenant_is_refused() {
        refused("tenants: {a: {}, b: {}}", "tenants", "nothing tells the callers of a, b apart");
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
        refused(
            &service("component: ghcr.example/a/b@sha256:1"),
            &format!("{KEY}.component"),
            "bulkhead install",
        );
        refused(&service("limits: {memory: 1KiB}"), &format!("{KEY}.limits"), "between 64KiB and 4GiB");
        refused(&service("limits: {deadline: 0s}"), &format!("{KEY}.limits"), "more than 0");
        refused(
            &service("limits: {listing: {memory: 1KiB}}"),
            &format!("{KEY}.limits"),
            "listing.memory must be between 64KiB and 4GiB",
        );
        refused(&service("egress: [{cookies: ['a=b']}]"), &format!("{KEY}.egress[0]"), "no name of a cookie");
        let calls = format!("{KEY}.limits.concurrent_calls");
        refused(&service("limits: {concurrent_calls: 0}"), &calls, "at least 1");
        refused(
            &service("egress: [{url: 'https://h/**', methods: [get]}]"),
            &format!("{KEY}.egress[0]"),
            "capitals",
        );
        refused(&service("egress: [{url: 'h/**'}]"), &format!("{KEY}.egress[0]"), "scheme");
        refused("server: {allowed_origins: [app.example.com]}", "server.allowed_origins", "not an origin");
        let limits = format!("{KEY}.limits");
        refused(&service("limits: {fuel: 0}"), &limits, "fuel must be at least 1");
        refused(&service("limits: {cpu: 0s}"), &limits, "cpu must be more than 0");
        refused(&service("limits: {handles: 3}"), &limits, "handles must be at least 16");
        refused(&service("limits: {header_bytes: 1KiB}"), &limits, "between 8KiB and 1MiB");
        refused(&service("limits: {retries: 9}"), &limits, "retries must be at most 5");
        refused(&service("limits: {connect_timeout: 0s}"), &limits, "must be more than 0");
        refused(&service("limits: {requests_per_second: 0}"), &limits, "at least 1");
        refused(&service("quarantine: {failures: 0}"), &format!("{KEY}.quarantine"), "more than 0");
        let trip = "network: {circuit_breaker: {backoff: 2s, max_backoff: 1s}}";
        refused(&service(trip), &format!("{KEY}.network.circuit_breaker"), "at least `backoff`");
        let file = format!("{KEY}.files[0]");
        refused(&service("files: [{path: nowhere, at: /d}]"), &file, "there is no folder /nowhere/nowhere");
        refused(&service("files: [{path: /, at: d}]"), &file, "must be an absolute path");
        refused(&service("files: [{path: /, at: /a/../b}]"), &file, "must be an absolute path");
        refused(&service("files: [{path: /, at: /d, quota: 1KiB}]"), &file, "has no effect without");
        let two = "files: [{path: /, at: /a, write: true}, {path: /, at: /b, write: true}]";
        refused(&service(two), &format!("{KEY}.files"), "at most one folder");
        let tls = format!("{KEY}.network.tls[0]");
        refused(&service("network: {tls: [{for: 'https://h', ca: nope.pem}]}"), &tls, "cannot be read");
        let tls_of = |rest: &str| service(&format!("network: {{tls: [{{for: 'https://h'{rest}}}]}}"));
        refused(&tls_of(""), &tls, "has no effect without `ca` or `client_certificate`");
        refused(
            &tls_of(", client_key: /dev/null"),
            &tls,
            "`client_certificate` and `client_key` go together",
        );
        let credential = format!("{KEY}.credentials[0]");
        for odd in
            ["", "header: a", "header: a, value: b, bearer: c", "query: a", "value: a", "bearer: a, value: b"]
        {
            refused(
                &service(&format!("credentials: [{{for: 'http://h', {odd}}}]")),
                &credential,
                "needs exactly one of",
            );
        }
        refused(
            &service("egress: [{url: 'https://h/**', methods: [TRACE]}]"),
            &format!("{KEY}.egress[0]"),
            "never allowed",
        );
        refused(
            "tenants: {a: {limits: {concurrent_calls: 0}}}",
            "tenants.a.limits.concurrent_calls",
            "at least 1",
        );
        refused("server: {concurrent_calls: 0}", "server.concurrent_calls", "between 1 and 10000");
        refused("tenants: {A: {}}", "tenants.A", "not a valid name");
        let list = "components: [prometheus], services: {utilities: {}}";
        refused(&format!("tenants: {{a: {{{list}}}}}"), &format!("{KEY}.component"), "may not be made of");
        refused("components: {cache: false, cache_dir: x}", "components.cache_dir", "no effect");
    }

    #[test]
    fn limits_fall_back_to_the_defaults() {
        let config =
            resolve(parse(&service("limits: {memory: 128MiB}")).unwrap(), Path::new("/nowhere")).unwrap();
        let limits = config.tenants[0].services[0].limits;
        let (memory, default) = (bytesize::ByteSize::mib(128), Limits::default());
        // Listing has the memory of calls unless it has its own.
        let listing = ListingLimits { memory, ..default.listing };
        assert_eq!(limits, Limits { memory, listing, ..default });
    }
}
