//! `bulkhead check`: everything that can be known before the first call.

use bulkhead::{
    app,
    audit::{AuditError, Log},
    catalog::service::Service,
    config::{Config, raw},
    egress::tls::TlsIdentity,
    grant::Rule,
    sandbox::{Line, Said},
};
use clap::Args;
use serde_json::{Value, json};

use super::{FAILED, Failure, Options, Outcome, alone, failed, provenance::words};

/// Check the configuration, the components, and whether the upstreams answer.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Only this service, in detail: each of its tools, and what the component says while it is listed.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
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
        let (config, said) = match &self.service {
            Some(service) => (alone(config, service)?.0, Said::listening()),
            None => (config, Said::default()),
        };
        let built = app::build_heard(Config { audit: None, ..config }, said.clone()).await;
        let lines = self.service.as_ref().map(|_| said.lines());
        let Ok(host) = built.as_ref() else {
            // What it said may be why.
            match (options.json, lines) {
                (true, Some(lines)) => out!("{}", json!({ "services": [], "said": heard(&lines) })),
                (false, Some(lines)) => say(&lines),
                (_, None) => {}
            }
            return built.map(drop).map_err(failed);
        };
        let mut reports = Vec::new();
        let mut ill = 0;
        let catalog = host.catalog();
        for service in catalog.all() {
            let health =
                if self.offline { None } else { Some(host.sandbox().health(&service.compartment).await) };
            let health = health.map(|health| health.map_err(|error| error.to_string()));
            ill += usize::from(matches!(health, Some(Err(_))));
            if options.json {
                let mut data = data(service, health.as_ref());
                if let (Some(lines), Some(data)) = (&lines, data.as_object_mut()) {
                    data.insert("said".to_owned(), heard(lines));
                    data.insert("toolEgress".to_owned(), each_sends(service));
                }
                reports.push(data);
            } else {
                show(service, health.as_ref());
                if let Some(lines) = &lines {
                    detail(service);
                    say(lines);
                }
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
    if let Some(vouch) = &service.vouched {
        out!("  signed      {}", words(vouch));
    }
    for rule in sent(service) {
        out!("  may send    {rule}");
    }
    for rule in beside(service) {
        out!("  beside      {rule} (not its tools: {OWN})");
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
    let listing = limits.listing;
    out!(
        "  listing     {} memory, {} processor time, {} in all, {} log",
        listing.memory,
        time(listing.cpu),
        time(listing.deadline),
        listing.log_bytes
    );
    out!(
        "  at once     {} calls, {} requests; {} requests a second to each upstream",
        service.gate.concurrent_calls().map_or("any number of".to_owned(), |calls| calls.to_string()),
        caps.concurrent_requests,
        caps.requests_per_second
    );
    if let Some(every) = service.refresh() {
        out!("  listed      again every {}", time(every));
    }
    match health {
        Some(Ok(sentence)) => out!("  healthy     {sentence}"),
        Some(Err(why)) => out!("  UNHEALTHY   {why}"),
        None => {}
    }
}

/// Each tool, and what its calls send if it says so.
fn detail(service: &Service) {
    for tool in &*service.tools {
        match service.sent_by(tool) {
            None => out!("  tool        {}", tool.public_name),
            Some(rules) if rules.is_empty() => out!("  tool        {} (sends nothing)", tool.public_name),
            Some(rules) => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                out!("  tool        {} ({})", tool.public_name, rules.join("; "));
            }
        }
    }
}

fn each_sends(service: &Service) -> Value {
    let said = service.tools.iter().filter_map(|tool| {
        let rules = service.sent_by(tool)?;
        Some((tool.public_name.to_string(), rules.iter().map(rule).collect()))
    });
    Value::Object(said.collect())
}

/// What a component said while it was loaded.
fn say(lines: &[Line]) {
    for Line { kind, text, data } in lines {
        let data = data.as_ref().map(|data| format!(" {data}")).unwrap_or_default();
        out!("  says        {kind}: {text}{data}");
    }
}

fn heard(lines: &[Line]) -> Value {
    let line = |Line { kind, text, data }: &Line| {
        // What is no JSON is told as the text it is.
        let parsed =
            |data: &String| serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.clone()));
        let data = data.as_ref().map(parsed);
        json!({ "as": kind, "text": text, "data": data })
    };
    lines.iter().map(line).collect()
}

