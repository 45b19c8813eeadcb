//! Doors for fuzzing alone: what callers say of themselves.

use bytes::Bytes;
use prost::Message;
use tonic::Status;

use super::greeting::{greet, question};
use super::myself::Myself;
use super::road::Road;
use crate::base::host::SeededRng;
use crate::base::types::{ClusterId, NodeId};
use crate::base::{Error, Result};
use crate::proto::peer::{HelloRequest, LinkMessage};

/// Greets a node, of the cluster and the id whose bytes are all 7 and 1, with a link.
///
/// # Errors
/// Why it is refused.
pub fn link(bytes: Bytes) -> Result<()> {
    let said = LinkMessage::decode(bytes).map_err(|error| Error::invalid(error.to_string()))?;
    let greeted = greet(&node(), "here:1", said.hello).map_err(|status| refused(&status))?;
    assert!(greeted.caller.to_string().len() < 4_096, "a name is cut");
    Ok(())
}

/// Asks that node who it is.
///
/// # Errors
/// Why it is refused.
pub fn hello(bytes: Bytes) -> Result<()> {
    let asked = HelloRequest::decode(bytes).map_err(|error| Error::invalid(error.to_string()))?;
    let known = question(&node(), "here:1", asked.from, &asked.to);
    known.map(drop).map_err(|status| refused(&status))
}

fn node() -> std::sync::Arc<Myself> {
    let cluster = Some(ClusterId([7; 16]));
    let rng = SeededRng::new(1);
    Myself::new(NodeId([1; 16]), "node-1", cluster, &rng, Road::Plain)
}

fn refused(status: &Status) -> Error {
    Error::invalid(status.message())
}
