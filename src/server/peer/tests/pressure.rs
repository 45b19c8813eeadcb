//! A peer that does not read: what waits is bounded, and heartbeats pass.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::world::{Node, until};
use crate::base::limits;
use crate::proto::peer;
use crate::proto::peer::peer_server;
use crate::raft::Lane;

/// Accepts every link, and reads heartbeats alone.
#[derive(Clone, Default)]
struct Deaf {
    heartbeats: Arc<Mutex<Vec<Bytes>>>,
}

#[tonic::async_trait]
impl peer_server::Peer for Deaf {
    async fn hello(
        &self,
        _: Request<peer::HelloRequest>,
    ) -> Result<Response<peer::HelloReply>, Status> {
        Err(Status::unavailable("deaf"))
    }

    type LinkStream = BoxStream<'static, Result<peer::LinkReply, Status>>;

    async fn link(
        &self,
        request: Request<Streaming<peer::LinkMessage>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let mut inbound = request.into_inner();
        let hello = inbound.message().await?.unwrap().hello.unwrap();
        let heartbeats = self.heartbeats.clone();
        let replies = stream::once(async move {
            if hello.lane == 1 {
                loop {
                    let message = inbound.message().await?;
                    heartbeats.lock().extend(message.unwrap_or_default().frames);
                }
            }
            std::future::pending::<()>().await;
            drop(inbound);
            Ok(peer::LinkReply {})
        });
        Ok(Response::new(replies.boxed()))
    }

    async fn join(
        &self,
        _: Request<peer::JoinRequest>,
    ) -> Result<Response<peer::JoinReply>, Status> {
        Err(Status::unavailable("deaf"))
    }

    async fn enroll(
        &self,
        _: Request<peer::EnrollRequest>,
    ) -> Result<Response<peer::EnrollReply>, Status> {
        Err(Status::unavailable("deaf"))
    }
}

#[tokio::test]
async fn heartbeats_pass_while_data_waits_and_what_waits_is_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let deaf = Deaf::default();
    let heartbeats = deaf.heartbeats.clone();
    let service = peer_server::PeerServer::new(deaf);
    let incoming = TcpListenerStream::new(listener);
    // One stream may use up the window of its whole connection.
    let server = Server::builder()
        .initial_connection_window_size(1 << 20)
        .initial_stream_window_size(4 << 20)
        .add_service(service)
        .serve_with_incoming(incoming);
    let serving = tokio::spawn(server);
    let alice = Node::start(1).await;
    alice.calls(&[(2, address)]);
    alice.linked(2).await;
    let data = || alice.links.figures()[0].lanes[0].clone();

    let mebibyte = Bytes::from(vec![5; 1 << 20]);
    for _ in 0..50 {
        alice.send(2, Lane::Data, mebibyte.clone());
    }
    assert_eq!(data().frames_dropped, 0);
    assert!(data().queued_bytes > 20 << 20, "{:?}", data());
    alice.send(2, Lane::Heartbeat, "still here");
    until("the heartbeat passed", || {
        *heartbeats.lock() == ["still here"]
    })
    .await;
    assert!(
        data().queued_bytes > 20 << 20,
        "data still waits: {:?}",
        data()
    );

    for _ in 0..1_000 {
        alice.send(2, Lane::Data, mebibyte.clone());
        alice.send(2, Lane::Data, Bytes::new());
    }
    let (most, snapshots) = (
        limits::PEER_DATA_BYTES_MAX,
        &alice.links.figures()[0].lanes[2],
    );
    assert!(data().queued_bytes <= most, "{:?}", data());
    assert!(
        data().bytes_sent <= 8 << 20,
        "it buffers what it was not asked for: {:?}",
        data()
    );
    assert!(data().frames_dropped >= 1_000 - 65, "{:?}", data());
    assert!(snapshots.is_connected && snapshots.frames_dropped == 0);
    alice.send(2, Lane::Heartbeat, "and still");
    until("heartbeats pass", || heartbeats.lock().len() == 2).await;
    assert!(alice.is_linked(2), "a slow peer is no lost peer");
    serving.abort();
}
