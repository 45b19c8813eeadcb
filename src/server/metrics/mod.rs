//! What this node did and how it is doing, as numbers.
//!
//! Invariant: counting a request is a few relaxed atomics: no lock, no allocation, no
//! look-up of a label. No label holds a name that a client chose, so that the number
//! of series does not grow with the data. Rooms below keep plain numbers and do not
//! know who reads them; only `page.rs` knows the format.

mod groups;
mod labels;
mod links;
mod log;
mod meter;
mod names;
mod page;
mod process;
mod render;
mod requests;
mod shards;
mod tally;

pub(super) use labels::{Outcome, RequestKind};
pub(super) use meter::{Meter, OpenSession};
pub(super) use page::CONTENT_TYPE;
pub(super) use render::{Figures, render};
pub(super) use tally::Tally;
