//! What the node does right now, and did in the last two minutes: for people who look.
//!
//! Invariant: looking changes nothing. What is kept is bounded, whatever comes; a request pays
//! a subtraction, and one of many a look into a small table; none waits for whoever looks.
//! It must not know who asks, nor how it is shown: a page, a terminal and programs are told
//! the same.

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
