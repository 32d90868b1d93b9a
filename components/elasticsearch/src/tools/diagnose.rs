//! `diagnose`: what is wrong with the cluster, in one call.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::put;

use crate::Elasticsearch;
use crate::diagnosis;

#[derive(Debug, JsonSchema, Serialize)]
struct Diagnosis {
    findings: Vec<Value>,
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads(
            "diagnose",
            "Diagnose",
            "Why the cluster is red, yellow, slow or refuses writes: findings with evidence and next step, worst first.",
            diagnose,
        )
        .output::<Diagnosis>(),
    )
}

async fn diagnose(service: &Elasticsearch, _: NoArgs, _: &Call) -> Result<Output> {
    let facts = diagnosis::gather(&service.api).await?;
    let findings = facts.findings();
    let verdict = findings.first().map_or(json!("ok"), |worst| json!(worst.severity));
    let health = &facts.health;
    let mut out = json!({
        "verdict": verdict,
        "status": health["status"],
        "cluster": health["cluster_name"],
        "nodes": health["number_of_nodes"],
        "active_shards_percent": health["active_shards_percent_as_number"],
        "findings": findings,
    });
    if !facts.unknown.is_empty() {
        put(&mut out, "not_checked", facts.unknown);
    }
    Ok(Output::json(&out))
}
