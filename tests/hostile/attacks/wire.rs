//! Connections to the target, with and without TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::catalogue::{Attack, Speaks};
use super::plan::Plan;

/// Nobody takes a connection that is not taken within this.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a client that does not want to read leaves the system to buffer, bytes: about the
/// least it allows.
const NARROW_BYTES: u32 = 4_096;

/// How to speak TLS with the target.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<rustls::ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

/// A connection, whatever it goes through.
pub(super) type Wire = Box<dyn Duplex>;

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Opens connection `number` of an attack.
pub(super) async fn open(attack: Attack, plan: &Plan, number: usize) -> io::Result<Wire> {
    let opening = async {
        let stream = connect(attack, plan, number).await?;
        match (&plan.tls, attack.speaks()) {
            (None, _) | (_, Speaks::Bytes) => Ok(Box::new(stream) as Wire),
            (Some(tls), speaks) => {
                let mut config = (*tls.config).clone();
                config.alpn_protocols = match speaks {
                    Speaks::Http2 => vec![b"h2".to_vec()],
                    _ => vec![b"http/1.1".to_vec()],
                };
                let connector = TlsConnector::from(Arc::new(config));
                let stream = connector.connect(tls.name.clone(), stream).await?;
                Ok(Box::new(stream) as Wire)
            }
        }
    };
    let opened = tokio::time::timeout(PATIENCE, opening).await;
    opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn connect(attack: Attack, plan: &Plan, number: usize) -> io::Result<TcpStream> {
    let socket = match plan.target {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(address) = comes_from(plan, number) {
        socket.bind(SocketAddr::new(address, 0))?;
    }
    if attack.is_narrow() {
        socket.set_recv_buffer_size(NARROW_BYTES)?;
    }
    let stream = socket.connect(plan.target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// An address of the attackers. Linux has all of 127.0.0.0/8; elsewhere they come from where
/// healthy clients do.
fn comes_from(plan: &Plan, number: usize) -> Option<IpAddr> {
    let is_loopback = plan.target.is_ipv4() && plan.target.ip().is_loopback();
    let place = (number % usize::from(plan.addresses.max(1))) as u8;
    let address = Ipv4Addr::new(127, 66, 0, 1 + place.min(253));
    (cfg!(target_os = "linux") && is_loopback).then_some(address.into())
}
