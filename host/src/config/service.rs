//! One service, from what was written to what can be acted on.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bulkhead_registry::{reference::Reference, signers::Requirement};
use serde_json::Value;

use super::{
    Caps, ComponentSource, EgressRule, Folder, Limits, ListingLimits, Network, Service,
    access::{self, ToolOverrides},
    files::component,
    limits::CallLimits,
    raw,
    resolve::{ResolveError, at, check_service_name},
    secrets::Secrets,
    units::Time,
};
use crate::{
    breaker::Trip,
    egress::{
        cookie,
        credential::{Audience, Credential},
        oauth2::ClientCredentials,
        pattern::UrlPattern,
        tls::{Pem, TlsIdentity, Trust},
    },
};

/// The longest rest of a service whose guests keep crashing.
const LONGEST_QUARANTINE: Duration = Duration::from_secs(300);
/// Calls of a service at once unless the file says otherwise.
const CONCURRENT_CALLS: u32 = 32;
/// What a folder may hold unless the file says otherwise.
const QUOTA: bytesize::ByteSize = bytesize::ByteSize::mib(10);

/// Listing fetches documents and compiles schemas; more often than this it would be what the host does.
const REFRESH: Duration = Duration::from_secs(10);

/// Where things that a service names are found.
pub(super) struct Folders<'a> {
    pub(super) components: &'a Path,
    pub(super) base: &'a Path,
    pub(super) secrets: &'a Secrets,
    /// Components the tenant may use; none means any.
    pub(super) allowed: Option<&'a [String]>,
    /// Whose components are run.
    pub(super) signatures: &'a Arc<Requirement>,
}

/// Resolves the service `name`, which stands at `key` in the file.
pub(super) fn resolve(
    name: String,
    raw: raw::Service,
    folders: &Folders<'_>,
    key: &str,
) -> Result<Service, ResolveError> {
    check_service_name(&name).map_err(at(key))?;
    let sub = |part: &str| at(format!("{key}.{part}"));
    let source = raw.component.as_deref().unwrap_or(&name);
    if let Some(allowed) = folders.allowed
        && !allowed.iter().any(|one| one == source)
    {
        let allowed = allowed.join(", ");
        return Err(sub("component")(format!(
            "services of this tenant may not be made of `{source}`; its `components` are [{allowed}]"
        )));
    }
    let component = component_source(source, folders);
    let component = component.map_err(sub("component"))?;
    let signatures = raw.signatures.resolve(folders.signatures, &format!("{key}.signatures"))?;
    if raw.config.to_string().contains("${secret:") {
        return Err(sub("config")(
            "a component never sees a secret; put `${secret:…}` under `credentials`, from where the host attaches it".into(),
        ));
    }
    let mut config = match raw.config {
        Value::Null => serde_json::Map::new(),
        Value::Object(config) => config,
        _ => return Err(sub("config")("must be a mapping".into())),
    };
    let mut credentials = each(raw.credentials, key, "credentials", |raw| credential(raw, folders.secrets))?;
    let egress = raw.egress.map(|rules| each(rules, key, "egress", egress_rule)).transpose()?;
    let tls = each(raw.network.tls, key, "network.tls", |raw| tls(raw, folders.base))?;
    let breaker = trip(raw.network.circuit_breaker, Trip::default().max_backoff);
    let mut network = Network {
        allow_addresses: raw.network.allow_addresses,
        internal_names: Vec::new(),
        tls,
        circuit_breaker: breaker.map_err(sub("network.circuit_breaker"))?,
        stand_in: None,
    };
    let cluster = raw.kubernetes.resolve(folders.base).map_err(sub("kubernetes"))?;
    let settled = cluster.map(|cluster| cluster.settle(&mut config, &mut credentials, &mut network));
    let namespace = settled.transpose().map_err(|(part, why)| sub(&part)(why))?.flatten();
    let files = each(raw.files, key, "files", |raw| folder(raw, folders.base))?;
    if files.iter().filter(|folder| folder.quota.is_some()).count() > 1 {
        return Err(sub("files")("at most one folder of a service can have `write: true`".into()));
    }
    let calls = CallLimits {
        calls_per_second: raw.limits.calls_per_second,
        burst: raw.limits.burst,
        concurrent_calls: Some(raw.limits.concurrent_calls.unwrap_or(CONCURRENT_CALLS)),
        calls_per_day: raw.limits.calls_per_day,
    };
    let raw::Tools { disable, rename, describe, fix, defaults, limits: tool_limits, shape } = raw.tools;
    let overrides = ToolOverrides { disable, rename, describe, fix, defaults };
    let shapes = shape.into_iter().map(|(tool, shape)| {
        let shaping = shape.resolve(&format!("{key}.tools.shape.{tool}"))?;
        Ok((tool, shaping))
    });
    let tool_limits = tool_limits.into_iter().map(|(tool, limits)| {
        let limits = limits.resolve(&format!("{key}.tools.limits.{tool}"))?;
        Ok((tool, limits))
    });
    Ok(Service {
        calls: calls.resolve(&format!("{key}.limits"))?,
        tool_limits: tool_limits.collect::<Result<_, ResolveError>>()?,
        name,
        component,
        signatures,
        config: Value::Object(config),
        namespace,
        credentials,
        egress,
        network,
        files,
        limits: limits(&raw.limits).map_err(sub("limits"))?,
        caps: caps(&raw.limits).map_err(sub("limits"))?,
        quarantine: trip(raw.quarantine, LONGEST_QUARANTINE).map_err(sub("quarantine"))?,
        refresh: raw.refresh.map(refresh).transpose().map_err(sub("refresh"))?,
        overrides: access::overrides(overrides, &format!("{key}.tools"))?,
        shapes: shapes.collect::<Result<_, ResolveError>>()?,
    })
}

