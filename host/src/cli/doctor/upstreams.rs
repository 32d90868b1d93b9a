//! The upstreams of every service: name, addresses, connection, certificate, clock; and then what the component itself
//! says of its upstream, which tries the credential as well.

use std::{collections::BTreeSet, io, net::IpAddr, time::SystemTime};

use bulkhead::{
    call::Host,
    catalog::service::Service,
    egress::{pattern::HostPattern, target::Target},
};

use super::{clock::Clock, configuration::until, finding::Findings};

const AREA: &str = "upstreams";

pub(super) async fn look(host: &Host, clocks: &mut Vec<Clock>, findings: &mut Findings) {
    for service in host.catalog().all() {
        let mut reached = true;
        for url in places(service) {
            reached &= upstream(service, &url, clocks, findings).await;
        }
        if !reached {
            continue; // the component could only say the same
        }
        let name = &service.name;
        match host.sandbox().health(&service.compartment).await {
            Ok(sentence) => findings.well(AREA, format!("{name}: {sentence}")),
            Err(error) => findings.wrong(AREA, format!("{name}: {error}"), format!("`bulkhead explain --service {name} --url URL` says what would be sent, with which credential")),
        }
    }
}

/// Scheme, host and port of all that a service may send to, where those are known before a call.
fn places(service: &Service) -> BTreeSet<String> {
    let policy = &service.compartment.policy;
    let exact = policy.grant.rules().iter().filter_map(|rule| match &rule.url.host {
        HostPattern::Exact(host) => Some(format!("{}://{host}:{}/", rule.url.scheme, rule.url.port)),
        HostPattern::Below(_) | HostPattern::AnyName => None,
    });
    exact.collect()
}

/// One of them: whether it was reached.
async fn upstream(service: &Service, url: &str, clocks: &mut Vec<Clock>, findings: &mut Findings) -> bool {
    let Ok(target) = Target::parse(url) else { return true };
    let (name, dialer) = (&service.name, &service.compartment.policy.dialer);
    let shown = url.trim_end_matches('/');
    match dialer.look_up(&target).await {
        Err(error) => {
            findings.wrong(
                AREA,
                format!("{name}: {} does not resolve: {error}", target.host()),
                unresolved(&error),
            );
            return false;
        }
        Ok(found) if !found.iter().any(|(_, allowed)| *allowed) => {
            let address = found.first().map(|(address, _)| *address);
            let address = address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
            let bits = if address.is_ipv4() { 32 } else { 128 };
            findings.wrong(
                AREA,
                format!("{name}: {} resolves to {address}, which is not a public address", target.host()),
                format!("add to the service: network: {{ allow_addresses: [\"{address}/{bits}\"] }}"),
            );
            return false;
        }
        Ok(_) => {}
    }
    match dialer.probe(&target).await {
        Err(why) => {
            findings.wrong(AREA, format!("{name}: {shown}: {why}"), mend(&why));
            false
        }
        Ok(seen) => {
            if let Some(end) = seen.certificate_until {
                until(
                    AREA,
                    &format!("{name}: the certificate of {shown}"),
                    end,
                    "whoever runs it has to renew it",
                    findings,
                );
            }
            clocks.extend(seen.clock.map(|theirs| Clock {
                whose: shown.to_owned(),
                theirs,
                ours: SystemTime::now(),
            }));
            true
        }
    }
}

fn unresolved(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "the host must be allowed to ask name servers",
        _ => {
            "correct the host in the service's config, or the name servers of this machine (/etc/resolv.conf)"
        }
    }
}

/// What to do about a connection that does not come about.
pub(super) fn mend(why: &str) -> &'static str {
    let why = why.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if has(&["certificate expired", "expired"]) {
        "whoever runs it has to renew its certificate; if it is good, this machine's clock is wrong"
    } else if has(&["notyetvalid", "not valid yet", "not yet valid"]) {
        "this machine's clock is behind, or the certificate begins later"
    } else if has(&["unknownissuer", "unknown issuer"]) {
        "name the authority that signed its certificate: network: { tls: [{ for: URL, ca: ca.pem }] }"
    } else if has(&["notvalidforname", "not valid for name"]) {
        "its certificate is for another name: use that name in the service's config"
    } else if has(&["refused"]) {
        "nothing listens there: correct host and port, or start it"
    } else if has(&["certificate", "tls", "handshake"]) {
        "it does not speak TLS as expected: `http://` and `https://` may be mixed up, or it wants a client certificate"
    } else {
        "a firewall may be in the way, or it speaks something other than HTTP"
    }
}
