//! `dkv top`: what a node, or every member of a cluster, does right now.
//!
//! Invariant: a picture is made of what the nodes said last and of nothing else, so that
//! drawing can be tested without a node and without a terminal.

mod command;

mod crowd;
mod scene;

mod merged;
mod text;

mod draw;
mod keys;
mod live;
mod once;

#[cfg(test)]
mod tests;

pub(super) use command::{TopArgs, run};
