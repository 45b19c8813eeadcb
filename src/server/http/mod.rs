//! What is asked without gRPC: whether the node lives, whether it is ready, and its
//! figures. The port is the one of gRPC; later rooms for programs that speak plain
//! HTTP add their routes here.
//!
//! Invariant: gRPC is reached over HTTP/2 with its own content type alone. A web page
//! can make a browser send neither, so that it cannot write into a node on loopback; nor can
//! one of another site read what is told here.

mod ahead;
mod front;
mod health;
mod incoming;
mod live;
mod outgoing;
mod page;
mod ready;
mod routes;
pub(super) mod site;

pub(super) use ahead::{Ahead, Messages, uncopied};
pub(super) use front::Front;
pub(super) use health::health;
pub(super) use live::{Live, Standing};
pub(super) use outgoing::Weight;
pub(super) use ready::checks;
pub(super) use routes::routes;
