//! Where a span is in its trace: W3C Trace Context, version 00.

use std::fmt;

/// The `traceparent` of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) sampled: bool,
}

impl Context {
    /// Reads a `traceparent` header (W3C Trace Context §3.2.2). A later version is read as far as this one goes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut next = |length: usize| {
            parts.next().filter(|part| part.len() == length && part.bytes().all(is_lower_hex))
        };
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        let whole = version == "00" && parts.next().is_none();
        if version == "ff" || !(whole || version != "00") {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?.to_be_bytes();
        let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?.to_be_bytes();
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace, span, sampled })
    }

    /// A new trace, of which this share is recorded.
    pub(super) fn root(sample: f64) -> Self {
        let (trace, span) = (random::<16>(), random());
        // The trace's lower half decides, so that whoever sees the trace decides alike.
        let lower = trace.iter().skip(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        Self { trace, span, sampled: (lower >> 1) as f64 <= sample * (i64::MAX as f64) && sample > 0.0 }
    }

    /// A new span of the same trace.
    #[must_use]
    pub(super) fn child(&self) -> Self {
        Self { span: random(), ..*self }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (u128::from_be_bytes(self.trace), u64::from_be_bytes(self.span));
        write!(f, "00-{trace:032x}-{span:016x}-{:02x}", u8::from(self.sampled))
    }
}

/// Random and not nought, which is no id.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness from the system ids would be the same; that is a trace that cannot be read, no more.
    let _ = getrandom::fill(&mut bytes);
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    bytes
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        let context = Context::parse(SAMPLED).unwrap();
        assert!(context.sampled);
        assert_eq!(context.to_string(), SAMPLED);
        assert!(!Context::parse(&SAMPLED.replace("-01", "-00")).unwrap().sampled);
        let later = format!("cc{}-more", SAMPLED.trim_start_matches("00"));
        assert_eq!(Context::parse(&later), Some(context));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "00",
            &SAMPLED.to_uppercase(),
            &format!("{SAMPLED}-more"),
            &format!("ff{}", &SAMPLED[2..]),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Context::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_share_of_new_traces_is_recorded() {
        let recorded = |sample| (0..4000).filter(|_| Context::root(sample).sampled).count();
        assert_eq!((recorded(0.0), recorded(1.0)), (0, 4000));
        assert!((700..1300).contains(&recorded(0.25)));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_does_no_harm(text: String) {
            if let Some(context) = Context::parse(&text) {
                prop_assert_eq!(Context::parse(&context.to_string()), Some(context));
            }
        }
    }
}
