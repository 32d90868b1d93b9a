//! The kinds of objects: where each is, and what a summary has of it.

use bulkhead_sdk::Request;
use bulkhead_sdk::prelude::*;

use crate::api::Api;
use crate::search::{self, Place};

/// The most Grafana gives of what it searches; of users, teams and tags.
const FOUND: u32 = 5000;
const PEOPLE: u32 = 1000;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Dashboard,
    Folder,
    Datasource,
    Plugin,
    ContactPoint,
    Policy,
    MuteTiming,
    Template,
    DashboardTag,
    AnnotationTag,
    Server,
    Me,
    Org,
    OrgUser,
    ServerUser,
    Team,
    Role,
    RoleAssignment,
    UserRole,
    TeamRole,
    Permission,
    PermissionLevels,
}

impl Kind {
    /// Where its list is.
    fn path(self) -> &'static str {
        match self {
            Self::Dashboard | Self::Folder => "/api/search",
            Self::Datasource => "/api/datasources",
            Self::Plugin => "/api/plugins",
            Self::ContactPoint => "/api/v1/provisioning/contact-points",
            Self::Policy => "/api/v1/provisioning/policies",
            Self::MuteTiming => "/api/v1/provisioning/mute-timings",
            Self::Template => "/api/v1/provisioning/templates",
            Self::DashboardTag => "/api/dashboards/tags",
            Self::AnnotationTag => "/api/annotations/tags",
            Self::Server => "/api/health",
            Self::Me => "/api/user",
            Self::Org => "/api/org",
            Self::OrgUser => "/api/org/users",
            Self::ServerUser => "/api/users",
            Self::Team => "/api/teams/search",
            Self::Role | Self::RoleAssignment => "/api/access-control/roles",
            Self::UserRole => "/api/access-control/users",
            Self::TeamRole => "/api/access-control/teams",
            Self::Permission | Self::PermissionLevels => "/api/access-control",
        }
    }

    /// What a summary has; nothing: all of it.
    pub(super) fn summary(self) -> &'static [&'static str] {
        match self {
            Self::Dashboard => &["uid", "title", "folderTitle", "folderUid", "tags", "isStarred"],
            Self::Folder => &["uid", "title", "folderUid", "folderTitle"],
            Self::Datasource => &["uid", "name", "type", "url", "isDefault", "readOnly"],
            Self::Plugin => &["id", "name", "type", "enabled", "hasUpdate"],
            Self::ContactPoint => &["uid", "name", "type", "disableResolveMessage", "provenance"],
            Self::Template => &["name", "provenance"],
            Self::OrgUser => &["userId", "login", "name", "email", "role", "lastSeenAt", "isDisabled"],
            Self::ServerUser => &["id", "login", "name", "email", "isAdmin", "lastSeenAt", "isDisabled"],
            Self::Team => &["id", "uid", "name", "email", "memberCount"],
            Self::Role | Self::UserRole | Self::TeamRole => {
                &["uid", "name", "displayName", "description", "group", "global"]
            }
            Self::Permission => &[
                "roleName",
                "userLogin",
                "userId",
                "team",
                "teamId",
                "builtInRole",
                "permission",
                "actions",
                "isInherited",
            ],
            _ => &[],
        }
    }

    /// Asks for all of a kind, or for the one whose path has its id.
    pub(super) fn request(self, api: &Api, id: Option<&str>, words: Option<&str>) -> Result<Request> {
        let needed = |what: &str| id.ok_or_else(|| Error::invalid("id", format!("is needed: {what}")));
        let all = api.get(self.path());
        Ok(match self {
            Self::Dashboard => search::dashboards(api, Place::first(FOUND)).query_opt("query", words),
            Self::Folder => search::folders(api, Place::first(FOUND)),
            Self::ServerUser => all.query("perpage", PEOPLE).query("page", 1),
            Self::Team => all.query("perpage", PEOPLE).query("page", 1).query_opt("query", words),
            Self::AnnotationTag => all.query("limit", PEOPLE).query_opt("tag", words),
            Self::Role => match id {
                Some(id) => all.segment(id),
                None => all,
            },
            Self::RoleAssignment => all.segment(needed("the uid of a role")?).segment("assignments"),
            Self::UserRole => all.segment(needed("the id of a user")?).segment("roles"),
            Self::TeamRole => all.segment(needed("the id of a team")?).segment("roles"),
            Self::Permission => {
                let id = needed("the kind of resource and its uid, such as `folders/abc`")?;
                let parts = id.split_once('/').filter(|(kind, id)| !kind.is_empty() && !id.is_empty());
                let (kind, id) =
                    parts.ok_or_else(|| Error::invalid("id", "expected something like `folders/abc`"))?;
                all.segment(kind).segment(id)
            }
            Self::PermissionLevels => all
                .segment(needed("the kind of resource: `folders`, `dashboards`, `datasources`, `teams`")?)
                .segment("description"),
            _ => all,
        })
    }

    /// True if one of a kind is found in its list by what it is called.
    pub(super) fn is_by_name(self) -> bool {
        !self.is_single() && !matches!(self, Self::Role | Self::UserRole | Self::TeamRole | Self::Permission)
    }

    /// True if there is only one to an answer.
    pub(super) fn is_single(self) -> bool {
        matches!(
            self,
            Self::Server | Self::Me | Self::Org | Self::Role | Self::RoleAssignment | Self::PermissionLevels
        )
    }

    /// True if the open-source edition does not have it.
    pub(super) fn is_enterprise(self) -> bool {
        matches!(self, Self::Role | Self::RoleAssignment | Self::UserRole | Self::TeamRole)
    }

    /// Where only so many are asked for.
    pub(super) fn most(self) -> Option<u32> {
        match self {
            Self::Dashboard | Self::Folder => Some(FOUND),
            Self::ServerUser | Self::Team | Self::AnnotationTag => Some(PEOPLE),
            _ => None,
        }
    }

    pub(super) fn word(self) -> String {
        json!(self).as_str().unwrap_or_default().to_owned()
    }
}
