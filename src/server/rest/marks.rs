//! Headers of answers that say what the answer reflects.

use http::header::{CACHE_CONTROL, ETAG, HeaderValue, VARY};
use http::{HeaderMap, HeaderName};

use super::forms::hex;
use crate::proto::v1;

const NODE: HeaderName = HeaderName::from_static("x-dkv-node");
const SHARD: HeaderName = HeaderName::from_static("x-dkv-shard");
const REVISION: HeaderName = HeaderName::from_static("x-dkv-revision");
const STALE: HeaderName = HeaderName::from_static("x-dkv-stale");
const AGE_MS: HeaderName = HeaderName::from_static("x-dkv-age-ms");
const LEADER: HeaderName = HeaderName::from_static("x-dkv-leader");
const VERSION: HeaderName = HeaderName::from_static("x-dkv-version");
const CREATE_REVISION: HeaderName = HeaderName::from_static("x-dkv-create-revision");
const EXPIRE_IN_MS: HeaderName = HeaderName::from_static("x-dkv-expire-in-ms");
const DELETE_IN_MS: HeaderName = HeaderName::from_static("x-dkv-delete-in-ms");

/// Marks an answer with what gRPC's header says: who answered, and of which revision.
pub(super) fn reflect(headers: &mut HeaderMap, header: Option<&v1::Header>) {
    // Whoever keeps an answer asks whether it is still true.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // One address has a value in two forms, and on every shard.
    headers.insert(VARY, HeaderValue::from_static("Accept, X-Dkv-Shard"));
    let Some(header) = header else { return };
    name(headers, &header.node);
    put(headers, SHARD, &header.shard.to_string());
    put(headers, REVISION, &header.revision.to_string());
    if header.stale {
        put(headers, STALE, "true");
        if let Some(age_ms) = header.age_ms {
            put(headers, AGE_MS, &age_ms.to_string());
        }
    }
    if !header.leader.is_empty() {
        put(headers, LEADER, &header.leader);
    }
}

/// Says which node answered: a refusal, too, which nothing but the request may have caused.
pub(super) fn name(headers: &mut HeaderMap, node: &[u8]) {
    put(headers, NODE, &hex(node));
}

/// Marks an answer with the metadata of the key it is about.
pub(super) fn describe(headers: &mut HeaderMap, record: &v1::Record) {
    put(headers, ETAG, &etag(record.revision));
    put(headers, VERSION, &record.version.to_string());
    put(
        headers,
        CREATE_REVISION,
        &record.create_revision.to_string(),
    );
    for (name, remaining) in [
        (EXPIRE_IN_MS, record.expire_in_ms),
        (DELETE_IN_MS, record.delete_in_ms),
    ] {
        if let Some(ms) = remaining {
            put(headers, name, &ms.to_string());
        }
    }
}

/// The revision of a key as an entity tag.
pub(super) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

pub(super) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // What is no header is left out: it says less, and nothing that is wrong.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
