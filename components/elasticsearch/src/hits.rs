//! Hits of a search: flat and short; and the place after them, so that the next page goes on where this one ended.
//!
//! Sort values alone are no place: hits that share them could be missed. Nor is an offset, because new documents move
//! it. So a place is the sort values before the last run of equal ones, and which hits of that run have been seen. It
//! needs nothing kept on the server, which a point in time would.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{at, list, text};
use serde_json::Map;

use crate::shape::{Cutter, flat};

/// A place with more than this many hits in its last run would be a cursor too long to hand around.
const LONGEST_RUN: usize = 400;

/// Where a page ended.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Place {
    /// The sort values before the run; none if it began with the list.
    #[serde(rename = "a")]
    pub(crate) after: Option<Value>,
    /// The hits of the run that were shown.
    #[serde(rename = "s")]
    pub(crate) seen: Vec<String>,
}

/// What is shown of a page.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) hits: Vec<Value>,
    /// The next page's place, if there is one.
    pub(crate) next: Option<Place>,
    /// There is a next page, but no place for it.
    pub(crate) stuck: bool,
}

impl Place {
    /// How many hits to ask for, to show so many and know whether there are more.
    pub(crate) fn size(&self, limit: usize) -> usize {
        limit + self.seen.len() + 1
    }
}

/// The page that begins at this place.
pub(crate) fn page(hits: Vec<Value>, place: Place, limit: usize) -> Shown {
    let mut hits: Vec<Value> = hits.into_iter().filter(|hit| !place.seen.contains(&mark(hit))).collect();
    let more = hits.len() > limit;
    hits.truncate(limit);
    let Some(last) = hits.last().filter(|_| more).map(|hit| hit["sort"].clone()) else {
        return Shown { hits, next: None, stuck: false };
    };
    let run = hits.iter().rev().take_while(|hit| hit["sort"] == last).count();
    let before = hits.len().checked_sub(run + 1).and_then(|at| hits.get(at));
    let (after, mut seen) = match before {
        Some(hit) => (Some(hit["sort"].clone()), Vec::new()),
        None => (place.after, place.seen),
    };
    seen.extend(hits.iter().rev().take(run).map(mark));
    let stuck = seen.len() > LONGEST_RUN;
    Shown { hits, next: (!stuck).then_some(Place { after, seen }), stuck }
}

/// Tells a hit from others of its run: a digest, because ids are long.
fn mark(hit: &Value) -> String {
    let bytes = text(hit, "/_index").bytes().chain([0]).chain(text(hit, "/_id").bytes());
    let digest = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{digest:x}")
}

/// `_index`, `_id`, the score if there is one, and the source under dotted names.
pub(crate) fn brief(hit: &Value, longest: usize, cutter: &mut Cutter) -> Value {
    let mut out = Map::new();
    for name in ["_index", "_id", "_score"] {
        if let Some(value) = hit.get(name).filter(|value| !value.is_null()) {
            out.insert(name.into(), value.clone());
        }
    }
    for (name, value) in flat(&hit["_source"]) {
        let value = cutter.value(&name, value, longest);
        out.insert(name, value);
    }
    out.into()
}

/// How many there are, and whether that is only a lower bound.
pub(crate) fn total(answer: &Value) -> (Value, bool) {
    let total = at(answer, "/hits/total");
    (total["value"].clone(), text(total, "/relation") == "gte")
}

/// The hits of an answer.
pub(crate) fn of(answer: &Value) -> &[Value] {
    list(answer, "/hits/hits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: u32, sort: u32) -> Value {
        json!({ "_index": "i", "_id": id.to_string(), "sort": [sort] })
    }

    /// What Elasticsearch would give for a place: those after the sort values, ascending.
    fn from(all: &[Value], place: &Place, limit: usize) -> Vec<Value> {
        let after = place.after.as_ref().map_or(-1, |after| after[0].as_i64().unwrap());
        let left = all.iter().filter(|hit| hit["sort"][0].as_i64().unwrap() > after);
        left.take(place.size(limit)).cloned().collect()
    }

    #[test]
    fn pages_miss_and_repeat_nothing_whatever_is_equal() {
        for sorts in [
            vec![1, 2, 3, 4, 5],
            vec![1, 1, 1, 1, 1, 1, 1],
            vec![1, 2, 2, 2, 2, 3, 3],
            vec![0, 0, 1, 1, 1, 2],
        ] {
            for limit in 1..=4 {
                let all: Vec<Value> = (1..).zip(&sorts).map(|(id, sort)| hit(id, *sort)).collect();
                let (mut got, mut place) = (Vec::new(), Place::default());
                loop {
                    let shown = page(from(&all, &place, limit), place, limit);
                    got.extend(shown.hits);
                    match shown.next {
                        Some(next) => place = next,
                        None => break,
                    }
                }
                assert_eq!(got, all, "{sorts:?} by {limit}");
            }
        }
    }

    #[test]
    fn a_run_without_end_is_told() {
        let all: Vec<Value> = (0..500).map(|id| hit(id, 1)).collect();
        let shown = page(all, Place::default(), 450);
        assert_eq!((shown.hits.len(), shown.next, shown.stuck), (450, None, true));
    }

    #[test]
    fn a_hit_is_flat() {
        let hit = json!({ "_index": "i", "_id": "1", "_score": null, "_source": { "a": { "b": "long text" } }, "sort": [1] });
        let mut cutter = Cutter::default();
        assert_eq!(brief(&hit, 4, &mut cutter), json!({ "_index": "i", "_id": "1", "a.b": "long…" }));
        assert!(cutter.cut.contains("a.b"));
    }
}
