//! Replication: one consensus group for each replicated shard.
//!
//! Invariant: no other room names the consensus library, and none of its formats is
//! stored or sent. Nothing here knows what a command means, nor what a network is: it
//! drives a [`Replica`] and talks through a [`PeerTransport`].

mod adapter;
mod agreement;
mod calls;
mod changes;
mod codec;
#[doc(hidden)]
pub mod fuzzed;
mod group;
mod held;
mod hub;
mod inbound;
pub mod log;
mod member;
mod members;
mod network;
mod replica;
mod runtime;
pub mod sim_network;
mod snapshot;
mod status;
pub mod transport;
mod types;
mod watch;

pub use changes::{Changes, LeaderChanges};
pub use group::{Group, GroupOptions, ProposeError};
pub use hub::Hub;
pub use log::{Log, Replay};
pub use member::Member;
pub use members::{Change, Members};
pub use replica::{ForwardDone, ReadDone, Replica};
pub use sim_network::SimNetwork;
pub use snapshot::{Frozen, SnapshotFigures};
pub use status::{Ballot, GroupStatus, Role};
pub use transport::{Lane, Peer, PeerTransport};
