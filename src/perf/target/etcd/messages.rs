//! The messages of etcd's third API, as far as they are used.
//!
//! Written by hand after `rpc.proto`, `kv.proto` and `v3lock.proto` of
//! <https://github.com/etcd-io/etcd>: what is not here is skipped when it comes.

use bytes::Bytes;

/// What a service takes, where, and what it answers.
pub(super) trait Call: prost::Message + 'static {
    /// The path of the method.
    const PATH: &'static str;
    type Answer: prost::Message + Default + 'static;
}

macro_rules! call {
    ($request:ty, $path:literal, $answer:ty) => {
        impl Call for $request {
            const PATH: &'static str = $path;
            type Answer = $answer;
        }
    };
}

call!(PutRequest, "/etcdserverpb.KV/Put", PutResponse);
call!(RangeRequest, "/etcdserverpb.KV/Range", RangeResponse);
call!(
    DeleteRangeRequest,
    "/etcdserverpb.KV/DeleteRange",
    DeleteRangeResponse
);
call!(TxnRequest, "/etcdserverpb.KV/Txn", TxnResponse);
call!(
    LeaseGrantRequest,
    "/etcdserverpb.Lease/LeaseGrant",
    LeaseGrantResponse
);
call!(
    LeaseRevokeRequest,
    "/etcdserverpb.Lease/LeaseRevoke",
    LeaseRevokeResponse
);
call!(LockRequest, "/v3lockpb.Lock/Lock", LockResponse);
call!(UnlockRequest, "/v3lockpb.Lock/Unlock", UnlockResponse);
call!(
    MemberListRequest,
    "/etcdserverpb.Cluster/MemberList",
    MemberListResponse
);

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
}

/// That it came is all that matters.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PutResponse {}

/// Linearizable by default. With a `range_end` all keys from `key` up to it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) range_end: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) limit: i64,
    #[prost(bool, tag = "8")]
    pub(super) keys_only: bool,
    #[prost(bool, tag = "9")]
    pub(super) count_only: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    pub(super) kvs: Vec<KeyValue>,
    #[prost(bool, tag = "3")]
    pub(super) more: bool,
    #[prost(int64, tag = "4")]
    pub(super) count: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) mod_revision: i64,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DeleteRangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) range_end: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DeleteRangeResponse {
    #[prost(int64, tag = "2")]
    pub(super) deleted: i64,
}

/// `success` is done if all of `compare` hold.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TxnRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    pub(super) success: Vec<RequestOp>,
}

/// Whether a key was changed last at a revision; 0: whether it is absent.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Compare {
    #[prost(int32, tag = "1")]
    pub(super) result: i32,
    #[prost(int32, tag = "2")]
    pub(super) target: i32,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) key: Bytes,
    /// Of a `oneof`, where a zero is told, too.
    #[prost(int64, optional, tag = "6")]
    pub(super) mod_revision: Option<i64>,
}

impl Compare {
    /// Of `CompareResult`.
    pub(super) const EQUAL: i32 = 0;
    /// Of `CompareResult`.
    pub(super) const GREATER: i32 = 1;
    /// Of `CompareTarget`: the revision of the last change.
    pub(super) const MOD: i32 = 2;
}

/// Of a `oneof` of four the one that is used.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RequestOp {
    #[prost(message, optional, tag = "2")]
    pub(super) request_put: Option<PutRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TxnResponse {
    #[prost(bool, tag = "2")]
    pub(super) succeeded: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LeaseGrantRequest {
    /// Seconds.
    #[prost(int64, tag = "1")]
    pub(super) ttl: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LeaseGrantResponse {
    #[prost(int64, tag = "2")]
    pub(super) id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LeaseRevokeRequest {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LeaseRevokeResponse {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LockRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) name: Bytes,
    #[prost(int64, tag = "2")]
    pub(super) lease: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LockResponse {
    /// What unlocks it.
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) key: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UnlockRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UnlockResponse {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MemberListRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MemberListResponse {
    #[prost(message, repeated, tag = "2")]
    pub(super) members: Vec<Member>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Member {
    #[prost(bool, tag = "5")]
    pub(super) is_learner: bool,
}
