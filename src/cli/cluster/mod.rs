//! `dkv cluster`: see the members of a cluster, change them, judge what clients see of it, and start
//! one on this machine.
//!
//! Invariant: the rules of membership are the server's. Here names are found, questions
//! are asked before something is taken out, and answers are printed.

mod asking;
mod change;
mod command;
mod health;
mod status;
#[cfg(test)]
mod tests;
mod token;
mod up;
mod verify;

pub(crate) use command::{ClusterArgs, run};
