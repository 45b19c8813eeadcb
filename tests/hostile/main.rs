//! Hostile clients against a real node: while each of them is at it and afterwards, the node
//! answers whoever comes, keeps its memory within a bound, gives descriptors back, and has no
//! panic in its log.
//!
//! How long anything takes is not judged here; `bench/hostile.sh` measures it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these tests stand outside the product: they use real files, clocks and threads"
)]

mod attacks;
mod figures;
#[path = "../it/harness/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the harness of `tests/it`, of which little is needed here"
)]
mod harness;
mod judge;
mod proofs;
mod siege;
mod sieges;
