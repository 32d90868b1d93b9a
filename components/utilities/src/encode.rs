//! Owns `encode`: text to and from base64, hexadecimal and URL encoding.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};
use bulkhead_sdk::encode_component;
use bulkhead_sdk::prelude::*;

use crate::{Utilities, limits};

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "encode",
            "Encodes or decodes text: base64, base64url, hex, or url (percent-encoding). Decoded bytes that are not \
             text come back in hex.",
            encode,
        )
        .title("Encode or decode")
        .read_only()
        .idempotent()
        .tag("text"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Encode {
    text: String,
    /// base64, base64url (no padding), hex or url.
    encoding: Encoding,
    /// Decode instead.
    #[serde(default)]
    decode: bool,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Base64,
    Base64url,
    Hex,
    Url,
}

async fn encode(_: &Utilities, args: Encode, _: &Call) -> Result<Output> {
    limits::at_most("text", &args.text, limits::TEXT)?;
    if !args.decode {
        let bytes = args.text.as_bytes();
        let text = match args.encoding {
            Encoding::Base64 => STANDARD.encode(bytes),
            Encoding::Base64url => URL_SAFE_NO_PAD.encode(bytes),
            Encoding::Hex => hex(bytes),
            Encoding::Url => encode_component(&args.text),
        };
        return Ok(Output::structured_with_text(json!({"text": text}), text));
    }
    let bytes = decode("text", &args.text, args.encoding)?;
    let size = bytes.len();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Output::structured_with_text(json!({"text": text, "bytes": size}), text)),
        Err(error) => {
            let hex = hex(error.as_bytes());
            let said = format!("{size} bytes that are not UTF-8 text, in hex: {hex}");
            Ok(Output::structured_with_text(json!({"hex": hex, "bytes": size}), said))
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of an encoded text. Spaces and line breaks are passed over; padding may be missing.
pub(crate) fn decode(field: &str, text: &str, encoding: Encoding) -> Result<Vec<u8>> {
    let packed: String = text.split_whitespace().collect();
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let base64 = |alphabet| {
        GeneralPurpose::new(alphabet, lenient)
            .decode(&packed)
            .map_err(|error| Error::invalid(field, format!("is not that encoding: {error}")))
    };
    match encoding {
        Encoding::Base64 => base64(&base64::alphabet::STANDARD),
        Encoding::Base64url => base64(&base64::alphabet::URL_SAFE),
        Encoding::Url => Ok(percent_encoding::percent_decode_str(&text.replace('+', " ")).collect()),
        Encoding::Hex => from_hex(&packed).ok_or_else(|| {
            Error::invalid(field, "is not hex; expected pairs of 0-9 and a-f, such as `48656c6c6f`")
        }),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
