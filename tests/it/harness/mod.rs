//! What every test of the binary needs: nodes, commands, shells.
//!
//! Nothing here sleeps to be right: a node is ready when it says so, and what must
//! become true is asked again until a deadline.

pub(crate) mod cluster;
mod command;
pub(crate) mod console;
mod events;
mod example_cluster;
mod http;
mod machine;
mod node;
pub(crate) mod peers;
pub(crate) mod pki;
mod shell;
mod site;
pub(crate) mod tls;

pub(crate) use command::{Ran, dkv, dkv_at, finish, run};
pub(crate) use events::{Event, Events, rest};
pub(crate) use example_cluster::ExampleCluster;
pub(crate) use http::{Answer, Exposition, http, http_raw, parse_exposition, read_answer};
pub(crate) use machine::{Machine, install_script};
pub(crate) use node::{Node, serve_fails};
pub(crate) use shell::Shell;
pub(crate) use site::Site;

/// How long anything may take before a test gives up: far more than it ever should.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
