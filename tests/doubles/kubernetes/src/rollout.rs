//! What controllers and kubelets do after a write, at once and always well: revisions, pods, and the status that says so.
//! What the seed or a test planted stays as it is until its spec is changed through the API.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cluster::State;
use crate::kinds::{Kind, named};
use crate::store::Key;
use crate::{clock, followers};

const REVISION: &str = "deployment.kubernetes.io/revision";

/// After an object was made, or its spec changed.
pub fn after(state: &mut State, kind: &Kind, key: &Key) {
    let Some(object) = state.store.get(key).filter(|_| !state.held) else { return };
    let mut object = (*object).clone();
    match kind.kind {
        "Deployment" => deployment(state, &mut object),
        "ReplicaSet" => replica_set(state, &mut object),
        "StatefulSet" | "DaemonSet" => numbered(state, kind, &mut object),
        "Job" => job(state, &mut object),
        "Node" => return cordoned(state, key, object),
        _ => return,
    }
    if kind.kind != "Job" {
        object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
    }
    state.store.put(key.clone(), object);
    followers::endpoints(state, &key.1);
    followers::budgets(state, &key.1);
}

/// A job that is made begins, and does not end.
fn job(state: &mut State, object: &mut Value) {
    if object["spec"]["suspend"] == true || object["status"]["startTime"].is_string() {
        return;
    }
    let (name, uid) = (text(&object["metadata"]["name"]), state.store.uid());
    let labels = json!({ "job-name": name, "batch.kubernetes.io/job-name": name });
    pod(state, object, &format!("{name}-{}", &uid[uid.len() - 5..]), &labels);
    object["status"] = json!({
        "active": 1, "ready": 1, "startTime": clock::rfc3339(state.now), "uncountedTerminatedPods": {},
    });
}

/// A node that takes no more pods is tainted.
fn cordoned(state: &mut State, key: &Key, mut node: Value) {
    const TAINT: &str = "node.kubernetes.io/unschedulable";
    let mut taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    taints.retain(|taint| taint["key"] != TAINT);
    if node["spec"]["unschedulable"] == true {
        taints.push(json!({ "key": TAINT, "effect": "NoSchedule", "timeAdded": clock::rfc3339(state.now) }));
    }
    match node["spec"].as_object_mut() {
        Some(spec) if taints.is_empty() => spec.remove("taints"),
        Some(spec) => spec.insert("taints".to_owned(), taints.into()),
        None => None,
    };
    state.store.put(key.clone(), node);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The objects of a kind that another one controls.
fn owned(state: &State, kind: &str, owner: &Value) -> Vec<Arc<Value>> {
    let of = |object: &&Arc<Value>| {
        let owners = object["metadata"]["ownerReferences"].as_array();
        owners.is_some_and(|all| all.iter().any(|one| one["uid"] == owner["metadata"]["uid"]))
    };
    let namespace = text(&owner["metadata"]["namespace"]);
    let all = state.store.within(&named(kind).unwrap().storage(), &namespace);
    all.iter().filter(of).cloned().collect()
}

fn owner(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!([{
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": metadata["name"], "uid": metadata["uid"],
        "controller": true, "blockOwnerDeletion": true,
    }])
}

/// Ten letters that no other template has.
fn hash(state: &mut State) -> String {
    let uid = state.store.uid().replace('-', "");
    format!("{}{}", &uid[..6], &uid[uid.len() - 4..])
}

fn revision_of(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn deployment(state: &mut State, object: &mut Value) {
    if object["spec"]["paused"] == true {
        return;
    }
    let mut sets = owned(state, "ReplicaSet", object);
    sets.sort_by_key(|set| revision_of(set));
    let last = sets.last().map_or(0, |set| revision_of(set));
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let current =
        sets.iter().rposition(|set| unhashed(&set["spec"]["template"]) == object["spec"]["template"]);
    let mut new = match current {
        Some(place) => (*sets.remove(place)).clone(),
        None => new_set(state, object),
    };
    // An old template that comes back is the latest revision.
    let revision = if revision_of(&new) == last && last > 0 { last } else { last + 1 };
    for set in sets.iter().filter(|set| set["spec"]["replicas"] != 0) {
        let mut set = (**set).clone();
        set["spec"]["replicas"] = 0.into();
        replica_set(state, &mut set);
        state.plant(set);
    }
    new["spec"]["replicas"] = replicas.into();
    new["metadata"]["annotations"][REVISION] = revision.to_string().into();
    replica_set(state, &mut new);
    let name = text(&new["metadata"]["name"]);
    state.plant(new);
    object["metadata"]["annotations"][REVISION] = revision.to_string().into();
    object["status"] =
        counts(replicas, &["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]);
    object["status"]["conditions"] = conditions(state, &name);
}

/// A template as the deployment has it.
fn unhashed(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove("pod-template-hash");
    }
    template
}

fn new_set(state: &mut State, object: &Value) -> Value {
    let hash = hash(state);
    let metadata = &object["metadata"];
    let mut template = object["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = hash.clone().into();
    let mut selector = object["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = hash.clone().into();
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", text(&metadata["name"])), "namespace": metadata["namespace"],
            "uid": state.store.uid(), "creationTimestamp": clock::rfc3339(state.now),
            "labels": template["metadata"]["labels"], "annotations": {}, "ownerReferences": owner(object),
        },
        "spec": { "replicas": 0, "selector": selector, "template": template },
        "status": { "replicas": 0 },
    })
}

fn conditions(state: &State, set: &str) -> Value {
    let time = clock::rfc3339(state.now);
    let condition = |kind: &str, reason: &str, message: String| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message, "lastUpdateTime": time,
            "lastTransitionTime": time,
        })
    };
    json!([
        condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned()),
        condition(
            "Progressing",
            "NewReplicaSetAvailable",
            format!("ReplicaSet \"{set}\" has successfully progressed.")
        ),
    ])
}

