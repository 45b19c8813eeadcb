//! Buckets: their rows, and the commands about them.

use bytes::Bytes;

use super::{CodecError, Result, message, read_bucket};
use crate::base::limits::DURATION_MS_MAX;
use crate::base::types::Revision;
use crate::machine::bucket::{Bucket, BucketCommand, BucketSettings};
use crate::machine::command::Op;
use crate::machine::outcome::Usage;
use crate::proto::storage;
use crate::proto::storage::command::Op as StoredOp;
use prost::Message;

/// The value of a row of `buckets`.
pub(in crate::machine) fn encode_bucket(bucket: &Bucket) -> Bytes {
    let stored = storage::Bucket {
        settings: Some(store_settings(&bucket.settings)),
        keys: bucket.usage.keys,
        bytes: bucket.usage.bytes,
        create_revision: bucket.create_revision.0,
        revision: bucket.revision.0,
        dropping: bucket.dropping,
    };
    stored.encode_to_vec().into()
}

/// Reads the value of a row of `buckets`.
pub(in crate::machine) fn decode_bucket(bytes: Bytes) -> Result<Bucket> {
    let stored: storage::Bucket = message("bucket", bytes)?;
    Ok(Bucket {
        settings: read_settings(stored.settings.unwrap_or_default())?,
        usage: Usage {
            keys: stored.keys,
            bytes: stored.bytes,
        },
        create_revision: Revision(stored.create_revision),
        revision: Revision(stored.revision),
        dropping: stored.dropping,
    })
}

/// Reads a row of `buckets`.
pub(in crate::machine) fn decode_named_bucket(
    name: &[u8],
    bytes: Bytes,
) -> Result<(String, Bucket)> {
    let name = std::str::from_utf8(name).map_err(|_| CodecError::RowKey { table: "buckets" })?;
    Ok((read_bucket(name.to_owned())?, decode_bucket(bytes)?))
}

pub(super) fn store_bucket_command(name: String, command: &BucketCommand) -> StoredOp {
    match command {
        BucketCommand::Create(settings) => StoredOp::CreateBucket(storage::CreateBucket {
            name,
            settings: Some(store_settings(settings)),
        }),
        BucketCommand::Update(settings) => StoredOp::UpdateBucket(storage::UpdateBucket {
            name,
            settings: Some(store_settings(settings)),
        }),
        BucketCommand::Drop => StoredOp::DropBucket(storage::DropBucket { name }),
    }
}

pub(super) fn read_create(stored: storage::CreateBucket) -> Result<Op> {
    let settings = read_settings(stored.settings.unwrap_or_default())?;
    command(stored.name, BucketCommand::Create(settings))
}

pub(super) fn read_update(stored: storage::UpdateBucket) -> Result<Op> {
    let settings = read_settings(stored.settings.unwrap_or_default())?;
    command(stored.name, BucketCommand::Update(settings))
}

pub(super) fn read_drop(stored: storage::DropBucket) -> Result<Op> {
    command(stored.name, BucketCommand::Drop)
}

fn command(name: String, command: BucketCommand) -> Result<Op> {
    if name.is_empty() {
        let what = "a command about the default bucket itself";
        return Err(CodecError::Impossible { what });
    }
    let name = read_bucket(name)?;
    Ok(Op::Bucket { name, command })
}

fn store_settings(settings: &BucketSettings) -> storage::BucketSettings {
    storage::BucketSettings {
        expire_in_ms: settings.expire_in_ms,
        delete_in_ms: settings.delete_in_ms,
        no_history: settings.no_history,
        quota_bytes: settings.quota.bytes,
        quota_keys: settings.quota.keys,
    }
}

fn read_settings(stored: storage::BucketSettings) -> Result<BucketSettings> {
    if stored.expire_in_ms.max(stored.delete_in_ms) > DURATION_MS_MAX {
        let what = "a bucket's timer of more than 100 years";
        return Err(CodecError::Impossible { what });
    }
    Ok(BucketSettings {
        expire_in_ms: stored.expire_in_ms,
        delete_in_ms: stored.delete_in_ms,
        no_history: stored.no_history,
        quota: Usage {
            keys: stored.quota_keys,
            bytes: stored.quota_bytes,
        },
    })
}
