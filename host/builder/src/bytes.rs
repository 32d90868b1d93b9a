//! Owns changing what a tool wrote where nothing else may move: by as many other bytes.

/// Writes `to` wherever `from` is. Both are of one length; what is longer of `to` is left away.
pub(crate) fn overwrite(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| find(rest, from)) {
        at += found;
        for (byte, new) in bytes.iter_mut().skip(at).zip(to.iter().take(from.len())) {
            *byte = *new;
        }
        at += from.len();
    }
}

/// Where `wanted` begins first.
pub(crate) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() { None } else { text.windows(wanted.len()).position(|window| window == wanted) }
}
