//! Just enough of gzip (RFC 1952, RFC 1951) for an upstream that compresses, and for one that compresses zeros.

const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// These bytes, in gzip without compression. At most 65 535 of them.
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut out = HEAD.to_vec();
    out.push(1); // the last block, stored
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    out.extend(crc32(bytes).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

/// About this many zeros, 160 to the byte. Its check sum is wrong; whoever comes so far has unpacked it all.
pub(crate) fn zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b1, 1); // the last block
    bits.push(0b10, 2); // of fixed codes, read from the low bit
    bits.push(0b0011_0000, 8); // a literal zero
    for _ in 0..count / 258 {
        bits.push(0b1100_0101, 8); // 258 bytes
        bits.push(0, 5); // from one byte before
    }
    bits.push(0, 7); // the end
    [&HEAD[..], &bits.bytes, &[0; 9]].concat()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u8,
}

impl Bits {
    /// The lower `count` bits of `code`, highest first.
    fn push(&mut self, code: u8, count: u8) {
        for at in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= (code >> at & 1) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}
