//! What every request says beside its own parameters: where it goes, how fresh its answer
//! must be, how long it may take, and which write it is.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};

use super::percent;
use super::query::Query;
use crate::base::{Error, Result, limits};
use crate::proto::v1;

const SHARD: HeaderName = HeaderName::from_static("x-dkv-shard");
const FENCE: HeaderName = HeaderName::from_static("x-dkv-fence");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How a repetition is marked behind the id of a write.
const REPEATED: &str = "-retry";

/// See the module.
pub(super) struct Head {
    pub(super) query: Query,
    pub(super) target: v1::Target,
    pub(super) within: Duration,
    /// The part of the path behind what the route has in common, as it came.
    pub(super) rest_of_path: String,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// Reads the head of a request to a route below `base`, which takes these parameters of
    /// its own.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong with which of them.
    pub(super) fn of(parts: &Parts, base: &str, own: &[&str], within: Duration) -> Result<Self> {
        Self::with(Query::of(&parts.uri, own)?, parts, base, within)
    }

    /// As [`Self::of`], for a route that takes these parameters and no others.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn among(
        parts: &Parts,
        base: &str,
        known: &[&str],
        within: Duration,
    ) -> Result<Self> {
        Self::with(Query::among(&parts.uri, known)?, parts, base, within)
    }

    fn with(query: Query, parts: &Parts, base: &str, within: Duration) -> Result<Self> {
        check_conditions(parts, base)?;
        let target = target(&query, &parts.headers)?;
        let within = match query.time_ms("timeout")? {
            None => within,
            Some(0) => {
                return Err(Error::invalid(
                    "the parameter `timeout` is 0: nothing is done in no time",
                ));
            }
            Some(ms) => Duration::from_millis(ms.min(limits::REQUEST_MS_MAX)),
        };
        let path = parts.uri.path();
        Ok(Self {
            query,
            target,
            within,
            rest_of_path: path.strip_prefix(base).unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
        })
    }

    /// The key that the path ends with: any bytes, percent-encoded where they must be.
    pub(super) fn key(&self) -> Result<Bytes> {
        percent::decode(&self.rest_of_path)
    }

    /// The name that comes next in the path, up to a `/`: any bytes, as in [`Self::key`].
    pub(super) fn name(&self) -> Result<Bytes> {
        let segment = self.rest_of_path.split('/').next();
        percent::decode(segment.unwrap_or_default())
    }

    /// Which write it is, if the client says so, as `CLIENT-SEQUENCE`.
    pub(super) fn request_id(&self) -> Result<Option<v1::RequestId>> {
        let Some(given) = self.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        let given = String::from_utf8_lossy(given.as_bytes());
        request_id(&given).map(Some).ok_or_else(|| {
            Error::invalid(format!(
                "the Idempotency-Key is `{}`: it is CLIENT-SEQUENCE, 32 hexadecimal digits that \
                 a client draws once, and a number from 1 on that grows with each of its writes; \
                 a repetition may add -retry",
                given.chars().take(80).collect::<String>().escape_debug()
            ))
        })
    }

    /// The fence that guards a write, as `NAME@TOKEN`.
    pub(super) fn fence(&self) -> Result<Option<v1::Fence>> {
        let by_header = self
            .headers
            .get(FENCE)
            .map(|it| Bytes::copy_from_slice(it.as_bytes()));
        let Some(given) = self.query.bytes("fence").cloned().or(by_header) else {
            return Ok(None);
        };
        let at = given.iter().rposition(|byte| *byte == b'@');
        let parsed = at.and_then(|at| {
            let token = std::str::from_utf8(&given[at + 1..]).ok()?.parse().ok()?;
            Some((given.slice(..at), token))
        });
        let (name, token) = parsed.ok_or_else(|| {
            let shown = given.escape_ascii();
            Error::invalid(format!("the fence is `{shown}`: it is NAME@TOKEN"))
        })?;
        Ok(Some(v1::Fence { name, token }))
    }

    /// Which moment of the past is asked for; `None`: now.
    pub(super) fn at(&self) -> Result<Option<v1::At>> {
        use v1::at::When;
        let revision = self.query.number("at")?.map(When::Revision);
        let ago = self.query.time_ms("ago")?.map(When::AgoMs);
        if revision.is_some() && ago.is_some() {
            return Err(Error::invalid(
                "give `at`, a revision, or `ago`, a duration: not both",
            ));
        }
        let when = revision.or(ago);
        Ok(when.map(|when| v1::At { when: Some(when) }))
    }

    /// How many of these a page has: if not said, the first number, and at most the second.
    pub(super) fn limit(&self, what: &str, usual: u64, most: u64) -> Result<u64> {
        match self.query.number("limit")? {
            None => Ok(usual),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(limit) => Err(Error::invalid(format!(
                "the limit is {limit}: a page has 1 to {most} {what}"
            ))),
        }
    }

    /// Where a former page ended.
    pub(super) fn cursor(&self) -> Result<Bytes> {
        let Some(given) = self.query.bytes("cursor") else {
            return Ok(Bytes::new());
        };
        let decoded = URL_SAFE_NO_PAD.decode(given);
        decoded.map(Bytes::from).map_err(|_| {
            Error::invalid("the cursor is not one of ours: send `next_cursor` as it came")
        })
    }
}

