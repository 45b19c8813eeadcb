//! The side that dials.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::authorities::Authorities;
use super::failure::{Failure, Side};
use super::leaf::Peer;
use super::material::Credentials;
use super::provider::{HostTime, provider};
use crate::base::{Error, Result};

/// How to dial, by TLS 1.3 alone, and what to show to whom asks for a certificate. Hosts are
/// compared with the alternative names of the certificate, never with its common name.
///
/// # Errors
/// `Invalid` if the certificate is not for clients.
pub fn client_config(
    authorities: &Authorities,
    credentials: Option<&Credentials>,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(HostTime))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| Error::internal("the provider has no TLS 1.3").with_source(error))?
        .with_webpki_verifier(authorities.server_verifier()?);
    let mut config = match credentials {
        None => builder.with_no_client_auth(),
        Some(shown) if shown.leaf.for_clients => {
            let resolver = SingleCertAndKey::from(shown.certified().clone());
            builder.with_client_cert_resolver(Arc::new(resolver))
        }
        Some(shown) => {
            return Err(Error::invalid(format!(
                "the certificate of {} is not for clients: `dkv cert client` issues one that \
                 is, `dkv cert node` for nodes",
                shown.leaf.identity
            )));
        }
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// How to dial whoever `verifier` takes, showing nothing.
pub(crate) fn of_verifier(
    verifier: Arc<dyn ServerCertVerifier>,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_details(provider(), Arc::new(HostTime))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| Error::internal("the provider has no TLS 1.3").with_source(error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The name or address that a server's certificate must have.
///
/// # Errors
/// `Invalid` for what is neither.
pub fn server_name(host: &str) -> Result<ServerName<'static>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    ServerName::try_from(bare.to_owned()).map_err(|error| {
        Error::invalid(format!(
            "`{}` is neither the name of a host nor an address, so no certificate can be for it",
            host.escape_debug()
        ))
        .with_source(error)
    })
}

/// What a connection died of, for whoever kept this of it: libraries between the two often
/// pass on words alone.
pub type Noted = Arc<OnceLock<Failure>>;

/// A connection that is secure, as far as this end knows: whether the other took its
/// certificate shows at the first read. Errors that TLS knows reads and writes as
/// [`Failure`].
#[derive(Debug)]
pub struct Connected<S> {
    stream: TlsStream<S>,
    peer: Peer,
    side: Side,
    has_heard: bool,
    /// A write that failed before anything was heard, until it is known why.
    broken: Option<io::Error>,
    noted: Noted,
}

/// The handshake with whom was dialled; `side` is `Client` or `Peer`. The caller bounds how
/// long it may take.
///
/// # Errors
/// Why the connection is not secure. It is closed then.
pub async fn connect<S>(
    config: &Arc<ClientConfig>,
    name: ServerName<'static>,
    stream: S,
    side: Side,
) -> std::result::Result<Connected<S>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = TlsConnector::from(config.clone()).connect(name, stream);
    let stream = handshake
        .await
        .map_err(|error| Failure::of_handshake(side, &error))?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = Peer::of(chain).map_err(|error| Failure::unfit(side, error.message()))?;
    Ok(Connected {
        stream,
        peer,
        side,
        has_heard: false,
        broken: None,
        noted: Noted::default(),
    })
}

impl<S> Connected<S> {
    /// Who was dialled.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The protocol that both agreed on, if any was offered.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.stream.get_ref().1.alpn_protocol()
    }

    /// The connection underneath.
    pub fn inner(&self) -> &S {
        self.stream.get_ref().0
    }

    /// Where it is noted what this connection died of, if TLS knows.
    pub fn noted(&self) -> Noted {
        self.noted.clone()
    }

    /// The error in the words of TLS, if it is what the connection died of.
    fn note(&self, error: io::Error) -> io::Error {
        if let Some(failure) = Failure::of(self.side, &error) {
            // The first is the reason; what follows comes of it.
            let _kept = self.noted.set(failure);
        }
        match self.noted.get() {
            None => error,
            Some(failure) => io::Error::new(error.kind(), failure.clone()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connected<S> {
    /// What a write ends with. If the connection broke before anything was heard on it, the
    /// reason waits to be read, or its end: either comes at once.
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let error = match ready!(wrote) {
            Ok(done) => return Poll::Ready(Ok(done)),
            Err(error) => error,
        };
        let is_broken = matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        );
        if is_broken && !self.has_heard {
            self.broken = Some(error);
            return self.poll_broken(context).map(Err);
        }
        Poll::Ready(Err(self.note(error)))
    }

    /// Reads why the connection broke, if it did.
    fn poll_broken(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
        let wrote = self.broken.take();
        let broken = wrote.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into());
        Poll::Ready(match read {
            Err(read) if Failure::of(self.side, &read).is_some() => self.note(read),
            _ => self.note(broken),
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connected<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.has_heard |= read.is_ok();
        Poll::Ready(read.map_err(|error| self.note(error)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connected<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return self.poll_broken(context).map(Err);
        }
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, wrote)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken.is_some() {
            return self.poll_broken(context).map(Err);
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return self.poll_broken(context).map(Err);
        }
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
