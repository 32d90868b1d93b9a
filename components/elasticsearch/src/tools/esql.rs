//! `esql`: a query in Elasticsearch's piped language, as a table.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{taken, text};

use super::remark;
use crate::Elasticsearch;
use crate::api::object;
use crate::shape::Cutter;

const DEFAULT_LIMIT: usize = 100;
const LONGEST: usize = 500;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Esql {
    /// `FROM logs-* | STATS n = COUNT(*) BY host.name`.
    query: String,
    /// Default 100.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Table {
    rows: Vec<Value>,
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads("esql", "ES|QL", "Runs ES|QL: filter, compute, group, sort. Columns and rows.", esql)
            .egress("{config.url}/_query", &["POST"])
            .output::<Table>(),
    )
}

async fn esql(service: &Elasticsearch, args: Esql, _: &Call) -> Result<Output> {
    let ask = service.api.post(&["_query"], &json!({ "query": args.query })).blame("query");
    let response = ask.respond().await?;
    let mut answer = object(&response, "/_query")?;
    let (Value::Array(columns), Value::Array(rows)) =
        (taken(&mut answer, "columns"), taken(&mut answer, "values"))
    else {
        return Err(Error::failed("Elasticsearch's answer to _query is no table"));
    };
    let (total, limit) = (rows.len(), args.limit.map_or(DEFAULT_LIMIT, |limit| limit as usize));
    let mut cutter = Cutter::default();
    let names: Vec<String> = columns.iter().map(|column| text(column, "/name").to_owned()).collect();
    let row_of = |row: Value| match row {
        Value::Array(cells) => {
            let cells = names.iter().zip(cells).map(|(name, cell)| cutter.value(name, cell, LONGEST));
            Value::Array(cells.collect())
        }
        other => other,
    };
    let rows: Vec<Value> = rows.into_iter().take(limit).map(row_of).collect();
    let mut warnings: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("warning"))
        .map(|(_, value)| quoted(value).to_owned())
        .collect();
    if answer.get("is_partial") == Some(&Value::Bool(true)) {
        warnings.push("partial: some shards or clusters did not answer".to_owned());
    }
    if total > limit {
        warnings
            .push(format!("{} of {total} rows are left out: raise `limit`, or add `| LIMIT`", total - limit));
    }
    let columns: Vec<Value> =
        columns.iter().map(|column| json!({ "name": column["name"], "type": column["type"] })).collect();
    let mut out = json!({ "total": total, "shown": rows.len(), "columns": columns, "rows": rows });
    if let Some(out) = out.as_object_mut() {
        remark(out, "cut", cutter.cut);
        remark(out, "warnings", warnings);
    }
    Ok(Output::json(&out))
}

/// The words in `299 Elasticsearch-8.17.0-… "words"`.
fn quoted(header: &str) -> &str {
    let inner = header.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"'));
    inner.map_or(header, |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_its_words() {
        assert_eq!(quoted("299 Elasticsearch-8.17.0-abc \"No limit defined\""), "No limit defined");
        assert_eq!(quoted("plain"), "plain");
    }
}
