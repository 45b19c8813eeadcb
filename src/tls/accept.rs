//! The side that is dialled.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::failure::{Failure, Side};
use super::leaf::Peer;
use super::material::Material;
use super::provider::{HostTime, provider};
use crate::base::{Error, Result};

/// How long, and for how many bytes, a refused client is listened to, so that it reads why
/// before its connection breaks.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 64 << 10;

/// Whether whoever dials must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// None is asked for.
    None,
    /// One that is shown must be good.
    Optional,
    /// No connection without a good one.
    Required,
}

/// How to answer whoever dials, by TLS 1.3 alone. `alpn`: what is spoken inside, best first.
///
/// Nothing is resumed and nothing is read before the handshake is over: a session that
/// could be resumed might outlive the certificate that began it.
///
/// # Errors
/// `Invalid` if the certificate is not for servers.
pub fn server_config(
    material: &Material,
    auth: ClientAuth,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>> {
    of_client_verifier(material, verifier(material, auth)?, alpn)
}

/// Who judges the certificates of those who dial.
pub(super) fn verifier(
    material: &Material,
    auth: ClientAuth,
) -> Result<Arc<dyn ClientCertVerifier>> {
    match auth {
        ClientAuth::None => Ok(WebPkiClientVerifier::no_client_auth()),
        ClientAuth::Optional => material.authorities.client_verifier(true),
        ClientAuth::Required => material.authorities.client_verifier(false),
    }
}

/// As [`server_config`], for whom `verifier` takes.
pub(super) fn of_client_verifier(
    material: &Material,
    verifier: Arc<dyn ClientCertVerifier>,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>> {
    let leaf = &material.credentials.leaf;
    if !leaf.for_servers {
        return Err(Error::invalid(format!(
            "the certificate of {} is not for servers: `dkv cert server` or `dkv cert node` \
             issues one that is",
            leaf.identity
        )));
    }
    let resolver = SingleCertAndKey::from(material.credentials.certified().clone());
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(HostTime))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| Error::internal("the provider has no TLS 1.3").with_source(error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// A connection that is secure.
#[derive(Debug)]
pub struct Accepted<S> {
    /// What is said on it.
    pub stream: TlsStream<S>,
    /// Who dialled, if it showed a certificate.
    pub peer: Option<Peer>,
    /// The protocol that both agreed on, if the client offered any.
    pub protocol: Option<Vec<u8>>,
}

/// The handshake with whoever dialled. The caller bounds how long it may take; a client
/// that is refused is told why, for which up to a second is included.
///
/// # Errors
/// Why the connection is not secure. It is closed then.
pub async fn accept<S>(
    config: &Arc<ServerConfig>,
    stream: S,
) -> std::result::Result<Accepted<S>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = TlsAcceptor::from(config.clone()).accept(stream);
    let mut stream = match handshake.into_fallible().await {
        Ok(stream) => stream,
        Err((error, stream)) => {
            linger(stream).await;
            return Err(Failure::of_handshake(Side::Server, &error));
        }
    };
    let connection = stream.get_ref().1;
    let protocol = connection.alpn_protocol().map(<[u8]>::to_vec);
    let peer = connection.peer_certificates().map(Peer::of).transpose();
    match peer {
        Ok(peer) => Ok(Accepted {
            stream,
            peer,
            protocol,
        }),
        Err(error) => {
            // Good for its authority, but it names nobody: only dkv knows.
            let _closed_anyway = stream.shutdown().await;
            Err(Failure::unfit(Side::Server, error.message()))
        }
    }
}

/// Lets the alert arrive: closing while bytes are unread resets the connection, and a reset
/// overtakes what was sent before it.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let listen = async {
        stream.shutdown().await?;
        let mut rest = stream.take(LINGER_BYTES_MAX);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    let _heard_or_not = tokio::time::timeout(LINGER, listen).await;
}
