//! How much of a message is read before it is known whose it is.

use std::convert::Infallible;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tower::Service;

use super::service::PeerService;
use crate::base::limits;
use crate::proto::peer::peer_server::PeerServer;
use crate::server::port::Caller;
use crate::tls::Kind;

/// Answers on the peer port: nodes, and those who want to become one. On an encrypted port
/// somebody without a node's certificate has nothing long to say.
#[derive(Clone)]
pub(super) struct Gate {
    nodes: PeerServer<PeerService>,
    /// For everybody else, if that can be told.
    guests: Option<PeerServer<PeerService>>,
}

impl Gate {
    pub(super) fn new(service: PeerService, is_secured: bool) -> Self {
        let guests = PeerServer::new(service.clone())
            .max_decoding_message_size(limits::PEER_GUEST_MESSAGE_BYTES_MAX);
        let nodes =
            PeerServer::new(service).max_decoding_message_size(limits::PEER_MESSAGE_BYTES_MAX);
        Self {
            nodes,
            guests: is_secured.then_some(guests),
        }
    }
}

impl Service<Request<Body>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <PeerServer<PeerService> as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let identity = Caller::of(request.extensions()).and_then(|it| it.identity.as_deref());
        let is_node = identity.is_some_and(|identity| identity.kind == Kind::Node);
        match &mut self.guests {
            Some(guests) if !is_node => guests.call(request),
            _ => self.nodes.call(request),
        }
    }
}
