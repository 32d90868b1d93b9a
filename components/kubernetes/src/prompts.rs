//! Prompts: how an experienced operator goes about it, step by step. A tool is named as `{tool:…}`; the host puts in the name
//! that the caller knows, and leaves out the line of a tool that the caller may not use.

use bulkhead_sdk::prelude::*;

use crate::Kubernetes;
use crate::completions::{names, namespaces, services, workload_kinds};

#[derive(Deserialize, JsonSchema)]
struct Workload {
    /// `deployment`, `statefulset`, `pod` and so on.
    kind: String,
    /// Its name.
    name: String,
    /// Its namespace; the configured one if left out.
    namespace: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Change {
    /// What is to be changed, in your words.
    change: String,
    /// Where; the configured namespace if left out.
    namespace: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Connectivity {
    /// The Service that does not answer.
    service: String,
    /// Its namespace; the configured one if left out.
    namespace: Option<String>,
    /// Who calls it, if known: a pod or workload.
    from: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct RootCause {
    /// What is seen: an alert, an error, a complaint.
    symptom: String,
    /// Where, if known.
    namespace: Option<String>,
    /// Since when, such as `-1h`.
    since: Option<String>,
}

pub(crate) fn all() -> Prompts<Kubernetes> {
    Prompts::new()
        .add(
            Prompt::new(
                "workload_diagnosis",
                "Finds out why a workload or pod is not well.",
                workload_diagnosis,
            )
            .title("Diagnose a workload")
            .complete("kind", workload_kinds)
            .complete("name", names)
            .complete("namespace", namespaces),
        )
        .add(
            Prompt::new(
                "rollout_recovery",
                "Brings a rollout that went wrong back to health.",
                rollout_recovery,
            )
            .title("Recover a rollout")
            .complete("kind", workload_kinds)
            .complete("name", names)
            .complete("namespace", namespaces),
        )
        .add(
            Prompt::new(
                "safe_change",
                "Makes a change the careful way: tried, agreed, done, verified.",
                safe_change,
            )
            .title("Change something safely")
            .complete("namespace", namespaces),
        )
        .add(
            Prompt::new(
                "service_connectivity",
                "Finds out why a Service does not answer.",
                service_connectivity,
            )
            .title("Why does a Service not answer")
            .complete("service", services)
            .complete("namespace", namespaces),
        )
        .add(
            Prompt::new(
                "root_cause",
                "Looks for the cause across cluster, metrics, logs and traces.",
                root_cause,
            )
            .title("Find the root cause")
            .complete("namespace", namespaces),
        )
}

/// ` in namespace shop`, or nothing.
fn place(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default()
}

async fn workload_diagnosis(_: &Kubernetes, args: Workload, _: &Call) -> Result<Messages> {
    let Workload { kind, name, namespace } = args;
    let place = place(namespace.as_deref());
    Ok(Messages::user(format!(
        "Find out why {kind}/{name}{place} is not well. Read only; change nothing.\n\n\
         1. {{tool:diagnose}} of {kind} {name}: take its findings as the first theory, and their evidence as the proof.\n\
         2. {{tool:logs}} of the containers that crash or are not ready, with `previous` where they restarted, and `grep` for error.\n\
         3. {{tool:events}} about it and its pods, if the findings leave the order of things open.\n\
         4. {{tool:get}} of the workload: its revisions. Did the trouble begin with the newest?\n\
         5. {{tool:top}} of its pods, if memory, CPU or throttling may be the cause.\n\
         6. {{tool:diagnose}} of what it depends on: its node, its volume claims, the Services it calls.\n\n\
         Then say: what is wrong, the evidence for it (quote it), what you ruled out, how sure you are, and the smallest \
         change that would mend it. If the evidence does not reach, say what is missing instead of guessing."
    ))
    .description(format!("Diagnosis of {kind}/{name}")))
}

async fn rollout_recovery(_: &Kubernetes, args: Workload, _: &Call) -> Result<Messages> {
    let Workload { kind, name, namespace } = args;
    let place = place(namespace.as_deref());
    Ok(Messages::user(format!(
        "The rollout of {kind}/{name}{place} went wrong. Bring it back to health.\n\n\
         1. {{tool:get}} of {kind} {name}: how far is the rollout, and which images do the newest revision and the one before have?\n\
         2. {{tool:diagnose}} of {kind} {name}: why are the new pods not well?\n\
         3. {{tool:logs}} of a new pod, with `previous`, for its last words.\n\
         4. Decide: go on (it only needs time), mend forward (a small, sure correction), or go back. Going back is right when \
         the new revision never worked and the old one did. Beware of what does not go back with it: data migrations, \
         ConfigMaps, custom resources.\n\
         5. {{tool:rollout}} with action undo and dry_run true: show me what it would change, and wait for my word.\n\
         6. {{tool:rollout}} with dry_run false, once I agreed.\n\
         7. {{tool:wait}} with condition rollout, and {{tool:diagnose}} once more: is it well now?\n\n\
         Close with what happened, what was done, and what has to be mended before the next try."
    ))
    .description(format!("Recovery of the rollout of {kind}/{name}")))
}

async fn safe_change(_: &Kubernetes, args: Change, _: &Call) -> Result<Messages> {
    let Change { change, namespace } = args;
    let place = place(namespace.as_deref());
    Ok(Messages::user(format!(
        "Make this change{place}, carefully:\n\n{change}\n\n\
         1. {{tool:get}} what is live, and {{tool:diagnose}} it: do not change what is already in trouble without saying so.\n\
         2. {{tool:can_i}}: is the change allowed at all?\n\
         3. Try it with dry_run true (the default): {{tool:apply}} for whole manifests, with the fields you mean and no others.\n\
         4. Or, with dry_run true: {{tool:patch}} for single fields.\n\
         5. Or, with dry_run true: {{tool:scale}} for the number of replicas.\n\
         6. Show me the differences, what they will cause (restarts, lost capacity, lost data), and how to undo them. Wait for my word.\n\
         7. The same call with dry_run false, and nothing beside it.\n\
         8. {{tool:wait}} until it has settled.\n\
         9. {{tool:diagnose}} it again, and {{tool:events}} since the change: is it well, and is what depends on it?\n\n\
         If anything is not as expected, stop, say so, and offer to undo it."
    ))
    .description("A change: tried, agreed, done, verified"))
}

async fn service_connectivity(_: &Kubernetes, args: Connectivity, _: &Call) -> Result<Messages> {
    let Connectivity { service, namespace, from } = args;
    let place = place(namespace.as_deref());
    let from = from.map(|from| format!(" when {from} calls it")).unwrap_or_default();
    Ok(Messages::user(format!(
        "Service {service}{place} does not answer{from}. Find out where the way breaks, from the caller to the container.\n\n\
         1. {{tool:diagnose}} of svc {service}: does its selector find pods, are they ready, do the ports match?\n\
         2. {{tool:list}} of networkpolicies in both namespaces: does one select these pods without letting the caller in, or the \
         caller without letting it out (and to DNS)?\n\
         3. {{tool:diagnose}} of the ingress that leads there, if the call comes from outside.\n\
         4. {{tool:logs}} of the pods behind it: do the requests arrive, and how are they answered?\n\
         5. {{tool:logs}} of the caller: a name that is not found, a refused connection, and a timeout are three different troubles.\n\
         6. {{tool:list}} of pods in kube-system with labels k8s-app=kube-dns, if names are not found.\n\n\
         Name the first link that is broken, with the evidence, and what would mend it. A refused connection speaks for ports or \
         no listener, a timeout for policies or the network, an HTTP error for the application."
    ))
    .description(format!("The way to Service {service}")))
}

async fn root_cause(_: &Kubernetes, args: RootCause, _: &Call) -> Result<Messages> {
    let RootCause { symptom, namespace, since } = args;
    let place = place(namespace.as_deref());
    let since = since.unwrap_or_else(|| "-1h".to_owned());
    Ok(Messages::user(format!(
        "Find the root cause of this{place}, since {since}:\n\n{symptom}\n\n\
         Widen first, then narrow; write down the time of everything you find, because the cause comes before its effects.\n\n\
         1. {{tool:unhealthy}}: what in the cluster is not well?\n\
         2. {{tool:alertmanager/triage}}: which alerts fire together, and which was the first?\n\
         3. {{tool:prometheus/alerts}}: which are pending or firing, and since when?\n\
         4. {{tool:grafana/what_changed}}: what was changed around that time?\n\
         5. {{tool:grafana/annotations}}: deployments and incidents that people noted.\n\
         6. {{tool:events}} since {since}: scaling, evictions, failed probes, new revisions.\n\
         7. {{tool:get}} of the suspects: is their newest revision as young as the trouble?\n\
         8. {{tool:prometheus/query_range}}: rate, errors, latency and saturation of the suspects over that time; which bent first?\n\
         9. {{tool:loki/error_spikes}}: whose errors rose, and when?\n\
         10. {{tool:loki/query}}: the first of these errors, in full.\n\
         11. {{tool:elasticsearch/search}}: the same, where logs are there.\n\
         12. {{tool:jaeger/find_traces}}: slow or failed requests of that time; which call in them fails first?\n\
         13. {{tool:jaeger/diagnose}} of the service that fails there.\n\
         14. {{tool:elasticsearch/diagnose}}, if the store itself is a suspect.\n\
         15. {{tool:diagnose}} of the first that went wrong.\n\
         16. {{tool:logs}} of it, around that time.\n\n\
         Then write: the time line, the root cause with its evidence, what it led to, what you ruled out and by what, how sure \
         you are, and the smallest change that mends it. Change nothing yet."
    ))
    .description("A root cause, across everything there is to ask"))
}
