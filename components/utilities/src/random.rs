//! Owns `random`: unbiased choices from the host's cryptographic source.

use bulkhead_sdk::prelude::*;

use crate::encode::hex;
use crate::{Utilities, limits};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
/// Those that need no quoting in most places.
const SYMBOLS: &str = "!#%*+-.:=?@^_~";

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "random",
            "Random values from a cryptographic source: `string` (letters and digits), `password` (all four kinds of \
             characters), `hex`, `integer` from `min` to `max`, `choice` of `from`, or `shuffle` of `from`.",
            random,
        )
        .title("Random")
        .read_only()
        .tag("random"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Random {
    kind: Kind,
    /// For string, password and hex: how many characters. 16 if left out, 20 for a password.
    #[schemars(range(min = 1, max = 10_000))]
    length: Option<usize>,
    /// For string: the characters to draw from.
    alphabet: Option<String>,
    /// For integer; 0 if left out.
    min: Option<i64>,
    /// For integer; 100 if left out.
    max: Option<i64>,
    /// For choice and shuffle.
    #[serde(default)]
    #[schemars(length(max = 10_000))]
    from: Vec<Value>,
    /// How many values; 1 if left out.
    #[schemars(range(min = 1, max = 1000))]
    count: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    Password,
    Hex,
    Integer,
    Choice,
    Shuffle,
}

async fn random(_: &Utilities, args: Random, _: &Call) -> Result<Output> {
    let count = limits::within("count", args.count.unwrap_or(1), 1, 1000)?;
    let usual = if args.kind == Kind::Password { 20 } else { 16 };
    let length = limits::within("length", args.length.unwrap_or(usual), 1, 10_000)?;
    if length.saturating_mul(count) > limits::TEXT {
        return Err(Error::invalid(
            "count",
            format!("times `length` is more than {} characters", limits::TEXT),
        ));
    }
    let values = (0..count).map(|_| one(&args, length)).collect::<Result<Vec<Value>>>()?;
    let text: Vec<String> =
        values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    Ok(Output::structured_with_text(json!({"values": values}), text.join("\n")))
}

fn one(args: &Random, length: usize) -> Result<Value> {
    match args.kind {
        Kind::String => {
            let letters = args.alphabet.clone().unwrap_or_else(|| [LOWER, UPPER, DIGITS].concat());
            limits::at_most("alphabet", &letters, limits::EXPRESSION)?;
            let letters: Vec<char> = letters.chars().collect();
            if letters.is_empty() {
                return Err(Error::invalid("alphabet", "is empty; expected the characters to draw from"));
            }
            Ok(text(&letters, length)?.into_iter().collect::<String>().into())
        }
        Kind::Password => password(length).map(Value::from),
        Kind::Hex => {
            let bytes = (0..length.div_ceil(2)).map(|_| byte()).collect::<Result<Vec<u8>>>()?;
            Ok(hex(&bytes).chars().take(length).collect::<String>().into())
        }
        Kind::Integer => {
            let (min, max) = (args.min.unwrap_or(0), args.max.unwrap_or(100));
            if min > max {
                return Err(Error::invalid("min", format!("is {min}, above max {max}")));
            }
            let offset = below(u64::try_from(i128::from(max) - i128::from(min) + 1).unwrap_or(0))?;
            Ok(i64::try_from(i128::from(min) + i128::from(offset)).unwrap_or(max).into())
        }
        Kind::Choice => match args.from.as_slice() {
            [] => Err(Error::invalid("from", "is empty; expected the values to choose from")),
            from => Ok(pick(from)?.clone()),
        },
        Kind::Shuffle => {
            let mut from = args.from.clone();
            shuffle(&mut from)?;
            Ok(Value::Array(from))
        }
    }
}

/// One of each kind at least, in random places.
fn password(length: usize) -> Result<String> {
    let kinds: Vec<Vec<char>> =
        [LOWER, UPPER, DIGITS, SYMBOLS].iter().map(|kind| kind.chars().collect()).collect();
    if length < 8 {
        return Err(Error::invalid("length", "is too short for a password; expected at least 8"));
    }
    let mut letters = kinds.iter().map(|kind| pick(kind).copied()).collect::<Result<Vec<char>>>()?;
    letters.extend(text(&kinds.concat(), length.saturating_sub(letters.len()))?);
    shuffle(&mut letters)?;
    Ok(letters.into_iter().collect())
}

fn text(letters: &[char], length: usize) -> Result<Vec<char>> {
    (0..length).map(|_| pick(letters).copied()).collect()
}

fn pick<T>(from: &[T]) -> Result<&T> {
    let index = usize::try_from(below(from.len() as u64)?).unwrap_or(0);
    from.get(index).ok_or_else(|| Error::failed("there is nothing to choose from"))
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T]) -> Result<()> {
    for last in (1..items.len()).rev() {
        let other = usize::try_from(below(last as u64 + 1)?).unwrap_or(last);
        items.swap(last, other);
    }
    Ok(())
}

fn byte() -> Result<u8> {
    Ok(u8::try_from(below(256)?).unwrap_or(0))
}

/// A number below `bound`, every one as likely: draws above the last whole multiple are thrown away.
/// Zero stands for 2^64.
fn below(bound: u64) -> Result<u64> {
    let draw = || getrandom::u64().map_err(|error| Error::failed(format!("no randomness: {error}")));
    if bound == 0 {
        return draw();
    }
    let last = u64::MAX - (u64::MAX % bound + 1) % bound;
    loop {
        let drawn = draw()?;
        if drawn <= last {
            return Ok(drawn % bound);
        }
    }
}
