//! Owns a body while it is read: how much of one is taken, and of all that are read at the same time. A tool that asks for
//! six things at once has the memory of one call.

use std::cell::Cell;

use super::Failure;

/// Bytes of all bodies that are read at the same time, two of the default limit: what they are read into has to fit beside
/// them. One that asks for more has more.
const TOGETHER: usize = 16 << 20;
/// Pieces are gathered in blocks of about this size, so that a body that comes byte by byte is no heavier.
const BLOCK: usize = 64 << 10;

thread_local! {
    static READING: Cell<usize> = const { Cell::new(0) };
}

/// A body that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    blocks: Vec<Vec<u8>>,
    length: usize,
    limit: usize,
    cut: bool,
}

impl Reading {
    /// Of at most `limit` bytes: more is a failure, or cut.
    pub(super) fn new(limit: usize, cut: bool) -> Self {
        Self { blocks: Vec::new(), length: 0, limit, cut }
    }

    /// Takes a piece. False once there is no room for more.
    pub(super) fn take(&mut self, mut piece: Vec<u8>) -> Result<bool, Failure> {
        let own = self.limit.saturating_sub(self.length);
        let shared = TOGETHER.max(self.limit).saturating_sub(READING.get());
        let fits = piece.len() <= own.min(shared);
        match (fits, self.cut) {
            (true, _) => {}
            (false, true) => piece.truncate(own.min(shared)),
            (false, false) if piece.len() > own => return Err(Failure::TooLarge(self.limit)),
            (false, false) => return Err(Failure::TooMuch(TOGETHER.max(self.limit))),
        }
        READING.set(READING.get() + piece.len());
        self.length += piece.len();
        match self.blocks.last_mut() {
            Some(last) if last.len() + piece.len() <= BLOCK => last.append(&mut piece),
            _ => self.blocks.push(piece),
        }
        Ok(fits)
    }

    /// All of it.
    pub(super) fn whole(mut self) -> Vec<u8> {
        let mut blocks = std::mem::take(&mut self.blocks).into_iter();
        let mut whole = blocks.next().unwrap_or_default();
        whole.reserve_exact(self.length - whole.len());
        // Each block is let go as soon as it is copied.
        blocks.for_each(|block| whole.extend_from_slice(&block));
        whole
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        READING.set(READING.get() - self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn read(reading: &mut Reading, bytes: usize) -> Result<bool, Failure> {
        reading.take(vec![b'x'; bytes])
    }

    #[test]
    fn a_body_is_what_came() {
        let mut body = Reading::new(10, false);
        for piece in ["ab", "", "cde", "f"] {
            assert_eq!(body.take(piece.as_bytes().to_vec()), Ok(true));
        }
        assert_eq!(body.blocks.len(), 1);
        assert_eq!(body.whole(), b"abcdef");
        assert_eq!(Reading::new(1, false).whole(), b"");
        let mut large = Reading::new(MIB, false);
        for n in 0..5 {
            assert_eq!(large.take(vec![n; 50_000]), Ok(true));
        }
        assert_eq!(large.whole(), (0..5).flat_map(|n| [n; 50_000]).collect::<Vec<_>>());
    }

    #[test]
    fn more_than_the_limit_fails_or_is_cut() {
        let mut body = Reading::new(3, false);
        assert_eq!(read(&mut body, 3), Ok(true));
        assert_eq!(read(&mut body, 1), Err(Failure::TooLarge(3)));
        let mut body = Reading::new(3, true);
        assert_eq!((read(&mut body, 2), read(&mut body, 2)), (Ok(true), Ok(false)));
        assert_eq!(body.whole(), b"xxx");
    }

    #[test]
    fn bodies_that_are_read_at_the_same_time_share_the_room() {
        let mut bodies: Vec<Reading> = (0..3).map(|_| Reading::new(8 * MIB, false)).collect();
        for body in &mut bodies[..2] {
            assert_eq!(read(body, 8 * MIB), Ok(true));
        }
        assert_eq!(read(&mut bodies[2], 1), Err(Failure::TooMuch(16 * MIB)));
        // Whoever asked for more than that has it, and what is over makes room.
        assert_eq!(read(&mut Reading::new(17 * MIB, false), MIB), Ok(true));
        bodies.truncate(1);
        assert_eq!(read(&mut Reading::new(8 * MIB, false), 8 * MIB), Ok(true));
    }
}
