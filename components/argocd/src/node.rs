//! Owns the resource tree: what belongs to an application, what of it is not well, and which of its children is why.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};

use crate::api::{self, Api, Named};

const LONGEST: usize = 600;

/// The resources of an application, as Argo CD keeps them.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Value>,
}

impl Tree {
    pub(crate) async fn read(api: &Api, app: &Named<'_>) -> Result<Self> {
        Ok(Self::of(&api::json(api.of(app, &["resource-tree"])).await?))
    }

    fn of(tree: &Value) -> Self {
        Self { nodes: list(tree, "/nodes").to_vec() }
    }

    pub(crate) fn nodes(&self) -> &[Value] {
        &self.nodes
    }

    /// Those that are not well, worst first.
    pub(crate) fn unwell(&self) -> Vec<&Value> {
        let mut found: Vec<&Value> = self.nodes.iter().filter(|node| rank(health(node)) < WELL).collect();
        found.sort_by_key(|node| (rank(health(node)), label(node)));
        found
    }

    /// Those that are why others are not well: no child of theirs is.
    pub(crate) fn causes(&self) -> Vec<&Value> {
        let mut found = self.unwell();
        found.retain(|node| !self.children(node).any(|child| rank(health(child)) < WELL));
        found
    }

    pub(crate) fn pods(&self) -> Vec<&Value> {
        let mut pods: Vec<&Value> = self.nodes.iter().filter(|node| text(node, "/kind") == "Pod").collect();
        pods.sort_by_key(|node| (rank(health(node)), label(node)));
        pods
    }

    fn children<'a>(&'a self, of: &'a Value) -> impl Iterator<Item = &'a Value> {
        let uid = text(of, "/uid");
        self.nodes.iter().filter(move |node| {
            !uid.is_empty() && list(node, "/parentRefs").iter().any(|parent| text(parent, "/uid") == uid)
        })
    }

    /// A resource as it is told: what it is, how it is, whose it is, and what is why.
    pub(crate) fn told(&self, node: &Value) -> Value {
        let mut out =
            json!({ "resource": label(node), "namespace": node.get("namespace"), "health": health(node) });
        let because: Vec<String> = self
            .children(node)
            .filter(|child| rank(health(child)) < WELL)
            .map(|child| format!("{} is {}", label(child), health(child)))
            .take(3)
            .collect();
        if let Some(out) = out.as_object_mut() {
            let message = message(node);
            if !message.is_empty() {
                out.insert("message".into(), message.into());
            }
            if let [parent, ..] = list(node, "/parentRefs") {
                out.insert("parent".into(), label(parent).into());
            }
            if !because.is_empty() {
                out.insert("because".into(), because.into());
            }
        }
        out
    }
}

const WELL: u8 = 5;

fn rank(health: &str) -> u8 {
    match health {
        "Degraded" => 0,
        "Missing" => 1,
        "Unknown" => 2,
        "Progressing" => 3,
        "Suspended" => 4,
        _ => WELL,
    }
}

/// Kinds that have no health at all say nothing, and are well.
pub(crate) fn health(node: &Value) -> &str {
    text(node, "/health/status")
}

pub(crate) fn label(node: &Value) -> String {
    format!("{}/{}", text(node, "/kind"), text(node, "/name"))
}

/// Why, in its own words: of health, or of the columns that Argo CD shows beside a pod.
pub(crate) fn message(node: &Value) -> String {
    let info = |name: &str| list(node, "/info").iter().find(|item| text(item, "/name") == name);
    let reason = info("Status Reason").map(|item| text(item, "/value")).unwrap_or_default();
    let message = text(node, "/health/message");
    let words: Vec<&str> = [reason, message].into_iter().filter(|words| !words.is_empty()).collect();
    shortened(&words.join(": "), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_unwell_because_of_its_child() {
        let node = |kind: &str, uid: &str, parent: &str, health: &str| {
            json!({
                "kind": kind, "name": "x", "uid": uid, "health": { "status": health },
                "parentRefs": [{ "uid": parent, "kind": "Any", "name": "p" }]
            })
        };
        let tree = Tree::of(&json!({ "nodes": [
            node("Deployment", "1", "", "Degraded"), node("ReplicaSet", "2", "1", "Progressing"),
            node("Pod", "3", "2", "Degraded"), node("Pod", "4", "2", "Healthy"), node("ConfigMap", "5", "", ""),
        ] }));
        let labels = |nodes: Vec<&Value>| nodes.into_iter().map(label).collect::<Vec<String>>();
        assert_eq!(labels(tree.unwell()), ["Deployment/x", "Pod/x", "ReplicaSet/x"]);
        assert_eq!(labels(tree.causes()), ["Pod/x"]);
        assert_eq!(tree.told(&tree.nodes()[0])["because"], json!(["ReplicaSet/x is Progressing"]));
    }

    #[test]
    fn a_message_has_its_reason() {
        let pod = json!({
            "info": [{ "name": "Status Reason", "value": "ImagePullBackOff" }], "health": { "message": "no such image" }
        });
        assert_eq!(message(&pod), "ImagePullBackOff: no such image");
    }
}
