//! The listener: its certificate, and whether its port is free, or a host of this version serves this configuration on it.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
};

use bulkhead::{
    config::{Caps, Config, Network},
    egress::{
        dial::Dialer,
        document::Documents,
        resolve::System,
        target::Target,
        tls::{TlsIdentity, Trust},
    },
    transport,
};
use serde_json::Value;

use super::{configuration::until, finding::Findings};

const AREA: &str = "listener";

/// The certificate and its key.
pub(super) fn certificate(config: &Config, findings: &mut Findings) {
    let Some(files) = &config.front.tls else { return };
    let shown = files.certificate.display();
    match transport::good_until(files) {
        Err(why) => findings.wrong(
            AREA,
            format!("server.tls: {why}"),
            "name a certificate chain and its key, both in PEM",
        ),
        Ok(end) => {
            let before = findings.ill();
            if let Some(end) = end {
                until(
                    AREA,
                    &format!("the certificate {shown}"),
                    end,
                    "renew it; the host reads it again by itself",
                    findings,
                );
            }
            if findings.ill() == before {
                findings.well(AREA, format!("the certificate {shown} fits its key"));
            }
        }
    }
}

/// Whoever listens there.
pub(super) async fn look(config: &Config, findings: &mut Findings) {
    let listen = config.server.listen;
    match TcpListener::bind(listen) {
        Ok(_) => return findings.well(AREA, format!("{listen} is free: no host is running there")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        Err(error) => {
            return findings.wrong(
                AREA,
                format!("{listen}: {error}"),
                "choose another with `server.listen`; ports below 1024 need privileges",
            );
        }
    }
    let scheme = if config.front.tls.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}", reachable(listen));
    let health = match get(&base, "/healthz").await {
        Ok(text) => serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    match health {
        Ok(health) if health.get("status").is_some_and(Value::is_string) => {
            let before = findings.ill();
            state(&base, &health, config, findings);
            version(&base, findings).await;
            if findings.ill() == before {
                findings.well(AREA, format!("a host answers on {listen}, and is well"));
            }
        }
        Ok(_) => findings.wrong(
            AREA,
            format!("{listen} is in use, and not by a bulkhead"),
            "stop what listens there, or choose another with `server.listen`",
        ),
        Err(why) => findings.wrong(
            AREA,
            format!("{listen} is in use, and does not answer as a host with this configuration would: {why}"),
            "stop what listens there, or choose another with `server.listen`",
        ),
    }
}

/// What the host says of itself, beside what the file says.
fn state(base: &str, health: &Value, config: &Config, findings: &mut Findings) {
    let reload = |key| health.get("reload").and_then(|reload| reload.get(key));
    if reload("successful") == Some(&Value::Bool(false)) {
        let errors =
            reload("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let why = errors.collect::<Vec<_>>().join("; ");
        findings.wrong(
            AREA,
            format!("the host at {base} goes on with an older configuration: {why}"),
            "mend that; the host takes it up by itself",
        );
    }
    // Only whoever may see them is told the services.
    let Some(services) = health["services"].as_array() else { return };
    let served: BTreeSet<&str> = services.iter().filter_map(|service| service["name"].as_str()).collect();
    let written: BTreeSet<&str> = config
        .tenants
        .iter()
        .flat_map(|tenant| &tenant.services)
        .map(|service| service.name.as_str())
        .collect();
    if served != written {
        let list = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        findings.wrong(
            AREA,
            format!(
                "the host at {base} serves {}, and the configuration has {}",
                list(&served),
                list(&written)
            ),
            "it was started with another configuration, or cannot use this one: its log says which",
        );
    }
    for service in services.iter().filter(|service| service["state"] != "serving") {
        let word = |key: &str| service[key].as_str().unwrap_or_default().to_owned();
        let why = if service["why"].is_string() { format!(": {}", word("why")) } else { String::new() };
        findings.wrong(
            AREA,
            format!("the host at {base}: service `{}` is {}{why}", word("name"), word("state")),
            "the host's log says more",
        );
    }
}

/// Whether it is the same program.
async fn version(base: &str, findings: &mut Findings) {
    // Admins alone may see it; without keys, whoever is on this machine is one.
    let Ok(text) = get(base, "/metrics").await else { return };
    let info = text.lines().find_map(|line| line.strip_prefix("bulkhead_build_info{version=\""));
    let Some(running) = info.and_then(|rest| rest.split('"').next()) else { return };
    let own = env!("CARGO_PKG_VERSION");
    if running != own {
        findings.odd(
            AREA,
            format!("the host at {base} is version {running}, and this is {own}"),
            "restart the host",
        );
    }
}

async fn get(base: &str, path: &str) -> Result<String, String> {
    let url = Target::parse(&format!("{base}{path}")).map_err(|reason| reason.as_str().to_owned())?;
    let mut tls = Vec::new();
    if url.scheme() == "https" {
        // It is asked nothing secret, and whether others trust its certificate is another question.
        tls.push(TlsIdentity::new(base.parse()?, Trust::Anybody, None)?);
    }
    let dialer = Dialer::new(Network { tls, ..Network::default() }, &Caps::default(), System::shared());
    let answer = Documents::through(dialer).get(&url).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// An address that leads to a listener of this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => [127, 0, 0, 1].into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
