//! Owns lists as a model reads them: cut into pages, with a cursor to the next, and in the [`View`] that is wanted.
//!
//! A cursor is a digest of the tool and its other arguments, and a place: an offset into a list that is fetched whole,
//! or the upstream's own word for its next page. One that comes back with other arguments is refused, because its place
//! would mean nothing there. `limit` may change between pages. The digest guards against mistakes, not malice: a place
//! is all there is to forge.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::value::Fields;

/// How much of each item is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// What tells items apart; the default.
    #[default]
    Summary,
    /// All of it.
    Full,
}

// Its two words and nothing else: a model reads them for every list.
crate::schema!(View { "type": "string", "enum": ["summary", "full"] });

/// Which list a cursor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// A key for this tool with these arguments. Mark `limit` and `cursor` with `#[serde(skip_serializing)]`, so that
    /// they are no part of it.
    ///
    /// # Errors
    /// The arguments cannot be written as JSON.
    pub fn new(tool: &str, arguments: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(arguments)?;
        let bytes = tool.bytes().chain([0]).chain(text.bytes());
        // FNV-1a: stable between builds, which the standard library's hasher does not promise.
        Ok(Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })))
    }

    /// A cursor to a place in the list.
    pub fn cursor(self, place: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode([&self.0.to_be_bytes(), place.as_ref()].concat())
    }

    /// The place a cursor stands for.
    ///
    /// # Errors
    /// It is no cursor, or one of another list: names the argument `cursor` and says how to mend it.
    pub fn place(self, cursor: &str) -> Result<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
        let Some((digest, place)) = bytes.split_first_chunk() else {
            return Err(not_a_cursor());
        };
        if u64::from_be_bytes(*digest) != self.0 {
            return Err(Error::invalid(
                "cursor",
                "belongs to a call with other arguments: repeat that call's arguments, or leave `cursor` out",
            ));
        }
        Ok(place.to_vec())
    }

    /// The upstream's own word for a page, from the cursor that was made of it.
    ///
    /// # Errors
    /// As [`place`](Key::place).
    pub fn word(self, cursor: &str) -> Result<String> {
        String::from_utf8(self.place(cursor)?).map_err(|_| not_a_cursor())
    }
}

fn not_a_cursor() -> Error {
    Error::invalid("cursor", "is not a cursor: pass `next_cursor` of the previous answer, unchanged")
}

/// How much of a list is wanted, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The most items on a page.
    pub limit: usize,
    /// The caller's `cursor`.
    pub cursor: Option<&'a str>,
    /// The list that `cursor` must belong to.
    pub key: Key,
}

impl<'a> Wanted<'a> {
    /// What the caller said about paging, with the tool's default for the size of a page.
    pub fn new(limit: Option<u32>, default: usize, cursor: Option<&'a str>, key: Key) -> Self {
        Self { limit: limit.map_or(default, |limit| limit as usize), cursor, key }
    }
}

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// How many there are in all.
    pub total: usize,
    /// Those on this page.
    pub items: Vec<T>,
    /// Where the next page starts; none on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts the wanted page out of the whole list.
    ///
    /// # Errors
    /// As [`Key::place`].
    pub fn cut(all: Vec<T>, wanted: Wanted<'_>) -> Result<Self> {
        let offset = match wanted.cursor {
            None => 0,
            Some(cursor) => {
                let place = wanted.key.place(cursor)?;
                u32::from_be_bytes(place.try_into().map_err(|_| not_a_cursor())?) as usize
            }
        };
        let total = all.len();
        let items: Vec<T> = all.into_iter().skip(offset).take(wanted.limit.max(1)).collect();
        let reached = offset.saturating_add(items.len());
        let place = || u32::try_from(reached).unwrap_or(u32::MAX).to_be_bytes();
        let next = (reached < total && !items.is_empty()).then(|| wanted.key.cursor(place()));
        Ok(Self { total, items, next })
    }

    /// Shapes what is on the page; what is not, is never shaped.
    pub fn map<U>(self, shape: impl FnMut(T) -> U) -> Page<U> {
        Page { total: self.total, items: self.items.into_iter().map(shape).collect(), next: self.next }
    }
}