/// As the server does, a count of none is left out, but for the first.
fn counts(replicas: i64, fields: &[&str]) -> Value {
    let mut status = json!({});
    for field in fields.iter().take(if replicas == 0 { 1 } else { fields.len() }) {
        status[*field] = replicas.into();
    }
    status
}

fn replica_set(state: &mut State, set: &mut Value) {
    let wanted = set["spec"]["replicas"].as_i64().unwrap_or(1);
    let count = usize::try_from(wanted).unwrap_or(0);
    let pods = owned(state, "Pod", set);
    for pod in pods.iter().skip(count) {
        remove(state, pod);
    }
    for _ in pods.len()..count {
        let uid = state.store.uid();
        let name = format!("{}-{}", text(&set["metadata"]["name"]), &uid[uid.len() - 5..]);
        pod(state, set, &name, &json!({}));
    }
    set["status"] =
        counts(wanted, &["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"]);
    set["status"]["observedGeneration"] = set["metadata"]["generation"].as_i64().unwrap_or(1).into();
}

fn remove(state: &mut State, pod: &Value) {
    let key = (
        named("Pod").unwrap().storage(),
        text(&pod["metadata"]["namespace"]),
        text(&pod["metadata"]["name"]),
    );
    state.store.remove(&key);
}

/// A pod of a workload, that runs.
fn pod(state: &mut State, of: &Value, name: &str, labels: &Value) {
    let nodes = state.store.all("nodes");
    let open: Vec<&Value> = nodes
        .iter()
        .filter(|node| node["spec"]["unschedulable"] != true)
        .map(|node| &node["metadata"]["name"])
        .collect();
    let turn = usize::try_from(state.store.revision()).unwrap_or(0);
    let node = open.get(turn % open.len().max(1)).map_or(Value::Null, |node| (*node).clone());
    let time = clock::rfc3339(state.now);
    let template = &of["spec"]["template"];
    let mut metadata = json!({
        "name": name, "namespace": of["metadata"]["namespace"], "ownerReferences": owner(of),
        "creationTimestamp": time, "labels": template["metadata"]["labels"],
    });
    for (key, value) in labels.as_object().into_iter().flatten() {
        metadata["labels"][key] = value.clone();
    }
    if template["metadata"]["annotations"].is_object() {
        metadata["annotations"] = template["metadata"]["annotations"].clone();
    }
    let mut spec = template["spec"].clone();
    spec["nodeName"] = node;
    let status = |container: &Value| {
        json!({
            "name": container["name"], "image": container["image"], "imageID": container["image"], "ready": true,
            "started": true, "restartCount": 0, "state": { "running": { "startedAt": time } }, "lastState": {},
        })
    };
    let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastTransitionTime": time });
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition);
    let ip = format!("10.244.2.{}", turn % 200 + 20);
    let status = json!({
        "phase": "Running", "qosClass": "Burstable", "startTime": time, "podIP": ip, "podIPs": [{ "ip": ip }],
        "conditions": conditions,
        "containerStatuses": spec["containers"].as_array().into_iter().flatten().map(status).collect::<Value>(),
    });
    state.plant(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status,
    }));
}

