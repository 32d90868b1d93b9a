//! `patch`: part of an object is changed, tried before it is done.

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;

use super::{Object, say_dry, tried};
use crate::Kubernetes;
use crate::api::Patching;
use crate::diff::changes;
use crate::kind;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Patch {
    /// As in `list`; one.
    kind: String,
    /// Its name.
    name: String,
    /// Default: configured.
    namespace: Option<String>,
    /// `{"spec": {"paused": true}}`; json: a list of operations.
    #[schemars(extend("type" = ["object", "array"], "maxItems" = 1000))]
    patch: Value,
    /// Default merge.
    r#type: Option<Type>,
    /// Default true.
    dry_run: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Type {
    Merge,
    Strategic,
    Json,
}

returns!(Changed { changes: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::writes(
            "patch",
            "Patch an object",
            "Changes some fields of an object; a dry run shows the difference.",
            patch,
        )
        .destructive()
        .output::<Changed>(),
    )
}

async fn patch(service: &Kubernetes, args: Patch, _: &Call) -> Result<Output> {
    let dry_run = tried(args.dry_run);
    let how = match args.r#type {
        None | Some(Type::Merge) => Patching::Merge,
        Some(Type::Strategic) => Patching::Strategic,
        Some(Type::Json) => Patching::Json,
    };
    match (how, &args.patch) {
        (Patching::Json, Value::Array(_)) => {}
        (Patching::Json, _) => {
            return Err(Error::invalid(
                "patch",
                "a json patch is a list: `[{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 2}]`",
            ));
        }
        (_, Value::Object(_)) => {}
        _ => {
            return Err(Error::invalid(
                "patch",
                "expected an object; for a list of operations say type `json`",
            ));
        }
    }
    let api = &service.api;
    let kind = kind::resolve(api, &args.kind).await?;
    let namespace = if kind.namespaced { Some(api.one(args.namespace.as_deref())?) } else { None };
    let at = kind.at(namespace).named(&args.name);
    let patched = api.patch(at.clone(), how, &args.patch, dry_run, "patch");
    let (before, after) =
        if dry_run { join!(api.get(at), patched) } else { (Ok(api.get(at).await?), patched.await) };
    let mut out = Object::new();
    out.insert("object".into(), format!("{}/{}", kind.kind, args.name).into());
    out.insert("changes".into(), changes(&before?, &after?).into());
    say_dry(&mut out, dry_run);
    Ok(Output::json(&out))
}
