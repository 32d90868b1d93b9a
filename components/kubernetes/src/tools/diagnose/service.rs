//! Services and Ingresses: who is behind them, and why nobody answers.

use bulkhead_sdk::error::tolerated;
use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use super::{Case, rules};
use crate::api::Select;
use crate::events;
use crate::finding::Finding;
use crate::kind::known;
use crate::object::{label, name, number};
use crate::pods;
use crate::selector;

/// A Service: its selector, the pods it finds, their readiness, and the ports.
pub(super) async fn service(case: &mut Case<'_>) {
    let slices = Select::labels(format!("kubernetes.io/service-name={}", name(&case.object)));
    let (api, place, any) = (case.api, case.namespace, Select::default());
    let lists = [("Pod", Select::default()), ("EndpointSlice", slices)];
    let (events, [all, slices]) = join!(events::read(api, place, &any), case.gather(lists));
    case.take_events(events);
    let object = case.label();
    let selector = case.object.pointer("/spec/selector").cloned().unwrap_or_default();
    let ready = ready_addresses(&slices);
    case.facts.insert("ready_endpoints".into(), ready.into());
    case.state = format!("{ready} ready endpoints");
    if text(&case.object, "/spec/type") == "ExternalName" {
        case.state = format!("an alias of {}", text(&case.object, "/spec/externalName"));
        return keep_events(case);
    }
    let Some(query) = selector::query(&selector) else {
        let finding = Finding::info(
            &object,
            "has no selector: its endpoints are made by hand or by another controller",
        );
        case.findings.push(if ready == 0 {
            Finding { severity: crate::finding::Severity::Critical, ..finding }
        } else {
            finding
        });
        return keep_events(case);
    };
    case.facts.insert("selector".into(), query.clone().into());
    let (own, others): (Vec<Value>, Vec<Value>) =
        all.into_iter().partition(|pod| selector::matches(&selector, pod));
    let pods_known = !case.missing.iter().any(|what| what.starts_with("Pod:"));
    if own.is_empty() && pods_known {
        let near = others
            .iter()
            .max_by_key(|pod| nearness(&selector, pod))
            .filter(|pod| nearness(&selector, pod) > 0);
        let near = near.map(|pod| {
            format!(
                "nearest: {} has {}",
                label("Pod", pod),
                rules::pairs(pod.pointer("/metadata/labels").and_then(Value::as_object))
            )
        });
        case.findings.push(
            Finding::critical(&object, "selects no pod: nobody is behind it")
                .because(format!("selector {query}"))
                .because(near.unwrap_or_else(|| {
                    format!("none of the {} pods of the namespace has any of these labels", others.len())
                }))
                .next("mend the selector or the labels of the pods; or the workload is scaled to zero"),
        );
    }
    case.findings.extend(ports(&object, &case.object, &own));
    let healthy = own.iter().filter(|pod| pods::is_ready(pod)).count();
    case.facts.insert("pods_selected".into(), own.len().into());
    if !own.is_empty() && healthy == 0 {
        case.findings.push(
            Finding::critical(&object, "has no ready endpoint: none of its pods is ready")
                .because(format!("{} pods selected, 0 ready", own.len()))
                .next("the findings about its pods say why"),
        );
    } else if healthy > 0 && ready == 0 && !case.missing.iter().any(|what| what.starts_with("EndpointSlice"))
    {
        case.findings.push(
            Finding::critical(&object, "has ready pods but no ready endpoint")
                .because(format!("{healthy} pods are ready, and its EndpointSlices have no ready address"))
                .next("a named target port that no pod has, or the controller that makes endpoints does not work"),
        );
    }
    case.pods = own;
    keep_events(case);
    case.look_at_pods().await;
    if text(&case.object, "/spec/type") == "LoadBalancer"
        && list(&case.object, "/status/loadBalancer/ingress").is_empty()
    {
        let about = case.events.iter().filter(|event| event.is_about("Service", name(&case.object))).take(2);
        let finding =
            Finding::warning(&object, "waits for its load balancer: it has no address outside the cluster")
                .because_all(about.map(|event| event.line(case.now)))
                .next("the cloud controller makes it; its events say what it lacks");
        case.findings.push(finding);
    }
}

fn ready_addresses(slices: &[Value]) -> usize {
    // Not said is ready, as the API has it.
    let ready = |endpoint: &&Value| endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false));
    let of = |slice: &Value| {
        let endpoints = list(slice, "/endpoints").iter().filter(ready);
        endpoints.map(|endpoint| list(endpoint, "/addresses").len()).sum::<usize>()
    };
    slices.iter().map(of).sum()
}

/// How near the labels of a pod come to a selector: a label that is the same counts twice, one of a similar value once.
fn nearness(selector: &Value, pod: &Value) -> usize {
    let labels = pod.pointer("/metadata/labels");
    let near = |(name, wanted): (&String, &Value)| {
        let (wanted, found) = (wanted.as_str()?, labels?.get(name)?.as_str()?);
        let similar =
            !wanted.is_empty() && !found.is_empty() && (found.contains(wanted) || wanted.contains(found));
        Some(if found == wanted { 2 } else { usize::from(similar) })
    };
    selector.as_object().into_iter().flatten().filter_map(near).sum()
}

