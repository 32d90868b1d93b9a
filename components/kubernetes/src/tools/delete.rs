//! `delete`: one object, tried before it is done.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use super::{Object, say_dry, tried};
use crate::Kubernetes;
use crate::kind;
use crate::object::age;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Delete {
    /// As in `list`; one.
    kind: String,
    /// Its name.
    name: String,
    /// Default: configured.
    namespace: Option<String>,
    /// What happens to what it owns.
    propagation: Option<Propagation>,
    /// Seconds for a pod to stop.
    #[schemars(range(min = 0, max = 3600))]
    grace_seconds: Option<u32>,
    /// Only if it has this uid.
    uid: Option<String>,
    /// Default true.
    dry_run: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Propagation {
    Background,
    Foreground,
    Orphan,
}

returns!(Deleted { state: "string" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::writes(
            "delete",
            "Delete an object",
            "Deletes one object for good, and by default what it owns.",
            delete,
        )
        .destructive()
        .idempotent()
        .tag("admin")
        .output::<Deleted>(),
    )
}

async fn delete(service: &Kubernetes, args: Delete, call: &Call) -> Result<Output> {
    let dry_run = tried(args.dry_run);
    let api = &service.api;
    let kind = kind::resolve(api, &args.kind).await?;
    let namespace = if kind.namespaced { Some(api.one(args.namespace.as_deref())?) } else { None };
    let at = kind.at(namespace).named(&args.name);
    let live = api.get(at.clone()).await?;
    let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    if let Some(options) = options.as_object_mut() {
        // What was read is what is deleted, not one of the same name that came after.
        let uid = args.uid.as_deref().unwrap_or_else(|| text(&live, "/metadata/uid"));
        if !uid.is_empty() {
            options.insert("preconditions".into(), json!({ "uid": uid }));
        }
        options.extend(
            args.propagation.map(|word| ("propagationPolicy".to_owned(), format!("{word:?}").into())),
        );
        options.extend(args.grace_seconds.map(|seconds| ("gracePeriodSeconds".to_owned(), seconds.into())));
        if dry_run {
            options.insert("dryRun".into(), json!(["All"]));
        }
    }
    let answer = api.delete(at, &options).await?;
    let finalizers = list(&live, "/metadata/finalizers");
    // The object itself comes back while something still has to happen before it is gone.
    let going = text(&answer, "/kind") != "Status";
    let state = match (dry_run, going) {
        (true, _) => "would be deleted".to_owned(),
        (false, false) => "deleted".to_owned(),
        (false, true) if finalizers.is_empty() => {
            "is going: `wait` with condition `deleted` tells when it is gone".to_owned()
        }
        (false, true) => {
            let names: Vec<&str> = finalizers.iter().filter_map(Value::as_str).collect();
            format!("is going, once its finalizers are done: {}", names.join(", "))
        }
    };
    let mut out = Object::new();
    out.insert("object".into(), format!("{}/{}", kind.kind, args.name).into());
    out.insert("state".into(), state.into());
    out.extend(namespace.map(|namespace| ("namespace".to_owned(), namespace.into())));
    out.extend(age(&live, super::now(call)).map(|age| ("age".to_owned(), age.into())));
    out.insert("uid".into(), text(&live, "/metadata/uid").into());
    say_dry(&mut out, dry_run);
    Ok(Output::json(&out))
}
