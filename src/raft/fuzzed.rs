//! Doors for fuzzing alone: frames of other members.

use bytes::Bytes;
use prost::Message;

use super::codec::{decode_entry, read_log_id, read_sent_index, read_vote};
use super::inbound::read_append;
use crate::base::types::LogIndex;
use crate::base::{Error, Result};
use crate::machine::codec;
use crate::proto::peer;
use crate::proto::peer::frame::Body;

/// Reads a frame and everything in it, as a group does before it believes any of it.
///
/// # Errors
/// Why it is refused.
pub fn frame(bytes: Bytes) -> Result<()> {
    let frame = peer::Frame::decode(bytes).map_err(|error| Error::invalid(error.to_string()))?;
    match frame
        .body
        .ok_or_else(|| Error::invalid("nothing is asked"))?
    {
        Body::Append(append) => {
            read_append(append)?;
        }
        Body::Vote(vote) => {
            read_vote(vote.vote)?;
            read_log_id(vote.last)?;
        }
        Body::VoteReply(reply) => {
            read_vote(reply.vote)?;
            read_log_id(reply.last)?;
        }
        Body::Forward(forward) => {
            codec::read_proposal(forward.commands)?;
        }
        Body::ForwardReply(reply) => {
            for applied in reply.applied {
                codec::read_reply(applied)?;
            }
        }
        Body::StateHash(asked) => {
            read_sent_index(asked.index)?;
        }
        _ => {}
    }
    Ok(())
}

/// Reads an entry of a group's log.
///
/// # Errors
/// Why it is refused.
pub fn entry(bytes: Bytes) -> Result<()> {
    decode_entry(LogIndex(1), bytes)?;
    Ok(())
}
