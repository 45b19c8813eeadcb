//! A scene on a screen of any size.
//!
//! Invariant: nothing here waits, asks or remembers. What does not fit is left out, the
//! least important first, and never breaks a line.

mod charts;
mod columns;
mod help;
mod lists;
mod members;
mod picture;
mod shards;
mod theme;
mod words;

pub(super) use picture::draw;
