//! Log lines, page by page, none lost and none twice.
//!
//! Loki pages by time only, and many lines can share an instant, to the nanosecond. So a page begins at the instant the
//! last one ended with, and the cursor names those of its lines that were given: Loki keeps no two equal lines of one
//! stream and instant, so stream and line are a line's name. The cursor pins the window too, because `-1h` moves on.

use std::collections::HashSet;

use bulkhead_sdk::list::Key;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Nanos, Window};
use serde_json::Map;

use crate::api::{Api, Ask};

/// The most lines Loki gives at once, unless its operator says otherwise (`max_entries_limit_per_query`).
const MOST_AT_ONCE: usize = 5000;

/// Which way lines are read.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    #[default]
    Backward,
    Forward,
}

/// Lines in the order of their direction, with their streams.
#[derive(Debug)]
pub(crate) struct Lines {
    /// That of the first page.
    pub(crate) window: Window,
    pub(crate) streams: Vec<Map<String, Value>>,
    pub(crate) lines: Vec<Line>,
    /// The cursor to what comes after.
    pub(crate) next: Option<String>,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) at: Nanos,
    /// Its place in [`Lines::streams`].
    pub(crate) stream: usize,
    pub(crate) text: String,
    name: u64,
}

/// Where a page ended.
#[derive(Debug, PartialEq)]
struct Place {
    window: Window,
    at: Nanos,
    /// The lines of that instant that were given.
    given: Vec<u64>,
}

/// What is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) query: &'a str,
    pub(crate) window: Window,
    pub(crate) direction: Direction,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) key: Key,
}

#[derive(Default, Deserialize)]
struct Found {
    #[serde(default, rename = "resultType")]
    kind: String,
    #[serde(default)]
    result: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    stream: Map<String, Value>,
    /// `[nanoseconds, line]`, and metadata in some versions.
    values: Vec<Value>,
}

/// Reads a page.
pub(crate) async fn read(api: &Api, wanted: Wanted<'_>) -> Result<Lines> {
    let place = match wanted.cursor {
        Some(cursor) => Some(Place::from_bytes(&wanted.key.place(cursor)?).ok_or_else(not_a_place)?),
        None => None,
    };
    let window = place.as_ref().map_or(wanted.window, |place| place.window);
    let given: HashSet<u64> = place.iter().flat_map(|place| place.given.iter().copied()).collect();
    let (start, end) = match (&place, wanted.direction) {
        (None, _) => (window.start, window.end),
        (Some(place), Direction::Backward) => (window.start, place.at + 1),
        (Some(place), Direction::Forward) => (place.at, window.end),
    };
    // One more than wanted tells whether there are more.
    let asked = (wanted.limit + given.len() + 1).min(MOST_AT_ONCE);
    let direction = serde_json::to_value(wanted.direction)?;
    let ask = Ask::query("/loki/api/v1/query_range", wanted.query)
        .with("start", start)
        .with("end", end)
        .with("limit", asked)
        .with("direction", direction.as_str().unwrap_or_default());
    let mut page = collect(api.data(ask).await?, window, wanted.direction)?;
    let all = page.lines.len();
    page.lines.retain(|line| {
        !place.as_ref().is_some_and(|place| line.at == place.at && given.contains(&line.name))
    });
    let more = page.lines.len() > wanted.limit || all >= MOST_AT_ONCE;
    page.lines.truncate(wanted.limit);
    if more {
        let Some(last) = page.lines.last() else {
            return Err(Error::failed(format!(
                "more than {MOST_AT_ONCE} lines share one instant, and Loki pages by time only: narrow the query"
            )));
        };
        let at = last.at;
        let before = place.filter(|place| place.at == at).map(|place| place.given).unwrap_or_default();
        let here = page.lines.iter().filter(|line| line.at == at).map(|line| line.name);
        let given = before.into_iter().chain(here).collect();
        page.next = Some(wanted.key.cursor(Place { window, at, given }.to_bytes()));
    }
    Ok(page)
}

/// The lines of all streams, merged.
fn collect(found: Found, window: Window, direction: Direction) -> Result<Lines> {
    if found.kind != "streams" {
        return Err(Error::failed(format!("Loki answered with `{}` where lines were asked for", found.kind)));
    }
    let mut out = Lines { window, streams: Vec::new(), lines: Vec::new(), next: None };
    for Stream { stream, values } in found.result {
        let place = out.streams.len();
        let labels = serde_json::to_string(&stream)?;
        out.streams.push(stream);
        for value in values {
            let part = |at: usize| value.get(at).and_then(Value::as_str);
            let (Some(at), Some(text)) = (part(0).and_then(|at| at.parse().ok()), part(1)) else {
                return Err(Error::failed("Loki answered with a line that is not `[nanoseconds, line]`"));
            };
            let (name, text) = (name(&[&labels, &value.to_string()]), text.to_owned());
            out.lines.push(Line { at, stream: place, text, name });
        }
    }
    // Stable, so that lines of one stream and instant stay as Loki has them.
    match direction {
        Direction::Backward => out.lines.sort_by_key(|line| std::cmp::Reverse(line.at)),
        Direction::Forward => out.lines.sort_by_key(|line| line.at),
    }
    Ok(out)
}

/// FNV-1a: stable between builds, which the standard library's hasher does not promise.
fn name(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn not_a_place() -> Error {
    Error::invalid("cursor", "is not a cursor: pass `next_cursor` of the previous answer, unchanged")
}

impl Place {
    fn to_bytes(&self) -> Vec<u8> {
        let times = [self.window.start, self.window.end, self.at].map(i64::to_be_bytes);
        times.into_iter().chain(self.given.iter().map(|name| name.to_be_bytes())).flatten().collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let [start, end, at, given @ ..] = words else { return None };
        let [start, end, at] = [start, end, at].map(|word| i64::from_be_bytes(*word));
        let given = given.iter().map(|word| u64::from_be_bytes(*word)).collect();
        rest.is_empty().then_some(Self { window: Window { start, end }, at, given })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was() {
        let place = Place { window: Window { start: -5, end: 7 }, at: 3, given: vec![1, u64::MAX] };
        assert_eq!(Place::from_bytes(&place.to_bytes()), Some(place));
        assert_eq!((Place::from_bytes(&[0; 25]), Place::from_bytes(&[0; 16])), (None, None));
    }

    #[test]
    fn streams_are_merged_in_time_order() {
        let found = || -> Found {
            serde_json::from_value(json!({ "resultType": "streams", "result": [
                { "stream": { "a": "1" }, "values": [["30", "c"], ["10", "a"]] },
                { "stream": { "a": "2" }, "values": [["20", "b", { "level": "x" }]] }
            ] }))
            .unwrap()
        };
        let texts = |direction| {
            let lines = collect(found(), Window { start: 0, end: 40 }, direction).unwrap().lines;
            lines.into_iter().map(|line| line.text).collect::<String>()
        };
        assert_eq!((texts(Direction::Backward), texts(Direction::Forward)), ("cba".into(), "abc".into()));
    }
}
