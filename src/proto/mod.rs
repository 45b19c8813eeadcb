//! Generated wire and storage types, and how they become bytes. No other logic lives here.
//!
//! Invariant: `storage` is for `machine/codec.rs`, `raft/codec.rs` and the
//! manifest alone; `peer` is for `raft/` and the server's peer port; `v1` is for the
//! edges.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; documented in proto/"
)]

pub mod codec;
pub(crate) mod pieces;

/// What programs speak: `proto/dkv/v1`.
pub mod v1 {
    tonic::include_proto!("dkv.v1");
}

/// The other packages, where the messages of one look for those of another.
#[allow(
    unreachable_pub,
    dead_code,
    reason = "generated as pub; not every message is used everywhere"
)]
mod packages {
    pub mod storage {
        pub mod v1 {
            tonic::include_proto!("dkv.storage.v1");
        }
    }
    pub mod peer {
        pub mod v1 {
            tonic::include_proto!("dkv.peer.v1");
        }
    }
}

/// What nodes of a cluster say to each other: `proto/dkv/peer/v1`.
pub(crate) use packages::peer::v1 as peer;
/// What the disk keeps: `proto/dkv/storage/v1`.
pub(crate) use packages::storage::v1 as storage;

/// All of it, described, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
