//! What the double has: a shop whose checkout was delivered with an image that does not exist, and its neighbours.

use bulkhead_sdk::time::rfc3339;
use double_kit::{Reply, Request};
use serde_json::{Value, json};

const MINUTE: f64 = 60.0;
pub(crate) const REPO: &str = "https://git.example.com/shop/deploy.git";
const CLUSTER: &str = "https://kubernetes.default.svc";

/// Revisions of the checkout, the first of them the latest.
pub(crate) const REVISIONS: [&str; 3] = [
    "cccccccccccccccccccccccccccccccccccccccc",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// An application with all that is answered about it.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) app: Value,
    pub(crate) tree: Value,
    pub(crate) managed: Value,
    pub(crate) windows: Value,
    events: Vec<Value>,
    /// Reads until its operation is done.
    pub(crate) left: u32,
}

struct About<'a> {
    name: &'a str,
    namespace: &'a str,
    health: &'a str,
    sync: &'a str,
}

fn played(about: &About<'_>, now: f64) -> Played {
    let About { name, namespace, health, sync } = about;
    let app = json!({
        "metadata": {
            "name": name, "namespace": namespace, "labels": { "team": "shop" }, "managedFields": [{ "manager": "argocd" }],
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}", "notes": "kept" },
            "creationTimestamp": rfc3339(now - 9000.0 * MINUTE)
        },
        "spec": {
            "project": "shop", "source": { "repoURL": REPO, "path": name, "targetRevision": "main" },
            "destination": { "server": CLUSTER, "namespace": "shop" }
        },
        "status": {
            "health": { "status": health }, "sync": { "status": sync, "revision": REVISIONS[0] },
            "reconciledAt": rfc3339(now - MINUTE), "summary": { "images": [format!("registry.example.com/{name}:1")] },
            "history": [
                { "id": 0, "revision": REVISIONS[2], "deployedAt": rfc3339(now - 3000.0 * MINUTE), "source": { "repoURL": REPO } },
                { "id": 1, "revision": REVISIONS[1], "deployedAt": rfc3339(now - 1500.0 * MINUTE), "source": { "repoURL": REPO }, "initiatedBy": { "automated": true } },
                { "id": 2, "revision": REVISIONS[0], "deployedAt": rfc3339(now - 20.0 * MINUTE), "source": { "repoURL": REPO }, "initiatedBy": { "username": "ada" } },
            ],
            "operationState": {
                "phase": "Succeeded", "message": "successfully synced (all tasks run)", "operation": { "sync": {} },
                "startedAt": rfc3339(now - 20.0 * MINUTE), "finishedAt": rfc3339(now - 19.0 * MINUTE),
                "syncResult": { "revision": REVISIONS[0], "resources": [] }
            }
        }
    });
    let (tree, managed) = (json!({ "nodes": [] }), json!({}));
    Played { app, tree, managed, windows: json!({ "canSync": true }), events: Vec::new(), left: 0 }
}

fn node(kind: &str, name: &str, parent: Option<(&str, &str)>, health: Value) -> Value {
    let uid = |kind: &str, name: &str| format!("{}-{name}", kind.to_lowercase());
    let parents: Vec<Value> = parent
        .map(
            |(kind, name)| json!({ "kind": kind, "name": name, "namespace": "shop", "uid": uid(kind, name) }),
        )
        .into_iter()
        .collect();
    let mut node = json!({
        "kind": kind, "name": name, "namespace": "shop", "version": "v1", "uid": uid(kind, name), "parentRefs": parents
    });
    node["health"] = health;
    node
}

fn well() -> Value {
    json!({ "status": "Healthy" })
}

fn deployment(name: &str, image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "shop" },
        "spec": { "replicas": replicas, "template": { "spec": { "containers": [{ "name": "main", "image": image }] } } }
    })
}

/// A managed resource: what is there and what is wanted.
fn managed(kind: &str, name: &str, live: &Value, target: &Value) -> Value {
    json!({
        "kind": kind, "name": name, "namespace": "shop", "modified": live != target,
        "liveState": live.to_string(), "targetState": target.to_string(),
        "normalizedLiveState": live.to_string(), "predictedLiveState": target.to_string()
    })
}

