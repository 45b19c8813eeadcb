//! Bodies: what a client sends, read within a time and a size, and large values sent.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::budget::{Budget, Held};
use super::content::{Content, PIECE_BYTES};
use super::refused::{Answered, Refused};
use super::sending::send;
use super::unlisted::Unlisted;
use crate::base::{Error, limits};

/// What a body of JSON may be longer than what it carries: base64 and names.
pub(super) const JSON_BYTES_MAX: usize = limits::IMPORT_LINE_BYTES_MAX;

/// A body that has arrived, and what it holds.
pub(super) struct Arrived {
    pub(super) bytes: Bytes,
    pub(super) held: Held,
}

/// What a body is, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    /// Bytes as they are.
    Raw,
}

/// What the body is. Without a header it is raw, as `curl -T` sends a file.
pub(super) fn kind(headers: &HeaderMap) -> Answered<Kind> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(Kind::Raw);
    };
    let given = String::from_utf8_lossy(given.as_bytes());
    let essence = given.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Kind::Json),
        "application/octet-stream" | "text/plain" => Ok(Kind::Raw),
        _ => Err(unsupported(
            &given,
            "application/json, or application/octet-stream for a value as it is",
        )),
    }
}

/// Errs unless the body is JSON: a page of another site can make a browser send other
/// kinds without asking.
fn must_be_json(headers: &HeaderMap) -> Answered<()> {
    let given = headers.get(header::CONTENT_TYPE);
    match given.map(|_| kind(headers)) {
        Some(Ok(Kind::Json)) => Ok(()),
        _ => {
            let given = given.map(|it| String::from_utf8_lossy(it.as_bytes()));
            let given = given.as_deref().unwrap_or("missing");
            Err(unsupported(given, "application/json"))
        }
    }
}

fn unsupported(given: &str, wanted: &str) -> Refused {
    let shown: String = given.chars().take(80).collect();
    let message = format!(
        "the Content-Type is {}: send {wanted}",
        shown.escape_debug()
    );
    Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Error::invalid(message))
}

/// Reads a body.
pub(super) async fn read(
    budget: &Budget,
    parts: &Parts,
    body: Body,
    bytes_max: usize,
    within: Duration,
) -> Answered<Arrived> {
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|it| it.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: usize| bytes > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let arriving = collect(budget, body, bytes_max);
    match tokio::time::timeout(within, arriving).await {
        Ok(arrived) => arrived,
        Err(_) => {
            let message = format!(
                "the body did not come within {} ms: nothing was done (?timeout= gives it longer)",
                within.as_millis()
            );
            Err(Refused::new(
                StatusCode::REQUEST_TIMEOUT,
                Error::invalid(message),
            ))
        }
    }
}

async fn collect(budget: &Budget, body: Body, bytes_max: usize) -> Answered<Arrived> {
    let mut held = budget.hold();
    let mut bytes = BytesMut::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            let why = innermost(&error);
            Error::invalid(format!("the body broke off, and nothing was done: {why}"))
        })?;
        if bytes.len() + piece.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        held.grow(piece.len())?;
        bytes.extend_from_slice(&piece);
    }
    Ok(Arrived {
        bytes: bytes.freeze(),
        held,
    })
}

/// What happened in the first place: what stands around it says less.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn too_large(bytes_max: usize) -> Refused {
    Error::limit_exceeded(format!(
        "the body is larger than {bytes_max} bytes, the most that is taken here"
    ))
    .into()
}

/// Reads a document.
pub(super) fn document<T: DeserializeOwned>(bytes: &[u8]) -> Answered<T> {
    serde_json::from_slice(bytes)
        .map(|Unlisted(document)| document)
        .map_err(|error| Error::invalid(format!("the JSON body: {error}")).into())
}

/// Reads a body that must be a JSON document.
pub(super) async fn read_document<T: DeserializeOwned>(
    budget: &Budget,
    parts: &Parts,
    body: Body,
    within: Duration,
) -> Answered<(T, Held)> {
    must_be_json(&parts.headers)?;
    let arrived = read(budget, parts, body, JSON_BYTES_MAX, within).await?;
    Ok((document(&arrived.bytes)?, arrived.held))
}

/// Reads a document that may be left away: then there is no body, or an empty one.
pub(super) async fn read_optional<T: DeserializeOwned + Default>(
    budget: &Budget,
    parts: &Parts,
    body: Body,
    within: Duration,
) -> Answered<(T, Held)> {
    let is_typed = parts.headers.contains_key(header::CONTENT_TYPE);
    if is_typed {
        must_be_json(&parts.headers)?;
    }
    let arrived = read(budget, parts, body, JSON_BYTES_MAX, within).await?;
    if arrived.bytes.is_empty() {
        return Ok((T::default(), arrived.held));
    }
    must_be_json(&parts.headers)?;
    let given: Option<T> = document(&arrived.bytes)?;
    Ok((given.unwrap_or_default(), arrived.held))
}

/// A body that goes out piece by piece as it is read, holding what it takes until then.
pub(super) fn write(mut content: Content) -> Body {
    match content.len() <= PIECE_BYTES {
        true => Body::from(content.next().unwrap_or_default()),
        false => send(content),
    }
}
