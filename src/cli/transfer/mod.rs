//! Records on their way into and out of files: the formats, the reading of large files
//! in bounded memory, and the many writes that are under way at once.
//!
//! Invariant: what is exported is imported again byte for byte, and of two lines with the
//! same key the later one wins, however many writes are under way. Nothing here prints
//! an answer or knows an exit code: that is for `kv/import.rs` and `kv/export.rs`.

mod csv;
mod fields;
pub(in crate::cli) mod fuzzed;
mod item;
mod jsonl;
mod lines;
mod source;

mod feed;
mod inputs;

mod load;
mod problems;
mod progress;
mod window;
mod write;

mod target;

pub(crate) use inputs::{Format, Inputs};
pub(crate) use item::{Item, Rules};
pub(crate) use jsonl::encode;
pub(crate) use load::{Ended, Load, Tally};
pub(crate) use problems::Problems;
pub(crate) use progress::{export_bar, import_bar, records_per_second};
pub(crate) use target::Target;
