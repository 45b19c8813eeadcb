//! What a node does right now, and did in the seconds before.
//!
//! Invariant: only what a node said is in here; how it is shown is somebody else's.

mod ask;
mod convert;
mod types;

#[cfg(test)]
mod tests;

pub use types::{
    ClassSample, Figures, HealthCheck, HeldLock, HotKey, MemberLag, Sample, ShardFigures,
    ShardGroup,
};
