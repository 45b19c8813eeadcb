//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tonic::body::Body;
use tower::Service;

use super::caller::Caller;
use super::crowd::{Crowd, Crowded};
use super::idle::{Answer, Open, Requests};
use super::limits::Limits;
use super::protocol::Protocol;

/// What answers the requests of a port. It is always ready.
pub(in crate::server) trait Answers:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Unpin + Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Unpin + Send>
        + Clone
        + Send
        + 'static
{
}

/// Answers the requests of a connection until its caller is done with it; or until it was idle
/// for too long, or `over` resolves: then what is under way is still answered.
pub(super) async fn converse(
    io: impl AsyncRead + AsyncWrite + Unpin + 'static,
    requests: OfCaller<impl Answers>,
    protocol: &Protocol,
    allows: &Limits,
    over: impl Future<Output = ()>,
) {
    let (caller, open) = (requests.caller.clone(), Arc::clone(&requests.open));
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(io), requests));
    let mut over = pin!(over);
    let mut silence = pin!(sleep(allows.idle));
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                match ended {
                    Ok(()) => tracing::trace!(%caller, "a connection ended"),
                    Err(error) => tracing::debug!(%caller, %error, "a connection broke"),
                }
                return;
            }
            () = over.as_mut(), if !is_ending => {}
            () = &mut silence => {
                let allowed = if is_ending { allows.farewell } else { allows.idle };
                let ends_at = open.idle_since().unwrap_or_else(Instant::now) + allowed;
                if ends_at > Instant::now() {
                    silence.as_mut().reset(ends_at);
                    continue;
                }
                if is_ending {
                    tracing::debug!(%caller, "a connection does not end: closing it");
                    return;
                }
            }
        }
        is_ending = true;
        connection.as_mut().graceful_shutdown();
        silence.as_mut().reset(Instant::now() + allows.farewell);
    }
}

/// Resolves when the node stops; whoever stops it may be gone by then.
pub(super) async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Answers the requests of one caller.
pub(super) struct OfCaller<S> {
    answers: S,
    caller: Caller,
    open: Arc<Requests>,
}

impl<S> OfCaller<S> {
    /// What is open counts in `crowd`.
    pub(super) fn new(answers: S, caller: Caller, crowd: &Arc<Crowd>) -> Self {
        Self {
            answers,
            caller,
            open: Requests::new(crowd),
        }
    }
}

impl<S: Answers> hyper::service::Service<Request<Incoming>> for OfCaller<S> {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.caller.clone());
        let open = self.open.open();
        if open.is_too_many() {
            request.extensions_mut().insert(Crowded);
        }
        Answering {
            answer: self.answers.clone().call(request),
            open: Some(open),
        }
    }
}

/// An answer that is being made, of a request that stays open until it is told.
pub(super) struct Answering<F> {
    answer: F,
    open: Option<Open>,
}

impl<F> Future for Answering<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Unpin,
{
    type Output = Result<Response<Answer>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context))?;
        let open = self.open.take().expect("an answer is made once");
        Poll::Ready(Ok(answer.map(|body| Answer::new(body, open))))
    }
}