/// Resolves the entries of a list; an error names the entry.
fn each<R, T>(
    list: Vec<R>,
    key: &str,
    part: &str,
    resolve: impl Fn(R) -> Result<T, String>,
) -> Result<Vec<T>, ResolveError> {
    let list = list.into_iter().enumerate();
    list.map(|(i, raw)| resolve(raw).map_err(at(format!("{key}.{part}[{i}]")))).collect()
}

fn credential(raw: raw::Credential, secrets: &Secrets) -> Result<Credential, String> {
    let audience: Audience = raw.r#for.parse().map_err(|e| format!("for: {e}"))?;
    let fill = |text: &str| secrets.fill(text);
    match (raw.header, raw.query, raw.value, raw.basic, raw.bearer, raw.oauth2) {
        (Some(header), None, Some(value), None, None, None) => {
            Credential::header(audience, &header, &fill(&value)?)
        }
        (None, Some(key), Some(value), None, None, None) => Credential::query(audience, key, &fill(&value)?),
        (None, None, None, Some(basic), None, None) => {
            Credential::basic(audience, &fill(&basic.username)?, &fill(&basic.password)?)
        }
        (None, None, None, None, Some(token), None) => Credential::bearer(audience, &fill(&token)?),
        (None, None, None, None, None, Some(client)) => {
            let secret = fill(&client.client_secret)?;
            Ok(Credential::oauth2(audience, ClientCredentials::new(&client, &secret)?))
        }
        _ => Err(
            "needs exactly one of `header` with `value`, `query` with `value`, `basic`, `bearer` and `oauth2`"
                .to_owned(),
        ),
    }
}

fn egress_rule(raw: raw::Egress) -> Result<EgressRule, String> {
    let url = raw.url.map(|url| url.parse::<UrlPattern>().map_err(|e| e.to_string())).transpose()?;
    let methods = raw.methods.map(|methods| methods.iter().map(|m| method(m)).collect::<Result<_, _>>());
    if let Some(odd) = raw.cookies.iter().find(|name| !cookie::is_name(name)) {
        return Err(format!("cookies: `{odd}` is no name of a cookie"));
    }
    Ok(EgressRule { url, methods: methods.transpose()?, query: raw.query, cookies: raw.cookies })
}

