//! Watches: what happens, as server-sent events, for browsers and for curl.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::StreamExt;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;

use super::event::{Count, Mark};
use super::gate::Id;
use super::head::Head;
use super::marks;
use super::refused::{Answered, ErrorBody, misfit};
use super::scan;
use super::state::Rest;
use super::watch_stream::Telling;
use crate::base::{Error, Result, suggest};
use crate::proto::v1;
use crate::proto::v1::watch_create::What;
use crate::proto::v1::watch_reply::Reply;
use crate::server::status::from_frame;
use crate::server::watch::{is_stopping, says};

const BASE: &str = "/v1/watch/";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Asks nginx, and what learned from it, to pass events on as they come.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

const PARAMETERS: [&str; 6] = [
    "from",
    "initial",
    "previous",
    "kinds",
    "progress",
    "last_event_id",
];

/// What is watched, where the path does not say it.
const WHAT: [&str; 4] = ["key", "prefix", "start", "end"];

const KINDS: [&str; 4] = ["set", "put", "delete", "expire"];

/// Watch keys
///
/// All keys of the bucket, or one `key`, or those of a range, as `text/event-stream`. Each change
/// is one event, `set`, `delete` or `expire`; its data are the key after it, as a read answers
/// it, and `previous`. With `initial` there is an event `initial` for each key that is there,
/// and then `synced`. `progress` says how far everything was told: at first, and when nothing
/// happens. `end` says why nothing follows.
///
/// A client that is cut off sends the last `id` as `Last-Event-ID`, which browsers do by
/// themselves, and is told what it did not see, each event once. If the history does not have
/// that any more, the answer is 410.
#[utoipa::path(
    get,
    path = "/v1/watch",
    tag = "watches",
    operation_id = "watch_keys",
    params(
        ("key" = Option<String>, Query, description = "One key, percent-encoded. Excludes the others", min_length = 1),
        super::described::Range,
        super::described::WatchParameters,
        super::described::TargetParameters,
    ),
    responses(
        (status = 200, description = "Events, until one of the two ends it", content((String = "text/event-stream"))),
        (status = 410, description = "What it is to begin with is gone", body = ErrorBody),
    )
)]
pub(super) async fn watch(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let own = [&PARAMETERS[..], &WHAT].concat();
    let head = rest.head(&parts, BASE, &own).await?;
    let what = match (head.query.bytes("key").cloned(), scan::range(&head)?) {
        (None, range) => range.map(What::Range),
        (Some(key), None) => Some(What::Key(key)),
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "give `key`, or `prefix`, or `start` and `end`: one of them",
            )
            .into());
        }
    };
    tell(&rest, &parts, &head, what).await
}

/// Watch a prefix
///
/// As `/v1/watch`, of the keys that begin so.
#[utoipa::path(
    get,
    path = "/v1/watch/{prefix}",
    tag = "watches",
    operation_id = "watch_prefix",
    params(
        ("prefix" = String, Path, description = "How the keys begin, percent-encoded", min_length = 1),
        super::described::WatchParameters,
        super::described::TargetParameters,
    ),
    responses(
        (status = 200, description = "Events, until one of the two ends it", content((String = "text/event-stream"))),
        (status = 410, description = "What it is to begin with is gone", body = ErrorBody),
    )
)]
pub(super) async fn watch_prefix(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, BASE, &PARAMETERS).await?;
    let prefix = head.key()?;
    let what = (!prefix.is_empty()).then(|| What::Range(scan::of_prefix(&prefix)));
    tell(&rest, &parts, &head, what).await
}

