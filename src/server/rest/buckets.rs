//! Buckets: made, changed, dropped.

use axum::extract::{Request, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bucket_list::{BASE, PARAMETERS, find, target};
use super::refused::{Answered, ErrorBody, Refused, misfit};
use super::state::Rest;
use super::timers::{Span, Timers};
use crate::base::{Error, ErrorKind};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

/// How a bucket is kept. Everything may be left away, and then the body, too.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BucketSettings {
    /// When keys are removed that are set without timers; 0: never.
    ttl: Option<Span>,
    /// The same in seconds.
    #[schema(maximum = 3162240000_u64)]
    ttl_seconds: Option<u64>,
    /// The same as `ttl`.
    delete_in: Option<Span>,
    /// When the values of such keys are dropped; 0: never.
    expire_in: Option<Span>,
    /// Keep no history: no reads of the past, no watches. Cannot be changed later.
    no_history: Option<bool>,
    /// Refuse what makes keys and values take more bytes; 0: no limit.
    quota_bytes: Option<u64>,
    /// Refuse more keys; 0: no limit.
    quota_keys: Option<u64>,
}

/// Whether a bucket was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreateAnswer {
    /// False: it was there, with the same settings.
    created: bool,
    /// The shard's revision after it.
    revision: u64,
}

/// Whether a bucket was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UpdateAnswer {
    /// False: its settings are what they were.
    updated: bool,
    /// The shard's revision after it.
    revision: u64,
}

/// What became of a bucket.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DropAnswer {
    /// False: there was none.
    dropped: bool,
    /// How many keys went with it.
    deleted: u64,
    /// The shard's revision after it.
    revision: u64,
}

impl BucketSettings {
    /// These, where they say something; the others as they are.
    fn over(self, before: v1::BucketSettings) -> Answered<v1::BucketSettings> {
        let (ttl, seconds, delete_in) = (self.ttl, self.ttl_seconds, self.delete_in);
        let deletes = ttl.is_some() || seconds.is_some() || delete_in.is_some();
        let expires = self.expire_in.is_some();
        let timers = Timers::given(
            self.expire_in.as_ref(),
            ttl.as_ref(),
            seconds,
            delete_in.as_ref(),
        )?;
        Ok(v1::BucketSettings {
            expire_in_ms: match expires {
                true => timers.expire_in_ms,
                false => before.expire_in_ms,
            },
            delete_in_ms: match deletes {
                true => timers.delete_in_ms,
                false => before.delete_in_ms,
            },
            no_history: self.no_history.unwrap_or(before.no_history),
            quota_bytes: self.quota_bytes.unwrap_or(before.quota_bytes),
            quota_keys: self.quota_keys.unwrap_or(before.quota_keys),
        })
    }
}

/// Make a bucket
///
/// One that is there with the same settings is left as it is, and with others the answer is 409.
#[utoipa::path(
    put,
    path = "/v1/buckets/{name}",
    tag = "buckets",
    operation_id = "put_bucket",
    params(super::described::BucketName, super::described::Located, super::described::Write),
    request_body(content = Option<BucketSettings>),
    responses(
        (status = 200, description = "It was there, with the same settings", body = CreateAnswer),
        (status = 201, description = "It was made", body = CreateAnswer),
        (status = 409, description = "It is there with other settings", body = ErrorBody),
    )
)]
pub(super) async fn put(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let target = target(&head)?;
    let (settings, _held) = rest
        .document_if_any::<BucketSettings>(&head, &parts, sent)
        .await?;
    let create = v1::CreateBucketRequest {
        target: Some(target),
        request_id: head.request_id()?,
        settings: Some(settings.over(v1::BucketSettings::default())?),
    };
    let Reply::CreateBucket(reply) = rest.ask(&head, Asked::CreateBucket(create)).await? else {
        return Err(misfit());
    };
    let status = match reply.created {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let header = reply.header.as_ref();
    let answer = CreateAnswer {
        created: reply.created,
        revision: header.map_or(0, |header| header.revision),
    };
    rest.json(status, header, &answer)
}

/// Change a bucket
///
/// Settings that are not given stay as they are read before: of two changes at once the later
/// one may undo the other.
#[utoipa::path(
    patch,
    path = "/v1/buckets/{name}",
    tag = "buckets",
    operation_id = "change_bucket",
    params(super::described::BucketName, super::described::Located, super::described::Write),
    request_body(content = BucketSettings),
    responses(
        (status = 200, description = "It has these settings", body = UpdateAnswer),
        (status = 404, description = "There is no such bucket, or no such shard", body = ErrorBody),
        (status = 409, description = "Whether it keeps history cannot be changed", body = ErrorBody),
    )
)]
pub(super) async fn patch(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let target = target(&head)?;
    let (settings, _held) = rest.document::<BucketSettings>(&head, &parts, sent).await?;
    let (header, before) = find(&rest, &head, &target.bucket, false).await?;
    let Some(before) = before else {
        // Without it nothing can be done, which is an error here.
        let message = format!("there is no bucket `{}`: PUT makes it", target.bucket);
        let refused = Refused::from(Error::new(ErrorKind::NotFound, message));
        return Err(refused.reflecting(header));
    };
    let update = v1::UpdateBucketRequest {
        target: Some(target),
        request_id: head.request_id()?,
        settings: Some(settings.over(before.settings.unwrap_or_default())?),
    };
    let Reply::UpdateBucket(reply) = rest.ask(&head, Asked::UpdateBucket(update)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let answer = UpdateAnswer {
        updated: reply.updated,
        revision: header.map_or(0, |header| header.revision),
    };
    rest.json(StatusCode::OK, header, &answer)
}

/// Drop a bucket
///
/// It goes with all its keys, piece by piece; from the first piece on it takes no requests. If
/// that is interrupted, drop it again.
#[utoipa::path(
    delete,
    path = "/v1/buckets/{name}",
    tag = "buckets",
    operation_id = "drop_bucket",
    params(super::described::BucketName, super::described::Located, super::described::Write),
    responses((status = 200, description = "It is not there any more", body = DropAnswer))
)]
pub(super) async fn delete(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let drop = v1::DropBucketRequest {
        target: Some(target(&head)?),
        request_id: head.request_id()?,
    };
    let Reply::DropBucket(reply) = rest.ask(&head, Asked::DropBucket(drop)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let answer = DropAnswer {
        dropped: reply.dropped,
        deleted: reply.deleted,
        revision: header.map_or(0, |header| header.revision),
    };
    rest.json(StatusCode::OK, header, &answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_stays() {
        let before = v1::BucketSettings {
            expire_in_ms: 1,
            delete_in_ms: 2,
            no_history: true,
            quota_bytes: 3,
            quota_keys: 4,
        };
        let over = |json: &str| {
            let given: BucketSettings = serde_json::from_str(json).unwrap();
            given.over(before).map_err(|_| ())
        };
        assert_eq!(over("{}"), Ok(before));
        let expected = v1::BucketSettings {
            delete_in_ms: 30_000,
            quota_keys: 0,
            ..before
        };
        for ttl in [
            r#""ttl":"30s""#,
            r#""ttl":30"#,
            r#""ttl_seconds":30"#,
            r#""delete_in":30"#,
        ] {
            assert_eq!(over(&format!("{{{ttl},\"quota_keys\":0}}")), Ok(expected));
        }
        let expected = v1::BucketSettings {
            expire_in_ms: 0,
            ..before
        };
        assert_eq!(over(r#"{"expire_in":0}"#), Ok(expected));
        assert_eq!(over(r#"{"ttl":1,"delete_in":1}"#), Err(()));
    }
}
