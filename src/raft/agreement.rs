//! Asking the other members what state they are in.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Group;
use super::calls::CallError;
use super::transport::Lane;
use crate::base::types::{LogIndex, NodeId};
use crate::proto::peer;
use crate::proto::peer::frame::Body;

impl Group {
    /// The state hash of another member after the entry at `index`; `None` if it does not
    /// know it, does not answer in time, or runs a version that cannot tell.
    pub async fn state_hash_of(
        &self,
        member: NodeId,
        index: LogIndex,
        limit: Duration,
    ) -> Option<u64> {
        let body = Body::StateHash(peer::StateHash { index: index.0 });
        let answer = self.ask(member, Lane::Heartbeat, body).within(limit).await;
        match answer {
            Ok(Body::StateHashReply(reply)) if reply.index == index.0 => reply.hash,
            other => {
                self.note_no_answer(member, &other);
                None
            }
        }
    }

    /// Tells another member that a majority of the voters has the state `hash` after the
    /// entry at `index`. True if it says that its own is another one, and that it stops.
    pub async fn tell_diverged(
        &self,
        member: NodeId,
        index: LogIndex,
        hash: u64,
        limit: Duration,
    ) -> bool {
        let index = index.0;
        let body = Body::Diverged(peer::Diverged { index, hash });
        let answer = self.ask(member, Lane::Heartbeat, body).within(limit).await;
        match answer {
            Ok(Body::DivergedReply(reply)) => reply.stops,
            other => {
                self.note_no_answer(member, &other);
                false
            }
        }
    }

    /// A member may be down, or of another version: that is no news, and harms nobody.
    fn note_no_answer(&self, member: NodeId, answer: &Result<Body, CallError>) {
        let why = match answer {
            Ok(_) => "an answer to something else".to_owned(),
            Err(CallError::Silence) => "no answer in time".to_owned(),
            Err(CallError::NoLink) => "no link".to_owned(),
            Err(CallError::Refused(error)) => error.to_string(),
        };
        tracing::debug!(shard = %self.shard(), %member, why, "a state was not compared");
    }
}
