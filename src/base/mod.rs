//! Words everything else is written in: identities, limits, errors, and the
//! seams to the machine underneath.
//!
//! Invariant: nothing here knows a room above; only `host/` touches the clock,
//! randomness, the disk and threads of the operating system.

pub mod duration;
pub mod error;
pub mod heavy;
pub mod histogram;
pub mod host;
pub mod limits;
pub mod mutant;
pub mod suggest;
pub mod time;
pub mod turns;
pub mod types;

pub use error::{Error, ErrorKind, Limit, Result};
