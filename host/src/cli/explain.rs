//! `bulkhead explain`: what would become of a request, asked of the code that enforces it.

use bulkhead::{
    config::{load::suggestion, service::method},
    egress::explain::Explanation,
};
use clap::Args;
use serde_json::json;

use super::{FAILED, Failure, Options, Outcome, failed, usage};

/// Say whether a service could send a request.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The service that would send it.
    #[arg(long)]
    service: String,
    /// Its method.
    #[arg(long, default_value = "GET")]
    method: String,
    /// Its URL.
    #[arg(long)]
    url: String,
}

impl Explain {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let method = method(&self.method).map_err(usage)?;
        let host = options.host().await?;
        let services: Vec<_> = host.catalog().all().collect();
        let service = services.iter().find(|service| *service.name == *self.service).ok_or_else(|| {
            if let Some(left) = host.catalog().left_out().iter().find(|left| left.service == self.service) {
                return failed(format!("service `{}` cannot be loaded: {}", left.service, left.why));
            }
            let names: Vec<&str> = services.iter().map(|service| &*service.name).collect();
            failed(format!("there is no service `{}`. {}", self.service, suggestion(&self.service, &names)))
        })?;
        let explained = service.compartment.policy.explain(&method, &self.url).await;
        if options.json {
            out!("{}", json!(explained));
        } else {
            show(&explained);
        }
        if explained.allowed { Ok(()) } else { Err(Failure { message: String::new(), code: FAILED }) }
    }
}

fn show(explained: &Explanation) {
    let verdict = if explained.allowed { "ALLOWED" } else { "REFUSED" };
    out!("{verdict}  {} {} from service `{}`", explained.method, explained.url, explained.service);
    if let Some(reason) = explained.reason {
        out!("  reason      {}", words(reason));
    }
    if let Some(rule) = &explained.rule {
        out!("  rule        {rule}");
    }
    for rule in &explained.rules {
        out!("  may send    {rule}");
    }
    for address in &explained.addresses {
        let verdict = if address.allowed { "may be dialled" } else { "not a public address" };
        out!("  address     {} ({verdict})", address.address);
    }
    if let Some(tls) = &explained.tls {
        out!("  TLS         {tls}");
    }
    for credential in &explained.credentials {
        out!("  credential  {credential}");
    }
    if let Some(hint) = &explained.hint {
        out!("  hint        {hint}");
    }
}

fn words(reason: &str) -> &str {
    match reason {
        "malformed_url" => "not an absolute http(s) URL, or one that upstreams could read in two ways",
        "user_info" => "the URL names a user or a password; use `credentials`",
        "no_rule" => "no rule allows this method on this URL",
        "guest_credential" => "only a credential of the operator may set one of its query keys",
        "address" => "none of the host's addresses may be dialled",
        "unresolved" => "the host has no address",
        other => other,
    }
}
