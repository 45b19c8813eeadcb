//! What stands before every route: each request has an id, and none comes from a page of
//! another site.
//!
//! IMPORTANT: nobody signs in on loopback, so a page that a user of this machine looks at must
//! not be able to use their browser. It can send requests without being asked only in forms
//! that name their `Origin`; and if its name is made to mean this machine (DNS rebinding),
//! the browser thinks that the node is its own site, and names it in `Host`.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{HeaderName, Method, StatusCode};
use tonic::transport::server::TcpConnectInfo;

use super::refused::{Answered, Refused};
use super::state::Rest;
use crate::base::{Error, ErrorKind};

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
    let mut response = match check(&rest, &parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refused.into_response(),
    };
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        let text = serde_json::to_string(&refused.to_body(&id)).unwrap_or_default() + "\n";
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, text.len().into());
        *response.body_mut() = text.into();
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
    let Some(host) = host(parts)? else {
        // HTTP/1.0; no browser speaks so.
        return match parts.headers.contains_key(ORIGIN) {
            true => Err(denied(
                StatusCode::FORBIDDEN,
                "a page must say whom it asks: the header Host is missing".to_owned(),
            )),
            false => Ok(()),
        };
    };
    let local = parts.extensions.get::<TcpConnectInfo>();
    let local = local.and_then(TcpConnectInfo::local_addr);
    let on_loopback = local.is_some_and(|address| address.ip().to_canonical().is_loopback());
    if on_loopback && !is_of_this_machine(name_of(host)) && !is_advertised(rest, host) {
        let shown = shown(host);
        let message = format!(
            "this node listens on loopback and was asked for as `{shown}`, which may be a page \
             of another site: ask for 127.0.0.1 or localhost"
        );
        return Err(denied(StatusCode::MISDIRECTED_REQUEST, message));
    }
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && let Some(origin) = parts.headers.get(ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let site = origin.split_once("://").map(|(_, site)| site);
        if site != Some(host) {
            let shown = shown(&origin);
            let message = format!("a page of `{shown}` may not write to `{host}`");
            return Err(denied(StatusCode::FORBIDDEN, message));
        }
    }
    Ok(())
}

fn denied(status: StatusCode, message: String) -> Refused {
    Refused::new(status, Error::new(ErrorKind::Denied, message))
}

fn shown(text: &str) -> String {
    let start: String = text.chars().take(80).collect();
    start.escape_debug().to_string()
}

/// Whom the client takes this node for; HTTP/1.0 need not say.
fn host(parts: &Parts) -> Result<Option<&str>, Error> {
    if let Some(authority) = parts.uri.authority() {
        return Ok(Some(authority.as_str()));
    }
    let given = parts.headers.get(HOST);
    let read = given.map(|it| it.to_str()).transpose();
    read.map_err(|_| Error::invalid("the header Host is not text"))
}

/// Without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

/// No other site can be called so.
fn is_of_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

fn is_advertised(rest: &Rest, host: &str) -> bool {
    let live = rest.live_now();
    live.is_some_and(|live| {
        let mut advertised = live.describe.addresses.iter();
        advertised.any(|address| name_of(address).eq_ignore_ascii_case(name_of(host)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called_so() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "localhost",
            "LOCALHOST:1",
            "a.localhost:80",
            "10.0.0.7",
        ] {
            assert!(is_of_this_machine(name_of(host)), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example",
            "",
        ] {
            assert!(!is_of_this_machine(name_of(host)), "{host}");
        }
    }
}
