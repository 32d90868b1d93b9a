//! Lists are cut into pages here, and only here.
//!
//! A cursor is twelve bytes in base64url: a digest of the tool and its other arguments, and an
//! offset. A cursor that comes back with other arguments is refused, because its offset would mean
//! nothing there. `limit` may change between pages. The digest guards against mistakes, not malice:
//! an offset is all there is to forge.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

/// Which list a cursor belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Key(u64);

impl Key {
    /// A key for this tool with these arguments; `limit` and `cursor` are not serialized.
    pub(crate) fn new(tool: &str, arguments: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(arguments)?;
        let bytes = tool.bytes().chain([0]).chain(text.bytes());
        // FNV-1a: stable between builds, which the standard library's hasher does not promise.
        Ok(Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })))
    }
}

/// How much of a list is wanted, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The caller's `limit`, or the tool's default.
    pub(crate) limit: usize,
    /// The caller's `cursor`.
    pub(crate) cursor: Option<&'a str>,
    /// The list that `cursor` must belong to.
    pub(crate) key: Key,
}

/// One page.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<T> {
    /// How many there are in all.
    pub(crate) total: usize,
    /// Those on this page.
    pub(crate) items: Vec<T>,
    /// Where the next page starts; none on the last.
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts the wanted page out of the whole list.
    pub(crate) fn cut(all: Vec<T>, wanted: Wanted<'_>) -> Result<Self> {
        let offset = match wanted.cursor {
            None => 0,
            Some(cursor) => read(cursor, wanted.key)?,
        };
        let total = all.len();
        let items: Vec<T> = all.into_iter().skip(offset).take(wanted.limit.max(1)).collect();
        let reached = offset + items.len();
        let next = (reached < total && !items.is_empty()).then(|| write(reached, wanted.key));
        Ok(Self { total, items, next })
    }

    /// Shapes what is on the page; what is not, is never shaped.
    pub(crate) fn map<U>(self, shape: impl FnMut(T) -> U) -> Page<U> {
        Page { total: self.total, items: self.items.into_iter().map(shape).collect(), next: self.next }
    }
}

impl Page<Value> {
    /// `total`, `shown`, `next_cursor`, and the items under `name`.
    pub(crate) fn into_object(self, name: &str) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("total".into(), self.total.into());
        object.insert("shown".into(), self.items.len().into());
        if let Some(next) = self.next {
            object.insert("next_cursor".into(), next.into());
        }
        object.insert(name.into(), Value::Array(self.items));
        object
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Twelve bytes are sixteen letters exactly, so there is no padding to think of.
fn write(offset: usize, key: Key) -> String {
    let packed = (u128::from(key.0) << 32) | u128::from(u32::try_from(offset).unwrap_or(u32::MAX));
    (0..16)
        .rev()
        .filter_map(|place| ALPHABET.get((packed >> (place * 6)) as usize & 63))
        .map(|&b| char::from(b))
        .collect()
}

fn read(cursor: &str, key: Key) -> Result<usize> {
    let packed = (cursor.len() == 16).then(|| {
        cursor.bytes().try_fold(0u128, |packed, letter| {
            let digit = ALPHABET.iter().position(|known| *known == letter)?;
            Some((packed << 6) | digit as u128)
        })
    });
    let Some(packed) = packed.flatten() else {
        return Err(Error::invalid(
            "cursor",
            "is not a cursor: pass `next_cursor` of the previous answer, unchanged",
        ));
    };
    if (packed >> 32) as u64 != key.0 {
        return Err(Error::invalid(
            "cursor",
            "belongs to a call with other arguments: repeat that call's arguments, or leave `cursor` out",
        ));
    }
    Ok((packed as u32) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(limit: usize, cursor: Option<&str>, key: Key) -> Wanted<'_> {
        Wanted { limit, cursor, key }
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let key = Key::new("get_targets", &json!({ "state": "any" })).unwrap();
        let all = || vec![1, 2, 3, 4, 5];
        let first = Page::cut(all(), wanted(2, None, key)).unwrap();
        assert_eq!((first.total, &first.items), (5, &vec![1, 2]));
        let second = Page::cut(all(), wanted(2, first.next.as_deref(), key)).unwrap();
        assert_eq!(second.items, [3, 4]);
        let last = Page::cut(all(), wanted(9, second.next.as_deref(), key)).unwrap();
        assert_eq!(last, Page { total: 5, items: vec![5], next: None });
    }

    #[test]
    fn a_list_that_shrank_ends() {
        let key = Key::new("t", &json!({})).unwrap();
        let cursor = write(4, key);
        assert_eq!(
            Page::cut(vec![1], wanted(2, Some(&cursor), key)).unwrap(),
            Page { total: 1, items: vec![], next: None }
        );
    }

    #[test]
    fn a_cursor_with_other_arguments_is_refused() {
        let key = Key::new("get_targets", &json!({ "state": "any" })).unwrap();
        let cursor = write(2, key);
        for other in [
            Key::new("get_targets", &json!({ "state": "active" })).unwrap(),
            Key::new("get_alerts", &json!({ "state": "any" })).unwrap(),
        ] {
            let error = Page::cut(vec![1, 2, 3], wanted(2, Some(&cursor), other)).unwrap_err();
            assert!(error.to_string().contains("belongs to a call with other arguments"), "{error}");
        }
        for bad in ["", "x", "AAAAAAAAAAAAAAA=", "éééééééé"] {
            let error = Page::cut(vec![1], wanted(1, Some(bad), key)).unwrap_err();
            assert!(error.to_string().contains("is not a cursor"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_cursor_holds_any_offset_and_key() {
        for (offset, key) in
            [(0, Key(0)), (1, Key(u64::MAX)), (u32::MAX as usize, Key(0x0123_4567_89ab_cdef))]
        {
            let cursor = write(offset, key);
            assert_eq!(cursor.len(), 16);
            assert_eq!(read(&cursor, key).unwrap(), offset);
        }
    }

    #[test]
    fn a_page_says_what_it_left_out() {
        let key = Key::new("t", &json!({})).unwrap();
        let object =
            Page::cut(vec![json!("a"), json!("b")], wanted(1, None, key)).unwrap().into_object("names");
        assert_eq!(
            Value::Object(object),
            json!({ "total": 2, "shown": 1, "next_cursor": write(1, key), "names": ["a"] })
        );
    }
}