/// Target ports that no pod listens on, as far as pods say.
fn ports(object: &str, service: &Value, pods: &[Value]) -> Vec<Finding> {
    let Some(pod) = pods.first() else { return Vec::new() };
    let said: Vec<&Value> =
        list(pod, "/spec/containers").iter().flat_map(|container| list(container, "/ports")).collect();
    let lacks = |port: &&Value| match port.get("targetPort") {
        Some(Value::String(wanted)) => !said.iter().any(|port| text(port, "/name") == wanted),
        // A number works without being declared, so that only a contradiction tells something.
        Some(Value::Number(wanted)) => {
            !said.is_empty()
                && !said.iter().any(|port| Some(number(port, "/containerPort")) == wanted.as_i64())
        }
        _ => false,
    };
    list(service, "/spec/ports")
        .iter()
        .filter(lacks)
        .map(|port| {
            let target = port.get("targetPort").cloned().unwrap_or_default();
            let named = target.is_string();
            let declared: Vec<String> = said
                .iter()
                .map(|port| {
                    format!("{} {}", text(port, "/name"), number(port, "/containerPort")).trim().to_owned()
                })
                .collect();
            let problem =
                format!("sends port {} to {target}, which its pods do not declare", number(port, "/port"));
            let finding =
                if named { Finding::critical(object, problem) } else { Finding::warning(object, problem) };
            finding
                .because(format!(
                    "pods declare: {}",
                    if declared.is_empty() { "nothing".to_owned() } else { declared.join(", ") }
                ))
                .next("set targetPort to the port that the container listens on")
        })
        .collect()
}

/// Events of the namespace that are about the object and its pods.
fn keep_events(case: &mut Case<'_>) {
    let (kind, own) = (&case.kind.kind, name(&case.object));
    let about = |event: &&events::Event| {
        event.is_about(kind, own) || case.pods.iter().any(|pod| event.is_about("Pod", name(pod)))
    };
    let kept = case.events.iter().filter(about).cloned().collect();
    case.events = kept;
}

/// An Ingress: whether the Services it names are there and have somebody behind them.
pub(super) async fn ingress(case: &mut Case<'_>) {
    let about = events::about("Ingress", &case.object);
    let (api, place) = (case.api, case.namespace);
    let lists = [("Service", Select::default()), ("EndpointSlice", Select::default())];
    // Names alone: nobody needs the keys.
    let secrets = api.names(known("Secret").at(place));
    let (events, secrets, [services, slices]) =
        join!(events::read(api, place, &about), secrets, case.gather(lists));
    let know_secrets = secrets.is_ok();
    let secrets = tolerated("Secret", secrets, &mut case.missing);
    case.take_events(events);
    let object = case.label();
    let unread = |kind: &str| case.missing.iter().any(|what| what.starts_with(kind));
    let (know_services, know_slices) = (!unread("Service:"), !unread("EndpointSlice"));
    let backends = backends(&case.object);
    for backend in backends.iter().filter(|_| know_services) {
        let Some(service) = services.iter().find(|service| name(service) == *backend) else {
            case.findings.push(
                Finding::critical(&object, format!("sends to Service {backend}, which is not there"))
                    .next("create the Service or mend the backend"),
            );
            continue;
        };
        let own: Vec<Value> = slices
            .iter()
            .filter(|slice| text(slice, "/metadata/labels/kubernetes.io~1service-name") == *backend)
            .cloned()
            .collect();
        if know_slices && ready_addresses(&own) == 0 && text(service, "/spec/type") != "ExternalName" {
            case.findings.push(
                Finding::critical(
                    &object,
                    format!("sends to Service {backend}, which has no ready endpoint"),
                )
                .next(format!("`diagnose` of the Service {backend} says why")),
            );
        }
    }
    for secret in list(&case.object, "/spec/tls").iter().map(|tls| text(tls, "/secretName")) {
        if know_secrets && !secret.is_empty() && !secrets.iter().any(|known| known == secret) {
            case.findings.push(
                Finding::warning(&object, format!("uses the TLS secret {secret}, which is not there"))
                    .next("create it, or see why its issuer did not"),
            );
        }
    }
    if list(&case.object, "/status/loadBalancer/ingress").is_empty() {
        case.findings.push(
            Finding::warning(&object, "has no address: no controller serves it")
                .because(format!("ingress class {}", text(&case.object, "/spec/ingressClassName")))
                .next("see whether that class exists and its controller runs (`list` of ingressclasses)"),
        );
    }
    case.state = format!("sends to {}", backends.join(", "));
    case.facts.insert("backends".into(), backends.iter().map(|backend| Value::from(*backend)).collect());
}

/// The Services that an Ingress names.
fn backends(ingress: &Value) -> Vec<&str> {
    let default = ingress.pointer("/spec/defaultBackend");
    let paths = list(ingress, "/spec/rules").iter().flat_map(|rule| list(rule, "/http/paths"));
    let mut names: Vec<&str> = paths
        .filter_map(|path| path.get("backend"))
        .chain(default)
        .map(|backend| text(backend, "/service/name"))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
