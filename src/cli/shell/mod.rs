//! `dkv shell`: a prompt, and scripts in the same words.
//!
//! Invariant: a line means what the command line means. It is translated into the words of
//! `dkv kv`, `dkv lock` and so on, and the same code runs them; only what concerns the shell
//! itself is done here.

mod command;

mod cursor;
pub(in crate::cli) mod fuzzed;
mod lexer;
mod statement;
mod terminal;
mod words;

mod foreign;
mod grammar;
mod translate;
mod verbs;

mod help;
mod locks;
mod own;
mod settled;
mod turns;

mod input;
mod script;

mod completion;
mod editor;
mod history;
mod prompt;

pub(crate) use command::{ShellArgs, run};
pub(crate) use cursor::words_before_cursor;
