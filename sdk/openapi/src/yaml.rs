//! Owns reading YAML: aliases may not multiply, and what a scalar is follows YAML 1.2's core schema.

use serde_json::Value;

use crate::limits::Limits;

/// Reads one YAML document.
///
/// # Errors
/// It is none, or larger than the limits once its aliases are expanded; says where.
pub(crate) fn read(text: &str, limits: &Limits) -> Result<Value, String> {
    let budget = serde_saphyr::budget! {
        max_nodes: limits.nodes,
        // A mapping has an event at each end beside its node.
        max_events: limits.nodes.saturating_mul(2),
        max_depth: limits.depth,
        max_documents: 1,
        // One anchor may be used often; what counts is what is replayed.
        enforce_alias_anchor_ratio: false,
        max_recorded_anchor_events: limits.nodes,
        max_total_scalar_bytes: limits.bytes.saturating_mul(2),
        // Keys such as long paths, and quoted ones.
        simple_key_max_lookahead: 4096,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: limits.nodes / 4 },
        // `on` and `no` are words, as in JSON they would be.
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}
