//! HTTP/2: silence, streams that are taken back, heads that are too large.

use std::time::Duration;

use super::frames::{DATA, GO_AWAY, HEADERS, Talk, request, reset};
use super::world::{LONG, Port, limits};
use crate::server::port::Limits;

const SHORT: Duration = Duration::from_millis(50);
const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test]
async fn an_idle_connection_is_told_and_closed_and_a_busy_one_is_not() {
    let idle = SHORT;
    let port = Port::with(Limits { idle, ..limits() }).await;
    let mut busy = Talk::begin(&port).await;
    busy.send(&request(1, "/slow", 0)).await;
    port.has_come(1).await;
    for agrees in [true, false] {
        let mut silent = Talk::begin(&port).await;
        if !agrees {
            silent = silent.impolite();
        }
        let said = silent.rest().await;
        let reasons: Vec<u32> = said.iter().filter_map(|it| it.goes_away_for()).collect();
        assert!(reasons.iter().all(|why| *why == NO_ERROR), "{said:?}");
        assert!(!reasons.is_empty(), "{said:?}");
    }
    tokio::time::sleep(LONG).await;
    port.release();
    let answer = busy.until(DATA).await;
    assert_eq!((answer.stream, &answer.payload[..]), (1, &b"late"[..]));
    // Now it is idle, too.
    busy.until(GO_AWAY).await;
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way() {
    let port = Port::with(limits()).await;
    let mut busy = Talk::begin(&port).await;
    busy.send(&request(1, "/slow", 0)).await;
    port.has_come(1).await;
    port.stop();
    busy.until(GO_AWAY).await;
    tokio::time::sleep(LONG).await;
    port.release();
    assert_eq!(busy.until(DATA).await.payload, b"late");
    busy.rest().await;
    port.ended().await;
}

/// CVE-2023-44487: each request is begun and taken back in the same breath.
#[tokio::test]
async fn requests_that_are_taken_back_at_once_end_the_connection() {
    let port = Port::with(limits()).await;
    let mut rapid = Talk::begin(&port).await;
    let mut bytes = Vec::new();
    for stream in (1..2_000).step_by(2) {
        bytes.extend(request(stream, "/slow", 0));
        bytes.extend(reset(stream));
    }
    rapid.send(&bytes).await;
    let said = rapid.rest().await;
    let last = said.iter().rev().find_map(|it| it.goes_away_for());
    assert_eq!(last, Some(ENHANCE_YOUR_CALM), "{said:?}");
    assert!(port.came() < 1_000, "{} were looked at", port.came());
    let mut other = Talk::begin(&port).await;
    other.send(&request(1, "/", 0)).await;
    other.until(DATA).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let port = Port::with(limits()).await;
    let mut large = Talk::begin(&port).await;
    large.send(&request(1, "/", 70 << 10)).await;
    // Refused with a status of its own, or with the whole connection.
    let refused = loop {
        match large.next().await {
            Some(frame) if frame.stream == 0 && frame.of_type != GO_AWAY => {}
            answered => break answered,
        }
    };
    // `:status`, and 431 in the code of RFC 7541.
    let status_431 = [0x48, 0x83, 0x69, 0x90, 0xff];
    if let Some(frame) = refused.filter(|frame| frame.of_type == HEADERS) {
        assert_eq!(frame.payload, status_431, "{frame:?}");
    }
    assert_eq!(port.came(), 0);
    let mut fits = Talk::begin(&port).await;
    fits.send(&request(1, "/", 60 << 10)).await;
    fits.until(DATA).await;
}

#[tokio::test]
async fn no_more_streams_are_open_than_there_may_be() {
    let streams = 2;
    let port = Port::with(Limits {
        streams,
        ..limits()
    })
    .await;
    let mut greedy = Talk::begin(&port).await;
    for stream in [1, 3, 5, 7] {
        greedy.send(&request(stream, "/slow", 0)).await;
    }
    // One beyond them is refused, and the others stay.
    const RST_STREAM: u8 = 3;
    for stream in [5, 7] {
        assert_eq!(greedy.until(RST_STREAM).await.stream, stream);
    }
    port.has_come(2).await;
    port.release();
    greedy.until(DATA).await;
    assert_eq!(port.came(), 2);
}
