//! Kinds: how a caller names one, and where the API has it.
//!
//! A name is what kubectl takes: `pod`, `po`, `Pod`, `deployments.apps`, `certificates.v1.cert-manager.io`, or
//! `cert-manager.io/v1/Certificate`. Well-known kinds are found here without a request and come first; any other is looked up
//! in the discovery documents, where a name that several groups use is refused with the names that tell them apart.

use std::borrow::Cow;

use bulkhead_sdk::prelude::*;

use crate::api::Api;
use crate::discovery;

type Word = Cow<'static, str>;

/// A kind, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: Word,
    pub(crate) version: Word,
    pub(crate) kind: Word,
    pub(crate) plural: Word,
    pub(crate) namespaced: bool,
}

/// Group, version, kind, plural, whether it is in namespaces, short name.
type Row = (&'static str, &'static str, &'static str, &'static str, bool, &'static str);

const KNOWN: &[Row] = &[
    ("", "v1", "Pod", "pods", true, "po"),
    ("", "v1", "Service", "services", true, "svc"),
    ("", "v1", "ConfigMap", "configmaps", true, "cm"),
    ("", "v1", "Secret", "secrets", true, ""),
    ("", "v1", "Namespace", "namespaces", false, "ns"),
    ("", "v1", "Node", "nodes", false, "no"),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, "pvc"),
    ("", "v1", "PersistentVolume", "persistentvolumes", false, "pv"),
    ("", "v1", "ServiceAccount", "serviceaccounts", true, "sa"),
    ("", "v1", "Event", "events", true, "ev"),
    ("", "v1", "Endpoints", "endpoints", true, "ep"),
    ("", "v1", "ResourceQuota", "resourcequotas", true, "quota"),
    ("", "v1", "LimitRange", "limitranges", true, "limits"),
    ("", "v1", "ReplicationController", "replicationcontrollers", true, "rc"),
    ("apps", "v1", "Deployment", "deployments", true, "deploy"),
    ("apps", "v1", "StatefulSet", "statefulsets", true, "sts"),
    ("apps", "v1", "DaemonSet", "daemonsets", true, "ds"),
    ("apps", "v1", "ReplicaSet", "replicasets", true, "rs"),
    ("apps", "v1", "ControllerRevision", "controllerrevisions", true, ""),
    ("batch", "v1", "Job", "jobs", true, ""),
    ("batch", "v1", "CronJob", "cronjobs", true, "cj"),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true, "ing"),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true, "netpol"),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false, ""),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true, "hpa"),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true, "pdb"),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, ""),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", false, "sc"),
    ("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", false, ""),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true, ""),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true, ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false, ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false, ""),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false, "pc"),
    ("coordination.k8s.io", "v1", "Lease", "leases", true, ""),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false, "crd"),
    ("apiregistration.k8s.io", "v1", "APIService", "apiservices", false, ""),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
        "",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        false,
        "",
    ),
];

/// The well-known kinds by name, for a reader: singular, in lower case.
pub(crate) fn well_known() -> impl Iterator<Item = String> {
    KNOWN.iter().map(|row| row.2.to_lowercase())
}

/// A well-known kind that this component itself asks for.
pub(crate) fn known(kind: &str) -> Kind {
    let row = KNOWN.iter().find(|row| row.2 == kind);
    debug_assert!(row.is_some(), "{kind} is not in the table");
    row.map_or_else(
        || Kind::new("", "v1", kind.to_owned(), format!("{}s", kind.to_lowercase()), true),
        |row| Kind::of(*row),
    )
}

impl Kind {
    pub(crate) fn new(
        group: impl Into<Word>,
        version: impl Into<Word>,
        kind: impl Into<Word>,
        plural: impl Into<Word>,
        namespaced: bool,
    ) -> Self {
        let (group, version, kind, plural) = (group.into(), version.into(), kind.into(), plural.into());
        Self { group, version, kind, plural, namespaced }
    }

    fn of((group, version, kind, plural, namespaced, _): Row) -> Self {
        Self::new(group, version, kind, plural, namespaced)
    }