impl Page<Value> {
    /// `total`, `shown`, `next_cursor`, and the items under `name`.
    pub fn into_object(self, name: &str) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("total".into(), self.total.into());
        object.insert("shown".into(), self.items.len().into());
        if let Some(next) = self.next {
            object.insert("next_cursor".into(), next.into());
        }
        object.insert(name.into(), Value::Array(self.items));
        object
    }

    /// The same, with what is wanted of each item: the fields that are named, or else all of it or its summary. Fields
    /// that nothing on the page has, misspelt ones usually, are told as `unknown_fields`.
    pub fn shown(
        self,
        name: &str,
        view: Option<View>,
        fields: Option<&Fields>,
        mut summary: impl FnMut(Value) -> Value,
    ) -> Map<String, Value> {
        let fields = fields.filter(|fields| !fields.is_empty());
        let unknown = fields.and_then(|fields| fields.unknown(&self.items));
        let page = self.map(|item| match (fields, view.unwrap_or_default()) {
            (Some(fields), _) => fields.of(&item),
            (None, View::Full) => item,
            (None, View::Summary) => summary(item),
        });
        let mut object = page.into_object(name);
        object.extend(unknown);
        object
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema;

    fn key(tool: &str, state: &str) -> Key {
        Key::new(tool, &json!({ "state": state })).unwrap()
    }

    fn wanted(limit: u32, cursor: Option<&str>, key: Key) -> Wanted<'_> {
        Wanted::new(Some(limit), 50, cursor, key)
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let key = key("get_targets", "any");
        let all = || vec![1, 2, 3, 4, 5];
        let first = Page::cut(all(), wanted(2, None, key)).unwrap();
        assert_eq!((first.total, &first.items), (5, &vec![1, 2]));
        let second = Page::cut(all(), wanted(2, first.next.as_deref(), key)).unwrap();
        assert_eq!(second.items, [3, 4]);
        let last = Page::cut(all(), wanted(9, second.next.as_deref(), key)).unwrap();
        assert_eq!(last, Page { total: 5, items: vec![5], next: None });
        let whole = Page::cut(all(), Wanted::new(None, 50, None, key)).unwrap();
        assert_eq!(whole, Page { total: 5, items: all(), next: None });
    }

    #[test]
    fn a_list_that_shrank_ends() {
        let key = key("t", "");
        let cursor = key.cursor(4u32.to_be_bytes());
        assert_eq!(
            Page::cut(vec![1], wanted(2, Some(&cursor), key)).unwrap(),
            Page { total: 1, items: vec![], next: None }
        );
    }

    #[test]
    fn a_cursor_with_other_arguments_is_refused() {
        let mine = key("get_targets", "any");
        let cursor = mine.cursor(2u32.to_be_bytes());
        for other in [key("get_targets", "active"), key("get_alerts", "any")] {
            let error = Page::cut(vec![1, 2, 3], wanted(2, Some(&cursor), other)).unwrap_err();
            assert!(error.to_string().contains("belongs to a call with other arguments"), "{error}");
        }
        let word = mine.cursor("further");
        for bad in ["", "x", "AAAAAAAAAAAAAAA=", "éééééééé", &word] {
            let error = Page::cut(vec![1], wanted(1, Some(bad), mine)).unwrap_err();
            assert!(error.to_string().contains("is not a cursor"), "{bad}: {error}");
        }
    }

    #[test]
    fn an_upstreams_own_word_comes_back_as_it_was() {
        let key = key("list", "any");
        assert_eq!(key.word(&key.cursor("eyJ2Ijoi+/=é")).unwrap(), "eyJ2Ijoi+/=é");
        assert!(key.word(&key.cursor([0xff])).unwrap_err().to_string().contains("is not a cursor"));
    }

    #[test]
    fn a_page_says_what_it_left_out() {
        let key = key("t", "");
        let page = Page::cut(vec![json!("a"), json!("b")], wanted(1, None, key)).unwrap();
        let next = key.cursor(1u32.to_be_bytes());
        assert_eq!(next.len(), 16);
        assert_eq!(
            Value::Object(page.into_object("names")),
            json!({ "total": 2, "shown": 1, "next_cursor": next, "names": ["a"] })
        );
    }

    #[test]
    fn fields_come_before_the_view_and_unknown_ones_are_told() {
        let shown = |view: Option<View>, fields: &[&str]| {
            let items = vec![json!({ "a": { "b": 1, "c": 2 } }), json!({ "d": 3 })];
            let page = Page { total: 2, items, next: None };
            let fields: Fields = serde_json::from_value(json!(fields)).unwrap();
            let mut out = page.shown("items", view, Some(&fields), |_| json!("short"));
            (out["items"].take(), out.remove("unknown_fields"))
        };
        let whole = json!([{ "a": { "b": 1, "c": 2 } }, { "d": 3 }]);
        assert_eq!(shown(None, &[]), (json!(["short", "short"]), None));
        assert_eq!(shown(Some(View::Full), &[]), (whole, None));
        for view in [None, Some(View::Full)] {
            assert_eq!(shown(view, &["a.b", "x"]), (json!([{ "a": { "b": 1 } }, {}]), Some(json!(["x"]))),);
        }
    }

    #[test]
    fn a_view_is_one_of_two_words_and_its_schema_says_no_more() {
        let schema = json!({ "type": "string", "enum": ["summary", "full"] });
        assert_eq!(schema::output::<View>(), schema);
        for (view, word) in [(View::Summary, json!("summary")), (View::Full, json!("full"))] {
            assert_eq!((json!(view), serde_json::from_value::<View>(word.clone()).unwrap()), (word, view));
        }
    }
}
