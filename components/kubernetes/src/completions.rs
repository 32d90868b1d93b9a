//! What could stand in an argument of a prompt or a resource: namespaces, kinds, names.

use bulkhead_sdk::prelude::*;

use crate::Kubernetes;
use crate::kind::{self, known};

/// What stands for no namespace in the URI of what is in none.
pub(crate) const NO_NAMESPACE: &str = "_";

/// The kinds a prompt is mostly about.
const WORKLOADS: [&str; 5] = ["deployment", "statefulset", "daemonset", "pod", "job"];

pub(crate) async fn namespaces(service: &Kubernetes, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching(service.api.names(known("Namespace").at(None)).await?))
}

pub(crate) async fn workload_kinds(_: &Kubernetes, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching(WORKLOADS))
}

/// Well-known kinds first; custom ones are looked up once something is typed that none of them begins with.
pub(crate) async fn kinds(service: &Kubernetes, typed: &Completing, _: &Call) -> Result<Completion> {
    let found = typed.matching(kind::well_known());
    if !found.values().is_empty() {
        return Ok(found);
    }
    let everything = crate::discovery::everything(&service.api).await?;
    Ok(typed.matching(everything.kinds.iter().map(|served| served.kind.full_name())))
}

/// The names of the kind and namespace that are settled; of Deployments, if no kind is.
pub(crate) async fn names(service: &Kubernetes, typed: &Completing, _: &Call) -> Result<Completion> {
    named(service, typed, typed.settled("kind").unwrap_or("deployment")).await
}

pub(crate) async fn services(service: &Kubernetes, typed: &Completing, _: &Call) -> Result<Completion> {
    named(service, typed, "service").await
}

async fn named(service: &Kubernetes, typed: &Completing, kind: &str) -> Result<Completion> {
    let kind = kind::resolve(&service.api, kind).await?;
    let namespace = typed.settled("namespace").filter(|namespace| *namespace != NO_NAMESPACE);
    Ok(typed.matching(service.api.names(kind.at(service.api.scope(namespace))).await?))
}
