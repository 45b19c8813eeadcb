//! Certificates that change while connections are open.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::frames::{DATA, GO_AWAY, Talk, request};
use super::tls::SecurePort;
use super::world::{get, limits, read_until, rest, until};
use crate::server::port::Limits;

const SHORT: Duration = Duration::from_millis(50);
/// Longer than a test may take.
const NEVER: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_new_certificate_is_shown_and_old_connections_stay() {
    let secure = SecurePort::start(limits()).await;
    let alice = secure.certs.client("alice");
    let mut old = secure.dial(Some(&alice)).await.unwrap();
    old.write_all(&get("/")).await.unwrap();
    read_until(&mut old, "client alice").await;
    let shown = old.peer().leaf.serial.clone();
    secure.certs.server();
    assert!(secure.kept.reload().await.unwrap());
    let new = secure.dial(Some(&alice)).await.unwrap();
    assert_ne!(new.peer().leaf.serial, shown);
    old.write_all(&get("/")).await.unwrap();
    read_until(&mut old, "client alice").await;
    assert_eq!(secure.port.connections.accepted(), 2);
}

#[tokio::test]
async fn bad_files_leave_what_was_in_force() {
    let secure = SecurePort::start(limits()).await;
    let alice = secure.certs.client("alice");
    let files = secure.certs.server();
    assert!(secure.kept.reload().await.unwrap());
    for path in [&files.cert, &files.key, &files.ca] {
        let good = std::fs::read(path).unwrap();
        std::fs::write(path, "half of").unwrap();
        assert!(secure.kept.reload().await.is_err());
        assert!(secure.is_served(Some(&alice)).await, "{}", path.display());
        std::fs::write(path, good).unwrap();
    }
}

#[tokio::test]
async fn a_revoked_caller_is_shown_out_and_others_stay() {
    let allows = Limits {
        distrust: NEVER,
        ..limits()
    };
    let secure = SecurePort::start(allows).await;
    let (alice, bob) = (secure.certs.client("alice"), secure.certs.client("bob"));
    let mut idle = secure.dial(Some(&alice)).await.unwrap();
    idle.write_all(&get("/")).await.unwrap();
    read_until(&mut idle, "client alice").await;
    let mut silent = Talk::over(secure.dial(Some(&alice)).await.unwrap()).await;
    let mut stays = secure.dial(Some(&bob)).await.unwrap();
    let mut busy = Talk::over(secure.dial(Some(&alice)).await.unwrap()).await;
    busy.send(&request(1, "/slow", 0)).await;
    secure.port.has_come(2).await;
    secure.certs.revoke(&[&alice]);
    assert!(secure.kept.reload().await.unwrap());
    assert!(
        !rest(&mut idle).await.contains("HTTP/1.1 2"),
        "it is closed"
    );
    silent.until(GO_AWAY).await;
    silent.rest().await;
    // What is under way is still answered, and the end is announced.
    busy.until(GO_AWAY).await;
    secure.port.release();
    assert_eq!(busy.until(DATA).await.payload, b"late");
    busy.rest().await;
    until(|| secure.port.connections.open() == 1).await;
    assert!(!secure.is_served(Some(&alice)).await);
    stays.write_all(&get("/")).await.unwrap();
    read_until(&mut stays, "client bob").await;
}

#[tokio::test]
async fn what_a_revoked_caller_never_ends_is_cut_off() {
    let allows = Limits {
        distrust: SHORT,
        ..limits()
    };
    let secure = SecurePort::start(allows).await;
    let alice = secure.certs.client("alice");
    let mut h2 = Talk::over(secure.dial(Some(&alice)).await.unwrap()).await;
    h2.send(&request(1, "/slow", 0)).await;
    let mut h1 = secure.dial(Some(&alice)).await.unwrap();
    h1.write_all(&get("/slow")).await.unwrap();
    secure.port.has_come(2).await;
    assert_eq!(secure.port.open(), 2);
    secure.certs.revoke(&[&alice]);
    assert!(secure.kept.reload().await.unwrap());
    h2.rest().await;
    assert_eq!(rest(&mut h1).await, "");
    // Nobody works for them any more either.
    until(|| secure.port.open() == 0 && secure.port.connections.open() == 0).await;
}

/// Whoever shook hands just before a list came is judged by it all the same.
#[tokio::test]
async fn a_revocation_during_a_handshake_is_not_missed() {
    let secure = SecurePort::start(limits()).await;
    let mut all = Vec::new();
    for round in 0..20 {
        let alice = secure.certs.client(&format!("alice-{round}"));
        all.push(alice.clone());
        let dialling = async {
            match secure.dial(Some(&alice)).await {
                Ok(mut stream) => {
                    // It may be served for a moment: it is not for long.
                    let _hung_up = stream.write_all(&get("/")).await;
                    rest(&mut stream).await;
                }
                Err(refused) => drop(refused),
            }
        };
        let revoking = async {
            for _ in 0..round * 50 {
                tokio::task::yield_now().await;
            }
            secure.certs.revoke(&all.iter().collect::<Vec<_>>());
            assert!(secure.kept.reload().await.unwrap());
        };
        tokio::join!(dialling, revoking);
    }
    until(|| secure.port.connections.open() == 0).await;
}