fn warning(kind: &str, name: &str, reason: &str, message: &str, at: f64) -> Value {
    json!({
        "metadata": { "name": format!("{name}.1") }, "type": "Warning", "reason": reason, "message": message, "count": 7,
        "involvedObject": { "kind": kind, "name": name, "namespace": "shop", "uid": format!("{}-{name}", kind.to_lowercase()) },
        "firstTimestamp": rfc3339(at - MINUTE), "lastTimestamp": rfc3339(at)
    })
}

pub(crate) fn apps(now: f64) -> Vec<Played> {
    vec![web(now), checkout(now), cart(now), billing(now), broken(now)]
}

/// All is well, and kept so by itself.
fn web(now: f64) -> Played {
    let mut web = played(&About { name: "web", namespace: "argocd", health: "Healthy", sync: "Synced" }, now);
    web.app["spec"]["syncPolicy"] = json!({ "automated": { "prune": true, "selfHeal": true } });
    let live = deployment("web", "web:1", 2);
    web.managed = json!({ "items": [managed("Deployment", "web", &live, &live)] });
    web.tree = json!({ "nodes": [node("Deployment", "web", None, well()), node("Pod", "web-1", Some(("Deployment", "web")), well())] });
    web
}

/// Delivered twenty minutes ago with an image that is not there; its last sync failed.
fn checkout(now: f64) -> Played {
    let about = About { name: "checkout", namespace: "argocd", health: "Degraded", sync: "OutOfSync" };
    let mut checkout = played(&about, now);
    let app = &mut checkout.app;
    app["status"]["resources"] = json!([
        { "kind": "Deployment", "group": "apps", "name": "checkout", "namespace": "shop", "status": "OutOfSync" },
        { "kind": "Secret", "name": "checkout", "namespace": "shop", "status": "OutOfSync" },
        { "kind": "Service", "name": "checkout", "namespace": "shop", "status": "Synced" },
    ]);
    app["status"]["conditions"] = json!([
        { "type": "OrphanedResourceWarning", "message": "Application has 1 orphaned resources", "lastTransitionTime": rfc3339(now - 90.0 * MINUTE) },
        { "type": "SyncError", "message": "Failed last sync attempt", "lastTransitionTime": rfc3339(now - 10.0 * MINUTE) },
    ]);
    app["status"]["operationState"] = json!({
        "phase": "Failed", "message": "one or more objects failed to apply", "retryCount": 2,
        "startedAt": rfc3339(now - 11.0 * MINUTE), "finishedAt": rfc3339(now - 10.0 * MINUTE),
        "operation": { "sync": { "revision": REVISIONS[0] }, "initiatedBy": { "username": "ada" } },
        "syncResult": { "revision": REVISIONS[0], "resources": [
            { "kind": "Service", "name": "checkout", "namespace": "shop", "status": "Synced", "message": "service/checkout unchanged" },
            { "kind": "Deployment", "group": "apps", "name": "checkout", "namespace": "shop", "status": "SyncFailed", "message": "spec.replicas: Invalid value: -1" },
        ] }
    });
    let (live, wanted) =
        (deployment("checkout", "checkout:1.9-typo", 2), deployment("checkout", "checkout:1.9", 3));
    let secret = |data: &str| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "checkout" }, "data": { "token": data } });
    checkout.managed = json!({ "items": [
        managed("Deployment", "checkout", &live, &wanted),
        managed("Secret", "checkout", &secret("Y2FuYXJ5LTE="), &secret("Y2FuYXJ5LTI=")),
        managed("ConfigMap", "old", &json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "old" } }), &Value::Null),
    ] });
    let set = ("ReplicaSet", "checkout-7d9");
    let mut pod = node(
        "Pod",
        "checkout-7d9-x",
        Some(set),
        json!({ "status": "Degraded", "message": "Back-off pulling image \"checkout:1.9-typo\"" }),
    );
    pod["info"] = json!([{ "name": "Status Reason", "value": "ImagePullBackOff" }, { "name": "Containers", "value": "0/1" }]);
    checkout.tree = json!({ "nodes": [
        node("Deployment", "checkout", None, json!({ "status": "Degraded", "message": "Deployment \"checkout\" exceeded its progress deadline" })),
        node(set.0, set.1, Some(("Deployment", "checkout")), json!({ "status": "Progressing" })),
        pod,
        node("Pod", "checkout-5c1-y", Some(("ReplicaSet", "checkout-5c1")), well()),
        node("Service", "checkout", None, well()),
        node("ConfigMap", "old", None, json!({})),
    ] });
    checkout.events = vec![
        warning(
            "Application",
            "checkout",
            "OperationCompleted",
            "Sync operation failed",
            now - 10.0 * MINUTE,
        ),
        warning(
            "Pod",
            "checkout-7d9-x",
            "Failed",
            "Failed to pull image \"checkout:1.9-typo\": not found",
            now - 2.0 * MINUTE,
        ),
    ];
    checkout
}

