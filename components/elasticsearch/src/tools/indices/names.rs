//! What stands for indices: data streams and aliases.

use std::collections::BTreeMap;

use bulkhead_sdk::list::View;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::rfc3339;
use bulkhead_sdk::value::{at, list, put, take, text};

use crate::Elasticsearch;
use crate::shape::{number, told};

/// Data streams, with their size if it may be read.
pub(super) async fn data_streams(service: &Elasticsearch, pattern: &str, view: View) -> Result<Vec<Value>> {
    let streams = service.api.get(&["_data_stream", pattern]).blame("index").object();
    let sizes = service.api.get(&["_data_stream", pattern, "_stats"]).object();
    let (streams, sizes) = bulkhead_sdk::join!(streams, sizes);
    let sizes = sizes.unwrap_or_default();
    let mut streams = streams?;
    if !at(&streams, "/data_streams").is_array() {
        return Err(Error::failed("Elasticsearch's answer to _data_stream has no data streams"));
    }
    let streams = take(&mut streams, "data_streams");
    Ok(streams.into_iter().map(|stream| stream_of(stream, list(&sizes, "/data_streams"), view)).collect())
}

fn stream_of(stream: Value, sizes: &[Value], view: View) -> Value {
    let name = text(&stream, "/name");
    let size = sizes.iter().find(|size| text(size, "/data_stream") == name).cloned().unwrap_or_default();
    let newest = number(&size, "maximum_timestamp").filter(|millis| *millis > 0.0);
    let backing = list(&stream, "/indices");
    let mut out = json!({
        "data_stream": name,
        "health": text(&stream, "/status").to_lowercase(),
        "size_bytes": at(&size, "/store_size_bytes"),
        "newest": newest.map(|millis| rfc3339(millis / 1000.0)),
        "backing_indices": backing.len(),
        "write_index": backing.last().map(|index| text(index, "/index_name")),
        "generation": at(&stream, "/generation"),
        "template": at(&stream, "/template"),
        "ilm_policy": at(&stream, "/ilm_policy"),
        "time_field": at(&stream, "/timestamp_field/name"),
    });
    if view == View::Full {
        put(&mut out, "raw", stream);
    }
    told(out)
}

/// Aliases with the indices behind each.
pub(super) async fn aliases(service: &Elasticsearch, pattern: &str) -> Result<Vec<Value>> {
    let ask = service.api.get(&["_cat", "aliases", pattern]).with("h", "alias,index,filter,is_write_index");
    let rows = ask.blame("index").rows().await?;
    let mut aliases: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in &rows {
        aliases.entry(text(row, "/alias")).or_default().push(row);
    }
    let alias_of = |(alias, rows): (&str, Vec<&Value>)| {
        let mut indices: Vec<&str> = rows.iter().map(|row| text(row, "/index")).collect();
        indices.sort_unstable();
        let write = rows.iter().find(|row| text(row, "/is_write_index") == "true");
        told(json!({
            "alias": alias,
            "indices": indices,
            "write_index": write.map(|row| text(row, "/index")),
            "filtered": rows.iter().any(|row| text(row, "/filter") == "*").then_some(true),
        }))
    };
    Ok(aliases.into_iter().map(alias_of).collect())
}
