//! Which path is which route.

use axum::extract::Request;
use axum::routing::MethodRouter;
use axum::{Router, middleware, routing};
use http::{Method, StatusCode, Uri};

use super::refused::{Answered, Refused};
use super::state::Rest;
use super::{
    batch, bucket_list, buckets, cluster, cluster_status, docs, gate, keys, lock_list, locks, scan,
    status, transaction, verbs, watch,
};
use crate::base::{Error, ErrorKind};

/// Every route of REST, and an answer for what is none.
pub(in crate::server) fn routes(rest: Rest) -> Router {
    let gate = middleware::from_fn_with_state(rest.clone(), gate::gate);
    let routes = Router::new()
        .merge(of_keys())
        .merge(of_many())
        .merge(of_watches())
        .merge(of_locks())
        .merge(of_buckets())
        .merge(of_cluster())
        .route("/v1/status", routing::get(status::status))
        .route("/openapi.json", routing::get(docs::openapi))
        .route("/docs", routing::get(docs::directory))
        .route("/docs/", routing::get(docs::index))
        .route("/docs/{*file}", routing::get(docs::file))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(rest);
    // Outside of all of it: only there an answer says in `Allow` what its path takes.
    Router::new().fallback_service(routes).layer(gate)
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

fn of_watches() -> Router<Rest> {
    let routes = Router::new().route("/v1/watch", routing::get(watch::watch));
    below(routes, "/v1/watch/", routing::get(watch::watch_prefix))
}

fn of_locks() -> Router<Rest> {
    Router::new()
        .route("/v1/locks", routing::get(lock_list::list))
        .route("/v1/locks/{name}", routing::get(lock_list::info))
        .route("/v1/locks/{name}/acquire", routing::post(locks::acquire))
        .route("/v1/locks/{name}/renew", routing::post(locks::renew))
        .route("/v1/locks/{name}/release", routing::post(locks::release))
        .route("/v1/locks/{name}/revoke", routing::post(locks::revoke))
}

fn of_buckets() -> Router<Rest> {
    let bucket = routing::put(buckets::put)
        .patch(buckets::patch)
        .delete(buckets::delete)
        .get(bucket_list::info);
    Router::new()
        .route("/v1/buckets", routing::get(bucket_list::list))
        .route("/v1/buckets/{name}", bucket)
}

fn of_cluster() -> Router<Rest> {
    let transfer = routing::post(cluster::transfer_leader);
    Router::new()
        .route("/v1/cluster", routing::get(cluster_status::status))
        .route("/v1/cluster/join", routing::post(cluster::join))
        .route("/v1/cluster/promote", routing::post(cluster::promote))
        .route("/v1/cluster/remove", routing::post(cluster::remove))
        .route("/v1/cluster/transfer-leader", transfer)
        .route("/v1/cluster/snapshot", routing::post(cluster::snapshot))
}

async fn no_such_path(uri: Uri) -> Answered {
    let path: String = uri.path().chars().take(80).collect();
    let is_named = ["/v1/locks/", "/v1/buckets/"];
    let hint = match is_named.iter().any(|named| path.starts_with(named)) {
        true => " (within a name `/` is written %2F)",
        false => "",
    };
    let message = format!(
        "there is no {path}{hint}: / shows how this node does, /docs what it can be asked, /readyz?verbose \
         and /metrics are for machines; gRPC goes over HTTP/2 with its own content type"
    );
    Err(Error::new(ErrorKind::NotFound, message).into())
}

async fn no_such_method(method: Method, request: Request) -> Answered {
    let path: String = request.uri().path().chars().take(80).collect();
    let message = format!("{path} does not take {method}");
    Err(Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Error::invalid(message),
    ))
}