    /// `apps/v1`, or `v1`.
    pub(crate) fn api_version(&self) -> String {
        match &*self.group {
            "" => self.version.to_string(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `deployments.apps`: the name that no other kind has.
    pub(crate) fn full_name(&self) -> String {
        match &*self.group {
            "" => self.plural.to_string(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

/// A name, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    pub(crate) word: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
}

impl<'a> Named<'a> {
    pub(crate) fn parse(name: &'a str) -> Self {
        let name = name.trim();
        if let Some((api_version, word)) = name.rsplit_once('/') {
            let (group, version) = match api_version.split_once('/') {
                Some((group, version)) => (group, Some(version)),
                None if is_version(api_version) => ("", Some(api_version)),
                None => (api_version, None),
            };
            return Self { word, group: Some(group), version };
        }
        let Some((word, rest)) = name.split_once('.') else {
            return Self { word: name, group: None, version: None };
        };
        match rest.split_once('.') {
            Some((version, group)) if is_version(version) => {
                Self { word, group: Some(group), version: Some(version) }
            }
            _ if is_version(rest) => Self { word, group: Some(""), version: Some(rest) },
            _ => Self { word, group: Some(rest), version: None },
        }
    }

    /// The well-known kind of that name.
    pub(crate) fn known(&self) -> Option<Kind> {
        let fits = |row: &&Row| {
            let (group, version, kind, plural, _, short) = **row;
            let word = [kind, plural, short].iter().any(|name| name.eq_ignore_ascii_case(self.word));
            word && !self.word.is_empty()
                && self.group.is_none_or(|wanted| wanted == group)
                && self.version.is_none_or(|wanted| wanted == version)
        };
        KNOWN.iter().find(fits).map(|row| Kind::of(*row))
    }
}

/// `v1`, `v2beta1`.
fn is_version(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('v') else { return false };
    let number = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    number.len() < rest.len()
        && ["", "alpha", "beta"].contains(&number.trim_end_matches(|l: char| l.is_ascii_digit()))
}

/// The kind that is meant by a name; at most two requests, and none for a well-known one.
pub(crate) async fn resolve(api: &Api, name: &str) -> Result<Kind> {
    let named = Named::parse(name);
    if named.word.is_empty() {
        return Err(Error::invalid(
            "kind",
            "is empty: expected a kind such as `pod`, `deploy` or `certificates.cert-manager.io`",
        ));
    }
    if let Some(kind) = named.known() {
        return Ok(kind);
    }
    let all = match (named.group, named.version) {
        (Some(group), Some(version)) => discovery::version(api, group, version).await?,
        _ => discovery::everything(api).await?.kinds,
    };
    let mut found: Vec<&discovery::Served> = all.iter().filter(|served| served.is(&named)).collect();
    // Each group lists its versions best first.
    found.dedup_by(|later, first| later.kind.group == first.kind.group);
    match found.as_slice() {
        [one] => Ok(one.kind.clone()),
        [] => Err(Error::invalid("kind", unknown(name, &named, &all))),
        several => {
            let names: Vec<String> =
                several.iter().map(|one| format!("`{}`", one.kind.full_name())).collect();
            Err(Error::invalid("kind", format!("`{name}` is in several groups: say {}", names.join(" or "))))
        }
    }
}

/// The kinds that are meant by names separated by commas.
pub(crate) async fn resolve_all(api: &Api, names: &str) -> Result<Vec<Kind>> {
    bulkhead_sdk::try_join_all(names.split(',').map(|name| resolve(api, name))).await
}

fn unknown(name: &str, named: &Named<'_>, all: &[discovery::Served]) -> String {
    let word = named.word.to_lowercase();
    let like = |kind: &Kind| kind.plural.contains(&word) || word.contains(&*kind.kind.to_lowercase());
    let mut near: Vec<String> = all
        .iter()
        .filter(|served| like(&served.kind))
        .map(|served| format!("`{}`", served.kind.full_name()))
        .collect();
    near.dedup();
    near.truncate(5);
    let hint = if near.is_empty() {
        "`api_resources` lists what the cluster serves".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("the cluster serves no kind `{name}`; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<'a>(word: &'a str, group: Option<&'a str>, version: Option<&'a str>) -> Named<'a> {
        Named { word, group, version }
    }

    #[test]
    fn a_name_is_taken_apart_as_kubectl_does() {
        for (name, parts) in [
            ("pod", named("pod", None, None)),
            ("deployments.apps", named("deployments", Some("apps"), None)),
            ("deployments.v1.apps", named("deployments", Some("apps"), Some("v1"))),
            ("certificates.cert-manager.io", named("certificates", Some("cert-manager.io"), None)),
            (
                "certificates.v1beta2.cert-manager.io",
                named("certificates", Some("cert-manager.io"), Some("v1beta2")),
            ),
            ("pods.v1", named("pods", Some(""), Some("v1"))),
            ("v1/Pod", named("Pod", Some(""), Some("v1"))),
            ("apps/v1/Deployment", named("Deployment", Some("apps"), Some("v1"))),
            ("apps/Deployment", named("Deployment", Some("apps"), None)),
            ("x.vault.io", named("x", Some("vault.io"), None)),
        ] {
            assert_eq!(Named::parse(name), parts, "{name}");
        }
    }

    #[test]
    fn well_known_kinds_have_every_name_kubectl_knows() {
        let found = |name: &str| Named::parse(name).known().map(|kind| kind.full_name());
        for name in ["po", "pod", "Pods", "PODS", "v1/Pod"] {
            assert_eq!(found(name).as_deref(), Some("pods"), "{name}");
        }
        assert_eq!(found("hpa").as_deref(), Some("horizontalpodautoscalers.autoscaling"));
        assert_eq!(found("ingress").as_deref(), Some("ingresses.networking.k8s.io"));
        for name in ["", "certificates", "services.serving.knative.dev", "deployments.v1beta1.apps"] {
            assert_eq!(found(name), None, "{name}");
        }
        assert_eq!(known("Deployment").api_version(), "apps/v1");
        assert!(well_known().any(|name| name == "poddisruptionbudget"));
    }
}
