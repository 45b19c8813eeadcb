//! The peer port itself: bound, served, drained.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::dial;
use super::gate::Gate;
use super::service::PeerService;
use crate::base::{Error, ErrorKind, Result, limits};
use crate::server::port::{self, Bounds, Connections, Limits, Listener, Security, Speaks};

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
    pub(in crate::server) async fn serve(
        self,
        service: PeerService,
        security: Option<Security>,
        stop: watch::Receiver<bool>,
    ) {
        let is_secured = security.is_some();
        let connections = Connections::new(Bounds::of_all(limits::PEER_CONNECTIONS_MAX));
        let service = Gate::new(service, is_secured);
        let listener = Listener::Tcp(self.listener);
        let allowed = allowed();
        let stopping = stop.clone();
        let serving = port::serve(listener, service, allowed, connections, security, stopping);
        let overdue = async {
            told(stop).await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            () = serving => {}
            () = overdue => {
                tracing::debug!("peers were still connected: closing their connections");
            }
        }
    }
}

/// What other nodes may do.
fn allowed() -> Limits {
    Limits {
        speaks: Speaks::Http2,
        streams: STREAMS_MAX,
        stream_window_bytes: dial::STREAM_WINDOW_BYTES,
        connection_window_bytes: dial::CONNECTION_WINDOW_BYTES,
        ping_every: dial::PING_EVERY,
        pong_within: dial::PONG_WITHIN,
        ..Limits::of_clients(None)
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
