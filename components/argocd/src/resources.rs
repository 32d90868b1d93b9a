//! Applications as resources: the manifest of one, to have at hand while it is spoken of.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::api::Named;
use crate::tools::list;
use crate::{ArgoCd, secret};

const FIELDS: &str = "items.metadata.name,items.metadata.namespace";

#[derive(Deserialize)]
struct Place {
    namespace: String,
    name: String,
}

pub(crate) fn all() -> Resources<ArgoCd> {
    Resources::new().add(
        Resource::new(
            "argocd:///applications/{namespace}/{name}",
            "application",
            async |service: &ArgoCd, place: Place, _: &Call| read(service, &place).await,
        )
        .title("Application manifest")
        .description(
            "What an application is meant to be: its spec, labels and annotations, without its state.",
        )
        .mime_type("application/json")
        .complete("namespace", async |service: &ArgoCd, typed: &Completing, _: &Call| {
            complete(service, "/metadata/namespace", None, typed).await
        })
        .complete("name", async |service: &ArgoCd, typed: &Completing, _: &Call| {
            complete(service, "/metadata/name", typed.settled("namespace"), typed).await
        }),
    )
}

async fn complete(
    service: &ArgoCd,
    what: &str,
    namespace: Option<&str>,
    typed: &Completing,
) -> Result<Completion> {
    let apps = list::fetch(&service.api, FIELDS).await?;
    let within =
        |app: &&Value| namespace.is_none_or(|namespace| text(app, "/metadata/namespace") == namespace);
    let mut found: Vec<&str> = apps.iter().filter(within).map(|app| text(app, what)).collect();
    found.sort_unstable();
    found.dedup();
    Ok(typed.matching(found))
}

async fn read(service: &ArgoCd, place: &Place) -> Result<Contents> {
    let app = service.api.app(&Named { namespace: Some(&place.namespace), name: &place.name }).await?;
    let mut manifest = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": place.name, "namespace": place.namespace }, "spec": app.get("spec"),
    });
    for key in ["labels", "annotations", "finalizers"] {
        let kept = app.pointer(&format!("/metadata/{key}")).filter(|value| !value.is_null());
        if let (Some(metadata), Some(value)) =
            (manifest.get_mut("metadata").and_then(Value::as_object_mut), kept)
        {
            metadata.insert(key.into(), value.clone());
        }
    }
    Ok(Contents::text(secret::redacted(&manifest).to_string()))
}
