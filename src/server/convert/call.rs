//! Which request is which call.

use bytes::Bytes;

use super::ops::OpKind;
use super::{bucket, kv, lock, ops, past};
use crate::base::Result;
use crate::base::types::ShardId;
use crate::proto::v1::request_frame::Request;
use crate::server::cursor::Origin;
use crate::server::service::Operation;

/// A request, checked, with what its reply needs to know.
pub(in crate::server) struct Call {
    pub(in crate::server) shard: ShardId,
    pub(in crate::server) kind: Kind,
    pub(in crate::server) operation: Operation,
}

/// Which reply a request gets.
pub(in crate::server) enum Kind {
    /// With the key, if the previous record was asked for.
    Set(Option<Bytes>),
    Get(Bytes),
    Has,
    Delete,
    Expire,
    Touch,
    Persist,
    Scan(Origin),
    GetMany(Vec<Bytes>),
    History(Bytes),
    Acquire,
    Renew,
    Release,
    Info(Bytes),
    List,
    Revoke,
    Incr,
    Batch(Vec<OpKind>),
    Txn {
        then: Vec<OpKind>,
        otherwise: Vec<OpKind>,
    },
    CreateBucket,
    UpdateBucket,
    DropBucket,
    ListBuckets,
}

/// Checks a request and says what it asks for.
///
/// # Errors
/// `Invalid` or `LimitExceeded`, saying what is wrong with which field.
pub(in crate::server) fn call(request: Request, value_bytes_max: usize) -> Result<Call> {
    match request {
        Request::Set(request) => kv::set(request, value_bytes_max),
        Request::Get(request) => kv::get(request),
        Request::Has(request) => kv::has(request),
        Request::Delete(request) => kv::delete(request),
        Request::Expire(request) => kv::expire(request),
        Request::Touch(request) => kv::touch(request),
        Request::Persist(request) => kv::persist(request),
        Request::Scan(request) => past::scan(request),
        Request::GetMany(request) => past::get_many(request),
        Request::History(request) => past::history(request),
        Request::Acquire(request) => lock::acquire(request),
        Request::Renew(request) => lock::renew(request),
        Request::Release(request) => lock::release(request),
        Request::Revoke(request) => lock::revoke(request),
        Request::Info(request) => lock::info(request),
        Request::List(request) => lock::list(request),
        Request::Incr(request) => kv::incr(request),
        Request::Batch(request) => ops::batch(request, value_bytes_max),
        Request::Txn(request) => ops::txn(request, value_bytes_max),
        Request::CreateBucket(request) => bucket::create(request),
        Request::UpdateBucket(request) => bucket::update(request),
        Request::DropBucket(request) => bucket::drop_bucket(request),
        Request::ListBuckets(request) => bucket::list(request),
    }
}
