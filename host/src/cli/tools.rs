//! `bulkhead tools`: what is served.

use bulkhead::request::{Credentials, Scope};
use serde_json::json;

use super::{Options, Outcome, failed};

pub(super) async fn run(options: &Options) -> Outcome {
    let host = options.own_host().await?;
    let caller = host.authenticate(&Credentials::Local, None).await.map_err(failed)?;
    let all = Scope::all();
    let catalog = host.catalog();
    let tools: Vec<_> = catalog.list(&caller, &all).map(|(_, tool)| tool).collect();
    if options.json {
        let listed = tools.iter().map(|tool| {
            json!({
                "name": tool.public_name, "title": tool.title, "description": tool.description, "tags": tool.tags,
                "readOnly": tool.annotations.read_only, "inputSchema": tool.input_schema,
            })
        });
        out!("{}", json!(listed.collect::<Vec<_>>()));
        return Ok(());
    }
    let width = tools.iter().map(|tool| tool.public_name.len()).max().unwrap_or(0);
    for tool in tools {
        let description = tool.description.lines().next().unwrap_or_default();
        let sentence = description.split_inclusive(". ").next().unwrap_or_default().trim_end();
        out!("{:width$}  {sentence}", tool.public_name);
    }
    Ok(())
}
