//! The front of the client port: tells gRPC from plain HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, Version, header};
use tokio::sync::SetOnce;
use tonic::body::Body;
use tonic::service::Routes;
use tower::{Service, ServiceExt};

use super::incoming::Incoming;
use super::outgoing;
use crate::base::Error;
use crate::server::cluster::Waiting;
use crate::server::grpc::grpc_timeout;
use crate::server::port::{Caller, Rate};
use crate::server::status::to_status;

/// Calls that are streams of requests.
const STREAMS: [&str; 2] = ["/dkv.v1.Session/Open", "/dkv.v1.Kv/Watch"];

/// A stream of answers to one request.
const SCAN: &str = "/dkv.v1.Kv/Scan";

/// Takes every request of the client port.
///
/// gRPC that comes while the node recovers waits, as it would in the queue of a port
/// that nobody accepts from yet; what asks for the node's health does not. While it waits
/// for other nodes, which may take for ever, gRPC is answered so.
#[derive(Clone)]
pub(in crate::server) struct Front {
    grpc: Arc<SetOnce<Routes>>,
    http: Router,
    waiting: Waiting,
}

impl Front {
    pub(in crate::server) fn new(
        grpc: Arc<SetOnce<Routes>>,
        http: Router,
        waiting: Waiting,
    ) -> Self {
        Self {
            grpc,
            http,
            waiting,
        }
    }
}

impl Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Both sides are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_grpc(request.version(), request.headers()) {
            if let Err(crowded) = Caller::seat(request.extensions()) {
                let refused = Ok(to_status(&crowded).into_http());
                return Box::pin(std::future::ready(refused));
            }
            let (grpc, waiting) = (self.grpc.clone(), self.waiting.why());
            let rate = Caller::rate_of(request.extensions()).cloned();
            return Box::pin(async move {
                if let Some(rate) = rate
                    && let Err(too_fast) = admit(&rate, request.uri().path()).await
                {
                    return Ok(to_status(&too_fast).into_http());
                }
                let routes = match (grpc.get(), waiting) {
                    (Some(routes), _) => Ok(routes.clone()),
                    // It stands behind where the caller looked for a node.
                    (None, Some(why)) => Err(Error::unavailable(format!("it runs, and is {why}"))),
                    (None, None) => recovered(&grpc, request.headers()).await,
                };
                match routes {
                    Ok(routes) => weighed_call(routes, request).await,
                    Err(error) => Ok(to_status(&error).into_http()),
                }
            });
        }
        let http = self.http.clone();
        Box::pin(async move {
            let response = http.oneshot(request).await?;
            Ok(response.map(Body::new))
        })
    }
}

/// Has a call answered: what it sends and what it is answered is weighed on its way.
async fn weighed_call(
    routes: Routes,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let Some(allowances) = Caller::allowances_of(request.extensions()).cloned() else {
        return routes.oneshot(request).await;
    };
    let path = request.uri().path();
    let is_stream = STREAMS.contains(&path) || path == SCAN;
    let request = request.map(|body| Body::new(Incoming::new(body, allowances.incoming)));
    let response = routes.oneshot(request).await?;
    Ok(outgoing::weighed(response, &allowances.outgoing, is_stream))
}

/// Lets a call in that does not come too soon behind others of its connection. A stream is no
/// request, and carries many: it is slowed down, and not refused.
async fn admit(rate: &Rate, path: &str) -> crate::base::Result<()> {
    if !STREAMS.contains(&path) {
        return rate.take();
    }
    rate.wait().await;
    Ok(())
}

/// What answers gRPC once the node has recovered, if its caller waits for so long.
async fn recovered(grpc: &SetOnce<Routes>, headers: &HeaderMap) -> crate::base::Result<Routes> {
    let recovered = grpc.wait();
    match grpc_timeout(headers) {
        None => Ok(recovered.await.clone()),
        Some(within) => match tokio::time::timeout(within, recovered).await {
            Ok(routes) => Ok(routes.clone()),
            Err(_) => Err(Error::unavailable(
                "this node is recovering: nothing was done; ask again",
            )),
        },
    }
}

fn is_grpc(version: Version, headers: &HeaderMap) -> bool {
    version == Version::HTTP_2
        && headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|of| of.as_bytes().starts_with(b"application/grpc"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn grpc_is_http_2_with_its_own_content_type() {
        let typed = |content_type| {
            let value = HeaderValue::from_static(content_type);
            HeaderMap::from_iter([(header::CONTENT_TYPE, value)])
        };
        assert!(is_grpc(Version::HTTP_2, &typed("application/grpc")));
        assert!(is_grpc(Version::HTTP_2, &typed("application/grpc+proto")));
        // A browser can be made to send these.
        assert!(!is_grpc(Version::HTTP_11, &typed("application/grpc")));
        assert!(!is_grpc(Version::HTTP_2, &typed("text/plain")));
        assert!(!is_grpc(Version::HTTP_2, &HeaderMap::new()));
    }

    #[tokio::test]
    async fn grpc_waits_for_the_node_and_plain_http_does_not() {
        let grpc = Arc::new(SetOnce::new());
        let front = Front::new(grpc.clone(), Router::new(), Waiting::default());
        let plain = Request::get("/livez").body(Body::empty()).unwrap();
        let answered = front.clone().oneshot(plain).await.unwrap();
        assert_eq!(answered.status(), 404, "there are no routes here");
        let request = Request::post("/dkv.v1.Kv/Get")
            .version(Version::HTTP_2)
            .header(header::CONTENT_TYPE, "application/grpc")
            .body(Body::empty());
        let mut waiting = Box::pin(front.oneshot(request.unwrap()));
        let early =
            std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
        assert!(early.is_pending(), "the node has not recovered");
        assert!(grpc.set(Routes::default()).is_ok());
        let status = waiting.await.unwrap().headers()["grpc-status"].clone();
        assert_eq!(status, "12", "no service is there");
    }

    /// A node whose cluster had not come together kept its callers waiting until their
    /// time was over, and they were told that nobody answers.
    #[tokio::test]
    async fn grpc_is_told_for_whom_the_node_waits() {
        let waiting = Waiting::default();
        waiting.for_others("waiting for node-2".to_owned());
        let front = Front::new(Arc::new(SetOnce::new()), Router::new(), waiting);
        let request = Request::post("/dkv.v1.Kv/Get")
            .version(Version::HTTP_2)
            .header(header::CONTENT_TYPE, "application/grpc")
            .body(Body::empty());
        let answer = front.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "14");
        let message = answer.headers()["grpc-message"].to_str().unwrap();
        assert!(message.contains("is%20waiting%20for%20node-2"), "{message}");
    }
}
