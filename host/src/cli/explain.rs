//! `bulkhead explain`: what would become of a request of a service, or of a caller's call of a tool, asked of the
//! code that enforces it.

use bulkhead::{
    access::{self, Narrowing, View},
    catalog::Member,
    config::{load::suggestion, service::method},
    egress::explain::Explanation,
    request::Credentials,
};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{FAILED, Failure, Options, Outcome, failed, usage};

/// Say whether a service, or one tool of it, could send a request (`--service`, `--url`), or a caller call a tool (`--tool`).
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The service that would send the request.
    #[arg(long, requires = "url", required_unless_present = "tool")]
    service: Option<String>,
    /// Its method.
    #[arg(long, default_value = "GET", requires = "url")]
    method: String,
    /// Its URL.
    #[arg(long, requires = "service")]
    url: Option<String>,
    /// The tool that would be called; with a URL, the tool whose call would send the request.
    #[arg(long)]
    tool: Option<String>,
    /// Who would call it: an id under `auth`; the local user unless given.
    #[arg(long, value_name = "ID", requires = "tool", conflicts_with = "url")]
    caller: Option<String>,
    /// With which arguments, a JSON object: for conditions.
    #[arg(long, value_name = "JSON", requires = "tool", conflicts_with = "url")]
    arguments: Option<String>,
}

impl Explain {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        match (&self.tool, &self.service, &self.url) {
            (_, Some(service), Some(url)) => self.request(service, url, options).await,
            (Some(tool), ..) => self.call(tool, options).await,
            _ => Err(usage("name a service and a URL, or a tool")),
        }
    }

    /// A caller's call.
    async fn call(&self, name: &str, options: &Options) -> Outcome {
        let arguments = self.arguments.as_deref().map(serde_json::from_str::<Map<String, Value>>).transpose();
        let arguments = arguments.map_err(|e| usage(format!("--arguments: not a JSON object: {e}")))?;
        let host = if self.caller.is_some() { options.host().await? } else { options.own_host().await? };
        let caller = match &self.caller {
            Some(id) => {
                host.auth().caller(id).ok_or_else(|| failed(format!("no caller has the id `{id}`")))?
            }
            None => host.authenticate(&Credentials::Local, None).await.map_err(failed)?,
        };
        let (service, member) = host.catalog().of_tenant(&caller.tenant, name).ok_or_else(|| {
            failed(format!("tenant `{}` has no tool `{name}`; `bulkhead tools` lists them", caller.tenant))
        })?;
        let complete = |arguments| match &member {
            Member::Tool(tool) => tool.complete(arguments),
            Member::Prompt(prompt) => prompt.check(&arguments).map(|()| Value::Object(arguments)),
            Member::Resources(_) => Ok(Value::Object(arguments)),
        };
        let arguments = arguments.map(complete).transpose().map_err(failed)?;
        let (facts, narrowing) = (member.facts(&service.name), Narrowing::default());
        let each = caller.principal.rights.each().map(|access| {
            let view = View { access, narrowing: &narrowing };
            access::explain::Explanation::new(view, &facts, &caller.id, &caller.tenant, arguments.as_ref())
        });
        let mut each: Vec<_> = each.collect();
        each.sort_by_key(|explained| !explained.allowed);
        let Some(explained) = each.into_iter().next() else {
            return Err(failed(format!("REFUSED  `{}` may use no tool at all", caller.id)));
        };
        if options.json {
            out!("{}", json!(explained));
        } else {
            out!("{explained}");
        }
        if explained.allowed { Ok(()) } else { Err(Failure { message: String::new(), code: FAILED }) }
    }

    /// A service's request.
    async fn request(&self, service: &str, url: &str, options: &Options) -> Outcome {
        let method = method(&self.method).map_err(usage)?;
        let host = options.host().await?;
        let mine = |tenant: &str| options.tenant.as_deref().is_none_or(|chosen| chosen == tenant);
        let catalog = host.catalog();
        let services: Vec<_> = catalog.all().filter(|one| mine(&one.tenant)).collect();
        let service = services.iter().find(|one| *one.name == *service).ok_or_else(|| {
            let left_out = catalog.left_out();
            if let Some(left) = left_out.iter().find(|left| left.service == service && mine(&left.tenant)) {
                return failed(format!("service `{}` cannot be loaded: {}", left.service, left.why));
            }
            let names: Vec<&str> = services.iter().map(|service| &*service.name).collect();
            failed(format!("there is no service `{service}`. {}", suggestion(service, &names)))
        })?;
        let tool = self.tool.as_ref().map(|name| {
            let known: Vec<&str> = service.tools.iter().map(|tool| &*tool.public_name).collect();
            service.tools.iter().find(|tool| *tool.public_name == **name).ok_or_else(|| {
                let nearest = suggestion(name, &known);
                failed(format!("service `{}` has no tool `{name}`. {nearest}", service.name))
            })
        });
        let tool = tool.transpose()?.map(|tool| &**tool);
        let explained = service.explain(tool, &method, url).await;
        if options.json {
            out!("{}", json!(explained));
        } else {
            show(&explained);
        }
        if explained.allowed { Ok(()) } else { Err(Failure { message: String::new(), code: FAILED }) }
    }
}

pub(super) fn show(explained: &Explanation) {
    let verdict = if explained.allowed { "ALLOWED" } else { "REFUSED" };
    let Explanation { method, url, service, .. } = explained;
    match &explained.tool {
        Some(tool) => out!("{verdict}  {method} {url} from tool `{tool}` of service `{service}`"),
        None => out!("{verdict}  {method} {url} from service `{service}`"),
    }
    if let Some(reason) = explained.reason {
        out!("  reason      {}", words(reason));
    }
    if let Some(rule) = &explained.rule {
        out!("  rule        {rule}");
    }
    if !explained.tools.is_empty() {
        out!("  tools       {}", super::first(&explained.tools));
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

/// A reason of the rules, in words.
pub(super) fn words(reason: &str) -> &str {
    match reason {
        "malformed_url" => "not an absolute http(s) URL, or one that upstreams could read in two ways",
        "user_info" => "the URL names a user or a password; use `credentials`",
        "no_rule" => "no rule allows this method on this URL",
        "no_rule_of_tool" => "the service may send it, and no call of this tool, or of any, says it does",
        "guest_credential" => "only a credential of the operator may set one of its query keys",
        "guest_cookie" => "no `cookies` of the operator's `egress` name one of its cookies",
        "address" => "none of the host's addresses may be dialled",
        "unresolved" => "the host has no address",
        // These depend on what else was sent, so only `dev` has them.
        "requests_per_call" => "the call has sent as many as `limits.requests_per_call`",
        "concurrent_requests" => "as many as `limits.concurrent_requests` are under way",
        "header_bytes" => "its headers are larger than `limits.header_bytes`",
        "part_with_credential" => "a part of a response cannot be asked for with a credential",
        "rate" => "more than `limits.requests_per_second`",
        "circuit" => "the upstream keeps failing and is left alone for a while",
        other => other,
    }
}
