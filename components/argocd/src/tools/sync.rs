//! `sync`: makes the cluster what git says, tried before it is done.

use bulkhead_sdk::prelude::*;

use crate::api::Named;
use crate::{ArgoCd, operation};

#[derive(Debug, Deserialize, JsonSchema)]
struct Sync {
    /// As listed.
    name: String,
    /// Default tracked.
    revision: Option<String>,
    /// Deletes too.
    prune: Option<bool>,
    /// Only `["apps:Deployment:x"]`.
    #[schemars(length(max = 50))]
    resources: Option<Vec<String>>,
    /// Default true.
    dry_run: Option<bool>,
}

returns!(Told { ended: "boolean" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::writes("sync", "Sync", "Applies what git says. dry_run first.", sync)
        .destructive()
        .idempotent()
        .output::<Told>()
}

async fn sync(service: &ArgoCd, args: Sync, call: &Call) -> Result<Output> {
    let name = Named::parse(&args.name)?;
    let resources = args.resources.as_ref().map(|all| all.iter().map(|one| resource(one)).collect());
    let resources: Option<Vec<Value>> = resources.transpose()?;
    let dry_run = args.dry_run.unwrap_or(true);
    let body = json!({
        "revision": args.revision, "prune": args.prune == Some(true), "dryRun": dry_run, "resources": resources,
    });
    let before = service.api.app(&name).await?;
    let out = operation::run(&service.api, &name, &before, "sync", body, dry_run, call).await?;
    Ok(Output::json(&out))
}

/// `group:kind:name`, or `group:kind:namespace/name`, as Argo CD's own command line has it.
fn resource(text: &str) -> Result<Value> {
    let parts: Vec<&str> = text.split(':').collect();
    let [group, kind, name] = parts.as_slice() else { return Err(no_resource(text)) };
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, *name),
    };
    if kind.is_empty() || name.is_empty() || namespace == Some("") {
        return Err(no_resource(text));
    }
    let mut out = json!({ "group": group, "kind": kind, "name": name });
    if let (Some(out), Some(namespace)) = (out.as_object_mut(), namespace) {
        out.insert("namespace".into(), namespace.into());
    }
    Ok(out)
}

fn no_resource(text: &str) -> Error {
    let form =
        "expected `group:kind:name` or `group:kind:namespace/name`; the core group is empty: `:Service:web`";
    Error::invalid("resources", format!("`{text}`: {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_written_as_on_the_command_line() {
        assert_eq!(resource(":Service:web"), Ok(json!({ "group": "", "kind": "Service", "name": "web" })));
        let full = json!({ "group": "apps", "kind": "Deployment", "name": "web", "namespace": "shop" });
        assert_eq!(resource("apps:Deployment:shop/web"), Ok(full));
        for wrong in ["web", "Service:web", "::x", "apps:Deployment:", "apps:Deployment:/x"] {
            assert!(resource(wrong).unwrap_err().to_string().starts_with("arguments.resources: "), "{wrong}");
        }
    }
}
