//! Owns `uuid`: making and reading identifiers.

use bulkhead_sdk::prelude::*;
use uuid::{Timestamp, Uuid};

use crate::{Utilities, limits};

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "uuid",
            "Makes UUIDs: v4 (random) or v7 (sortable by time). With `parse` it reads one instead: version, and the \
             time of a v1, v6 or v7.",
            uuid,
        )
        .title("UUID")
        .read_only()
        .tag("random"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct MakeUuid {
    /// v4 if left out.
    version: Option<Version>,
    /// How many; 1 if left out.
    #[schemars(range(min = 1, max = 1000))]
    count: Option<usize>,
    /// A UUID to read instead of making any.
    parse: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Version {
    V4,
    V7,
}

async fn uuid(_: &Utilities, args: MakeUuid, call: &Call) -> Result<Output> {
    if let Some(text) = args.parse {
        return parse(&text);
    }
    let count = limits::within("count", args.count.unwrap_or(1), 1, 1000)?;
    let since = call.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // One counter for the batch keeps its order, as RFC 9562 asks of v7.
    let counter = uuid::ContextV7::new();
    let make = || match args.version.unwrap_or(Version::V4) {
        Version::V4 => Uuid::new_v4(),
        Version::V7 => Uuid::new_v7(Timestamp::from_unix(&counter, since.as_secs(), since.subsec_nanos())),
    };
    let made: Vec<String> = (0..count).map(|_| make().to_string()).collect();
    let text = made.join("\n");
    Ok(Output::structured_with_text(json!({"uuids": made}), text))
}

fn parse(text: &str) -> Result<Output> {
    let read = Uuid::try_parse(text.trim()).map_err(|error| {
        Error::invalid(
            "parse",
            format!("{error}; expected one such as `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`"),
        )
    })?;
    let time = read.get_timestamp().and_then(|stamp| {
        let (seconds, nanoseconds) = stamp.to_unix();
        let stamp =
            jiff::Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()?;
        Some(stamp.to_string())
    });
    Ok(Output::json(&json!({
        "uuid": read.to_string(),
        "version": read.get_version_num(),
        "variant": read.get_variant().to_string(),
        "time": time,
    })))
}
