//! Reading single rows, of an engine or of a frozen view of it.
//!
//! A read uses no clock: what it answers depends on the revision of the view alone.
//! Softly expired records are given as they are; what they mean is up to the caller.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::base::types::prefix_end;
use crate::base::{Error, ErrorKind, Result};
use crate::engine::{Read, Table, Value};
use crate::kv::Record;
use crate::lock::Lock;
use crate::machine::bucket::Bucket;
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
    let end = prefix_end(prefix);
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

/// A bucket; `None` if there is none of that name. The default bucket has no row.
///
/// # Errors
/// If the engine fails or the row is damaged.
pub fn bucket(rows: &(impl Read + ?Sized), name: &str) -> Result<Option<Bucket>> {
    let row = rows.get(Table::Buckets, name.as_bytes())?;
    Ok(row.map(codec::decode_bucket).transpose()?)
}

/// The first `limit` buckets whose names begin with `prefix` and come after `after`.
///
/// # Errors
/// If the engine fails or a row is damaged.
pub fn buckets(
    rows: &(impl Read + ?Sized),
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<(String, Bucket)>> {
    let after = [after.as_bytes(), &[0]].concat();
    let start = after.as_slice().max(prefix.as_bytes());
    let end = prefix_end(prefix.as_bytes());
    let mut found = Vec::new();
    let mut damage = None;
    if limit == 0 || end.as_deref().is_some_and(|end| end <= start) {
        return Ok(found);
    }
    rows.scan(Table::Buckets, start, end.as_deref(), &mut |name, row| {
        match codec::decode_named_bucket(name, Bytes::copy_from_slice(row)) {
            Ok(bucket) => found.push(bucket),
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

/// A bucket that takes requests; the default one has no settings.
///
/// # Errors
/// `NotFound` if there is none, or it is being dropped; else if the engine fails or the
/// row is damaged.
pub fn open_bucket(rows: &(impl Read + ?Sized), name: &str) -> Result<Bucket> {
    if name.is_empty() {
        return Ok(Bucket::default());
    }
    match bucket(rows, name)? {
        Some(bucket) if !bucket.dropping => Ok(bucket),
        _ => Err(no_such_bucket(name)),
    }
}

/// Tells that keys cannot be in this bucket.
pub fn no_such_bucket(name: &str) -> Error {
    let message = format!(
        "there is no bucket `{name}` in this shard: make it with `dkv bucket create {name}`, or \
         look which there are with `dkv bucket list`"
    );
    Error::new(ErrorKind::NotFound, message)
}

pub(super) fn check_bucket(rows: &(impl Read + ?Sized), bucket: &str) -> Result<()> {
    open_bucket(rows, bucket).map(drop)
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
