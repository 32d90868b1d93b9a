//! The components: whether each can be loaded and speaks the contract, and whether it waits for a word of the operator.

use std::sync::Arc;

use bulkhead::{app, call::Host, config::Config};

use super::finding::Findings;

const AREA: &str = "components";

/// Builds a host as `serve` would, without what only one may have open. None if nothing could be loaded.
pub(super) async fn look(config: &Config, findings: &mut Findings) -> Option<Arc<Host>> {
    let config = Config { audit: None, ..config.clone() };
    let host = match app::build(config).await {
        Ok(host) => Arc::new(host),
        Err(error) => {
            let text = error.to_string();
            findings.wrong(AREA, text.clone(), mend(&text, None));
            return None;
        }
    };
    let catalog = host.catalog();
    for left in catalog.left_out() {
        findings.wrong(
            AREA,
            format!("service `{}`: {}", left.service, left.why),
            mend(&left.why, Some(&left.service)),
        );
    }
    for service in catalog.all() {
        let (name, manifest) = (&service.name, &service.manifest);
        findings.well(
            AREA,
            format!("{name}: {} {}, tools: {}", manifest.name, manifest.version, service.tools.len()),
        );
        for url in &service.compartment.policy.grant.withheld {
            findings.odd(
                AREA,
                format!("{name}: the component asks for {url}, which is not granted"),
                format!("to allow it, add `egress: [{{ url: \"{url}\" }}]`; if it need not, leave it"),
            );
        }
    }
    Some(host)
}

fn mend(why: &str, service: Option<&str>) -> String {
    let service = service.or_else(|| why.split('`').nth(1)).unwrap_or("NAME");
    if why.contains("waits for approval") {
        format!("`bulkhead approve {service}` shows what is different, and approves it")
    } else {
        format!("`bulkhead check --service {service}` shows what it says while it is loaded")
    }
}
