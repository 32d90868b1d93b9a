//! Owns arguments that are a text or a number, as a model may write either for the same.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserializer, Visitor};

/// What a text or a number stands for. Errors are in words for the caller.
pub(crate) trait TextOrNumber: Sized {
    /// The forms that are taken: what is said of anything that is neither.
    const FORMS: &'static str;

    /// What a text stands for.
    fn from_text(text: &str) -> Result<Self, String>;

    /// What a number stands for.
    fn from_number(number: f64) -> Result<Self, String>;
}

/// Reads one.
pub(crate) fn read<'de, T: TextOrNumber, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_any(Reader(PhantomData))
}

struct Reader<T>(PhantomData<T>);

impl<T: TextOrNumber> Visitor<'_> for Reader<T> {
    type Value = T;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(T::FORMS)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        T::from_number(number).map_err(E::custom)
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }
}