/// Somebody scaled it by hand; a sync window keeps it from being synced.
fn cart(now: f64) -> Played {
    let mut cart =
        played(&About { name: "cart", namespace: "argocd", health: "Healthy", sync: "OutOfSync" }, now);
    cart.app["spec"]["syncPolicy"] = json!({ "automated": {} });
    cart.managed = json!({ "items": [managed("Deployment", "cart", &deployment("cart", "cart:1", 5), &deployment("cart", "cart:1", 2))] });
    let window = json!({ "kind": "deny", "schedule": "0 * * * *", "duration": "2h" });
    cart.windows = json!({ "activeWindows": [window], "assignedWindows": [window] });
    cart.tree = json!({ "nodes": [node("Deployment", "cart", None, well())] });
    cart
}

/// Of another team, in its own namespace, and under way.
fn billing(now: f64) -> Played {
    let about = About { name: "billing", namespace: "team-a", health: "Progressing", sync: "Synced" };
    let mut billing = played(&about, now);
    billing.app["spec"]["project"] = "team-a".into();
    billing.app["status"]["history"] = Value::Array(Vec::new());
    billing.tree = json!({ "nodes": [node("Deployment", "billing", None, json!({ "status": "Progressing", "message": "Waiting for rollout to finish: 1 of 2 updated replicas are available" }))] });
    billing
}

/// A chart that cannot be rendered.
fn broken(now: f64) -> Played {
    let mut broken =
        played(&About { name: "broken", namespace: "argocd", health: "Unknown", sync: "Unknown" }, now);
    broken.app["spec"]["source"] = json!({ "repoURL": "https://user:canary-3@charts.example.com", "chart": "broken", "targetRevision": "1.2.3" });
    broken.app["status"]["conditions"] = json!([{ "type": "ComparisonError", "message": "failed to load target state: helm template failed: nil pointer", "lastTransitionTime": rfc3339(now - 5.0 * MINUTE) }]);
    broken
}

impl Played {
    pub(crate) fn name(&self) -> String {
        let text = |key: &str| self.app["metadata"][key].as_str().unwrap().to_owned();
        format!("{}/{}", text("namespace"), text("name"))
    }

    /// What the controller did with the operation that was noted.
    pub(crate) fn done(&mut self, at: f64) {
        let operation = self.app["operation"].take();
        let sync = &operation["sync"];
        let dry = sync["dryRun"] == true;
        let message =
            if dry { "successfully synced (dry run)" } else { "successfully synced (all tasks run)" };
        let result = |item: &Value| {
            let prunes = item["targetState"] == "null";
            let (status, said) = match (prunes, sync["prune"] == true) {
                (true, true) => ("Pruned", "pruned"),
                (true, false) => ("PruneSkipped", "ignored (requires pruning)"),
                _ => ("Synced", "configured"),
            };
            json!({
                "kind": item["kind"], "name": item["name"], "namespace": "shop", "status": status,
                "message": if dry { format!("{said} (dry run)") } else { said.to_owned() }
            })
        };
        let results: Vec<Value> =
            self.managed["items"].as_array().into_iter().flatten().map(result).collect();
        self.app["status"]["operationState"] = json!({
            "phase": "Succeeded", "message": message, "operation": operation, "startedAt": rfc3339(at), "finishedAt": rfc3339(at + 1.0),
            "syncResult": { "revision": sync["revision"], "resources": results }
        });
        if !dry {
            self.app["status"]["sync"]["status"] = "Synced".into();
            self.app["status"]["health"]["status"] = "Healthy".into();
            self.managed = json!({});
        }
        self.app.as_object_mut().unwrap().remove("operation");
    }

