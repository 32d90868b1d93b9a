//! What a path leads to.

use double_kit::Request;

use crate::kinds::{Kind, has_version, served};

/// The place of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// `/version`.
    Version,
    /// `/readyz`, `/livez`, `/healthz`, and what is below them.
    Health,
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// `/apis/{group}`.
    Group(String),
    /// `/api/v1`, `/apis/{group}/{version}`.
    Resources(String, String),
    /// Objects.
    Objects(Target),
    /// Below a version that there is, but nothing.
    NoResource,
    /// Nothing at all.
    Nowhere,
}

/// Objects, one of them, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Of which kind.
    pub kind: &'static Kind,
    /// Empty for the cluster's own, and for all namespaces.
    pub namespace: String,
    /// One object.
    pub name: Option<String>,
    /// A part of it.
    pub subresource: Option<String>,
}

impl Route {
    /// Of a request. What stands before the first segment of the server's own is a proxy's.
    pub fn of(request: &Request) -> Self {
        let segments = request.segments();
        let own = ["api", "apis", "version", "readyz", "livez", "healthz"];
        let start = segments.iter().position(|segment| own.contains(&segment.as_str())).unwrap_or(0);
        let rest: Vec<&str> =
            segments.iter().skip(start).map(String::as_str).filter(|part| !part.is_empty()).collect();
        match rest[..] {
            ["version"] => Self::Version,
            ["readyz" | "livez" | "healthz", ..] => Self::Health,
            ["api"] => Self::Core,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group(group.to_owned()),
            ["api", version] => Self::resources("", version),
            ["apis", group, version] => Self::resources(group, version),
            ["api", version, ref rest @ ..] => Self::objects("", version, rest),
            ["apis", group, version, ref rest @ ..] => Self::objects(group, version, rest),
            _ => Self::Nowhere,
        }
    }

    fn resources(group: &str, version: &str) -> Self {
        match has_version(group, version) {
            true => Self::Resources(group.to_owned(), version.to_owned()),
            false => Self::Nowhere,
        }
    }

    fn objects(group: &str, version: &str, rest: &[&str]) -> Self {
        if !has_version(group, version) {
            return Self::Nowhere;
        }
        let target = match *rest {
            // A namespace's own parts are no resource within it.
            ["namespaces", name, part @ ("status" | "finalize")] if group.is_empty() => {
                target(group, version, "namespaces", "", Some(name), Some(part))
            }
            ["namespaces", namespace, plural, ref below @ ..] if below.len() <= 2 => {
                let (name, part) = (below.first().copied(), below.get(1).copied());
                target(group, version, plural, namespace, name, part).filter(|target| target.kind.namespaced)
            }
            [plural] => target(group, version, plural, "", None, None),
            [plural, ref below @ ..] if below.len() <= 2 => {
                let (name, part) = (below.first().copied(), below.get(1).copied());
                target(group, version, plural, "", name, part).filter(|target| !target.kind.namespaced)
            }
            _ => None,
        };
        target.map_or(Self::NoResource, Self::Objects)
    }
}

fn target(
    group: &str,
    version: &str,
    plural: &str,
    namespace: &str,
    name: Option<&str>,
    part: Option<&str>,
) -> Option<Target> {
    let kind = served(group, version, plural)?;
    if part.is_some_and(|part| !kind.has(part)) {
        return None;
    }
    Some(Target {
        kind,
        namespace: namespace.to_owned(),
        name: name.map(str::to_owned),
        subresource: part.map(str::to_owned),
    })
}

impl Target {
    /// Where the object of this name is kept.
    pub fn key(&self, name: &str) -> (String, String, String) {
        (self.kind.storage(), self.namespace.clone(), name.to_owned())
    }

    /// What authorization calls the request.
    pub fn verb(&self, method: &str) -> &'static str {
        match (method, &self.name) {
            ("GET", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", None) => "deletecollection",
            ("DELETE", _) => "delete",
            _ => "get",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        Route::of(&Request::new("GET", path, Vec::new(), Vec::new()))
    }

    fn place(path: &str) -> (String, String, Option<String>, Option<String>) {
        match route(path) {
            Route::Objects(target) => {
                (target.kind.resource(), target.namespace, target.name, target.subresource)
            }
            other => panic!("{path} is {other:?}"),
        }
    }

    #[test]
    fn paths_lead_to_objects() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(place("/api/v1/pods"), ("pods".into(), String::new(), None, None));
        assert_eq!(
            place("/apis/apps/v1/namespaces/shop/deployments/web/scale"),
            ("deployments.apps".into(), "shop".into(), some("web"), some("scale"))
        );
        assert_eq!(
            place("/api/v1/namespaces/shop"),
            ("namespaces".into(), String::new(), some("shop"), None)
        );
        assert_eq!(
            place("/api/v1/namespaces/shop/status"),
            ("namespaces".into(), String::new(), some("shop"), some("status"))
        );
        assert_eq!(
            place("/k8s/clusters/c1/api/v1/nodes/n1"),
            ("nodes".into(), String::new(), some("n1"), None)
        );
    }

    #[test]
    fn other_paths_lead_elsewhere_or_nowhere() {
        assert_eq!(route("/version"), Route::Version);
        assert_eq!(route("/readyz/etcd"), Route::Health);
        assert_eq!(route("/apis/apps"), Route::Group("apps".into()));
        assert_eq!(route("/api/v1"), Route::Resources(String::new(), "v1".into()));
        for path in ["/api/v1/gadgets", "/api/v1/namespaces/a/nodes/n1", "/apis/apps/v1/deployments/web"] {
            assert_eq!(route(path), Route::NoResource, "{path}");
        }
        for path in ["/apis/none/v1/things", "/apis/apps/v2", "/metrics"] {
            assert_eq!(route(path), Route::Nowhere, "{path}");
        }
    }
}