/// A write that took no notice of its condition would be done where it must not.
fn check_conditions(parts: &Parts, base: &str) -> Result<()> {
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    let conditions = [header::IF_MATCH, header::IF_NONE_MATCH];
    let given = conditions.iter().find(|it| parts.headers.contains_key(*it));
    match given {
        Some(given) if changes && base != super::keys::BASE => Err(Error::invalid(format!(
            "{given} is read by PUT and DELETE of one key alone: use a transaction with compares"
        ))),
        _ => Ok(()),
    }
}

/// A cursor as clients send it back.
pub(super) fn shown_cursor(cursor: &[u8]) -> Option<String> {
    (!cursor.is_empty()).then(|| URL_SAFE_NO_PAD.encode(cursor))
}

fn target(query: &Query, headers: &HeaderMap) -> Result<v1::Target> {
    let by_header = headers.get(SHARD);
    let shard = match (query.number("shard")?, by_header) {
        (Some(shard), _) => shard,
        (None, None) => 0,
        (None, Some(given)) => {
            let given = String::from_utf8_lossy(given.as_bytes());
            let shown = given.escape_debug();
            given.parse().map_err(|_| {
                Error::invalid(format!(
                    "X-Dkv-Shard is `{shown}`, not the number of a shard"
                ))
            })?
        }
    };
    let shard = u32::try_from(shard)
        .map_err(|_| Error::invalid(format!("{shard} is not the number of a shard")))?;
    let stale = match query.text("consistency")? {
        None | Some("linearizable") => false,
        Some("stale") => true,
        Some(other) => {
            return Err(Error::invalid(format!(
                "the consistency is `{}`: it is linearizable or stale",
                other.escape_debug()
            )));
        }
    };
    Ok(v1::Target {
        shard,
        bucket: query.text("bucket")?.unwrap_or_default().to_owned(),
        stale,
    })
}

fn request_id(text: &str) -> Option<v1::RequestId> {
    let (text, attempt) = match text.strip_suffix(REPEATED) {
        Some(text) => (text, 1),
        None => (text, 0),
    };
    let (client, sequence) = text.split_once('-')?;
    let client = super::forms::from_hex(client)?;
    let is_number = sequence.bytes().all(|byte| byte.is_ascii_digit());
    let sequence = is_number.then(|| sequence.parse().ok())??;
    Some(v1::RequestId {
        client: Bytes::copy_from_slice(&client),
        sequence,
        acked_below: 0,
        attempt,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_a_client_and_a_sequence() {
        let client = "00112233445566778899aabbccddeeff";
        let read = request_id(&format!("{client}-17")).unwrap();
        assert_eq!((read.sequence, read.attempt), (17, 0));
        assert_eq!(read.client[15], 0xff);
        assert_eq!(
            request_id(&format!("{client}-17-retry")).unwrap().attempt,
            1
        );
        for wrong in [
            "",
            "-1",
            "17",
            client,
            "0011-1",
            &format!("{client}-"),
            &format!("{client}-+1"),
            &format!("{client}--retry"),
            &format!("{client}-18446744073709551616"),
        ] {
            assert!(request_id(wrong).is_none(), "{wrong}");
        }
    }
}
