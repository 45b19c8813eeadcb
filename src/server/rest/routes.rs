//! Which path is which route.

use axum::extract::Request;
use axum::{Router, middleware, routing};
use http::{Method, StatusCode, Uri};

use super::refused::{Answered, Refused};
use super::rest::Rest;
use super::{batch, docs, gate, keys, scan, transaction, verbs};
use crate::base::{Error, ErrorKind};

/// Every route of REST, and an answer for what is none.
pub(in crate::server) fn routes(rest: Rest) -> Router {
    let gate = middleware::from_fn_with_state(rest.clone(), gate::gate);
    Router::new()
        .merge(of_keys())
        .merge(of_many())
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
    let key = routing::put(keys::put).get(keys::get).delete(keys::delete);
    Router::new()
        .route("/v1/keys", routing::get(scan::list).delete(scan::delete))
        .route("/v1/keys/", key.clone())
        .route("/v1/keys/{*key}", key)
        .route("/v1/has/{*key}", routing::get(verbs::has))
        .route("/v1/expire/{*key}", routing::post(verbs::expire))
        .route("/v1/touch/{*key}", routing::post(verbs::touch))
        .route("/v1/persist/{*key}", routing::post(verbs::persist))
        .route("/v1/incr/{*key}", routing::post(verbs::incr))
        .route("/v1/history/{*key}", routing::get(verbs::history))
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
        "there is no {path}: /docs shows what there is, / how this node does, and gRPC goes over \
         HTTP/2 with its own content type"
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