    pub(crate) fn manifests(&self, revision: Option<&str>) -> Reply {
        if revision == Some("nowhere") {
            let why = "unable to resolve 'nowhere' to a commit SHA";
            return Reply::json(500, &json!({ "error": why, "code": 2, "message": why }));
        }
        let wanted =
            |item: &Value| item["targetState"].as_str().filter(|state| *state != "null").map(str::to_owned);
        let manifests: Vec<String> =
            self.managed["items"].as_array().into_iter().flatten().filter_map(wanted).collect();
        let revision = revision.unwrap_or(REVISIONS[0]);
        Reply::json(
            200,
            &json!({ "manifests": manifests, "revision": revision, "sourceType": "Kustomize", "namespace": "shop" }),
        )
    }

    pub(crate) fn events(&self, uid: Option<&str>) -> Value {
        let fits = |event: &&Value| match uid {
            Some(uid) => event["involvedObject"]["uid"] == uid,
            None => event["involvedObject"]["kind"] == "Application",
        };
        json!({ "metadata": {}, "items": self.events.iter().filter(fits).collect::<Vec<&Value>>() })
    }

    /// A line of JSON for each line; the last one says so.
    pub(crate) fn logs(&self, request: &Request) -> Reply {
        if request.param("previous") == Some("true") {
            let error = json!({ "error": { "grpc_code": 3, "http_code": 400, "message": "previous terminated container \"main\" not found", "http_status": "Bad Request" } });
            return Reply::json(200, &error);
        }
        let most: usize = request.param("tailLines").unwrap().parse().unwrap();
        let pod = request.param("podName").unwrap();
        let line = |content: &str, last: bool| {
            json!({ "result": {
                "content": content, "podName": pod, "last": last,
                "timeStamp": "2026-01-31T11:59:00Z", "timeStampStr": "2026-01-31T11:59:00Z"
            } })
            .to_string()
        };
        let said = ["starting", "level=error msg=\"no database\"", "stopping"];
        let kept: Vec<&str> = said
            .into_iter()
            .filter(|line| request.param("filter").is_none_or(|part| line.contains(part)))
            .collect();
        let kept = kept.get(kept.len().saturating_sub(most)..).unwrap_or_default();
        let lines: Vec<String> = kept.iter().map(|text| line(text, false)).chain([line("", true)]).collect();
        Reply::new(200, "application/json", format!("{}\n", lines.join("\n")))
    }
}

pub(crate) fn commit(revision: &str, now: f64) -> Value {
    let message = if revision == REVISIONS[0] { "checkout 1.9\n" } else { "earlier\n" };
    json!({ "author": "Ada <ada@example.com>", "date": rfc3339(now - 30.0 * MINUTE), "message": message })
}

pub(crate) fn projects() -> Vec<Value> {
    let project = |name: &str| {
        json!({
            "metadata": { "name": name },
            "spec": {
                "description": format!("Of {name}."), "sourceRepos": [REPO], "destinations": [{ "server": CLUSTER, "namespace": "*" }],
                "roles": [{ "name": "ci", "jwtTokens": [{ "iat": 1535390316, "id": "canary-4" }] }]
            }
        })
    };
    vec![project("shop"), project("team-a")]
}

pub(crate) fn clusters(now: f64) -> Vec<Value> {
    let cluster = |name: &str, server: &str, state: Value| {
        json!({
            "name": name, "server": server, "serverVersion": "1.36", "connectionState": state,
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "canary-5" },
            "config": { "bearerToken": "canary-6", "tlsClientConfig": { "insecure": false } },
            "info": { "serverVersion": "1.36", "applicationsCount": 4, "connectionState": state, "cacheInfo": { "lastCacheSyncTime": rfc3339(now - MINUTE) } }
        })
    };
    vec![
        cluster("in-cluster", CLUSTER, json!({ "status": "Successful", "message": "" })),
        cluster(
            "west",
            "https://west.example.com",
            json!({ "status": "Failed", "message": "dial tcp: i/o timeout" }),
        ),
    ]
}

pub(crate) fn repositories(now: f64) -> Vec<Value> {
    vec![
        json!({ "repo": REPO, "type": "git", "name": "deploy", "project": "shop", "password": "canary-7", "username": "bot", "connectionState": { "status": "Successful", "attemptedAt": rfc3339(now) } }),
        json!({ "repo": "https://user:canary-8@charts.example.com", "type": "helm", "inheritedCreds": true, "proxy": "http://p:canary-9@proxy:3128", "connectionState": { "status": "Failed", "message": "401 Unauthorized" } }),
    ]
}
