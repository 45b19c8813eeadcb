//! Which request is which call.

use bytes::Bytes;

use super::{kv, lock};
use crate::base::Result;
use crate::base::types::ShardId;
use crate::proto::v1::request_frame::Request;
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
    Scan,
    Acquire,
    Renew,
    Release,
    Info(Bytes),
    List,
    Revoke,
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
        Request::Scan(request) => kv::scan(request),
        Request::Acquire(request) => lock::acquire(request),
        Request::Renew(request) => lock::renew(request),
        Request::Release(request) => lock::release(request),
        Request::Revoke(request) => lock::revoke(request),
        Request::Info(request) => lock::info(request),
        Request::List(request) => lock::list(request),
        Request::Incr(_) => Err(crate::base::Error::invalid("Incr is not built yet")),
        Request::GetMany(_) => Err(crate::base::Error::invalid("GetMany is not built yet")),
        Request::History(_) => Err(crate::base::Error::invalid("History is not built yet")),
        Request::Batch(_) => Err(crate::base::Error::invalid("Batch is not built yet")),
        Request::Txn(_) => Err(crate::base::Error::invalid("Txn is not built yet")),
        Request::CreateBucket(_) => {
            Err(crate::base::Error::invalid("CreateBucket is not built yet"))
        }
        Request::UpdateBucket(_) => {
            Err(crate::base::Error::invalid("UpdateBucket is not built yet"))
        }
        Request::DropBucket(_) => Err(crate::base::Error::invalid("DropBucket is not built yet")),
        Request::ListBuckets(_) => Err(crate::base::Error::invalid("ListBuckets is not built yet")),
    }
}
