//! The client against a server that misbehaves.

pub(crate) mod fake;
mod locks;
mod reach;
mod restarts;
mod retries;
mod routing;
mod streams;
