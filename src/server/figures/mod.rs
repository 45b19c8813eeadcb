//! What the node does right now, and did in the last two minutes: for people who look.
//!
//! Invariant: what is kept is bounded, whatever comes: so many seconds, so many keys of each
//! shard. A request pays a subtraction, and one of many a look into a small table; no
//! request waits for anybody who looks.

mod hot;
mod reading;
mod ring;
mod sampler;

mod form;
mod locks;
mod tell;

#[cfg(test)]
mod tests;

pub(super) use form::{NodeStatus, status};
pub(super) use hot::HotKeys;
pub(super) use locks::LongestHeld;
pub(super) use ring::Ring;
pub(super) use sampler::sample;
pub(super) use tell::tell;
