//! Replies with large values, encoded without a copy of them.
//!
//! The fields of a message may come in any order: the value of a record is its last one here, the
//! record the last of its reply, and so on, so that what stands before and behind values is short
//! and the values themselves leave as they lie in the node's memory. Whoever does not read an
//! answer makes the node hold a few bytes of it, and not a copy.

use std::collections::VecDeque;
use std::mem::take;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::v1::reply_frame::Reply;
use super::v1::{GetReply, Record, Replies, ReplyFrame, ScanReply};

/// Shorter values are copied, bytes: a piece of its own costs about as much.
const LARGE_BYTES: usize = 16 << 10;

/// Numbers of fields, as `proto/` has them.
const RECORD_VALUE: u32 = 2;
const GET_RECORD: u32 = 2;
const SCAN_RECORDS: u32 = 2;
const FRAME_GET: u32 = 11;
const FRAME_SCAN: u32 = 17;
const REPLIES_FRAMES: u32 = 1;

/// A message that may have large values in it.
pub(crate) trait Large: Message + Sized {
    /// True if it has one that should not be copied.
    fn is_large(&self) -> bool;

    /// Appends its fields.
    fn put(self, into: &mut Pieces);

    /// The message of a gRPC stream that it is, in pieces: its head, and what it is encoded to.
    fn in_pieces(self) -> VecDeque<Bytes> {
        let length = self.encoded_len();
        let mut pieces = Pieces::default();
        pieces.open.put_u8(0);
        // What is longer is refused where it is made.
        pieces
            .open
            .put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        self.put(&mut pieces);
        pieces.end()
    }
}

/// What is encoded so far.
#[derive(Default)]
pub(crate) struct Pieces {
    done: VecDeque<Bytes>,
    open: BytesMut,
}

impl Pieces {
    fn head(&mut self, number: u32, length: usize) {
        encode_key(number, WireType::LengthDelimited, &mut self.open);
        encode_varint(length as u64, &mut self.open);
    }

    fn fields(&mut self, message: &impl Message) {
        message.encode(&mut self.open).expect("a buffer grows");
    }

    fn bytes(&mut self, bytes: Bytes) {
        if bytes.len() < LARGE_BYTES {
            self.open.put(bytes);
            return;
        }
        self.done.extend([self.open.split().freeze(), bytes]);
    }

    fn record(&mut self, number: u32, mut record: Record) {
        self.head(number, record.encoded_len());
        let value = take(&mut record.value);
        self.fields(&record);
        if !value.is_empty() {
            self.head(RECORD_VALUE, value.len());
            self.bytes(value);
        }
    }

    fn frame(&mut self, mut frame: ReplyFrame) {
        self.head(REPLIES_FRAMES, frame.encoded_len());
        match frame.reply.take() {
            Some(Reply::Get(reply)) => {
                self.fields(&frame);
                self.head(FRAME_GET, reply.encoded_len());
                reply.put(self);
            }
            Some(Reply::Scan(reply)) => {
                self.fields(&frame);
                self.head(FRAME_SCAN, reply.encoded_len());
                reply.put(self);
            }
            other => {
                frame.reply = other;
                self.fields(&frame);
            }
        }
    }

    fn end(mut self) -> VecDeque<Bytes> {
        if !self.open.is_empty() {
            self.done.push_back(self.open.freeze());
        }
        self.done
    }
}

fn has_large_value(record: &Record) -> bool {
    record.value.len() >= LARGE_BYTES
}

impl Large for GetReply {
    fn is_large(&self) -> bool {
        self.record.as_ref().is_some_and(has_large_value)
    }

    fn put(mut self, into: &mut Pieces) {
        let record = self.record.take();
        into.fields(&self);
        if let Some(record) = record {
            into.record(GET_RECORD, record);
        }
    }
}

impl Large for ScanReply {
    fn is_large(&self) -> bool {
        self.records.iter().any(has_large_value)
    }

    fn put(mut self, into: &mut Pieces) {
        let records = take(&mut self.records);
        into.fields(&self);
        for record in records {
            into.record(SCAN_RECORDS, record);
        }
    }
}

impl Large for Replies {
    fn is_large(&self) -> bool {
        self.frames.iter().any(|frame| match &frame.reply {
            Some(Reply::Get(reply)) => reply.is_large(),
            Some(Reply::Scan(reply)) => reply.is_large(),
            _ => false,
        })
    }

    fn put(self, into: &mut Pieces) {
        for frame in self.frames {
            into.frame(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{Header, SetReply};

    fn record(bytes: usize) -> Record {
        Record {
            key: "key".into(),
            value: vec![7; bytes].into(),
            revision: 300,
            create_revision: 1,
            version: 2,
            expire_in_ms: Some(9),
            delete_in_ms: None,
            expired: bytes == 0,
        }
    }

    fn got(bytes: usize) -> GetReply {
        GetReply {
            header: Some(Header {
                revision: 300,
                ..Header::default()
            }),
            record: Some(record(bytes)),
        }
    }

    fn scanned(lengths: &[usize]) -> ScanReply {
        ScanReply {
            header: got(0).header,
            records: lengths.iter().map(|bytes| record(*bytes)).collect(),
            cursor: "there is more".into(),
            count: 3,
        }
    }

    /// The message that the pieces are, read as any client does.
    fn read<T: Large + Default>(message: T) -> (VecDeque<Bytes>, T) {
        let length = message.encoded_len();
        let pieces = message.in_pieces();
        let all: Vec<u8> = pieces.iter().flatten().copied().collect();
        let (head, body) = all.split_at(5);
        assert_eq!(head[0], 0, "nothing is compressed");
        assert_eq!(head[1..], u32::try_from(length).unwrap().to_be_bytes());
        (pieces, T::decode(body).unwrap())
    }

    #[test]
    fn what_is_in_pieces_is_the_same_message() {
        for bytes in [0, 1, LARGE_BYTES - 1, LARGE_BYTES, 1 << 20] {
            assert_eq!(read(got(bytes)).1, got(bytes));
        }
        for lengths in [&[][..], &[5], &[1 << 17, 0, 3, 1 << 16], &[3, 1 << 17]] {
            assert_eq!(read(scanned(lengths)).1, scanned(lengths));
        }
        let replies = [
            Some(Reply::Get(got(1 << 17))),
            Some(Reply::Set(SetReply {
                previous: Some(record(1 << 17)),
                ..SetReply::default()
            })),
            None,
            Some(Reply::Scan(scanned(&[1 << 16, 2]))),
            Some(Reply::Get(GetReply::default())),
        ];
        let frames = (1..)
            .zip(replies)
            .map(|(id, reply)| ReplyFrame { id, reply });
        let replies = Replies {
            frames: frames.collect(),
        };
        assert!(replies.is_large());
        assert_eq!(read(replies.clone()).1, replies);
    }

    #[test]
    fn a_large_value_leaves_as_it_lies_in_memory() {
        let reply = got(1 << 20);
        let there = reply.record.as_ref().unwrap().value.as_ptr();
        let pieces = reply.in_pieces();
        assert_eq!(pieces.len(), 2, "a head, and the value");
        assert_eq!(pieces[1].as_ptr(), there);
        assert!(!got(LARGE_BYTES - 1).is_large());
    }
}
