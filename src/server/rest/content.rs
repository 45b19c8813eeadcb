//! What an answer says: in pieces, none of which is much.

use std::collections::VecDeque;
use std::io;
use std::mem::replace;

use bytes::{Bytes, BytesMut};

use super::budget::Held;
use crate::base::{Error, Result};

/// A piece of it, bytes.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// Bytes to send: as they lie in memory, or as they were written. What is more than a piece
/// holds what it takes.
pub(super) struct Content {
    pieces: VecDeque<Bytes>,
    open: BytesMut,
    length: usize,
    held: Held,
    /// There is no room for it, and it need not be written.
    refused: Option<Error>,
    is_done: bool,
}

impl Content {
    /// Nothing yet. What is written is refused as soon as there is no room for it, and not once
    /// it is whole; never if it answers a write that was done.
    pub(super) fn new(held: Held, is_done: bool) -> Self {
        Self {
            pieces: VecDeque::new(),
            open: BytesMut::new(),
            length: 0,
            held,
            refused: None,
            is_done,
        }
    }

    /// These bytes, which nobody copies.
    ///
    /// # Errors
    /// `LimitExceeded` without room for them.
    pub(super) fn of(bytes: Bytes, mut held: Held) -> Result<Self> {
        if bytes.len() > PIECE_BYTES {
            held.cover(bytes.len())?;
        }
        Ok(Self {
            length: bytes.len(),
            pieces: VecDeque::from([bytes]),
            ..Self::new(held, false)
        })
    }

    /// Why it could not be written.
    pub(super) fn refused(&mut self) -> Option<Error> {
        self.refused.take()
    }

    /// All of it is written.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match self.length > PIECE_BYTES {
            true => self.cover(),
            false => Ok(()),
        }
    }

    fn cover(&mut self) -> io::Result<()> {
        match self.held.cover(self.length) {
            Err(full) if !self.is_done => {
                self.refused = Some(full);
                Err(io::ErrorKind::OutOfMemory.into())
            }
            _ => Ok(()),
        }
    }

    /// Begins the next piece: there is more, mostly.
    fn next_open(&mut self) -> io::Result<()> {
        self.cover()?;
        let full = replace(&mut self.open, BytesMut::with_capacity(PIECE_BYTES));
        self.pieces.push_back(full.freeze());
        Ok(())
    }

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

impl io::Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.open.len());
        self.open.extend_from_slice(&bytes[..taken]);
        self.length += taken;
        if self.open.len() == PIECE_BYTES {
            self.next_open()?;
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
    use crate::base::ErrorKind;
    use crate::server::rest::budget::Budget;

    fn nothing(is_done: bool, budget: &Budget) -> Content {
        Content::new(budget.hold(), is_done)
    }

    #[test]
    fn what_is_written_comes_out_in_pieces() {
        let budget = Budget::of(8 * PIECE_BYTES);
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut written = nothing(false, &budget);
            bytes
                .chunks(1_000)
                .for_each(|part| written.write_all(part).unwrap());
            let given = Content::of(bytes.clone().into(), budget.hold()).unwrap();
            for mut content in [written, given] {
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

    /// Megabytes were written before they were refused: pipelined requests that were refused one
    /// after the other kept a thread at work.
    #[test]
    fn what_there_is_no_room_for_is_not_written_to_its_end() {
        let budget = Budget::of(4 * PIECE_BYTES);
        let bytes = vec![b'v'; PIECE_BYTES];
        let mut first = nothing(false, &budget);
        (0..3).for_each(|_| first.write_all(&bytes).unwrap());
        let mut second = nothing(false, &budget);
        second.write_all(&bytes).unwrap();
        second.write_all(&bytes).unwrap_err();
        let refused = second.refused().expect("it says why");
        assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
        let mut answer_of_a_write = nothing(true, &budget);
        (0..9).for_each(|_| answer_of_a_write.write_all(&bytes).unwrap());
        assert_eq!(answer_of_a_write.len(), 9 * PIECE_BYTES);
        drop((first, second, answer_of_a_write));
        assert!(Content::of(vec![0; 4 * PIECE_BYTES].into(), budget.hold()).is_ok());
        assert!(Content::of(vec![0; 5 * PIECE_BYTES].into(), budget.hold()).is_err());
    }
}
