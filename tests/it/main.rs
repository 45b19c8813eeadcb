//! Tests from outside: the binary and the files that are made of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cli;
mod generated;
