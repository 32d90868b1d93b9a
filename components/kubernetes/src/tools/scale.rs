//! `scale`: how many replicas a workload shall have, tried before it is done.

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use super::{Object, say_dry, tried};
use crate::Kubernetes;
use crate::api::{Patching, Select};
use crate::kind::{self, known};
use crate::object::{name, number};

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Scale {
    /// `deploy`, `sts` and so on.
    kind: String,
    /// Its name.
    name: String,
    /// Default: configured.
    namespace: Option<String>,
    /// How many.
    #[schemars(range(min = 0, max = 10000))]
    replicas: u32,
    /// Default true.
    dry_run: Option<bool>,
}

returns!(Scaled { from: "integer", to: "integer" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::writes(
            "scale",
            "Scale",
            "Sets the number of replicas; says if an autoscaler will set it back.",
            scale,
        )
        .destructive()
        .idempotent()
        .output::<Scaled>(),
    )
}

async fn scale(service: &Kubernetes, args: Scale, _: &Call) -> Result<Output> {
    let dry_run = tried(args.dry_run);
    let (api, namespace) = (&service.api, service.api.one(args.namespace.as_deref())?);
    let kind = kind::resolve(api, &args.kind).await?;
    if kind.group.is_empty() || ["DaemonSet", "Job", "CronJob"].contains(&&*kind.kind) {
        return Err(Error::invalid(
            "kind",
            format!("a {} cannot be scaled: name a Deployment, StatefulSet or ReplicaSet", kind.kind),
        ));
    }
    let at = kind.at(Some(namespace)).named(&args.name).sub("scale");
    let (live, autoscalers) = join!(
        api.get(at.clone()),
        api.all(known("HorizontalPodAutoscaler").at(Some(namespace)), &Select::default())
    );
    let live = live?;
    let from = number(&live, "/spec/replicas");
    let mut body = json!({ "spec": { "replicas": args.replicas } });
    // Refused if someone else scales in between.
    let version = text(&live, "/metadata/resourceVersion");
    if let (Some(body), false) = (body.as_object_mut(), version.is_empty()) {
        body.insert("metadata".into(), json!({ "resourceVersion": version }));
    }
    let after = api.patch(at, Patching::Merge, &body, dry_run, "replicas").await?;
    let mut out = Object::new();
    out.insert("object".into(), format!("{}/{}", kind.kind, args.name).into());
    out.insert("from".into(), from.into());
    out.insert("to".into(), number(&after, "/spec/replicas").into());
    let own = |hpa: &&Value| {
        text(hpa, "/spec/scaleTargetRef/kind") == kind.kind
            && text(hpa, "/spec/scaleTargetRef/name") == args.name
    };
    match autoscalers {
        Ok(all) => {
            if let Some(hpa) = all.items.iter().find(own) {
                let (least, most) =
                    (number(hpa, "/spec/minReplicas").max(1), number(hpa, "/spec/maxReplicas"));
                let warning = format!(
                    "the autoscaler {} keeps it between {least} and {most} and will set it again: change its bounds instead",
                    name(hpa)
                );
                out.insert("warning".into(), warning.into());
            }
        }
        Err(error) => {
            drop(out.insert("warning".into(), format!("autoscalers were not looked at: {error}").into()))
        }
    }
    say_dry(&mut out, dry_run);
    Ok(Output::json(&out))
}
