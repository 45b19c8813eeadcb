//! Reading single rows, of an engine or of a frozen view of it.
//!
//! A read uses no clock: what it answers depends on the revision of the view alone.
//! Softly expired records are given as they are; what they mean is up to the caller.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::base::{Error, ErrorKind, Result};
use crate::engine::{Read, Table, Value};
use crate::kv::Record;
use crate::lock::Lock;
use crate::machine::state::State;
use crate::machine::{codec, keys};

/// How far the machine was; the default if nothing was ever applied.
///
/// # Errors
/// If the engine fails, or the row is damaged or of a newer format.
pub fn state(rows: &(impl Read + ?Sized)) -> Result<State> {
    match rows.get(Table::Meta, keys::STATE)? {
        Some(row) => Ok(codec::decode_state(row)?),
        None => Ok(State::default()),
    }
}

/// The mark that came with the last entry; `None` if none ever did.
///
/// # Errors
/// If the engine fails or the row is damaged.
pub fn mark(rows: &(impl Read + ?Sized)) -> Result<Option<Bytes>> {
    Ok(rows.get(Table::Meta, keys::MARK)?)
}

/// The record of a key; `None` if the key is not there.
///
/// # Errors
/// `NotFound` if there is no such bucket; else if the engine fails or the row is
/// damaged.
pub fn get(rows: &(impl Read + ?Sized), bucket: &str, key: &[u8]) -> Result<Option<Record>> {
    check_bucket(rows, bucket)?;
    record(rows, &keys::data(bucket, key))
}

/// A lock; `None` if nobody holds it.
///
/// # Errors
/// If the engine fails or the row is damaged.
pub fn lock(rows: &(impl Read + ?Sized), name: &[u8]) -> Result<Option<Lock>> {
    let row = rows.get(Table::Locks, name)?;
    Ok(row.map(codec::decode_lock).transpose()?)
}

/// The first `limit` locks whose names begin with `prefix` and come after `after`.
///
/// # Errors
/// If the engine fails or a row is damaged.
pub fn locks(
    rows: &(impl Read + ?Sized),
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Bytes, Lock)>> {
    let after = after.map(|after| [after, &[0]].concat());
    let start = after.as_deref().unwrap_or_default().max(prefix);
    let end = keys::prefix_end(prefix);
    let mut found = Vec::new();
    let mut damage = None;
    if limit == 0 || end.as_deref().is_some_and(|end| end <= start) {
        return Ok(found);
    }
    rows.scan(Table::Locks, start, end.as_deref(), &mut |name, row| {
        match codec::decode_lock(Bytes::copy_from_slice(row)) {
            Ok(lock) => found.push((Bytes::copy_from_slice(name), lock)),
            Err(error) => damage = Some(error),
        }
        if damage.is_some() || found.len() == limit {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    match damage {
        Some(error) => Err(error.into()),
        None => Ok(found),
    }
}

/// True if keys can be in this bucket. The default bucket is always there.
pub(super) fn bucket_exists(rows: &(impl Read + ?Sized), bucket: &str) -> Result<bool> {
    Ok(bucket.is_empty() || rows.get(Table::Buckets, bucket.as_bytes())?.is_some())
}

pub(super) fn check_bucket(rows: &(impl Read + ?Sized), bucket: &str) -> Result<()> {
    if bucket_exists(rows, bucket)? {
        return Ok(());
    }
    let message = format!(
        "there is no bucket `{bucket}` in this shard; this build cannot make buckets yet: leave it out"
    );
    Err(Error::new(ErrorKind::NotFound, message))
}

/// The record in a row of `data`.
pub(super) fn record(rows: &(impl Read + ?Sized), row: &[u8]) -> Result<Option<Record>> {
    let mut record = None;
    rows.look(Table::Data, row, &mut |value| {
        record = Some(match value {
            Value::Inline(bytes) => codec::decode_record(bytes),
            Value::Shared(bytes) => codec::decode_record(bytes.clone()),
        });
    })?;
    Ok(record.transpose()?)
}
