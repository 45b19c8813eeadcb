//! What an answer says: in pieces, none of which is much.

use std::collections::VecDeque;
use std::io;
use std::mem::replace;

use bytes::{Bytes, BytesMut};

/// A piece of it, bytes.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// Bytes to send: as they lie in memory, or as they were written.
#[derive(Default)]
pub(super) struct Content {
    pieces: VecDeque<Bytes>,
    open: BytesMut,
    length: usize,
}

impl Content {
    /// What is left of it, bytes.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let piece = match self.pieces.front_mut() {
            Some(first) if first.len() > PIECE_BYTES => first.split_to(PIECE_BYTES),
            Some(_) => self.pieces.pop_front()?,
            None if self.open.is_empty() => return None,
            None => self.open.split().freeze(),
        };
        self.length -= piece.len();
        Some(piece)
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self {
            length: bytes.len(),
            pieces: VecDeque::from([bytes]),
            open: BytesMut::new(),
        }
    }
}

impl io::Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.open.len());
        self.open.extend_from_slice(&bytes[..taken]);
        self.length += taken;
        if self.open.len() == PIECE_BYTES {
            // There is more, mostly.
            let full = replace(&mut self.open, BytesMut::with_capacity(PIECE_BYTES));
            self.pieces.push_back(full.freeze());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_written_comes_out_in_pieces() {
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut written = Content::default();
            bytes
                .chunks(1_000)
                .for_each(|part| written.write_all(part).unwrap());
            for mut content in [written, Content::from(Bytes::from(bytes.clone()))] {
                assert_eq!(content.len(), length);
                let mut read = Vec::new();
                while let Some(piece) = content.next() {
                    assert!(piece.len() <= PIECE_BYTES);
                    read.extend_from_slice(&piece);
                    assert_eq!(content.len(), length - read.len());
                }
                assert_eq!(read, bytes);
            }
        }
    }
}