/// What is asked beside calls of tools.
const OWN: &str = "listing them, health, prompts, resources";

/// What calls of its tools may send.
fn sent(service: &Service) -> Vec<Rule> {
    service.sent_by_tools().unwrap_or_else(|| service.compartment.policy.grant.rules().to_vec())
}

/// What else the service may send, where its tools say what they do.
fn beside(service: &Service) -> Vec<Rule> {
    let Some(sent) = service.sent_by_tools() else { return Vec::new() };
    let all = service.compartment.policy.grant.rules().iter();
    all.filter(|rule| !sent.contains(rule)).cloned().collect()
}

fn rule(rule: &Rule) -> Value {
    let methods: Vec<&str> = rule.methods.iter().map(http::Method::as_str).collect();
    let mut data = json!({ "url": rule.url.to_string(), "methods": methods.join(" "), "query": rule.query });
    if let (Value::Object(data), false) = (&mut data, rule.cookies.is_empty()) {
        data.insert("cookies".to_owned(), json!(rule.cookies));
    }
    data
}

fn data(service: &Service, health: Option<&Result<String, String>>) -> Value {
    let compartment = &service.compartment;
    let rules = |rules: Vec<Rule>| rules.iter().map(rule).collect::<Vec<_>>();
    let folders = compartment.folders.iter().map(|folder| {
        json!({ "path": folder.path, "at": folder.at, "quota": folder.quota.map(|quota| quota.as_u64()) })
    });
    let credentials = compartment.policy.credentials.iter().map(ToString::to_string);
    let tls = compartment.policy.dialer.identities().map(TlsIdentity::describe);
    let (limits, caps) = (compartment.limits, compartment.policy.caps);
    let tools = service.tools.iter().map(|tool| &tool.public_name);
    json!({
        "name": service.name, "component": service.manifest.name, "version": service.manifest.version,
        "digest": format!("sha256:{}", service.compartment.component.digest),
        "signedBy": service.vouched.as_ref().map(|vouch| &vouch.signer),
        "egress": rules(sent(service)), "egressBeside": rules(beside(service)), "withheld": service.compartment.policy.grant.withheld,
        "credentials": credentials.collect::<Vec<_>>(), "tls": tls.collect::<Vec<_>>(), "folders": folders.collect::<Vec<_>>(),
        "limits": {
            "memory": limits.memory.as_u64(), "cpuMs": limits.cpu.as_millis(), "deadlineMs": limits.deadline.as_millis(),
            "fuel": limits.fuel, "handles": limits.handles, "resultBytes": limits.result_bytes.as_u64(),
            "logBytes": limits.log_bytes.as_u64(), "listing": {
                "memory": limits.listing.memory.as_u64(), "cpuMs": limits.listing.cpu.as_millis(),
                "deadlineMs": limits.listing.deadline.as_millis(), "logBytes": limits.listing.log_bytes.as_u64(),
            },
            "concurrentCalls": service.gate.concurrent_calls(),
            "requestsPerCall": caps.requests_per_call, "concurrentRequests": caps.concurrent_requests,
            "requestsPerSecond": caps.requests_per_second, "requestBytes": caps.request_bytes.as_u64(),
            "responseBytes": caps.response_bytes.as_u64(), "headerBytes": caps.header_bytes.as_u64(),
        },
        "tools": tools.collect::<Vec<_>>(),
        "refreshMs": service.refresh().map(|every| every.as_millis()),
        "healthy": health.map(Result::is_ok),
        "health": health.map(|health| match health { Ok(text) | Err(text) => text }),
    })
}
