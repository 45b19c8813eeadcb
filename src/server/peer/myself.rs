//! Who this node is to the others.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::road::Road;
use crate::base::host::Rng;
use crate::base::types::{ClusterId, NodeId};
use crate::proto::peer;

/// This process of this node.
pub(in crate::server) struct Myself {
    node: NodeId,
    name: String,
    incarnation: u64,
    cluster: OnceLock<ClusterId>,
    road: Road,
}

impl Myself {
    /// The node `node`, called `name`, as it starts. `cluster` is none before it has been
    /// founded or joined.
    pub(in crate::server) fn new(
        node: NodeId,
        name: impl Into<String>,
        cluster: Option<ClusterId>,
        rng: &dyn Rng,
        road: Road,
    ) -> Arc<Self> {
        let mut incarnation = [0; 8];
        rng.fill(&mut incarnation);
        Arc::new(Self {
            node,
            name: name.into(),
            incarnation: u64::from_le_bytes(incarnation),
            cluster: cluster.map_or_else(OnceLock::new, OnceLock::from),
            road,
        })
    }

    /// Its UUID.
    pub(in crate::server) fn node(&self) -> NodeId {
        self.node
    }

    /// What people call it.
    pub(in crate::server) fn name(&self) -> &str {
        &self.name
    }

    /// How it and its peers connect.
    pub(in crate::server) fn road(&self) -> &Road {
        &self.road
    }

    /// Its cluster, once it has one.
    pub(in crate::server) fn cluster(&self) -> Option<ClusterId> {
        self.cluster.get().copied()
    }

    /// It belongs to `cluster` from now on, and for ever: links can be opened.
    ///
    /// # Panics
    /// If it belongs to another one.
    pub(in crate::server) fn enter(&self, cluster: ClusterId) {
        let entered = *self.cluster.get_or_init(|| cluster);
        assert_eq!(entered, cluster, "a node belongs to one cluster for life");
    }

    /// A number of this process alone.
    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// As the wire has it.
    pub(in crate::server) fn identity(&self) -> peer::Identity {
        peer::Identity {
            node: Bytes::copy_from_slice(&self.node.0),
            name: self.name.clone(),
            cluster: self
                .cluster()
                .map_or_else(Bytes::new, |cluster| Bytes::copy_from_slice(&cluster.0)),
        }
    }
}
