//! Objects as resources: `k8s:///{namespace}/{kind}/{name}`, as JSON, without what is noise or secret.

use bulkhead_sdk::prelude::*;

use crate::Kubernetes;
use crate::completions::{NO_NAMESPACE, kinds, names, namespaces};
use crate::kind;
use crate::object::clean;

pub(crate) const TEMPLATE: &str = "k8s:///{namespace}/{kind}/{name}";

#[derive(Deserialize)]
struct Place {
    namespace: String,
    kind: String,
    name: String,
}

pub(crate) fn all() -> Resources<Kubernetes> {
    Resources::new().add(
        Resource::new(TEMPLATE, "manifest", read)
            .title("Manifest")
            .description("An object of any kind as it is live; namespace `_` for kinds that are in none. Secret data is hidden.")
            .mime_type("application/json")
            .complete("namespace", namespaces)
            .complete("kind", kinds)
            .complete("name", names),
    )
}

async fn read(service: &Kubernetes, place: Place, _: &Call) -> Result<Contents> {
    let kind = kind::resolve(&service.api, &place.kind).await?;
    if kind.namespaced && place.namespace == NO_NAMESPACE {
        return Err(Error::invalid("namespace", format!("a {} is in a namespace: name it", kind.kind)));
    }
    let mut object = service.api.get(kind.at(Some(&place.namespace)).named(&place.name)).await?;
    clean(&mut object);
    Ok(Contents::text(serde_json::to_string_pretty(&object)?))
}
