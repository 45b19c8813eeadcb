//! The peer port: how the nodes of a cluster reach each other.
//!
//! [`PeerLinks`] calls the others, [`PeerServer`] and [`PeerService`] take their calls,
//! [`hello`] and [`join`] ask an address before anything is known of it.
//!
//! Invariant: a frame is delivered only if caller and called are who the other thinks
//! they are: same cluster, the UUID that was meant, a member, and one process at a time
//! for each UUID. What is in a frame, and who leads, nobody here knows.

mod ask;
mod backoff;
mod callers;
mod counters;
mod dial;
pub(super) mod fuzzed;
mod gate;
mod greeting;
mod lane;
mod link;
mod links;
mod listener;
mod myself;
mod outgoing;
mod queue;
mod road;
mod service;
mod trusted;
mod vouched;

use futures_util::future::BoxFuture;

pub(in crate::server) use ask::{enroll, hello, join};
pub(in crate::server) use counters::{LaneFigures, PeerFigures};
pub(in crate::server) use links::{Callee, PeerLinks};
pub(in crate::server) use listener::PeerServer;
pub(in crate::server) use myself::Myself;
pub(in crate::server) use road::Road;
pub(in crate::server) use service::{Duties, PeerService};

use crate::base::Result;
use crate::proto::peer::{EnrollReply, EnrollRequest, JoinReply, JoinRequest};

/// Answers who brings a token.
pub(in crate::server) type Enroll =
    dyn Fn(EnrollRequest) -> BoxFuture<'static, Result<EnrollReply>> + Send + Sync;

/// Gives nodes a place in the cluster.
pub(in crate::server) trait Joining: Send + Sync {
    /// Answers who asks for one; see the protocol. Asking again must do no harm.
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinReply>>;
}

#[cfg(test)]
mod tests;
