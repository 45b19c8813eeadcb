//! Tests from outside: the binary and the files that are made of it.

mod cli;
mod generated;
