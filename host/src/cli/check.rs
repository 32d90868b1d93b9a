//! `bulkhead check`: everything that can be known before the first call.

use bulkhead::{catalog::service::Service, config::raw};
use clap::Args;
use serde_json::json;

use super::{FAILED, Failure, Options, Outcome};

/// Check the configuration, the components, and whether the upstreams answer.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Do not ask the upstreams.
    #[arg(long)]
    offline: bool,
    /// Print the JSON Schema of the configuration file and do nothing else.
    #[arg(long)]
    schema: bool,
}

impl Check {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        if self.schema {
            out!("{:#}", raw::schema());
            return Ok(());
        }
        let host = options.host().await?;
        let mut reports = Vec::new();
        let mut ill = 0;
        for service in host.catalog().all() {
            let health =
                if self.offline { None } else { Some(host.sandbox().health(&service.compartment).await) };
            let health = health.map(|health| health.map_err(|error| error.to_string()));
            ill += usize::from(matches!(health, Some(Err(_))));
            if options.json {
                reports.push(data(service, health.as_ref()));
            } else {
                show(service, health.as_ref());
            }
        }
        if options.json {
            out!("{}", json!({ "services": reports }));
        }
        if ill > 0 {
            return Err(Failure {
                message: format!("{ill} service(s) cannot reach their upstream"),
                code: FAILED,
            });
        }
        Ok(())
    }
}

fn show(service: &Service, health: Option<&Result<String, String>>) {
    let compartment = &service.compartment;
    out!(
        "{} ({} {}, {} tools)",
        service.name,
        service.manifest.name,
        service.manifest.version,
        service.tools.len()
    );
    out!("  digest      sha256:{}", compartment.component.digest);
    for (url, methods) in rules(service) {
        out!("  may send    {methods} {url}");
    }
    for url in &compartment.policy.grant.withheld {
        out!("  may not     {url} (asked for; to allow it, add `egress: [{{ url: \"{url}\" }}]`)");
    }
    for credential in &compartment.policy.credentials {
        out!("  credential  {} for {}", credential.header(), credential.audience());
    }
    match health {
        Some(Ok(sentence)) => out!("  healthy     {sentence}"),
        Some(Err(why)) => out!("  UNHEALTHY   {why}"),
        None => {}
    }
}

fn rules(service: &Service) -> Vec<(String, String)> {
    let rules = service.compartment.policy.grant.rules().iter();
    let methods = |rule: &bulkhead::grant::Rule| {
        rule.methods.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    rules.map(|rule| (rule.url.to_string(), methods(rule))).collect()
}

fn data(service: &Service, health: Option<&Result<String, String>>) -> serde_json::Value {
    let rules = rules(service).into_iter().map(|(url, methods)| json!({ "url": url, "methods": methods }));
    let tools = service.tools.iter().map(|tool| &tool.public_name);
    json!({
        "name": service.name, "component": service.manifest.name, "version": service.manifest.version,
        "digest": format!("sha256:{}", service.compartment.component.digest),
        "egress": rules.collect::<Vec<_>>(), "withheld": service.compartment.policy.grant.withheld,
        "tools": tools.collect::<Vec<_>>(),
        "healthy": health.map(Result::is_ok),
        "health": health.map(|health| match health { Ok(text) | Err(text) => text }),
    })
}
