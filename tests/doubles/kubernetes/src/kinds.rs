//! The kinds of object the server knows, as a table.

use std::sync::LazyLock;

/// A kind of object in one version of its group.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Empty for the core group.
    pub group: &'static str,
    /// Of the group.
    pub version: &'static str,
    /// What it is called in a path.
    pub plural: &'static str,
    /// What an object calls itself.
    pub kind: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What is below an object's path.
    pub subresources: Vec<&'static str>,
    /// As a person types it.
    pub short: Vec<&'static str>,
    /// What it counts among, `all` mostly.
    pub categories: Vec<&'static str>,
    flags: &'static str,
}

/// Group (`-`: core), version, plural, kind, scope, subresources, short names, categories, flags (`-`: none):
/// `g` its spec has a generation, `o` a deletion answers with the object, `m` measured and never stored,
/// `r` a question that is posted and never stored, `x` defined by a `CustomResourceDefinition`.
const TABLE: &str = "
- v1 bindings Binding N - - - r
- v1 configmaps ConfigMap N - cm - -
- v1 endpoints Endpoints N - ep - -
- v1 events Event N - ev - -
- v1 limitranges LimitRange N - limits - -
- v1 namespaces Namespace C finalize,status ns - -
- v1 nodes Node C proxy,status no - -
- v1 persistentvolumeclaims PersistentVolumeClaim N status pvc - o
- v1 persistentvolumes PersistentVolume C status pv - o
- v1 pods Pod N attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status po all go
- v1 podtemplates PodTemplate N - - - o
- v1 replicationcontrollers ReplicationController N scale,status rc all g
- v1 resourcequotas ResourceQuota N status quota - o
- v1 secrets Secret N - - - -
- v1 serviceaccounts ServiceAccount N token sa - o
- v1 services Service N proxy,status svc all o
admissionregistration.k8s.io v1 mutatingwebhookconfigurations MutatingWebhookConfiguration C - - api-extensions g
admissionregistration.k8s.io v1 validatingadmissionpolicies ValidatingAdmissionPolicy C status - api-extensions g
admissionregistration.k8s.io v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding C - - api-extensions g
admissionregistration.k8s.io v1 validatingwebhookconfigurations ValidatingWebhookConfiguration C - - api-extensions g
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition C status crd,crds api-extensions g
apiregistration.k8s.io v1 apiservices APIService C status - api-extensions -
apps v1 controllerrevisions ControllerRevision N - - - -
apps v1 daemonsets DaemonSet N status ds all g
apps v1 deployments Deployment N scale,status deploy all g
apps v1 replicasets ReplicaSet N scale,status rs all g
apps v1 statefulsets StatefulSet N scale,status sts all g
authentication.k8s.io v1 selfsubjectreviews SelfSubjectReview C - - - r
authentication.k8s.io v1 tokenreviews TokenReview C - - - r
authorization.k8s.io v1 localsubjectaccessreviews LocalSubjectAccessReview N - - - r
authorization.k8s.io v1 selfsubjectaccessreviews SelfSubjectAccessReview C - - - r
authorization.k8s.io v1 selfsubjectrulesreviews SelfSubjectRulesReview C - - - r
authorization.k8s.io v1 subjectaccessreviews SubjectAccessReview C - - - r
autoscaling v2 horizontalpodautoscalers HorizontalPodAutoscaler N status hpa all -
autoscaling v1 horizontalpodautoscalers HorizontalPodAutoscaler N status hpa all -
batch v1 cronjobs CronJob N status cj all g
batch v1 jobs Job N status - all g
certificates.k8s.io v1 certificatesigningrequests CertificateSigningRequest C approval,status csr - -
coordination.k8s.io v1 leases Lease N - - - -
discovery.k8s.io v1 endpointslices EndpointSlice N - - - g
events.k8s.io v1 events Event N - ev - -
flowcontrol.apiserver.k8s.io v1 flowschemas FlowSchema C status - - g
flowcontrol.apiserver.k8s.io v1 prioritylevelconfigurations PriorityLevelConfiguration C status - - g
metrics.k8s.io v1beta1 nodes NodeMetrics C - - - m
metrics.k8s.io v1beta1 pods PodMetrics N - - - m
networking.k8s.io v1 ingressclasses IngressClass C - - - g
networking.k8s.io v1 ingresses Ingress N status ing - g
networking.k8s.io v1 networkpolicies NetworkPolicy N - netpol - g
node.k8s.io v1 runtimeclasses RuntimeClass C - - - -
policy v1 poddisruptionbudgets PodDisruptionBudget N status pdb - g
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding C - - - -
rbac.authorization.k8s.io v1 clusterroles ClusterRole C - - - -
rbac.authorization.k8s.io v1 rolebindings RoleBinding N - - - -
rbac.authorization.k8s.io v1 roles Role N - - - -
scheduling.k8s.io v1 priorityclasses PriorityClass C - pc - g
storage.k8s.io v1 csidrivers CSIDriver C - - - o
storage.k8s.io v1 csinodes CSINode C - - - o
storage.k8s.io v1 storageclasses StorageClass C - sc - o
storage.k8s.io v1 volumeattachments VolumeAttachment C status - - o
example.com v1 widgets Widget N scale,status wd all gx
";

