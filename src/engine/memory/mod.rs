//! The engine that keeps everything in memory, with checkpoints in files.
//!
//! Invariant: a frozen view never changes, and what is on disk under the name of a
//! checkpoint is whole. It knows neither what its rows mean nor which log covers it.

mod checkpoint;
mod engine;
mod replacement;

pub use engine::MemoryEngine;

#[cfg(test)]
mod tests;
