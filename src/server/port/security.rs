//! What makes the connections of a port secure: handshakes, and certificates that are judged
//! anew whenever their files change.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::socket::Socket;
use crate::base::{Result, limits};
use crate::tls::{self, ClientAuth, Failure, Kept, Peer, Side};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_millis(limits::HANDSHAKE_MS);

/// What is told to who speaks HTTP/1.1 without TLS.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 60\r\nConnection: close\r\n\r\n\
    This port speaks TLS: ask with https:// instead of http://.\n";

/// Of whom a port asks for a certificate, now.
pub(in crate::server) type Asks = dyn Fn() -> ClientAuth + Send + Sync;

/// How the connections of a port are secured. Clones share what is in force.
#[derive(Clone)]
pub(in crate::server) struct Security {
    kept: Arc<Kept>,
    asks: Arc<Asks>,
    alpn: &'static [&'static [u8]],
    config: Arc<Mutex<Option<InForce>>>,
}

/// What handshakes go by, and since when.
#[derive(Clone)]
struct InForce {
    generation: u64,
    auth: ClientAuth,
    config: Arc<ServerConfig>,
}

/// A connection that is secure.
pub(super) struct Secure {
    pub(super) stream: TlsStream<Socket>,
    /// Who it is, if they showed a certificate.
    pub(super) peer: Option<Peer>,
}

impl Security {
    /// What is `kept`, asking whom `asks` says; `alpn` is spoken inside.
    pub(in crate::server) fn new(
        kept: Arc<Kept>,
        asks: Arc<Asks>,
        alpn: &'static [&'static [u8]],
    ) -> Self {
        Self {
            kept,
            asks,
            alpn,
            config: Arc::default(),
        }
    }

    /// Makes a connection secure, in the time that a handshake may take.
    ///
    /// # Errors
    /// Why it is not. It is closed then.
    pub(super) async fn secure(&self, mut socket: Socket) -> Result<Secure, Failure> {
        let securing = async {
            if socket.begins_with_http().await {
                // Whoever is told that they ask in the wrong way need not take it.
                let _ = socket.write_all(PLAIN).await;
                let _ = socket.shutdown().await;
                return Err(Failure::plain_text(Side::Server));
            }
            let config = self
                .config()
                .map_err(|error| Failure::other(Side::Server, error.message()))?;
            let accepted = tls::accept(&config, socket).await?;
            Ok(Secure {
                stream: accepted.stream,
                peer: accepted.peer,
            })
        };
        timeout(HANDSHAKE, securing)
            .await
            .unwrap_or_else(|_| Err(Failure::timed_out(Side::Server, HANDSHAKE)))
    }

    /// Resolves once `peer` would not be let in any more.
    pub(super) async fn is_lost(&self, peer: &Peer) -> Failure {
        let mut generation = self.kept.generation();
        loop {
            let trusted = self.kept.current().authorities.still_trust(&peer.chain);
            if let Err(failure) = trusted {
                return failure;
            }
            if generation.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Made once for each content of the files.
    fn config(&self) -> Result<Arc<ServerConfig>> {
        let (generation, auth) = (*self.kept.generation().borrow(), (self.asks)());
        let mut in_force = self.config.lock();
        if let Some(it) = &*in_force
            && it.generation == generation
            && it.auth == auth
        {
            return Ok(it.config.clone());
        }
        let config = tls::server_config(&self.kept.current(), auth, self.alpn)?;
        *in_force = Some(InForce {
            generation,
            auth,
            config: config.clone(),
        });
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_for_plain_text_has_the_length_it_says() {
        let page = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        let length = format!("Content-Length: {}", body.len());
        assert!(head.contains(&length), "{}", body.len());
    }
}