/// Every kind, in the order of the table.
pub static KINDS: LazyLock<Vec<Kind>> =
    LazyLock::new(|| TABLE.lines().filter(|line| !line.is_empty()).map(row).collect());

fn row(line: &'static str) -> Kind {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [group, version, plural, kind, scope, subresources, short, categories, flags] = words[..] else {
        panic!("`{line}` is no kind")
    };
    let given = |word: &'static str| if word == "-" { "" } else { word };
    let several = |word| given(word).split(',').filter(|one| !one.is_empty()).collect();
    Kind {
        group: given(group),
        version,
        plural,
        kind,
        namespaced: scope == "N",
        subresources: several(subresources),
        short: several(short),
        categories: several(categories),
        flags: given(flags),
    }
}

impl Kind {
    /// As an object says it.
    pub fn api_version(&self) -> String {
        api_version(self.group, self.version)
    }

    /// `deployments.apps`, as messages call it.
    pub fn resource(&self) -> String {
        qualified(self.plural, self.group)
    }

    /// `Deployment.apps`, as messages of validation call it.
    pub fn qualified(&self) -> String {
        qualified(self.kind, self.group)
    }

    /// What its objects are kept under: one place for all versions, and for both groups of events.
    pub fn storage(&self) -> String {
        if self.group == "events.k8s.io" { self.plural.to_owned() } else { self.resource() }
    }

    /// Whether its spec has a generation.
    pub fn has_generation(&self) -> bool {
        self.flags.contains('g')
    }

    /// Whether a deletion answers with the object, and not with a `Status`.
    pub fn returns_deleted(&self) -> bool {
        self.flags.contains('o')
    }

    /// Whether it is measured, and never stored.
    pub fn is_measured(&self) -> bool {
        self.flags.contains('m')
    }

    /// Whether it is a question.
    pub fn is_review(&self) -> bool {
        self.flags.contains('r')
    }

    /// Whether a definition made it.
    pub fn is_custom(&self) -> bool {
        self.flags.contains('x')
    }

    /// Whether it has this subresource.
    pub fn has(&self, subresource: &str) -> bool {
        self.subresources.contains(&subresource)
    }

    /// What may be done with it, as discovery says.
    pub fn verbs(&self) -> &'static [&'static str] {
        match (self.is_review(), self.is_measured()) {
            (true, _) => &["create"],
            (_, true) => &["get", "list"],
            _ if self.plural == "namespaces" => {
                &["create", "delete", "get", "list", "patch", "update", "watch"]
            }
            _ => &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The kind of a path.
pub fn served(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

/// The kind of an object.
pub fn of(api_version: &str, kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.kind == kind && known.api_version() == api_version)
}

/// The first kind of that name.
pub fn named(kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.kind == kind)
}

/// Whether there is such a version of a group.
pub fn has_version(group: &str, version: &str) -> bool {
    KINDS.iter().any(|kind| kind.group == group && kind.version == version)
}

/// The groups with a name, and their versions, the preferred one first.
pub fn groups() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for kind in KINDS.iter().filter(|kind| !kind.group.is_empty()) {
        match groups.iter_mut().find(|(group, _)| *group == kind.group) {
            Some((_, versions)) if versions.contains(&kind.version) => {}
            Some((_, versions)) => versions.push(kind.version),
            None => groups.push((kind.group, vec![kind.version])),
        }
    }
    groups
}
