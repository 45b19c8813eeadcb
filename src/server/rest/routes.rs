//! Which path is which route.

use axum::extract::Request;
use axum::routing::MethodRouter;
use axum::{Router, middleware, routing};
use http::{Method, StatusCode, Uri};

use super::refused::{Answered, Refused};
use super::rest::Rest;
use super::{batch, docs, gate, keys, scan, status, transaction, verbs};
use crate::base::{Error, ErrorKind};

/// Every route of REST, and an answer for what is none.
pub(in crate::server) fn routes(rest: Rest) -> Router {
    let gate = middleware::from_fn_with_state(rest.clone(), gate::gate);
    Router::new()
        .merge(of_keys())
        .merge(of_many())
        .route("/v1/status", routing::get(status::status))
        .route("/openapi.json", routing::get(docs::openapi))
        .route("/docs", routing::get(docs::directory))
        .route("/docs/", routing::get(docs::index))
        .route("/docs/{*file}", routing::get(docs::file))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(gate)
        .with_state(rest)
}

fn of_keys() -> Router<Rest> {
    let keys = routing::get(scan::list).delete(scan::delete);
    let key = routing::put(keys::put).get(keys::get).delete(keys::delete);
    let routes = Router::new().route("/v1/keys", keys);
    let routes = below(routes, "/v1/keys/", key);
    let routes = below(routes, "/v1/has/", routing::get(verbs::has));
    let routes = below(routes, "/v1/expire/", routing::post(verbs::expire));
    let routes = below(routes, "/v1/touch/", routing::post(verbs::touch));
    let routes = below(routes, "/v1/persist/", routing::post(verbs::persist));
    let routes = below(routes, "/v1/incr/", routing::post(verbs::incr));
    below(routes, "/v1/history/", routing::get(verbs::history))
}

/// A route for every key, the empty one included: it is refused for what it is.
fn below(routes: Router<Rest>, base: &str, methods: MethodRouter<Rest>) -> Router<Rest> {
    let with_key = format!("{base}{{*key}}");
    routes
        .route(base, methods.clone())
        .route(&with_key, methods)
}

fn of_many() -> Router<Rest> {
    Router::new()
        .route("/v1/batch", routing::post(batch::batch))
        .route("/v1/batch/put", routing::post(batch::put))
        .route("/v1/batch/get", routing::post(batch::get))
        .route("/v1/batch/delete", routing::post(batch::delete))
        .route("/v1/transaction", routing::post(transaction::transaction))
}

async fn no_such_path(uri: Uri) -> Answered {
    let path: String = uri.path().chars().take(80).collect();
    let message = format!(
        "there is no {path}: / shows how this node does, /docs what it can be asked, /readyz?verbose \
         and /metrics are for machines; gRPC goes over HTTP/2 with its own content type"
    );
    Err(Error::new(ErrorKind::NotFound, message).into())
}

async fn no_such_method(method: Method, request: Request) -> Answered {
    let path: String = request.uri().path().chars().take(80).collect();
    let message = format!("{path} does not take {method}: the header Allow says what it takes");
    Err(Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Error::invalid(message),
    ))
}
