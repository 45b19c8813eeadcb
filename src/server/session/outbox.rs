//! Replies on their way out, in messages of a bounded size.

use std::collections::VecDeque;

use crate::proto::v1;
use crate::proto::v1::op_result::Result as OpResult;
use crate::proto::v1::reply_frame::Reply;

/// Bytes of replies that leave as one message, about: the reply that crosses it is
/// the last, so that a message exceeds it by one value at most.
pub(super) const MESSAGE_BYTES: usize = 1 << 20;

/// Replies that have not left.
#[derive(Default)]
pub(super) struct Outbox {
    frames: VecDeque<v1::ReplyFrame>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, frame: v1::ReplyFrame) {
        self.bytes += weight(&frame);
        self.frames.push_back(frame);
    }

    /// True when a message is full: nothing more should be answered before it leaves.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MESSAGE_BYTES
    }

    /// The next message, if there is anything to say.
    pub(super) fn take(&mut self) -> Option<v1::Replies> {
        let mut bytes = 0;
        let mut frames = Vec::new();
        while let Some(frame) = self.frames.pop_front_if(|_| bytes < MESSAGE_BYTES) {
            bytes += weight(&frame);
            frames.push(frame);
        }
        self.bytes -= bytes;
        (!frames.is_empty()).then_some(v1::Replies { frames })
    }
}

/// About how long a reply is: only keys, values and names make it long.
fn weight(frame: &v1::ReplyFrame) -> usize {
    let record = |record: &v1::Record| 64 + record.key.len() + record.value.len();
    let found = |found: &v1::Found| 8 + found.record.as_ref().map_or(0, record);
    let result = |result: &v1::OpResult| {
        32 + match &result.result {
            Some(OpResult::Set(set)) => set.previous.as_ref().map_or(0, record),
            Some(OpResult::Got(got)) => found(got),
            Some(OpResult::Error(error)) => error.message.len(),
            _ => 0,
        }
    };
    96 + match &frame.reply {
        Some(Reply::Get(reply)) => reply.record.as_ref().map_or(0, record),
        Some(Reply::Set(reply)) => reply.previous.as_ref().map_or(0, record),
        Some(Reply::Scan(reply)) => reply.records.iter().map(record).sum(),
        Some(Reply::GetMany(reply)) => reply.found.iter().map(found).sum(),
        Some(Reply::History(reply)) => {
            let changes = reply.changes.iter();
            changes
                .map(|change| 32 + change.record.as_ref().map_or(0, record))
                .sum()
        }
        Some(Reply::Batch(reply)) => reply.results.iter().map(result).sum(),
        Some(Reply::Txn(reply)) => reply.results.iter().map(result).sum(),
        Some(Reply::ListBuckets(reply)) => {
            let buckets = reply.buckets.iter();
            buckets.map(|bucket| 96 + bucket.name.len()).sum()
        }
        Some(Reply::List(reply)) => reply.locks.iter().map(|lock| 64 + lock.name.len()).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn replies_of_many_records_weigh_as_much() {
        let record = v1::Record {
            value: Bytes::from(vec![0; 2 << 20]),
            ..Default::default()
        };
        let found = v1::Found {
            record: Some(record.clone()),
        };
        let got = v1::OpResult {
            result: Some(OpResult::Got(found.clone())),
            ..Default::default()
        };
        let set = v1::OpResult {
            result: Some(OpResult::Set(v1::SetResult {
                previous: Some(record.clone()),
                ..Default::default()
            })),
            ..Default::default()
        };
        let change = v1::Change {
            record: Some(record),
            ..Default::default()
        };
        let replies = [
            Reply::GetMany(v1::GetManyReply {
                found: vec![found],
                ..Default::default()
            }),
            Reply::Txn(v1::TxnReply {
                results: vec![got],
                ..Default::default()
            }),
            Reply::Batch(v1::BatchReply {
                results: vec![set],
                ..Default::default()
            }),
            Reply::History(v1::HistoryReply {
                changes: vec![change],
                ..Default::default()
            }),
        ];
        for reply in replies {
            let mut outbox = Outbox::default();
            let reply = Some(reply);
            outbox.push(v1::ReplyFrame { id: 0, reply });
            assert!(outbox.is_full());
        }
    }

    /// Two replies of 11 MiB each used to leave as one message, which the client refused
    /// together with everything else on the stream.
    #[test]
    fn large_replies_leave_one_by_one() {
        let mut outbox = Outbox::default();
        for id in 0..3 {
            let value = Bytes::from(vec![0; 11 << 20]);
            let record = Some(v1::Record {
                value,
                ..Default::default()
            });
            let reply = Reply::Get(v1::GetReply {
                header: None,
                record,
            });
            outbox.push(v1::ReplyFrame {
                id,
                reply: Some(reply),
            });
        }
        assert!(outbox.is_full());
        for id in 0..3 {
            let message = outbox.take().unwrap();
            assert_eq!(message.frames.len(), 1);
            assert_eq!(message.frames[0].id, id);
        }
        assert!(outbox.take().is_none() && !outbox.is_full());
    }
}
