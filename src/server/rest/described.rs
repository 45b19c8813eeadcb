//! What stands at the routes, gathered: parameters that many share, and which routes there
//! are.

use utoipa::{IntoParams, OpenApi};

/// What every route takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `head` reads")]
pub(super) struct TargetParameters {
    /// The shard; also as the header `X-Dkv-Shard`.
    #[param(default = 100, minimum = 0, maximum = 4294967295_u64)]
    shard: Option<u64>,
    /// The bucket; without it the default one.
    #[param(pattern = "^[A-Za-z0-9._:-]{0,255}$")]
    bucket: Option<String>,
    /// `linearizable`, or `stale` to be answered at once from what this node has applied.
    #[param(pattern = "^(linearizable|stale)$")]
    consistency: Option<String>,
    /// How long the request may take, such as `500ms` or `2s`; at most a minute.
    timeout: Option<String>,
}

/// What routes take that are about no bucket.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `head` reads")]
pub(super) struct Located {
    /// The shard; also as the header `X-Dkv-Shard`.
    #[param(default = 100, minimum = 0, maximum = 4294967295_u64)]
    shard: Option<u64>,
    /// `linearizable`, or `stale` to be answered at once from what this node has applied.
    #[param(pattern = "^(linearizable|stale)$")]
    consistency: Option<String>,
    /// How long the request may take, such as `500ms` or `2s`; at most a minute.
    timeout: Option<String>,
}

/// Which bucket.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(
    dead_code,
    reason = "it is the documentation of what `bucket_list` reads"
)]
pub(super) struct BucketName {
    /// The bucket: 1 to 255 letters, digits and `._:-`.
    #[param(pattern = "^[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,200}$")]
    name: String,
}

/// What every write takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is the documentation of what `head` reads")]
pub(super) struct Write {
    /// `CLIENT-SEQUENCE`: 32 hexadecimal digits that a client draws once, and a number that
    /// grows by one with each of its writes. A write that comes again under the same key is
    /// done once; one of another kind is refused as 409. Without it a repeated write is done again.
    #[param(
        rename = "Idempotency-Key",
        pattern = "^[0-9a-f]{32}-[1-9][0-9]{0,17}$"
    )]
    idempotency_key: Option<String>,
}

/// What can be guarded by a lock.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `head` reads")]
pub(super) struct Fenced {
    /// `NAME@TOKEN` of a lock of the same shard: the write is refused unless its holder has
    /// this fence. Also as the header `X-Dkv-Fence`.
    fence: Option<String>,
}

/// The timers of a key.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `timers` reads")]
pub(super) struct TimerParameters {
    /// When the key is removed, such as `30s`, `5m` or `1h`. The same as `ttl_seconds` and
    /// `delete_in`: give one of them.
    ttl: Option<String>,
    /// The same in seconds.
    #[param(maximum = 3162240000_u64)]
    ttl_seconds: Option<u64>,
    /// The same as `ttl`.
    delete_in: Option<String>,
    /// When the value is dropped and the key remains.
    expire_in: Option<String>,
}

/// The options of a set.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `keys` reads")]
pub(super) struct PutParameters {
    /// Keep the timers the key has.
    keep_timers: Option<bool>,
    /// Answer what was replaced, too.
    return_previous: Option<bool>,
    /// `NAME@TOKEN` of a lock of the same shard: the write is refused unless its holder has
    /// this fence. Also as the header `X-Dkv-Fence`.
    fence: Option<String>,
}

/// A moment of the past.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `head` reads")]
pub(super) struct Past {
    /// As it was at this revision.
    at: Option<u64>,
    /// As it was so long ago, such as `5m`. Excludes `at`.
    ago: Option<String>,
}

/// Which keys.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `scan` reads")]
pub(super) struct Range {
    /// Keys that begin so, percent-encoded. Excludes `start` and `end`.
    prefix: Option<String>,
    /// The first key.
    start: Option<String>,
    /// The first key behind.
    end: Option<String>,
}

/// How keys are listed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `scan` reads")]
pub(super) struct ScanParameters {
    /// Keys in a page.
    #[param(default = 100, minimum = 1, maximum = 10000)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 8192)]
    cursor: Option<String>,
    /// Without values.
    keys_only: Option<bool>,
    /// With keys whose value was dropped.
    include_expired: Option<bool>,
    /// From the last key to the first.
    reverse: Option<bool>,
    /// Only count.
    count_only: Option<bool>,
}

/// What is told of changes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the documentation of what `watch` reads")]
pub(super) struct WatchParameters {
    /// The first revision that is of interest; without it, what happens from now on.
    #[param(minimum = 1)]
    from: Option<u64>,
    /// Begin with what is there now. Excludes `from`.
    initial: Option<bool>,
    /// With the key before each change.
    previous: Option<bool>,
    /// Which changes, as `set,delete,expire` or a part of it; `put` is another word for `set`.
    #[param(pattern = "^(set|put|delete|expire)(,(set|put|delete|expire)){0,3}$")]
    kinds: Option<String>,
    /// How long nothing happens before `progress` is told; 10 s if not given, at least 100 ms.
    #[param(pattern = "^[1-9][0-9]{0,3}(s|m)?$")]
    progress: Option<String>,
    /// The `id` of the last event that was seen, for clients that cannot send the header
    /// `Last-Event-ID`. Wins over `from` and `initial`.
    #[param(pattern = "^[1-9][0-9]{0,17}(-[1-9][0-9]{0,17})?$")]
    last_event_id: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "dkv",
        description = "A linearizable key-value store and lock service. Every answer names in `X-Dkv-Revision` the revision it reflects; every refusal has a body with a kind to branch on.",
    ),
    tags(
        (name = "keys", description = "Keys and values"),
        (name = "many", description = "Batches and transactions"),
        (name = "watches", description = "Changes as they happen, as server-sent events"),
        (name = "locks", description = "Locks with leases, fair queues and fence tokens"),
        (name = "buckets", description = "Named parts of a shard, each a keyspace of its own"),
        (name = "cluster", description = "The members, and who leads"),
        (name = "node", description = "How the node does"),
    ),
    paths(
        super::keys::put,
        super::keys::get,
        super::keys::delete,
        super::scan::list,
        super::scan::delete,
        super::verbs::has,
        super::verbs::expire,
        super::verbs::touch,
        super::verbs::persist,
        super::verbs::incr,
        super::verbs::history,
        super::batch::batch,
        super::batch::put,
        super::batch::get,
        super::batch::delete,
        super::transaction::transaction,
        super::locks::acquire,
        super::locks::renew,
        super::locks::release,
        super::locks::revoke,
        super::lock_list::list,
        super::lock_list::info,
        super::buckets::put,
        super::buckets::patch,
        super::buckets::delete,
        super::bucket_list::list,
        super::bucket_list::info,
        super::watch::watch,
        super::watch::watch_prefix,
        super::cluster_status::status,
        super::cluster::join,
        super::cluster::promote,
        super::cluster::remove,
        super::cluster::transfer_leader,
        super::cluster::snapshot,
        super::status::status,
    ),
    components(schemas(super::refused::ErrorBody))
)]
struct Api;

/// What the attributes at the routes say.
pub(super) fn described() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