/// Sets whose pods keep their names, and whose revisions are objects.
fn numbered(state: &mut State, kind: &Kind, object: &mut Value) {
    let name = text(&object["metadata"]["name"]);
    let (revision, changed) = remembered(state, object);
    let stateful = kind.kind == "StatefulSet";
    let wanted: Vec<String> = match stateful {
        true => (0..object["spec"]["replicas"].as_i64().unwrap_or(1))
            .map(|place| format!("{name}-{place}"))
            .collect(),
        false => {
            let nodes = state.store.all("nodes");
            nodes.iter().map(|node| format!("{name}-{}", text(&node["metadata"]["name"]))).collect()
        }
    };
    for pod in owned(state, "Pod", object) {
        if changed || !wanted.contains(&text(&pod["metadata"]["name"])) {
            remove(state, &pod);
        }
    }
    let there: Vec<String> =
        owned(state, "Pod", object).iter().map(|pod| text(&pod["metadata"]["name"])).collect();
    let hash = if stateful { revision.clone() } else { revision.replace(&format!("{name}-"), "") };
    for missing in wanted.iter().filter(|one| !there.contains(one)) {
        pod(state, object, missing, &json!({ "controller-revision-hash": hash }));
    }
    let count = i64::try_from(wanted.len()).unwrap_or_default();
    object["status"] = match stateful {
        true => json!({
            "replicas": count, "readyReplicas": count, "currentReplicas": count, "updatedReplicas": count,
            "availableReplicas": count, "currentRevision": revision, "updateRevision": revision, "collisionCount": 0,
        }),
        false => json!({
            "currentNumberScheduled": count, "desiredNumberScheduled": count, "updatedNumberScheduled": count,
            "numberAvailable": count, "numberReady": count, "numberMisscheduled": 0,
        }),
    };
}

/// The revision of a set's template, by name, and whether it is another than before.
fn remembered(state: &mut State, object: &Value) -> (String, bool) {
    let mut all = owned(state, "ControllerRevision", object);
    let number = |revision: &Value| revision["revision"].as_i64().unwrap_or_default();
    all.sort_by_key(|revision| number(revision));
    let last = all.last().map_or(0, |revision| number(revision));
    let mut template = object["spec"]["template"].clone();
    template["$patch"] = "replace".into();
    let data = json!({ "spec": { "template": template } });
    let mut revision = match all.iter().rposition(|known| known["data"] == data) {
        Some(place) if number(&all[place]) == last => return (text(&all[place]["metadata"]["name"]), false),
        Some(place) => (*all[place]).clone(),
        None => json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision", "data": data,
            "metadata": {
                "name": format!("{}-{}", text(&object["metadata"]["name"]), hash(state)),
                "namespace": object["metadata"]["namespace"], "ownerReferences": owner(object),
                "labels": object["spec"]["selector"]["matchLabels"], "creationTimestamp": clock::rfc3339(state.now),
            },
        }),
    };
    revision["revision"] = (last + 1).into();
    let name = text(&revision["metadata"]["name"]);
    state.plant(revision);
    (name, true)
}
