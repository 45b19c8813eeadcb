//! A node as the other members of its cluster know it.

use std::fmt;

use bytes::Bytes;

use crate::base::types::NodeId;
use crate::base::{Error, Result};
use crate::proto::storage;

/// The longest name or address of a member, bytes.
const TEXT_BYTES_MAX: usize = 255;

/// A member: who it is, and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    /// What people call it; unique in its cluster.
    pub name: String,
    /// HOST:PORT, for the other members.
    pub peer_address: String,
    /// HOST:PORT or unix:/path, for clients.
    pub client_address: String,
    /// A learner that becomes a voter by itself once it has caught up.
    pub wants_vote: bool,
    /// Is to be taken out of all groups, and then out of the cluster.
    pub leaving: bool,
}

impl Member {
    /// As the log and the peers carry it.
    pub fn store(&self, node: NodeId) -> storage::Member {
        storage::Member {
            node: Bytes::copy_from_slice(&node.0),
            name: self.name.clone(),
            peer_address: self.peer_address.clone(),
            client_address: self.client_address.clone(),
            wants_vote: self.wants_vote,
            leaving: self.leaving,
        }
    }

    /// Reads what [`Member::store`] made.
    ///
    /// # Errors
    /// `Corrupt` if the id has not 16 bytes, or a text is too long.
    pub fn read(stored: storage::Member) -> Result<(NodeId, Self)> {
        let node = read_node(&stored.node)?;
        let texts = [&stored.name, &stored.peer_address, &stored.client_address];
        if texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(Error::corrupt(format!(
                "the name or an address of member {node} has more than {TEXT_BYTES_MAX} bytes"
            )));
        }
        let member = Self {
            name: stored.name,
            peer_address: stored.peer_address,
            client_address: stored.client_address,
            wants_vote: stored.wants_vote,
            leaving: stored.leaving,
        };
        Ok((node, member))
    }
}

/// The 16 bytes of a node's id.
pub(super) fn read_node(bytes: &[u8]) -> Result<NodeId> {
    match <[u8; 16]>::try_from(bytes) {
        Ok(id) => Ok(NodeId(id)),
        Err(_) => Err(Error::corrupt(format!(
            "the id of a node has {} bytes instead of 16",
            bytes.len()
        ))),
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.peer_address)
    }
}
