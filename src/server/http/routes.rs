//! The routes of plain HTTP.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware, routing};
use http::{Extensions, Method, StatusCode, Uri, header};

use super::live::Standing;
use super::page;
use super::ready::{checks, reasons, verbose};
use super::site;
use crate::server::metrics::CONTENT_TYPE;
use crate::server::port::Caller;

const TEXT: &str = "text/plain; charset=utf-8";

/// Longer paths are cut in messages, characters.
const PATH_CHARS_MAX: usize = 80;

/// What tells how the node does.
pub(in crate::server) fn routes(standing: Standing) -> Router {
    let site = middleware::from_fn_with_state(standing.clone(), site::not_of_another);
    Router::new()
        .route("/livez", routing::get(livez).fallback(only_get))
        .route("/readyz", routing::get(readyz).fallback(only_get))
        .route("/health", routing::get(health).fallback(only_get))
        .route("/metrics", routing::get(metrics).fallback(only_get))
        .layer(site)
        .merge(page::routes(&only_get))
        .with_state(standing)
}

/// The process answers: nothing more is asked of it.
async fn livez() -> Response {
    answer(StatusCode::OK, TEXT, "ok\n".to_owned())
}

async fn readyz(State(standing): State<Standing>, RawQuery(query): RawQuery) -> Response {
    let checks = checks(&standing);
    let reasons = reasons(&checks);
    let status = status_of(&reasons);
    let wants_all = query.is_some_and(|query| query.split('&').any(is_verbose));
    let text = match wants_all {
        true => verbose(&checks),
        false if reasons.is_empty() => "ok\n".to_owned(),
        false => format!("not ready: {reasons}\n"),
    };
    answer(status, TEXT, text)
}

/// `verbose`, `verbose=`, `verbose=true`; not `verbose=false`.
fn is_verbose(pair: &str) -> bool {
    match pair.split_once('=') {
        None => pair == "verbose",
        Some((name, value)) => name == "verbose" && !matches!(value, "false" | "0"),
    }
}

/// The same in the words of etcd, which load balancers know.
async fn health(State(standing): State<Standing>) -> Response {
    let reason = reasons(&checks(&standing));
    let status = status_of(&reason);
    // `true` is a string there.
    let healthy = if reason.is_empty() { "true" } else { "false" };
    let reason = serde_json::Value::from(reason);
    let json = format!("{{\"health\":\"{healthy}\",\"reason\":{reason}}}\n");
    answer(status, "application/json", json)
}

async fn metrics(State(standing): State<Standing>, extensions: Extensions) -> Response {
    // Health costs nothing, and is told to everybody.
    if let Err(too_fast) = Caller::admit(&extensions) {
        let again = [(header::RETRY_AFTER, "1")];
        let answer = answer(StatusCode::TOO_MANY_REQUESTS, TEXT, format!("{too_fast}\n"));
        return (again, answer).into_response();
    }
    match standing.figures() {
        Some(page) => answer(StatusCode::OK, CONTENT_TYPE, page),
        None => {
            let why = "recovering: there are no figures yet; ask again\n".to_owned();
            answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, why)
        }
    }
}

async fn only_get(method: Method, uri: Uri) -> Response {
    let message = format!(
        "{} takes GET and HEAD, not {}\n",
        shown(uri.path()),
        shown(method.as_str())
    );
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, message);
    let allowed = header::HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(PATH_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

fn status_of(reasons: &str) -> StatusCode {
    match reasons {
        "" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        // What was true a second ago helps nobody.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}
