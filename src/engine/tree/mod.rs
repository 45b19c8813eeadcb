//! Rows in memory: a copy-on-write B+tree, whose clone is a frozen copy.
//!
//! Invariant: a frozen copy never changes. The tree knows neither tables nor files.

mod btree;
mod iter;
mod node;
mod page;

pub(super) use btree::Tree;
pub(super) use iter::{Iter, IterBack};
pub(super) use page::KEY_BYTES_MAX;

#[cfg(test)]
mod tests;
