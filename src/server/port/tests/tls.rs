//! TLS: handshakes that are not finished, are none, or too many; and who comes without a
//! certificate.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frames::PREFACE;
use super::world::{LONG, Port, get, limits, read_until, rest, until, within};
use crate::server::port::{Bounds, GuestBounds, Limits, Security};
use crate::tls::fixture::Certs;
use crate::tls::{self, ClientAuth, Connected, Credentials, Failure, Files, Kept, Side};

const SHORT: Duration = Duration::from_millis(50);
/// Longer than a test may take.
const NEVER: Duration = Duration::from_hours(1);
const ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];
/// The head of a record that never comes.
const HELLO_BEGUN: &[u8] = &[0x16, 3, 1, 2, 0, 1];

/// A port that speaks TLS, and whom it trusts.
pub(super) struct SecurePort {
    pub(super) port: Port,
    pub(super) kept: Arc<Kept>,
    pub(super) certs: Certs,
}

impl SecurePort {
    pub(super) async fn start(allows: Limits) -> Self {
        Self::bounded(allows, Bounds::of_all(100)).await
    }

    async fn bounded(allows: Limits, bounds: Bounds) -> Self {
        Self::with(allows, bounds, ClientAuth::Required, |it| it).await
    }

    async fn with(
        allows: Limits,
        bounds: Bounds,
        auth: ClientAuth,
        more: impl FnOnce(Security) -> Security,
    ) -> Self {
        let certs = Certs::new();
        let kept = Arc::new(Kept::open(certs.server()).await.unwrap());
        let security = Security::new(kept.clone(), Arc::new(move || auth), ALPN);
        let port = Port::secured(allows, bounds, Some(more(security))).await;
        Self { port, kept, certs }
    }

    /// Shakes hands, showing what is in `shown`.
    pub(super) async fn dial(
        &self,
        shown: Option<&Files>,
    ) -> Result<Connected<TcpStream>, Failure> {
        let credentials = shown.map(|it| Credentials::read(&it.cert, &it.key).unwrap());
        let authorities = &self.kept.current().authorities;
        let config = tls::client_config(authorities, credentials.as_ref(), &[]).unwrap();
        let name = tls::server_name("localhost").unwrap();
        let stream = self.port.connect().await;
        within(tls::connect(&config, name, stream, Side::Client)).await
    }

    /// Asks, and is answered; or not.
    pub(super) async fn is_served(&self, shown: Option<&Files>) -> bool {
        match self.dial(shown).await {
            Ok(mut stream) => {
                let _hung_up = stream.write_all(&get("/")).await;
                let mut first = [0; 12];
                let read = within(stream.read_exact(&mut first)).await;
                read.is_ok() && &first == b"HTTP/1.1 200"
            }
            Err(_) => false,
        }
    }
}

#[tokio::test]
async fn a_request_says_whose_certificate_was_shown() {
    let secure = SecurePort::start(limits()).await;
    let alice = secure.certs.client("alice");
    let mut stream = secure.dial(Some(&alice)).await.unwrap();
    stream.write_all(&get("/")).await.unwrap();
    read_until(&mut stream, "client alice at").await;
    assert_eq!(secure.port.connections.handshake_counts(), (1, 0));
}

