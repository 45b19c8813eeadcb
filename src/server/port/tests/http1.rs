//! HTTP/1.1: heads that are slow or large, silence, and a stop.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::world::{LONG, Port, get, limits, rate, read_until, rest};
use crate::server::port::{Limits, Speaks};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_request_says_who_sent_it() {
    let port = Port::with(limits()).await;
    let mut alice = port.connect().await;
    alice.write_all(&get("/")).await.unwrap();
    let (from, to) = (alice.local_addr().unwrap(), port.address);
    read_until(&mut alice, &format!("{from} at {to}")).await;
}

#[tokio::test]
async fn a_head_that_comes_slowly_is_cut() {
    let head = SHORT;
    let port = Port::with(Limits { head, ..limits() }).await;
    let mut slow = port.connect().await;
    slow.write_all(&get("/")[..30]).await.unwrap();
    assert_eq!(rest(&mut slow).await, "");
    // Behind an answer there is no more time.
    let mut silent = port.connect().await;
    silent.write_all(&get("/")).await.unwrap();
    let said = rest(&mut silent).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert_eq!(port.came(), 1);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let port = Port::with(limits()).await;
    let long = format!("/{}", "x".repeat(70 << 10));
    let many = "X: y\r\n".repeat(200);
    let many = format!("GET / HTTP/1.1\r\n{many}\r\n").into_bytes();
    for (head, status) in [(get(&long), ["414", "431"]), (many, ["431", "400"])] {
        let mut large = port.connect().await;
        // It may hang up before it has read everything.
        let _hung_up = large.write_all(&head).await;
        let said = rest(&mut large).await;
        let is_refused = status
            .iter()
            .any(|it| said.starts_with(&format!("HTTP/1.1 {it}")));
        assert!(is_refused || said.is_empty(), "{said}");
    }
    assert_eq!(port.came(), 0);
    // What fits is answered.
    let mut fits = port.connect().await;
    let long = format!("/{}", "x".repeat(60 << 10));
    fits.write_all(&get(&long)).await.unwrap();
    read_until(&mut fits, "200 OK").await;
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_lets_nobody_in() {
    let port = Port::with(limits()).await;
    let mut idle = port.connect().await;
    idle.write_all(&get("/")).await.unwrap();
    read_until(&mut idle, "200 OK").await;
    let mut busy = port.connect().await;
    busy.write_all(&get("/slow")).await.unwrap();
    port.has_come(2).await;
    port.stop();
    assert!(!rest(&mut idle).await.contains("200"), "it is closed");
    // The listener is closed before the last answer is given.
    assert!(TcpStream::connect(port.address).await.is_err());
    tokio::time::sleep(LONG).await;
    port.release();
    let said = rest(&mut busy).await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("late"),
        "{said}"
    );
    port.ended().await;
}

#[tokio::test]
async fn a_connection_has_a_rate_of_its_own() {
    let rate = rate(1);
    let port = Port::with(Limits { rate, ..limits() }).await;
    let mut alice = port.connect().await;
    alice.write_all(&get("/rate")).await.unwrap();
    read_until(&mut alice, "in time").await;
    alice.write_all(&get("/rate").repeat(3)).await.unwrap();
    read_until(&mut alice, "--max-rate").await;
    let mut bob = port.connect().await;
    bob.write_all(&get("/rate")).await.unwrap();
    read_until(&mut bob, "in time").await;
    assert!(port.connections.too_fast() >= 1);
}

#[tokio::test]
async fn a_port_for_peers_speaks_no_http_1() {
    let speaks = Speaks::Http2;
    let port = Port::with(Limits { speaks, ..limits() }).await;
    let mut other = port.connect().await;
    other.write_all(&get("/")).await.unwrap();
    let said = rest(&mut other).await;
    assert!(!said.contains("HTTP/1.1"), "{said}");
    assert_eq!(port.came(), 0);
}
