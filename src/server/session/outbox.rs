//! Replies on their way out, in messages of a bounded size.

use std::collections::VecDeque;

use crate::proto::v1;
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
    96 + match &frame.reply {
        Some(Reply::Get(reply)) => reply.record.as_ref().map_or(0, record),
        Some(Reply::Set(reply)) => reply.previous.as_ref().map_or(0, record),
        Some(Reply::Scan(reply)) => reply.records.iter().map(record).sum(),
        Some(Reply::List(reply)) => reply.locks.iter().map(|lock| 64 + lock.name.len()).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

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