/// An HTTP method as rules write them.
///
/// # Errors
/// When it is not upper-case letters, or one that no guest may use.
pub fn method(text: &str) -> Result<http::Method, String> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(format!("`{text}` is not an HTTP method; write it in capitals, like GET"));
    }
    if matches!(text, "TRACE" | "CONNECT") {
        return Err(format!("{text} is never allowed: it would show credentials, or open a tunnel"));
    }
    http::Method::from_bytes(text.as_bytes()).map_err(|e| e.to_string())
}

fn tls(raw: raw::Tls, base: &Path) -> Result<TlsIdentity, String> {
    let audience: Audience = raw.r#for.parse().map_err(|e| format!("for: {e}"))?;
    let read = |name: &str, path: Option<PathBuf>| {
        let path = path.map(|path| base.join(path));
        path.map(|path| {
            fs::read(&path).map_err(|e| format!("{name}: {} cannot be read: {e}", path.display()))
        })
        .transpose()
    };
    let ca = read("ca", raw.ca)?;
    let certificate = read("client_certificate", raw.client_certificate)?;
    let key = read("client_key", raw.client_key)?;
    let own = match (&certificate, &key) {
        (Some(certificate), Some(key)) => {
            Some((pem("client_certificate", certificate), pem("client_key", key)))
        }
        (None, None) if ca.is_none() => {
            return Err("has no effect without `ca` or `client_certificate`".to_owned());
        }
        (None, None) => None,
        _ => return Err("`client_certificate` and `client_key` go together".to_owned()),
    };
    let trust = ca.as_ref().map_or(Trust::System, |ca| Trust::Only(pem("ca", ca)));
    TlsIdentity::new(audience, trust, own)
}

fn pem<'a>(name: &'a str, text: &'a [u8]) -> Pem<'a> {
    Pem { name, text }
}

fn folder(raw: raw::Folder, base: &Path) -> Result<Folder, String> {
    let path = base.join(&raw.path);
    if !path.is_dir() {
        return Err(format!("path: there is no folder {}", path.display()));
    }
    let parts = raw.at.strip_prefix('/').filter(|rest| !rest.is_empty());
    if !parts.is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | ".."))) {
        return Err(format!("at: `{}` must be an absolute path such as /data", raw.at));
    }
    let quota = match (raw.write, raw.quota) {
        (true, quota) => Some(quota.map_or(QUOTA, |quota| quota.0)),
        (false, None) => None,
        (false, Some(_)) => {
            return Err("quota: has no effect without `write: true`; remove one of the two".into());
        }
    };
    Ok(Folder { path, at: raw.at, quota })
}

fn trip(raw: raw::Trip, longest: Duration) -> Result<Trip, String> {
    let default = Trip::default();
    let or = |time: Option<Time>, default| time.map_or(default, |time| time.0);
    let backoff = or(raw.backoff, default.backoff);
    let trip = Trip {
        failures: raw.failures.unwrap_or(default.failures),
        backoff,
        max_backoff: or(raw.max_backoff, longest.max(backoff)),
    };
    if trip.failures == 0 || trip.backoff.is_zero() {
        return Err("`failures` and `backoff` must be more than 0".into());
    }
    if trip.max_backoff < trip.backoff {
        return Err("`max_backoff` must be at least `backoff`".into());
    }
    Ok(trip)
}

fn refresh(every: Time) -> Result<Duration, String> {
    if every.0 < REFRESH {
        let shortest = humantime::format_duration(REFRESH);
        return Err(format!("must be at least {shortest}; leave it out to not ask again"));
    }
    Ok(every.0)
}

