//! How peers are connected: as they are, or encrypted and with proven names.

use std::io;
use std::sync::Arc;

use http::Uri;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint, Error};

use super::trusted::Trusted;
use crate::base::types::NodeId;
use crate::tls::{self, Connected, Failure, Identity, Kept, Kind, Noted, Side};

/// The only thing that is spoken on the peer port.
const ALPN: &[&[u8]] = &[b"h2"];

/// How a node and its peers connect. Clones are the same road.
#[derive(Debug, Clone)]
pub(in crate::server) enum Road {
    /// Whoever reaches the port may be a member.
    Plain,
    /// Both ends show a node's certificate.
    Secured(Arc<Kept>),
}

/// Who is called.
#[derive(Debug, Clone)]
pub(super) struct Whom {
    member: Option<(NodeId, String)>,
    met: Arc<Mutex<Option<Identity>>>,
    noted: Arc<Mutex<Option<Noted>>>,
}

impl Whom {
    /// A member that is known.
    pub(super) fn member(node: NodeId, name: &str) -> Self {
        Self {
            member: Some((node, name.to_owned())),
            met: Arc::default(),
            noted: Arc::default(),
        }
    }

    /// Whoever is at the address.
    pub(super) fn anybody() -> Self {
        Self {
            member: None,
            met: Arc::default(),
            noted: Arc::default(),
        }
    }

    /// Who was there, by its certificate, on an encrypted road.
    pub(super) fn met(&self) -> Option<Identity> {
        self.met.lock().clone()
    }

    /// Why the last connection broke, if TLS knows: that this node is refused shows on it, once
    /// it has been made.
    pub(super) fn broke(&self) -> Option<Failure> {
        self.noted.lock().as_ref()?.get().cloned()
    }

    /// Notes who is there, if it is who is called.
    fn meets(&self, identity: &Identity) -> Result<(), String> {
        if identity.kind != Kind::Node {
            return Err(format!(
                "the certificate there is that of {identity}, which is no node: a member needs one \
                 of `dkv cert node NAME`"
            ));
        }
        if let Some((node, name)) = &self.member {
            let is_bound_to_another = identity.node.is_some_and(|bound| bound != *node);
            if identity.name != *name || is_bound_to_another {
                let bound = identity.node;
                let bound = bound.map_or_else(String::new, |bound| format!(" (bound to {bound})"));
                return Err(format!(
                    "the certificate there is that of {identity}{bound}, and the member that is \
                     called is node {} ({node})",
                    name.escape_debug()
                ));
            }
        }
        *self.met.lock() = Some(identity.clone());
        Ok(())
    }
}

impl Road {
    /// Connects now.
    ///
    /// # Errors
    /// As the transport has them; behind them the words of [`Failure`], or of who was met.
    pub(super) async fn connect(&self, transport: Endpoint, whom: &Whom) -> Result<Channel, Error> {
        match self {
            Self::Plain => transport.connect().await,
            Self::Secured(kept) => {
                let connector = connector(kept.clone(), whom.clone());
                transport.connect_with_connector(connector).await
            }
        }
    }

    /// Connects when it is used first, and again when that has ended.
    pub(super) fn connect_lazy(&self, transport: &Endpoint, whom: &Whom) -> Channel {
        match self {
            Self::Plain => transport.connect_lazy(),
            Self::Secured(kept) => {
                let connector = connector(kept.clone(), whom.clone());
                transport.connect_with_connector_lazy(connector)
            }
        }
    }
}

/// Connects for a node that has nothing but a token: trusts whoever is vouched for by the
/// authority whose certificate has the SHA-256 `authority`, and shows no certificate. Who was
/// there is in `whom`.
///
/// # Errors
/// As [`Road::connect`].
pub(super) async fn connect_as_guest(
    transport: Endpoint,
    authority: [u8; 32],
    whom: &Whom,
) -> Result<Channel, Error> {
    let whom = whom.clone();
    let connector = tower::service_fn(move |uri: Uri| {
        let whom = whom.clone();
        async move {
            let config = tls::enroll_config(authority, ALPN).map_err(io::Error::other)?;
            let connected = dialled(&config, &whom, uri).await?;
            io::Result::Ok(TokioIo::new(connected))
        }
    });
    transport.connect_with_connector(connector).await
}

type Stream = TokioIo<Trusted<TcpStream>>;

fn connector(
    kept: Arc<Kept>,
    whom: Whom,
) -> impl tower::Service<
    Uri,
    Response = Stream,
    Error = io::Error,
    Future = impl Future<Output = io::Result<Stream>> + Send,
> + Send
+ 'static {
    tower::service_fn(move |uri: Uri| secured(kept.clone(), whom.clone(), uri))
}

/// By what is in force now: a certificate that was replaced is not shown any more. The
/// transport bounds how long all of it may take.
async fn secured(kept: Arc<Kept>, whom: Whom, uri: Uri) -> io::Result<Stream> {
    let material = kept.current();
    let config = tls::node_config(&material, ALPN).map_err(io::Error::other)?;
    let connected = dialled(&config, &whom, uri).await?;
    Ok(TokioIo::new(Trusted::new(connected, kept)))
}

async fn dialled(
    config: &Arc<ClientConfig>,
    whom: &Whom,
    uri: Uri,
) -> io::Result<Connected<TcpStream>> {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let socket = TcpStream::connect((bare, uri.port_u16().unwrap_or_default())).await?;
    socket.set_nodelay(true)?;
    let name = tls::server_name(host).map_err(io::Error::other)?;
    let connecting = tls::connect(config, name, socket, Side::Peer);
    let connected = connecting.await.map_err(refused)?;
    *whom.noted.lock() = Some(connected.noted());
    whom.meets(connected.peer().identity())
        .map_err(|why| io::Error::new(io::ErrorKind::PermissionDenied, why))?;
    Ok(connected)
}

fn refused(failure: Failure) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(kind: Kind, name: &str, node: Option<u8>) -> Identity {
        Identity {
            kind,
            name: name.to_owned(),
            node: node.map(|id| NodeId([id; 16])),
        }
    }

    #[test]
    fn only_the_member_that_is_called_is_met() {
        let called = Whom::member(NodeId([2; 16]), "node-2");
        for wrong in [
            certificate(Kind::Node, "node-3", None),
            certificate(Kind::Node, "node-2", Some(3)),
            certificate(Kind::Client, "node-2", None),
            certificate(Kind::Server, "node-2", None),
        ] {
            assert!(called.meets(&wrong).is_err(), "{wrong}");
            assert_eq!(called.met(), None);
        }
        let right = certificate(Kind::Node, "node-2", Some(2));
        called.meets(&right).unwrap();
        assert_eq!(called.met(), Some(right));
    }

    #[test]
    fn whoever_is_met_unknown_is_a_node_at_least() {
        let called = Whom::anybody();
        assert!(
            called
                .meets(&certificate(Kind::Client, "alice", None))
                .is_err()
        );
        called
            .meets(&certificate(Kind::Node, "node-3", None))
            .unwrap();
    }
}
