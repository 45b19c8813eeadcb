//! How many connections there may be: from one address, and altogether.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::world::{LONG, Port, get, limits, read_until, rest, until, within};
use crate::server::port::{Bounds, Limits};

#[tokio::test]
async fn one_address_too_many_is_closed_at_once_and_the_others_are_served() {
    let bounds = Bounds {
        per_local: 2,
        ..Bounds::of_all(100)
    };
    let port = Port::start(limits(), bounds).await;
    let (mut first, mut second) = (port.connect().await, port.connect().await);
    until(|| port.connections.open() == 2).await;
    for refused in 1..=3 {
        let mut third = port.connect().await;
        assert_eq!(rest(&mut third).await, "");
        assert_eq!(port.connections.refused(), refused);
    }
    for stream in [&mut first, &mut second] {
        stream.write_all(&get("/")).await.unwrap();
        read_until(stream, "200 OK").await;
    }
    drop(first);
    until(|| port.connections.open() == 1).await;
    let mut third = port.connect().await;
    third.write_all(&get("/")).await.unwrap();
    read_until(&mut third, "200 OK").await;
}

#[tokio::test]
async fn beyond_the_places_callers_wait_and_are_served_in_the_end() {
    let port = Port::start(limits(), Bounds::of_all(1)).await;
    let mut first = port.connect().await;
    first.write_all(&get("/")).await.unwrap();
    read_until(&mut first, "200 OK").await;
    let mut second = port.connect().await;
    second.write_all(&get("/")).await.unwrap();
    let waits = tokio::time::timeout(LONG, second.readable()).await;
    assert!(waits.is_err(), "there is no place for it");
    assert_eq!(port.came(), 1);
    drop(first);
    read_until(&mut second, "200 OK").await;
    assert_eq!(port.connections.refused(), 0);
}

/// Whoever waits for a place is let go when the node stops.
#[tokio::test]
async fn a_stop_does_not_wait_for_a_place() {
    let port = Port::start(limits(), Bounds::of_all(1)).await;
    let mut first = port.connect().await;
    first.write_all(&get("/slow")).await.unwrap();
    port.has_come(1).await;
    let mut second = port.connect().await;
    port.stop();
    assert_eq!(rest(&mut second).await, "");
    port.release();
    read_until(&mut first, "late").await;
    port.ended().await;
}

#[tokio::test]
async fn connections_that_say_nothing_give_their_places_back() {
    let greeting = Duration::from_millis(50);
    let allows = Limits {
        greeting,
        ..limits()
    };
    let port = Port::start(allows, Bounds::of_all(2)).await;
    let silent = [port.connect().await, port.connect().await];
    let mut speaks = port.connect().await;
    speaks.write_all(&get("/")).await.unwrap();
    within(read_until(&mut speaks, "200 OK")).await;
    drop(silent);
}
