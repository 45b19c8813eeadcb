//! Whether a request comes from a page of another site.
//!
//! IMPORTANT: nobody signs in on loopback, so a page that a user of this machine looks at must
//! not be able to use their browser. If the name of its site is made to mean this machine (DNS
//! rebinding), the browser thinks that the node is that site, lets the page read what it
//! answers, and names the site in `Host`.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HOST, HeaderName, ORIGIN, REFERER,
    UPGRADE_INSECURE_REQUESTS,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::live::Standing;
use crate::base::{Error, ErrorKind, Result};
use crate::server::port::Caller;

/// Headers of browsers. Some of them a page can keep its browser from sending, and none of
/// those that tell the language of the user; no program that watches nodes sends any.
const OF_BROWSERS: [HeaderName; 9] = [
    ACCEPT_LANGUAGE,
    ORIGIN,
    REFERER,
    COOKIE,
    UPGRADE_INSECURE_REQUESTS,
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-ch-ua"),
];

/// Whom the client takes this node for; HTTP/1.0 need not say.
///
/// # Errors
/// `Invalid` if it is not text.
pub(in crate::server) fn host(parts: &Parts) -> Result<Option<&str>> {
    if let Some(authority) = parts.uri.authority() {
        return Ok(Some(authority.as_str()));
    }
    let given = parts.headers.get(HOST);
    let read = given.map(|it| it.to_str()).transpose();
    read.map_err(|_| Error::invalid("the header Host is not text"))
}

/// True if a node on loopback is taken for a host that may be another site.
pub(in crate::server) fn is_of_another(standing: &Standing, parts: &Parts, host: &str) -> bool {
    let local = Caller::of(&parts.extensions).and_then(|caller| caller.local);
    let on_loopback = local.is_some_and(|address| address.ip().to_canonical().is_loopback());
    on_loopback && !is_of_this_machine(name_of(host)) && !is_advertised(standing, host)
}

/// Tells what is wrong with such a host.
pub(in crate::server) fn of_another(host: &str) -> Error {
    let message = format!(
        "this node listens on loopback and was asked for as `{}`, which may be a page of another \
         site: ask for 127.0.0.1 or localhost",
        shown(host)
    );
    Error::new(ErrorKind::Denied, message)
}

/// The start of what a client sent, fit for a message.
pub(in crate::server) fn shown(text: &str) -> String {
    let start: String = text.chars().take(80).collect();
    start.escape_debug().to_string()
}

/// Keeps figures and health from pages of other sites. Whoever watches nodes may call them by
/// any name, so that only browsers are asked for whom they take the node.
pub(super) async fn not_of_another(
    State(standing): State<Standing>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    if is_browser(&parts.headers) {
        let refused = match host(&parts) {
            Ok(Some(host)) if is_of_another(&standing, &parts, host) => {
                Some((StatusCode::MISDIRECTED_REQUEST, of_another(host)))
            }
            Ok(_) => None,
            Err(error) => Some((StatusCode::BAD_REQUEST, error)),
        };
        if let Some((status, error)) = refused {
            let headers = [
                (CONTENT_TYPE, "text/plain; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
            ];
            return (status, headers, format!("{error}\n")).into_response();
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

fn is_browser(headers: &HeaderMap) -> bool {
    OF_BROWSERS.iter().any(|name| headers.contains_key(name))
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

fn is_advertised(standing: &Standing, host: &str) -> bool {
    standing.live.get().is_some_and(|live| {
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
