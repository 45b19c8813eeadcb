//! The cluster behind the endpoints: who its members are, how they do, and changes.
//!
//! Invariant: a change may be repeated, since every one of them asks for a state ("be
//! a voter") and not for a step. What is asked of members is asked of each by itself: a
//! member that is gone costs a short wait and is said to be gone, nothing more.

mod change;
mod convert;
mod handle;
mod health;
mod overview;
mod token;
mod types;

#[cfg(test)]
mod tests;

pub(super) use convert::{member as wire_member, role as wire_role};
pub use handle::Cluster;
pub use token::JoinToken;
pub use types::{
    ClusterMember, ClusterOverview, ClusterShard, ClusterStatus, MemberView, PeerProgress, Role,
    ShardSnapshot,
};