#[tokio::test]
async fn a_handshake_that_stalls_is_cut() {
    let handshake = SHORT;
    let secure = SecurePort::start(Limits {
        handshake,
        ..limits()
    })
    .await;
    for said in [&b""[..], &HELLO_BEGUN[..1], HELLO_BEGUN] {
        let mut stalled = secure.port.connect().await;
        stalled.write_all(said).await.unwrap();
        assert_eq!(rest(&mut stalled).await, "", "{said:?}");
    }
    assert_eq!(secure.port.connections.handshake_counts(), (0, 3));
    assert_eq!(secure.port.connections.handshakes().under_way(), 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handshake() {
    let handshake = NEVER;
    let secure = SecurePort::start(Limits {
        handshake,
        ..limits()
    })
    .await;
    let mut stalled = secure.port.connect().await;
    stalled.write_all(HELLO_BEGUN).await.unwrap();
    until(|| secure.port.connections.handshakes().under_way() == 1).await;
    secure.port.stop();
    secure.port.ended().await;
    assert_eq!(rest(&mut stalled).await, "");
}

/// Whoever asks in the wrong way says all of it before they listen.
#[tokio::test]
async fn plain_http_is_told_that_it_should_be_https() {
    let secure = SecurePort::start(limits()).await;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n";
    let body = "x".repeat(50_000);
    for asked in [get("/"), format!("{head}{body}").into_bytes()] {
        let mut plain = secure.port.connect().await;
        plain.write_all(&asked).await.unwrap();
        plain.shutdown().await.unwrap();
        let said = rest(&mut plain).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
        assert!(said.contains("https://"), "{said}");
    }
    assert_eq!(secure.port.came(), 0);
    until(|| secure.port.connections.handshake_counts() == (0, 2)).await;
}

#[tokio::test]
async fn plain_http_2_gets_an_alert() {
    let secure = SecurePort::start(limits()).await;
    let mut plain = secure.port.connect().await;
    plain.write_all(PREFACE).await.unwrap();
    let mut said = Vec::new();
    within(plain.read_to_end(&mut said)).await.unwrap();
    // An alert of TLS, fatal (RFC 8446, 6).
    assert_eq!((said[0], said[1], said[5]), (0x15, 3, 2), "{said:?}");
    assert!(tls::speaks_tls(&said));
}

#[tokio::test]
async fn handshakes_that_stall_keep_nobody_out() {
    let handshake = NEVER;
    let allows = Limits {
        handshake,
        ..limits()
    };
    let secure = SecurePort::bounded(allows, Bounds::of_all(1_000)).await;
    let alice = secure.certs.client("alice");
    let mut stalled = Vec::new();
    for _ in 0..200 {
        let mut stream = secure.port.connect().await;
        stream.write_all(HELLO_BEGUN).await.unwrap();
        stalled.push(stream);
    }
    until(|| secure.port.connections.handshakes().under_way() == 200).await;
    assert!(secure.is_served(Some(&alice)).await);
}

/// Whoever stalls them all would keep out a member that comes back.
#[tokio::test]
async fn beyond_their_bound_the_oldest_handshakes_end_for_those_that_begin() {
    let allows = Limits {
        handshake: NEVER,
        ..limits()
    };
    let bounds = Bounds {
        handshakes: 3,
        ..Bounds::of_all(100)
    };
    let secure = SecurePort::bounded(allows, bounds).await;
    let alice = secure.certs.client("alice");
    let mut good = secure.dial(Some(&alice)).await.unwrap();
    good.write_all(&get("/")).await.unwrap();
    read_until(&mut good, "client alice").await;
    let under_way = || secure.port.connections.handshakes().under_way();
    let refused = || secure.port.connections.refused_handshakes();
    let mut stalled = VecDeque::new();
    for begun in 1..=3 {
        stalled.push_back(secure.port.connect().await);
        until(|| under_way() == begun).await;
    }
    for ended in 1..=4 {
        stalled.push_back(secure.port.connect().await);
        assert_eq!(rest(&mut stalled.pop_front().unwrap()).await, "");
        assert_eq!((refused(), under_way()), (ended, 3));
    }
    assert!(secure.is_served(Some(&alice)).await);
    assert_eq!(refused(), 5);
    good.write_all(&get("/")).await.unwrap();
    read_until(&mut good, "client alice").await;
    drop(stalled);
    until(|| under_way() == 0).await;
}

/// A client's certificate is of the same authority.
#[tokio::test]
async fn where_nodes_are_expected_nobody_else_finishes_a_handshake() {
    for auth in [ClientAuth::Required, ClientAuth::Optional] {
        let secure = SecurePort::with(limits(), Bounds::of_all(100), auth, Security::for_nodes);
        let secure = secure.await;
        let (alice, node) = (secure.certs.client("alice"), secure.certs.node("node-2"));
        assert!(!secure.is_served(Some(&alice)).await);
        until(|| secure.port.connections.handshake_counts() == (0, 1)).await;
        assert!(secure.is_served(Some(&node)).await);
        assert_eq!(secure.is_served(None).await, auth == ClientAuth::Optional);
    }
}

/// An open token lets anybody finish a handshake: they must not take the places of members.
#[tokio::test]
async fn guests_have_few_places_and_little_time() {
    let within = LONG;
    let secure = SecurePort::with(limits(), Bounds::of_all(100), ClientAuth::Optional, |it| {
        it.with_guests(GuestBounds {
            total: 1,
            per_address: 1,
            within,
        })
    })
    .await;
    let alice = secure.certs.client("alice");
    let mut guest = secure.dial(None).await.unwrap();
    guest.write_all(&get("/slow")).await.unwrap();
    secure.port.has_come(1).await;
    assert!(!secure.is_served(None).await, "there is one place");
    let mut member = secure.dial(Some(&alice)).await.unwrap();
    // It is told to end, and is answered.
    tokio::time::sleep(within).await;
    secure.port.release();
    let said = rest(&mut guest).await;
    assert!(said.ends_with("late"), "{said}");
    until(|| secure.port.connections.open() == 1).await;
    assert!(secure.is_served(None).await, "the place is free again");
    member.write_all(&get("/")).await.unwrap();
    read_until(&mut member, "client alice").await;
}
