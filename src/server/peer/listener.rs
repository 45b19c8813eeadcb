//! The peer port itself: bound, served, drained.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use super::dial;
use super::service::PeerService;
use crate::base::{Error, ErrorKind, Result, limits};
use crate::proto::peer::peer_server;
use crate::server::listen::{accepted, without_delay};
use crate::server::metrics::Connections;

/// How long calls may take to end once the port is told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Calls on one connection: its links, and questions.
const STREAMS_MAX: u32 = 16;

/// A bound peer port.
pub(in crate::server) struct PeerServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl PeerServer {
    /// Binds `address`; with port 0 the system chooses one.
    ///
    /// # Errors
    /// `Unavailable` when it is in use, `Invalid` when it cannot be bound at all.
    pub(in crate::server) async fn bind(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| refused(address, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| refused(address, error))?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub(in crate::server) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` holds true or its sender is gone. The same `stop` must have
    /// been given to `service`, whose links never end by themselves.
    ///
    /// # Errors
    /// `Internal` if it can serve no more.
    pub(in crate::server) async fn serve(
        self,
        service: PeerService,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let connections = Connections::at_most(limits::PEER_CONNECTIONS_MAX);
        let streams = TcpListenerStream::new(self.listener).map_ok(without_delay);
        let service = peer_server::PeerServer::new(service)
            .max_decoding_message_size(limits::PEER_MESSAGE_BYTES_MAX);
        let serving = Server::builder()
            .initial_stream_window_size(dial::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(dial::CONNECTION_WINDOW_BYTES)
            .max_concurrent_streams(STREAMS_MAX)
            .http2_keepalive_interval(Some(dial::PING_EVERY))
            .http2_keepalive_timeout(Some(dial::PONG_WITHIN))
            .add_service(service)
            .serve_with_incoming_shutdown(accepted(streams, connections), told(stop.clone()));
        let overdue = async {
            told(stop).await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            served = serving => served.map_err(|error| {
                let message = format!("the peer port {} stopped: {error}", self.address);
                Error::internal(message).with_source(error)
            }),
            () = overdue => {
                tracing::debug!("peers were still connected: closing their connections");
                Ok(())
            }
        }
    }
}

async fn told(mut stop: watch::Receiver<bool>) {
    // Without a sender nobody can say stop any more: that says it.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn refused(address: SocketAddr, source: io::Error) -> Error {
    let (kind, message) = match source.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorKind::Unavailable,
            format!("{address} is in use by another process: choose another --peer-listen"),
        ),
        io::ErrorKind::AddrNotAvailable => (
            ErrorKind::Invalid,
            format!(
                "this machine has no address {}: choose another --peer-listen",
                address.ip()
            ),
        ),
        _ => (
            ErrorKind::Invalid,
            format!("cannot listen on {address} for peers: {source}"),
        ),
    };
    Error::new(kind, message).with_source(source)
}
