//! Who this node is and how its shards are doing.

use std::sync::Arc;

use bytes::Bytes;

use super::service::{Service, Shard};
use crate::base::host::Clock;
use crate::proto::v1;

/// Describes this node, at any moment.
#[derive(Clone)]
pub(super) struct Describe {
    pub(super) service: Service,
    /// Why writes are refused right now, if they are.
    pub(super) read_only: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) name: String,
    pub(super) addresses: Vec<String>,
    pub(super) started_ms: u64,
}

impl Describe {
    /// How long the node has run, ms.
    pub(super) fn uptime_ms(&self) -> u64 {
        self.clock.boot_ms().saturating_sub(self.started_ms)
    }

    pub(super) fn now(&self) -> v1::DescribeReply {
        v1::DescribeReply {
            node: Bytes::copy_from_slice(&self.service.node().0),
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: self.uptime_ms(),
            addresses: self.addresses.clone(),
            shards: self.service.shards().map(describe_shard).collect(),
            read_only_because: (self.read_only)().unwrap_or_default(),
        }
    }
}

fn describe_shard(shard: &Shard) -> v1::ShardDescription {
    let status = shard.store.status();
    v1::ShardDescription {
        id: shard.id.0,
        r#type: shard.kind.to_string(),
        engine: shard.engine.to_string(),
        durability: shard.durability.clone(),
        identity: shard.identity.clone(),
        revision: status.revision.0,
        applied_index: status.applied.0,
        state_hash: status.state_hash,
        keys: status.keys,
        locks: status.locks,
        sessions: status.sessions,
        history_floor: status.history_floor.0,
    }
}