fn limits(raw: &raw::Limits) -> Result<Limits, String> {
    let default = Limits::default();
    let memory = raw.memory.map_or(default.memory, |b| b.0);
    let deadline = raw.deadline.map_or(default.deadline, |t| t.0);
    let cpu = raw.cpu.map_or(default.cpu, |t| t.0);
    let listing = ListingLimits {
        memory: raw.listing.memory.map_or(memory, |b| b.0),
        deadline: raw.listing.deadline.map_or(default.listing.deadline.min(deadline), |t| t.0),
        cpu: raw.listing.cpu.map_or(cpu, |t| t.0),
        log_bytes: raw.listing.log_bytes.map_or(default.listing.log_bytes, |b| b.0),
    };
    let limits = Limits {
        memory,
        deadline,
        cpu,
        listing,
        fuel: raw.fuel,
        result_bytes: raw.result_bytes.map_or(default.result_bytes, |b| b.0),
        log_bytes: raw.log_bytes.map_or(default.log_bytes, |b| b.0),
        handles: raw.handles.unwrap_or(default.handles),
    };
    // A wasm page; less starts no guest. Four GiB is what a 32-bit memory can address.
    for (of, memory, deadline, cpu) in [
        ("", limits.memory, limits.deadline, limits.cpu),
        ("listing.", listing.memory, listing.deadline, listing.cpu),
    ] {
        if !(64 << 10..=4 << 30).contains(&memory.as_u64()) {
            return Err(format!("{of}memory must be between 64KiB and 4GiB"));
        }
        if deadline.is_zero() || deadline > Duration::from_secs(3600) {
            return Err(format!("{of}deadline must be more than 0 and at most 1h"));
        }
        if cpu.is_zero() {
            return Err(format!("{of}cpu must be more than 0"));
        }
    }
    if limits.fuel == Some(0) {
        return Err("fuel must be at least 1; leave it out to not count".into());
    }
    // What a Rust guest opens to say anything at all: its standard streams and a clock.
    if limits.handles < 16 {
        return Err("handles must be at least 16".into());
    }
    Ok(limits)
}

fn caps(raw: &raw::Limits) -> Result<Caps, String> {
    let default = Caps::default();
    let caps = Caps {
        requests_per_call: raw.requests_per_call.unwrap_or(default.requests_per_call),
        concurrent_requests: raw.concurrent_requests.unwrap_or(default.concurrent_requests),
        requests_per_second: raw.requests_per_second.unwrap_or(default.requests_per_second),
        request_bytes: raw.request_bytes.map_or(default.request_bytes, |b| b.0),
        response_bytes: raw.response_bytes.map_or(default.response_bytes, |b| b.0),
        header_bytes: raw.header_bytes.map_or(default.header_bytes, |b| b.0),
        connect_timeout: raw.connect_timeout.map_or(default.connect_timeout, |t| t.0),
        first_byte_timeout: raw.first_byte_timeout.map_or(default.first_byte_timeout, |t| t.0),
        between_bytes_timeout: raw.between_bytes_timeout.map_or(default.between_bytes_timeout, |t| t.0),
        retries: raw.retries.unwrap_or(default.retries),
    };
    if caps.concurrent_requests == 0 || caps.requests_per_second == 0 {
        return Err(
            "concurrent_requests and requests_per_second must be at least 1; for no requests at all, write `egress: []`"
                .into(),
        );
    }
    // Smaller than the smallest buffer of the HTTP client it would have no effect; 1 MiB of headers is nobody's.
    if !(8 << 10..=1 << 20).contains(&caps.header_bytes.as_u64()) {
        return Err("header_bytes must be between 8KiB and 1MiB".into());
    }
    if caps.connect_timeout.is_zero()
        || caps.first_byte_timeout.is_zero()
        || caps.between_bytes_timeout.is_zero()
    {
        return Err(
            "connect_timeout, first_byte_timeout and between_bytes_timeout must be more than 0".into()
        );
    }
    if caps.retries > 5 {
        return Err("retries must be at most 5".into());
    }
    Ok(caps)
}

/// A file if it looks like one, otherwise a name in the folder; `utilities` is in the binary unless the
/// folder has another.
fn component_source(text: &str, folders: &Folders<'_>) -> Result<ComponentSource, String> {
    if Reference::is_meant(text) {
        return Err(format!(
            "`{text}` is in a registry; `bulkhead install {text}` brings it into the folder, where its name is enough"
        ));
    }
    let path = component(text, folders.components, folders.base);
    match (path.is_file(), text) {
        (true, _) => Ok(ComponentSource::File(path)),
        (false, "utilities") => Ok(ComponentSource::EmbeddedUtilities),
        (false, _) => Err(no_file(&path)),
    }
}

fn no_file(path: &Path) -> String {
    format!(
        "there is no file {}; build it with `bulkhead build`, bring it with `bulkhead install`, or name another",
        path.display()
    )
}
