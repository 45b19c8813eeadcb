//! Doors for fuzzing alone: frames of other members, and what the disk has of a group.

use bytes::Bytes;
use prost::Message;

use super::codec::{
    decode_entry, decode_mark, encode_entry, encode_mark, read_log_id, read_sent_index, read_vote,
};
use super::inbound::read_append;
use super::log::Replay;
use super::member::read_node;
use super::snapshot::{read_open, read_piece};
use crate::base::types::LogIndex;
use crate::base::{Error, Result};
use crate::machine::codec;
use crate::proto::peer;
use crate::proto::peer::append_reply::Result as Replied;
use crate::proto::peer::frame::Body;
use crate::wal::Record;

/// What a leader says of a snapshot.
#[derive(Debug)]
pub enum Piece {
    /// It begins one.
    Open,
    /// It sends a part.
    Chunk {
        /// Which, from 0.
        number: u64,
        /// The rows, with their checksum.
        bytes: Bytes,
        /// Nothing follows.
        is_last: bool,
    },
}

/// Reads a frame and everything in it, as a group does before it believes any of it.
///
/// # Errors
/// Why it is refused.
pub fn frame(bytes: Bytes) -> Result<()> {
    match body(bytes)? {
        Body::Append(append) => read_append(append).map(drop),
        Body::AppendReply(reply) => match reply.result {
            Some(Replied::Matched(at) | Replied::Conflict(at)) => read_log_id(Some(at)).map(drop),
            Some(Replied::HigherVote(vote)) => read_vote(Some(vote)).map(drop),
            None => Ok(()),
        },
        Body::Vote(vote) => read_vote(vote.vote).and(read_log_id(vote.last)).map(drop),
        Body::VoteReply(reply) => read_vote(reply.vote).and(read_log_id(reply.last)).map(drop),
        Body::Forward(forward) => Ok(codec::read_proposal(forward.commands).map(drop)?),
        Body::ForwardReply(reply) => {
            let mut applied = reply.applied.into_iter();
            applied.try_for_each(|it| codec::read_reply(it).map(drop).map_err(Error::from))
        }
        Body::Transfer(transfer) => {
            read_vote(transfer.from)?;
            read_node(&transfer.to)?;
            read_log_id(transfer.last).map(drop)
        }
        Body::SnapshotOpen(open) => read_open(open).map(drop),
        Body::SnapshotChunk(chunk) => read_piece(chunk).map(drop),
        Body::SnapshotReply(reply) => read_vote(reply.vote).map(drop),
        Body::StateHash(asked) => read_sent_index(asked.index).map(drop),
        Body::Diverged(told) => read_sent_index(told.index).map(drop),
        _ => Ok(()),
    }
}

fn body(bytes: Bytes) -> Result<Body> {
    let frame = peer::Frame::decode(bytes).map_err(|error| Error::invalid(error.to_string()))?;
    frame.body.ok_or_else(|| Error::invalid("nothing is asked"))
}

/// Reads a frame about a snapshot.
///
/// # Errors
/// Why it is refused.
pub fn piece(bytes: Bytes) -> Result<Piece> {
    match body(bytes)? {
        Body::SnapshotOpen(open) => read_open(open).map(|_| Piece::Open),
        Body::SnapshotChunk(chunk) => read_piece(chunk).map(|it| Piece::Chunk {
            number: it.number,
            bytes: it.chunk,
            is_last: it.is_last,
        }),
        _ => Err(Error::invalid("this is no piece of a snapshot")),
    }
}

/// Reads an entry of a group's log.
///
/// # Errors
/// Why it is refused.
///
/// # Panics
/// If it is another when it was written again.
pub fn entry(bytes: Bytes) -> Result<()> {
    let entry = decode_entry(LogIndex(1), bytes)?;
    let again = decode_entry(LogIndex(1), encode_entry(&entry));
    assert_eq!(again?, entry);
    Ok(())
}

/// Reads what a machine keeps of its group.
///
/// # Errors
/// Why it is refused.
///
/// # Panics
/// If it is another when it was written again.
pub fn mark(bytes: Bytes) -> Result<()> {
    let (applied, membership) = decode_mark(Some(bytes))?;
    let again = decode_mark(Some(encode_mark(applied.as_ref(), &membership)));
    assert_eq!(again?, (applied, membership));
    Ok(())
}

/// Plays what the node's log has of a group; how far its engine must be then.
///
/// # Errors
/// Why it is refused.
pub fn replay(records: Vec<Record>) -> Result<LogIndex> {
    let mut replay = Replay::of(100);
    records.into_iter().try_for_each(|it| replay.visit(it))?;
    Ok(replay.purged())
}
