//! `bulkhead check`: everything that can be known before the first call.

use bulkhead::{
    audit::{AuditError, Log},
    catalog::service::Service,
    config::{Config, raw},
};
use clap::Args;
use serde_json::json;

use super::{FAILED, Failure, Options, Outcome, build_host, failed};

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
        let config = options.load(None)?;
        // A host that is running has it open, and so it is well.
        match config.audit.as_ref().map(Log::open).transpose() {
            Ok(_) | Err(AuditError::InUse(_)) => {}
            Err(error) => return Err(failed(error)),
        }
        let host = build_host(Config { audit: None, ..config }).await?;
        let mut reports = Vec::new();
        let mut ill = 0;
        let catalog = host.catalog();
        for service in catalog.all() {
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
        let left_out = catalog.left_out();
        if let Some(left) = left_out.first() {
            let more = if left_out.len() > 1 {
                format!(" (and {} more)", left_out.len() - 1)
            } else {
                String::new()
            };
            return Err(failed(format!("service `{}`: {}{more}", left.service, left.why)));
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
    for rule in compartment.policy.grant.rules() {
        out!("  may send    {rule}");
    }
    for url in &compartment.policy.grant.withheld {
        out!("  may not     {url} (asked for; to allow it, add `egress: [{{ url: \"{url}\" }}]`)");
    }
    for credential in &compartment.policy.credentials {
        out!("  credential  {credential}");
    }
    for identity in compartment.policy.dialer.identities() {
        out!("  TLS         {}", identity.describe());
    }
    for folder in compartment.folders.iter() {
        let may = folder.quota.map_or("read".to_owned(), |quota| format!("write, at most {quota}"));
        out!("  folder      {} at {} ({may})", folder.path.display(), folder.at);
    }
    let (limits, caps) = (compartment.limits, compartment.policy.caps);
    let time = |time| humantime::format_duration(time);
    out!(
        "  each call   {} memory, {} processor time, {} in all, {} handles, {} result, {} requests",
        limits.memory,
        time(limits.cpu),
        time(limits.deadline),
        limits.handles,
        limits.result_bytes,
        caps.requests_per_call
    );
    out!(
        "  at once     {} calls, {} requests; {} requests a second to each upstream",
        service.gate.concurrent_calls().map_or("any number of".to_owned(), |calls| calls.to_string()),
        caps.concurrent_requests,
        caps.requests_per_second
    );
    match health {
        Some(Ok(sentence)) => out!("  healthy     {sentence}"),
        Some(Err(why)) => out!("  UNHEALTHY   {why}"),
        None => {}
    }
}

fn data(service: &Service, health: Option<&Result<String, String>>) -> serde_json::Value {
    let compartment = &service.compartment;
    let rules = compartment.policy.grant.rules().iter().map(|rule| {
        let methods: Vec<&str> = rule.methods.iter().map(http::Method::as_str).collect();
        json!({ "url": rule.url.to_string(), "methods": methods.join(" "), "query": rule.query })
    });
    let folders = compartment.folders.iter().map(|folder| {
        json!({ "path": folder.path, "at": folder.at, "quota": folder.quota.map(|quota| quota.as_u64()) })
    });
    let credentials = compartment.policy.credentials.iter().map(ToString::to_string);
    let (limits, caps) = (compartment.limits, compartment.policy.caps);
    let tools = service.tools.iter().map(|tool| &tool.public_name);
    json!({
        "name": service.name, "component": service.manifest.name, "version": service.manifest.version,
        "digest": format!("sha256:{}", service.compartment.component.digest),
        "egress": rules.collect::<Vec<_>>(), "withheld": service.compartment.policy.grant.withheld,
        "credentials": credentials.collect::<Vec<_>>(), "folders": folders.collect::<Vec<_>>(),
        "limits": {
            "memory": limits.memory.as_u64(), "cpuMs": limits.cpu.as_millis(), "deadlineMs": limits.deadline.as_millis(),
            "fuel": limits.fuel, "handles": limits.handles, "resultBytes": limits.result_bytes.as_u64(),
            "logBytes": limits.log_bytes.as_u64(), "concurrentCalls": service.gate.concurrent_calls(),
            "requestsPerCall": caps.requests_per_call, "concurrentRequests": caps.concurrent_requests,
            "requestsPerSecond": caps.requests_per_second, "requestBytes": caps.request_bytes.as_u64(),
            "responseBytes": caps.response_bytes.as_u64(), "headerBytes": caps.header_bytes.as_u64(),
        },
        "tools": tools.collect::<Vec<_>>(),
        "healthy": health.map(Result::is_ok),
        "health": health.map(|health| match health { Ok(text) | Err(text) => text }),
    })
}
