//! Requests about buckets.

use super::call::{Call, Kind};
use super::fields::{bucket_name, consistency, duration, request_id, target};
use crate::base::{Error, Result, limits};
use crate::machine::{BucketCommand, BucketSettings, Command, Op, Usage};
use crate::proto::v1;
use crate::server::service::{Operation, Query};

pub(super) fn create(request: v1::CreateBucketRequest) -> Result<Call> {
    let settings = settings(request.settings.unwrap_or_default())?;
    let command = BucketCommand::Create(settings);
    let call = write(request.target, request.request_id.as_ref(), command)?;
    Ok(with_kind(call, Kind::CreateBucket))
}

pub(super) fn update(request: v1::UpdateBucketRequest) -> Result<Call> {
    let settings = settings(request.settings.unwrap_or_default())?;
    let command = BucketCommand::Update(settings);
    let call = write(request.target, request.request_id.as_ref(), command)?;
    Ok(with_kind(call, Kind::UpdateBucket))
}

pub(super) fn drop_bucket(request: v1::DropBucketRequest) -> Result<Call> {
    let call = write(
        request.target,
        request.request_id.as_ref(),
        BucketCommand::Drop,
    )?;
    let Operation::Write(command) = call.operation else {
        return Ok(call);
    };
    Ok(Call {
        operation: Operation::WriteInPieces(command),
        ..call
    })
}

pub(super) fn list(request: v1::ListBucketsRequest) -> Result<Call> {
    let consistency = consistency(request.target.as_ref());
    let (shard, _) = target(request.target)?;
    for name in [&request.prefix, &request.after] {
        bucket_name(name)?;
    }
    let limit = match usize::try_from(request.limit).unwrap_or(usize::MAX) {
        0 => limits::BUCKET_LIST_PAGE,
        limit => limit.min(limits::BUCKET_LIST_PAGE),
    };
    let query = Query::Buckets {
        prefix: request.prefix,
        after: request.after,
        limit,
    };
    Ok(Call {
        shard,
        kind: Kind::ListBuckets,
        operation: Operation::Read(query, consistency),
    })
}

fn write(
    wire_target: Option<v1::Target>,
    request: Option<&v1::RequestId>,
    command: BucketCommand,
) -> Result<Call> {
    let (shard, name) = target(wire_target)?;
    if name.is_empty() {
        return Err(Error::invalid(
            "the default bucket, whose name is empty, is always there and has no settings: name \
             another one",
        ));
    }
    let command = Command {
        request: request.map(request_id).transpose()?,
        fence: None,
        op: Op::Bucket { name, command },
    };
    Ok(Call {
        shard,
        kind: Kind::DropBucket,
        operation: Operation::Write(command),
    })
}

fn with_kind(call: Call, kind: Kind) -> Call {
    Call { kind, ..call }
}

fn settings(wire: v1::BucketSettings) -> Result<BucketSettings> {
    Ok(BucketSettings {
        expire_in_ms: duration("expire_in_ms", wire.expire_in_ms)?,
        delete_in_ms: duration("delete_in_ms", wire.delete_in_ms)?,
        no_history: wire.no_history,
        quota: Usage {
            keys: wire.quota_keys,
            bytes: wire.quota_bytes,
        },
    })
}
