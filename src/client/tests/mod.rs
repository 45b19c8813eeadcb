//! The client against a server that misbehaves.

pub(crate) mod fake;
pub(crate) mod fake_cluster;
mod locks;
mod reach;
mod restarts;
mod retries;
mod routing;
mod secure;
mod streams;
