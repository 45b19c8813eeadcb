//! What makes the connections of a port secure: handshakes, and certificates that are judged
//! anew whenever their files change.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::caller::Caller;
use super::guests::{GuestBounds, GuestSeat, Guests};
use super::places::origin;
use super::socket::Socket;
use crate::base::Result;
use crate::tls::{self, Cause, ClientAuth, Failure, Kept, Peer, Side};

/// How long, and for how many bytes, whoever is told that they speak plain text is heard:
/// closing before they have said everything resets the connection, and what they were told
/// is lost.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 64 << 10;

/// Between two refusals that are logged: whoever is refused decides how often.
const TOLD_EVERY: Duration = Duration::from_secs(1);

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
    is_for_nodes: bool,
    guests: Option<Guests>,
    config: Arc<Mutex<Option<InForce>>>,
    told: Arc<Mutex<Told>>,
}

/// What was logged of refusals.
#[derive(Default)]
struct Told {
    last: Option<Instant>,
    left_out: u64,
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
    pub(super) whose: Whose,
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
            is_for_nodes: false,
            guests: None,
            config: Arc::default(),
            told: Arc::default(),
        }
    }

    /// The same, where a certificate must be a node's: another's is refused during the
    /// handshake, and takes nobody's place.
    pub(in crate::server) fn for_nodes(mut self) -> Self {
        self.is_for_nodes = true;
        self
    }

    /// The same, where whoever shows no certificate takes one of a few places: they must not
    /// keep out those who have one.
    pub(in crate::server) fn with_guests(mut self, bounds: GuestBounds) -> Self {
        self.guests = Some(Guests::new(bounds));
        self
    }

    /// Makes a connection secure, `within` some time.
    ///
    /// # Errors
    /// Why it is not. It is closed then.
    pub(super) async fn secure(&self, socket: Socket, within: Duration) -> Result<Secure, Failure> {
        timeout(within, self.securing(socket))
            .await
            .unwrap_or_else(|_| Err(Failure::timed_out(Side::Server, within)))
    }

    async fn securing(&self, mut socket: Socket) -> Result<Secure, Failure> {
        if socket.begins_with_http().await {
            // Whoever is told that they ask in the wrong way need not take it.
            let _heard_or_not = timeout(LINGER, tell_plain(&mut socket)).await;
            return Err(Failure::plain_text(Side::Server));
        }
        let config = self
            .config()
            .map_err(|error| Failure::other(Side::Server, error.message()))?;
        let origin = origin(socket.remote());
        let accepted = tls::accept(&config, socket).await?;
        let whose = match (accepted.peer, &self.guests) {
            (Some(peer), _) => Whose::Peer(peer),
            (None, Some(guests)) => Whose::Guest {
                _seat: guests.seat(origin)?,
            },
            (None, None) => Whose::Nobody,
        };
        Ok(Secure {
            stream: accepted.stream,
            whose,
        })
    }

    /// Resolves with the reason once whoever is there would not be let in any more, or has been
    /// a guest for long enough.
    pub(super) async fn is_over(&self, whose: &Whose) -> String {
        match (whose, &self.guests) {
            (Whose::Peer(peer), _) => self.kept.is_lost(peer).await.to_string(),
            (Whose::Guest { .. }, Some(guests)) => {
                let within = guests.bounds.within;
                sleep(within).await;
                format!(
                    "whoever shows no certificate may stay for {} s, to bring a token",
                    within.as_secs_f64()
                )
            }
            _ => std::future::pending().await,
        }
    }

    /// Logs why a connection is not secure; of many one in a while.
    pub(super) fn tell(&self, caller: &Caller, why: &Failure) {
        // Whether a port is open is asked by many, without a word.
        if why.cause == Cause::Closed {
            tracing::debug!(%caller, %why, "a connection is not secure");
            return;
        }
        let left_out = {
            let (mut told, now) = (self.told.lock(), Instant::now());
            let is_due = told.last.is_none_or(|last| now - last >= TOLD_EVERY);
            if is_due {
                told.last = Some(now);
                Some(std::mem::take(&mut told.left_out))
            } else {
                told.left_out += 1;
                None
            }
        };
        match left_out {
            None => tracing::debug!(%caller, %why, "a connection is not secure"),
            Some(0) => tracing::info!(%caller, %why, "a connection is not secure"),
            Some(others) => {
                tracing::info!(%caller, %why, others, "connections are not secure");
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
        let material = self.kept.current();
        let config = match self.is_for_nodes {
            true => tls::node_server_config(&material, auth, self.alpn)?,
            false => tls::server_config(&material, auth, self.alpn)?,
        };
        *in_force = Some(InForce {
            generation,
            auth,
            config: config.clone(),
        });
        Ok(config)
    }
}

/// Who is at the other end of a secure connection.
pub(super) enum Whose {
    /// Whoever the certificate names.
    Peer(Peer),
    /// Nobody, for a while.
    Guest { _seat: GuestSeat },
    /// Nobody: none is asked for.
    Nobody,
}

async fn tell_plain(socket: &mut Socket) -> std::io::Result<u64> {
    socket.write_all(PLAIN).await?;
    socket.shutdown().await?;
    let mut rest = socket.take(LINGER_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::fixture::Certs;

    /// Its handshake was long over.
    #[tokio::test(start_paused = true)]
    async fn a_guest_whose_time_is_over_is_said_to_be_one() {
        let kept = Arc::new(Kept::open(Certs::new().server()).await.unwrap());
        let security = Security::new(kept, Arc::new(|| ClientAuth::Optional), &[]);
        let security = security.with_guests(GuestBounds {
            total: 1,
            per_address: 1,
            within: Duration::from_secs(30),
        });
        let guests = security.guests.clone().unwrap();
        let _seat = guests.seat(None).ok().unwrap();
        let why = security.is_over(&Whose::Guest { _seat }).await;
        assert!(why.contains("may stay for 30 s, to bring a token"), "{why}");
    }

    #[test]
    fn the_page_for_plain_text_has_the_length_it_says() {
        let page = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        let length = format!("Content-Length: {}", body.len());
        assert!(head.contains(&length), "{}", body.len());
    }
}