/// Opens a watch, which may be refused, and then tells what it says.
async fn tell(rest: &Rest, parts: &Parts, head: &Head, what: Option<What>) -> Answered {
    let known = known(head)?;
    let create = create(head, what, known)?;
    let is_initial = create.initial;
    let service = rest.live().await?.describe.service.clone();
    let mut stopping = rest.stopping();
    let mut says = says(service, create, Arc::default()).boxed();
    let first = tokio::select! {
        biased;
        _ = stopping.wait_for(|stopping| *stopping) => return Err(is_stopping().into()),
        first = tokio::time::timeout(head.within, says.next()) => first,
    };
    let created = match first {
        Ok(Some(Reply::Created(created))) => created,
        Ok(Some(Reply::Ended(error))) => return Err(from_frame(error).into()),
        Ok(_) => return Err(misfit()),
        Err(_) => {
            let ms = head.within.as_millis();
            let message = format!("the watch could not begin within {ms} ms: ask again");
            return Err(Error::unavailable(message).into());
        }
    };
    let header = created.header.as_ref();
    let after = header.map_or(0, |header| header.revision);
    let telling = Telling {
        says,
        after,
        is_initial,
        count: Count::after(known),
        request_id: parts.extensions.get::<Id>().map(|id| id.0.clone()),
    };
    let mut response = Response::new(Body::from_stream(telling.stream(&rest.watching, stopping)));
    let headers = response.headers_mut();
    marks::reflect(headers, header);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// What the client was told before. The header is newer: browsers send it when they come
/// back to the address they began with.
fn known(head: &Head) -> Result<Option<Mark>> {
    let by_header = head.headers.get(LAST_EVENT_ID);
    let by_header = by_header.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
    let given = match by_header {
        Some(given) => Some(given),
        None => head.query.text("last_event_id")?.map(str::to_owned),
    };
    given.map(|id| Mark::parse(id.trim())).transpose()
}

fn create(head: &Head, what: Option<What>, known: Option<Mark>) -> Result<v1::WatchCreate> {
    let query = &head.query;
    let (from, initial) = (query.number("from")?, query.flag("initial")?);
    if from == Some(0) {
        return Err(Error::invalid(
            "`from` is 0: the first revision is 1; leave it away for what happens from now on",
        ));
    }
    let progress_ms = query.time_ms("progress")?;
    if progress_ms == Some(0) {
        return Err(Error::invalid(
            "`progress` is 0: give a duration of at least 100ms, or leave it away for 10 s",
        ));
    }
    let kinds = match query.text("kinds")? {
        Some(given) => kinds(given)?,
        None => Vec::new(),
    };
    let (from_revision, initial) = match known {
        Some(mark) => (mark.begins_with(), false),
        None => (from.unwrap_or(0), initial),
    };
    Ok(v1::WatchCreate {
        watch_id: 0,
        target: Some(head.target.clone()),
        what,
        from_revision,
        initial,
        previous: query.flag("previous")?,
        kinds,
        progress_ms: progress_ms.unwrap_or(0),
    })
}

fn kinds(given: &str) -> Result<Vec<i32>> {
    let kind = |name: &str| match name.trim() {
        "set" | "put" => Ok(v1::EventKind::Set.into()),
        "delete" => Ok(v1::EventKind::Delete.into()),
        "expire" => Ok(v1::EventKind::Expire.into()),
        "touch" => Ok(v1::EventKind::Touch.into()),
        other => {
            let shown: String = other.chars().take(80).collect();
            let hint = match suggest::nearest(other, KINDS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "there are set, delete and expire".to_owned(),
            };
            let shown = shown.escape_debug();
            let message = format!("`{shown}` in `kinds` is no kind of event: {hint}");
            Err(Error::invalid(message))
        }
    };
    given.split(',').map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_names() {
        assert_eq!(kinds("put,delete, expire").unwrap(), [1, 2, 3]);
        for (given, said) in [
            ("sett", "did you mean `set`?"),
            ("", "there are set, delete and expire"),
            ("set,", "`` in `kinds`"),
            ("x\n", "`x` in `kinds`"),
        ] {
            let error = kinds(given).unwrap_err();
            assert!(error.message().contains(said), "{error}");
        }
    }
}
