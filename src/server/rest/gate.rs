//! What stands before every route: each request has an id, and none comes from a page of
//! another site.
//!
//! IMPORTANT: a page of another site can make a browser send requests that change something only
//! in forms that name their `Origin`; what else such a page could do, and what is asked about
//! it, `server/http/site.rs` says.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{HeaderName, Method, StatusCode};

use super::marks;
use super::refused::{Answered, Refused};
use super::state::Rest;
use crate::base::{Error, ErrorKind};
use crate::server::http::site;
use crate::server::port::Caller;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids of clients are cut.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The id of a request, for routes that go on telling after the answer has begun.
#[derive(Debug, Clone)]
pub(super) struct Id(pub(super) String);

/// Lets a request in, names it, and writes the body of a refusal.
pub(super) async fn gate(State(rest): State<Rest>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = request_id(&parts);
    parts.extensions.insert(Id(id.clone()));
    let checked = check(&rest, &parts);
    // A page of another site is not told which node this is.
    let may_know = checked.is_ok();
    let mut response = match checked {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refused.into_response(),
    };
    if let Some(mut refused) = response.extensions_mut().remove::<Refused>() {
        // The route says what it takes only behind its answer.
        let allowed = response.headers().get(ALLOW);
        if let Some(methods) = allowed.and_then(|it| it.to_str().ok()) {
            refused = refused.allowing(methods);
        }
        let text = serde_json::to_string(&refused.to_body(&id)).unwrap_or_default() + "\n";
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, text.len().into());
        *response.body_mut() = text.into();
        if let Some(live) = rest.live_now().filter(|_| may_know) {
            marks::name(response.headers_mut(), &live.describe.service.node_bytes());
        }
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The id the client gave, or a new one.
fn request_id(parts: &Parts) -> String {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let given = parts
        .headers
        .get(REQUEST_ID)
        .and_then(|it| it.to_str().ok());
    match given.map(str::trim).filter(|id| !id.is_empty()) {
        Some(id) => id.chars().take(REQUEST_ID_BYTES_MAX).collect(),
        None => format!("req-{:08x}", MADE.fetch_add(1, Ordering::Relaxed)),
    }
}

fn check(rest: &Rest, parts: &Parts) -> Answered<()> {
    Caller::admit(&parts.extensions)?;
    let Some(host) = site::host(parts)? else {
        // HTTP/1.0; no browser speaks so.
        return match parts.headers.contains_key(ORIGIN) {
            true => Err(denied(
                StatusCode::FORBIDDEN,
                "a page must say whom it asks: the header Host is missing".to_owned(),
            )),
            false => Ok(()),
        };
    };
    if site::is_of_another(rest.standing(), parts, host) {
        let error = site::of_another(host);
        return Err(Refused::new(StatusCode::MISDIRECTED_REQUEST, error));
    }
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && let Some(origin) = parts.headers.get(ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let site = origin.split_once("://").map(|(_, site)| site);
        if site != Some(host) {
            let shown = site::shown(&origin);
            let message = format!("a page of `{shown}` may not write to `{host}`");
            return Err(denied(StatusCode::FORBIDDEN, message));
        }
    }
    Ok(())
}

fn denied(status: StatusCode, message: String) -> Refused {
    Refused::new(status, Error::new(ErrorKind::Denied, message))
}
