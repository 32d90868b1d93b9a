//! `apply`: server-side apply of manifests, tried before it is done.

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use super::{Object, say_dry, tried};
use crate::Kubernetes;
use crate::api::{Api, At, Patching};
use crate::diff::changes;
use crate::kind;
use crate::object::clean;

const MOST: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Apply {
    /// Objects with apiVersion, kind and metadata; `generateName` creates.
    #[schemars(length(min = 1, max = 10))]
    manifests: Vec<Object>,
    /// For manifests that name none. Default: configured.
    namespace: Option<String>,
    /// Takes over fields that others own.
    force: Option<bool>,
    /// Default true.
    dry_run: Option<bool>,
}

returns!(Applied { items: "array" });

/// A manifest that can be sent: where, and what.
struct Ready {
    at: At,
    label: String,
    body: Value,
    /// It gets its name from the server.
    generated: bool,
}

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::writes(
            "apply",
            "Apply manifests",
            "Creates or changes objects by server-side apply; a dry run shows the difference.",
            apply,
        )
        .destructive()
        .idempotent()
        .output::<Applied>(),
    )
}

async fn apply(service: &Kubernetes, args: Apply, _: &Call) -> Result<Output> {
    let dry_run = tried(args.dry_run);
    if args.manifests.is_empty() || args.manifests.len() > MOST {
        return Err(Error::invalid(
            "manifests",
            format!("expected 1 to {MOST}, not {}", args.manifests.len()),
        ));
    }
    let api = &service.api;
    let namespace = args.namespace.as_deref();
    let ready = join_all(
        args.manifests
            .into_iter()
            .enumerate()
            .map(|(place, manifest)| prepare(api, namespace, place, manifest)),
    );
    // What cannot be sent is told before anything is.
    let ready: Vec<Ready> = ready.await.into_iter().collect::<Result<_>>()?;
    let answers = if dry_run {
        join_all(ready.iter().map(|one| send(api, one, args.force.unwrap_or_default(), true))).await
    } else {
        // In order: a namespace before what is in it. What fails ends it.
        let mut answers = Vec::new();
        for one in &ready {
            answers.push(send(api, one, args.force.unwrap_or_default(), false).await);
            if answers.last().is_some_and(Result::is_err) {
                break;
            }
        }
        answers
    };
    let mut items = Vec::new();
    let tried = answers.len();
    for (one, answer) in ready.iter().zip(answers) {
        match answer {
            Ok(item) => items.push(item),
            Err(error) if ready.len() == 1 || tried == 1 => return Err(error.context(&one.label)),
            Err(error) => items.push(json!({ "object": one.label, "error": error.to_string() })),
        }
    }
    for one in ready.iter().skip(tried) {
        items.push(json!({ "object": one.label, "error": "not tried, because the one before failed" }));
    }
    if items.iter().all(|item| item.get("error").is_some()) {
        let said: Vec<&str> = items.iter().map(|item| text(item, "/error")).collect();
        return Err(Error::failed(format!("none of the manifests can be applied: {}", said.join("; "))));
    }
    let mut out = Object::new();
    out.insert("items".into(), items.into());
    say_dry(&mut out, dry_run);
    Ok(Output::json(&out))
}

async fn prepare(api: &Api, namespace: Option<&str>, place: usize, manifest: Object) -> Result<Ready> {
    let field = format!("manifests[{place}]");
    let lacks = |what: &str| Error::invalid(&field, format!("has no {what}"));
    let mut body = Value::Object(manifest);
    let (version, kind) = (text(&body, "/apiVersion"), text(&body, "/kind"));
    if version.is_empty() || kind.is_empty() {
        return Err(lacks("`apiVersion` or no `kind`"));
    }
    let kind = kind::resolve(api, &format!("{version}/{kind}")).await.map_err(|error| match error {
        Error::InvalidArguments(why) => {
            Error::invalid(&format!("{field}.kind"), why.trim_start_matches("arguments.kind: "))
        }
        other => other,
    })?;
    let name = text(&body, "/metadata/name").to_owned();
    let generate = text(&body, "/metadata/generateName").to_owned();
    if name.is_empty() && generate.is_empty() {
        return Err(lacks("`metadata.name`"));
    }
    let own = text(&body, "/metadata/namespace");
    let namespace = if own.is_empty() { api.one(namespace)?.to_owned() } else { own.to_owned() };
    let generated = name.is_empty();
    let at = kind.at(Some(&namespace));
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        if kind.namespaced {
            metadata.insert("namespace".into(), namespace.clone().into());
        }
        // The server refuses an apply with these, and a manifest that was read has them.
        for own in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"] {
            metadata.remove(own);
        }
    }
    let label = format!("{}/{}", kind.kind, if generated { &generate } else { &name });
    Ok(Ready { at: if generated { at } else { at.named(&name) }, label, body, generated })
}

async fn send(api: &Api, one: &Ready, force: bool, dry_run: bool) -> Result<Value> {
    if one.generated {
        let mut made = api.create(one.at.clone(), &one.body, dry_run, "manifests").await?;
        clean(&mut made);
        return Ok(json!({ "object": one.label, "action": "create", "name": text(&made, "/metadata/name") }));
    }
    let patch = api.patch(one.at.clone(), Patching::Apply { force }, &one.body, dry_run, "manifests");
    let (before, after) = if dry_run {
        join!(api.find(one.at.clone()), patch)
    } else {
        (Ok(api.find(one.at.clone()).await?), patch.await)
    };
    Ok(told(&one.label, before?, &after?))
}

/// What became of an object: what it was before and is after.
fn told(label: &str, before: Option<Value>, after: &Value) -> Value {
    match before {
        None => json!({ "object": label, "action": "create" }),
        Some(before) => match changes(&before, after) {
            changes if changes.is_empty() => json!({ "object": label, "action": "none" }),
            changes => json!({ "object": label, "action": "change", "changes": changes }),
        },
    }
}
