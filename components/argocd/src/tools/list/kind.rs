//! Owns what differs between the kinds of things that are listed: path, names, how well they are, and their summary.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use crate::app;

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Applications,
    Projects,
    Clusters,
    Repositories,
}

/// Whether a cluster or repository is reached. Clusters have it in `info` since 1.8, and in the old place for older clients.
fn connection<'a>(item: &'a Value, what: &str) -> &'a str {
    match text(item, &format!("/info/connectionState/{what}")) {
        "" => text(item, &format!("/connectionState/{what}")),
        said => said,
    }
}

impl Kind {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Applications => "/api/v1/applications",
            Self::Projects => "/api/v1/projects",
            Self::Clusters => "/api/v1/clusters",
            Self::Repositories => "/api/v1/repositories",
        }
    }

    /// What a caller may call it.
    pub(super) fn names(self, item: &Value) -> Vec<String> {
        let pointers: &[&str] = match self {
            Self::Applications => return vec![app::name(item)],
            Self::Projects => &["/metadata/name"],
            Self::Clusters => &["/name", "/server"],
            Self::Repositories => &["/repo", "/name"],
        };
        pointers.iter().map(|pointer| text(item, pointer).to_owned()).collect()
    }

    /// How urgently it wants to be looked at; lower is worse.
    pub(super) fn rank(self, item: &Value) -> u8 {
        match self {
            Self::Applications => app::rank(item),
            Self::Projects => 1,
            // Where nothing is said, nothing was tried: a cluster that no application is in, say.
            Self::Clusters | Self::Repositories => {
                u8::from(matches!(connection(item, "status"), "Successful" | "Unknown" | ""))
            }
        }
    }

    pub(super) fn is_well(self, item: &Value) -> bool {
        match self {
            Self::Applications => app::is_well(item),
            _ => self.rank(item) == 1,
        }
    }

    pub(super) fn counts(self, items: &[Value]) -> Value {
        match self {
            Self::Applications => json!({
                "health": app::counted(items.iter().map(app::health)), "sync": app::counted(items.iter().map(app::sync)),
            }),
            Self::Projects => json!({}),
            _ => json!({ "status": app::counted(items.iter().map(|item| connection(item, "status"))) }),
        }
    }

    pub(super) fn summary(self, item: &Value) -> Value {
        let (status, message) = (connection(item, "status"), connection(item, "message"));
        match self {
            Self::Applications => app::summary(item),
            Self::Projects => json!({
                "name": text(item, "/metadata/name"), "description": text(item, "/spec/description"),
                "source_repos": item.pointer("/spec/sourceRepos"), "destinations": item.pointer("/spec/destinations"),
                "sync_windows": list(item, "/spec/syncWindows").len(), "roles": list(item, "/spec/roles").len(),
            }),
            Self::Clusters => json!({
                "name": text(item, "/name"), "server": text(item, "/server"), "status": status, "message": message,
                "version": text(item, "/info/serverVersion"),
                "applications": item.pointer("/info/applicationsCount").cloned().unwrap_or(0.into()),
                "cached_at": item.pointer("/info/cacheInfo/lastCacheSyncTime"),
            }),
            Self::Repositories => json!({
                "repo": text(item, "/repo"), "name": text(item, "/name"), "type": text(item, "/type"),
                "project": text(item, "/project"), "status": status, "message": message,
                "inherits_credentials": item.get("inheritedCreds").and_then(Value::as_bool).unwrap_or(false),
            }),
        }
    }
}
