//! `dkv cluster up`: a cluster of real processes on this machine, to try and to test with.
//!
//! Invariant: no node outlives the one who started it. Each holds the reading end of a
//! pipe whose other end this process alone has, and stops when that is gone, however that
//! came about. Nothing here knows how nodes find each other: they are told as any other.

mod certs;
mod command;
mod crew;
mod failover;
mod keys;
mod place;
mod plan;
mod ports;
mod process;
mod report;
#[cfg(test)]
mod tests;
mod watch;
mod work;

pub(super) use command::{UpArgs, run};
