//! What goes out on a connection to another member: frames of the peers' protocol, in messages of
//! gRPC, in HTTP/2 (RFC 9113), whatever pieces they are written in.

use std::collections::BTreeMap;

use crate::message::{Value, bytes_at, fields};
use crate::promise::{Promise, in_frame};

/// What whoever connects sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes before a frame of HTTP/2, and before a message of gRPC.
const FRAME_HEAD: usize = 9;
const MESSAGE_HEAD: usize = 5;
const DATA: u8 = 0;
const PADDED: u8 = 8;

/// One connection, as far as it has been written.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Not taken apart yet.
    waiting: Vec<u8>,
    speaks: Option<Speaks>,
    streams: BTreeMap<[u8; 4], Stream>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Http2,
    /// An answer to somebody, or no HTTP/2.
    SomethingElse,
}

#[derive(Debug, Default)]
struct Stream {
    waiting: Vec<u8>,
    /// Its first message opened a link; others are questions.
    is_link: Option<bool>,
}

impl Outgoing {
    /// What is promised once these bytes have arrived, too.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Promise> {
        if self.speaks == Some(Speaks::SomethingElse) {
            return Vec::new();
        }
        self.waiting.extend_from_slice(bytes);
        if self.speaks.is_none() {
            let seen = self.waiting.len().min(PREFACE.len());
            if self.waiting[..seen] != PREFACE[..seen] {
                self.speaks = Some(Speaks::SomethingElse);
                self.waiting.clear();
            } else if seen == PREFACE.len() {
                self.speaks = Some(Speaks::Http2);
                self.waiting.drain(..seen);
            }
        }
        let mut promises = Vec::new();
        while self.speaks == Some(Speaks::Http2) {
            let Some(frame) = self.next_frame() else {
                break;
            };
            promises.extend(self.take(&frame));
        }
        promises
    }

    fn next_frame(&mut self) -> Option<Vec<u8>> {
        let [a, b, c] = *self.waiting.first_chunk()?;
        let length = FRAME_HEAD + u32::from_be_bytes([0, a, b, c]) as usize;
        (self.waiting.len() >= length).then(|| self.waiting.drain(..length).collect())
    }

    fn take(&mut self, frame: &[u8]) -> Vec<Promise> {
        let (head, content) = frame.split_at(FRAME_HEAD);
        let [.., kind, flags, a, b, c, d] = *head else {
            return Vec::new();
        };
        if kind != DATA {
            return Vec::new();
        }
        assert_eq!(flags & PADDED, 0, "not modelled: frames with padding");
        self.streams.entry([a, b, c, d]).or_default().push(content)
    }
}

impl Stream {
    fn push(&mut self, bytes: &[u8]) -> Vec<Promise> {
        self.waiting.extend_from_slice(bytes);
        let mut promises = Vec::new();
        while let Some(message) = self.next_message() {
            if *self.is_link.get_or_insert_with(|| opens_a_link(&message)) {
                promises.extend(frames(&message).filter_map(in_frame));
            }
        }
        promises
    }

    fn next_message(&mut self) -> Option<Vec<u8>> {
        let [compressed, length @ ..] = *self.waiting.first_chunk::<MESSAGE_HEAD>()?;
        assert_eq!(compressed, 0, "not modelled: messages that are compressed");
        let end = MESSAGE_HEAD + u32::from_be_bytes(length) as usize;
        let is_whole = self.waiting.len() >= end;
        is_whole.then(|| self.waiting.drain(..end).skip(MESSAGE_HEAD).collect())
    }
}

/// A `LinkMessage` with a `LinkHello` in it: who calls, and whom, by ids of 16 bytes.
fn opens_a_link(message: &[u8]) -> bool {
    let hello = bytes_at(message, 1);
    let caller = bytes_at(bytes_at(hello, 1), 1);
    caller.len() == 16 && bytes_at(hello, 2).len() == 16
}

/// The frames of a `LinkMessage`.
fn frames(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let all = fields(message).into_iter().flatten();
    all.filter_map(|(number, value)| match value {
        Value::Bytes(frame) if number == 2 => Some(frame),
        _ => None,
    })
}
