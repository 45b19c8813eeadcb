//! Where settings come from and how people write them.
//!
//! Four layers: a flag beats an environment variable, which beats the file of
//! `--config`, which beats the default. The flags and their defaults are the
//! command line's; this room holds the two layers between and the grammar of values.
//!
//! Invariant: a name nobody knows is an error, in the environment and in the file,
//! and every complaint about a value names where it came from. Nothing here prints,
//! reads a file, or knows which subcommand runs.

pub mod cluster;
pub mod environment;
pub mod file;
pub mod layers;
pub mod serve;
pub mod text;
pub mod tls;

pub use layers::{Layers, Sourced};
