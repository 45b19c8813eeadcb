//! `dkv cert`: an authority of one's own, the certificates that it signs, and what it takes
//! back.
//!
//! Invariant: nothing here is asked of a node, and every file is written by
//! [`crate::tls::issue::Folder`] alone. What was there is replaced only if that was asked for.

mod authority;
mod command;
mod described;
mod hosts;
mod issue;
mod place;
mod revoke;
mod rotate;
mod show;

pub(crate) use command::{CertArgs, run};
pub(crate) use hosts::default_hosts;
