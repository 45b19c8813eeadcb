//! Replication: the door of a room that is still being furnished.
//!
//! Replicated shards are not served yet. What stands here is the seam they will talk
//! through, so that the rest of the house is simulated over it from the first day.
//!
//! Invariant: no other room will name the consensus library, and nothing here knows
//! what a frame means to the network that carries it.

mod member;
pub mod sim_network;
pub mod transport;

pub use member::Member;
pub use sim_network::SimNetwork;
pub use transport::{Lane, Peer, PeerTransport};
