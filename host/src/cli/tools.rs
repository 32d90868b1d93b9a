//! `bulkhead tools`: what is served, and what it costs a model to know it.

use bulkhead::{
    catalog::tool::Tool,
    request::{Credentials, Scope},
    transport::listed,
};
use clap::Args;
use serde_json::json;

use super::{Options, Outcome, failed};

/// List the tools that are served.
#[derive(Debug, Args)]
pub(super) struct Tools {
    /// Show how much of a model's context each service's tools take.
    #[arg(long)]
    tokens: bool,
}

/// Bytes of JSON that most models read as one token. It differs from model to model; what matters is which service
/// takes how much of the whole.
const BYTES_PER_TOKEN: usize = 4;

impl Tools {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let host = options.own_host().await?;
        let caller = host.authenticate(&Credentials::Local, None).await.map_err(failed)?;
        let all = Scope::all();
        let catalog = host.catalog();
        let listed: Vec<_> = catalog.list(&caller, &all).collect();
        if self.tokens {
            let mut services: Vec<Cost> = Vec::new();
            for (service, tool) in listed {
                match services.last_mut().filter(|last| last.name == *service.name) {
                    Some(last) => last.add(tool),
                    None => services.push(Cost::of(service.name.to_string(), tool)),
                }
            }
            services.sort_by_key(|cost| std::cmp::Reverse(cost.bytes));
            show(&services, options.json);
            return Ok(());
        }
        let tools: Vec<_> = listed.into_iter().map(|(_, tool)| tool).collect();
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
}

/// What the tools of a service take, as `tools/list` has them.
#[derive(Debug)]
struct Cost {
    name: String,
    tools: usize,
    bytes: usize,
}

impl Cost {
    fn of(name: String, tool: &Tool) -> Self {
        Self { name, tools: 1, bytes: listed(tool) }
    }

    fn add(&mut self, tool: &Tool) {
        self.tools += 1;
        self.bytes += listed(tool);
    }

    fn tokens(&self) -> usize {
        self.bytes.div_ceil(BYTES_PER_TOKEN)
    }
}

fn show(services: &[Cost], as_json: bool) {
    let sum = |part: fn(&Cost) -> usize| services.iter().map(part).sum::<usize>();
    let all = Cost { name: "all".to_owned(), tools: sum(|cost| cost.tools), bytes: sum(|cost| cost.bytes) };
    if as_json {
        let data = |cost: &Cost| json!({ "service": cost.name, "tools": cost.tools, "bytes": cost.bytes, "tokens": cost.tokens() });
        let each: Vec<_> = services.iter().map(data).collect();
        out!(
            "{}",
            json!({ "services": each, "tools": all.tools, "bytes": all.bytes, "tokens": all.tokens() })
        );
        return;
    }
    let width =
        services.iter().chain([&all]).map(|cost| cost.name.len()).max().unwrap_or(0).max("service".len());
    out!("{:width$}  tools   bytes  tokens, about", "service");
    for cost in services.iter().chain([&all]) {
        out!("{:width$}  {:>5}  {:>6}  {:>6}", cost.name, cost.tools, cost.bytes, cost.tokens());
    }
}
