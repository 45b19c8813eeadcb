//! What a run gave, as a document: a page for people, JSON for programs.
//!
//! Invariant: a page needs nothing but itself (no script, nothing to fetch), and no text
//! that came from elsewhere is in it unescaped. It does not know how the figures came
//! about, nor where a document goes.

mod about;
mod date;
mod units;

mod markup;
mod model;
mod parts;

mod plot;
mod scale;

mod latency;
mod percentiles;
mod throughput;

mod json;
mod page;
mod section;
mod tables;

#[cfg(test)]
mod tests;

pub use about::{About, Machine};
pub use json::write_json;
pub use page::write_html;
