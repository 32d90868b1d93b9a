//! Resources: the mapping of an index as it was written, which is longer than a tool should answer.

use bulkhead_sdk::prelude::*;

use crate::Elasticsearch;
use crate::api::index_name;
use crate::prompts;

#[derive(Debug, Deserialize)]
struct Of {
    index: String,
}

pub(crate) fn all() -> Resources<Elasticsearch> {
    Resources::new().add(
        Resource::new("es:///indices/{index}/mapping", "index_mapping", mapping)
            .title("Mapping of an index")
            .description(
                "Fields of an index as they are mapped: types, analyzers, multi-fields. JSON, by index.",
            )
            .mime_type("application/json")
            .complete("index", prompts::indices),
    )
}

async fn mapping(service: &Elasticsearch, of: Of, _: &Call) -> Result<Contents> {
    let mapping = service.api.get(&[index_name(&of.index)?, "_mapping"]).object().await?;
    Ok(Contents::text(format!("{mapping:#}")))
}
