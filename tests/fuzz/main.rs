//! Bytes that nobody would send, for everything that reads bytes: from the disk, from clients,
//! from other members, from files and from people.
//!
//! A target is a function of bytes that panics when something is wrong; `targets/` has them, and
//! two drivers share them. Here a small one of our own, with a seed, mutates a corpus for a fixed
//! number of executions, on stable Rust, and looks what each input takes of memory; in `fuzz/`
//! libFuzzer goes on for as long as one likes (`scripts/fuzz`).
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these tests stand outside the product: they use real files and clocks"
)]

mod corpus;
mod driver;
mod memory;
mod mutations;
mod runs;
mod seeds;
mod targets;
