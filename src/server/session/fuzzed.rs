//! Doors for fuzzing alone: sessions of any bytes.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use tokio::sync::watch;
use tonic::Streaming;
use tonic::codec::Codec;

use super::Session;
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, SystemRng};
use crate::base::{Result, limits};
use crate::proto::codec::BoundedCodec;
use crate::proto::v1::{Replies, Requests};
use crate::server::Node;
use crate::server::settings::{EngineKind, ServeConfig};

/// A node in this process, without a port.
pub struct Sessions {
    node: Node,
}

impl Sessions {
    /// A new one, with the default shards on a disk in memory.
    ///
    /// # Errors
    /// As opening a node.
    pub fn open() -> Result<Self> {
        let host = Host {
            disk: Arc::new(SimDisk::new(Arc::new(SystemRng))),
            ..Host::system()
        };
        let mut config = ServeConfig {
            data_dir: PathBuf::from("/sessions"),
            ..ServeConfig::default()
        };
        for shard in &mut config.shards {
            shard.engine = Some(EngineKind::Memory);
        }
        Ok(Self {
            node: Node::open(&host, &config)?,
        })
    }

    /// Plays a session whose client sends these bytes, as gRPC frames them, and nothing more:
    /// which requests were answered, in what order.
    pub async fn play(&self, sent: Bytes) -> Vec<u64> {
        let decoder = BoundedCodec::<Replies, Requests>::default().decoder();
        let bytes_max = limits::REQUEST_BYTES_MAX + limits::MESSAGE_SLACK_BYTES;
        let inbound = Streaming::new_request(decoder, Full::new(sent), None, Some(bytes_max));
        let (_goes_on, stopping) = watch::channel(false);
        let mut session = Session::new(self.node.service.clone(), inbound, None, stopping);
        let mut answered = Vec::new();
        while let Some(Ok(replies)) = session.next().await {
            answered.extend(replies.frames.iter().map(|frame| frame.id));
        }
        answered
    }
}
