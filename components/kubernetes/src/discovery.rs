//! What kinds the cluster serves, as its discovery documents say: the aggregated form (Kubernetes 1.27 and later, two requests),
//! or one document for each group version where a server has no other.

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use crate::api::Api;
use crate::kind::{Kind, Named};

/// The groups that are asked one by one of a server that has no aggregated document.
const MOST_GROUPS: usize = 60;

/// A kind that is served.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) kind: Kind,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) categories: Vec<String>,
}

/// All that is served.
#[derive(Debug)]
pub(crate) struct Everything {
    pub(crate) kinds: Vec<Served>,
    /// What could not be read, and why.
    pub(crate) missing: Vec<String>,
}

impl Served {
    /// Whether it is what a name means.
    pub(crate) fn is(&self, named: &Named<'_>) -> bool {
        let Kind { group, version, kind, plural, .. } = &self.kind;
        let names = [&**kind, &**plural, &*self.singular];
        let mut names = names.into_iter().chain(self.short_names.iter().map(String::as_str));
        named.group.is_none_or(|wanted| wanted == group)
            && named.version.is_none_or(|wanted| wanted == version)
            && names.any(|name| !name.is_empty() && name.eq_ignore_ascii_case(named.word))
    }
}

/// The kinds of one group version: a small document.
pub(crate) async fn version(api: &Api, group: &str, version: &str) -> Result<Vec<Served>> {
    let document = match group {
        "" => api.discovery(&["/api", version]).await?,
        group => api.discovery(&["/apis", group, version]).await?,
    };
    Ok(resource_list(group, version, &document))
}

/// Every kind, core first.
pub(crate) async fn everything(api: &Api) -> Result<Everything> {
    let (core, groups) = join!(api.discovery(&["/api"]), api.discovery(&["/apis"]));
    let (core, groups) = (core?, groups?);
    let aggregated = |document: &Value| text(document, "/kind") == "APIGroupDiscoveryList";
    if aggregated(&core) && aggregated(&groups) {
        let mut all = Everything { kinds: Vec::new(), missing: Vec::new() };
        for group in list(&core, "/items").iter().chain(list(&groups, "/items")) {
            of_group(group, &mut all);
        }
        return Ok(all);
    }
    one_by_one(api, &groups).await
}

async fn one_by_one(api: &Api, groups: &Value) -> Result<Everything> {
    if text(groups, "/kind") != "APIGroupList" {
        return Err(Error::failed(
            "`/apis` is no discovery document: the operator's `url` may not be that of an API server",
        ));
    }
    let mut versions = vec![(String::new(), "v1".to_owned())];
    versions.extend(
        list(groups, "/groups").iter().take(MOST_GROUPS).map(|group| {
            (text(group, "/name").to_owned(), text(group, "/preferredVersion/version").to_owned())
        }),
    );
    let answers = join_all(versions.iter().map(|(group, name)| version(api, group, name))).await;
    let mut all = Everything { kinds: Vec::new(), missing: Vec::new() };
    for ((group, name), answer) in versions.iter().zip(answers) {
        match answer {
            Ok(kinds) => all.kinds.extend(kinds),
            Err(error) if group.is_empty() => return Err(error),
            Err(error) => all.missing.push(format!("{group}/{name}: {error}")),
        }
    }
    let more = list(groups, "/groups").len().saturating_sub(MOST_GROUPS);
    if more > 0 {
        all.missing.push(format!("{more} more groups"));
    }
    Ok(all)
}

/// A group of the aggregated document: its versions, best first.
fn of_group(group: &Value, all: &mut Everything) {
    let name = text(group, "/metadata/name");
    for version in list(group, "/versions") {
        let number = text(version, "/version");
        // The server that serves this group (metrics, say) did not answer the API server of late.
        if text(version, "/freshness") == "Stale" {
            all.missing
                .push(format!("{name}/{number}: its server does not answer; what is known of it is old"));
        }
        all.kinds.extend(list(version, "/resources").iter().map(|resource| Served {
            kind: Kind::new(
                name.to_owned(),
                number.to_owned(),
                text(resource, "/responseKind/kind").to_owned(),
                text(resource, "/resource").to_owned(),
                text(resource, "/scope") == "Namespaced",
            ),
            singular: text(resource, "/singularResource").to_owned(),
            short_names: words(resource, "/shortNames"),
            verbs: words(resource, "/verbs"),
            categories: words(resource, "/categories"),
        }));
    }
}

/// The document of one group version; what has a slash is part of another resource.
fn resource_list(group: &str, version: &str, document: &Value) -> Vec<Served> {
    let own = |resource: &&Value| !text(resource, "/name").contains('/');
    list(document, "/resources")
        .iter()
        .filter(own)
        .map(|resource| Served {
            kind: Kind::new(
                group.to_owned(),
                version.to_owned(),
                text(resource, "/kind").to_owned(),
                text(resource, "/name").to_owned(),
                resource.get("namespaced") == Some(&Value::Bool(true)),
            ),
            singular: text(resource, "/singularName").to_owned(),
            short_names: words(resource, "/shortNames"),
            verbs: words(resource, "/verbs"),
            categories: words(resource, "/categories"),
        })
        .collect()
}

fn words(value: &Value, pointer: &str) -> Vec<String> {
    list(value, pointer).iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
}
