//! Large answers on their way out: piece by piece, holding what they take until they are read.
//!
//! Whoever stops reading is not waited for: what it held is given back, and its connection
//! ends when it reads on.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::content::Content;

/// A reader that takes nothing for so long has stopped.
const STALLED: Duration = Duration::from_secs(30);

/// How often somebody looks.
const LOOK: Duration = Duration::from_secs(5);

struct Sending {
    rest: Content,
    asked_at: Instant,
}

/// A body that is read as its reader likes, within reason.
pub(super) fn send(content: Content) -> Body {
    let sending = Sending {
        rest: content,
        asked_at: Instant::now(),
    };
    let sending = Arc::new(Mutex::new(Some(sending)));
    tokio::spawn(give_up(Arc::downgrade(&sending)));
    let pieces = stream::unfold(sending, |sending| async move {
        let piece = next(&mut sending.lock())?;
        Some((piece, sending))
    });
    Body::from_stream(pieces)
}

fn next(sending: &mut Option<Sending>) -> Option<io::Result<Bytes>> {
    let Some(sending) = sending else {
        return Some(Err(io::ErrorKind::TimedOut.into()));
    };
    sending.asked_at = Instant::now();
    sending.rest.next().map(Ok)
}

/// Gives back what a reader holds that has stopped.
async fn give_up(sending: Weak<Mutex<Option<Sending>>>) {
    loop {
        sleep(LOOK).await;
        let Some(sending) = sending.upgrade() else {
            return;
        };
        let mut sending = sending.lock();
        let stalled = |it: &Sending| it.asked_at.elapsed() > STALLED;
        if sending.as_ref().is_none_or(stalled) {
            *sending = None;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::server::rest::budget::Budget;
    use crate::server::rest::content::PIECE_BYTES;

    /// Sixteen clients that did not read their answers kept all others from large ones.
    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_gives_back_what_it_held() {
        let budget = Budget::of(1 << 20);
        let content = Content::of(vec![0; 1 << 20].into(), budget.hold()).unwrap();
        let mut pieces = send(content).into_data_stream();
        assert_eq!(pieces.next().await.unwrap().unwrap().len(), PIECE_BYTES);
        assert!(budget.hold().grow(1 << 20).is_err());
        sleep(STALLED + 2 * LOOK).await;
        budget.hold().grow(1 << 20).unwrap();
        assert!(pieces.next().await.unwrap().is_err(), "it is cut short");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for() {
        let budget = Budget::of(1 << 20);
        let content = Content::of(vec![7; 1 << 20].into(), budget.hold()).unwrap();
        let mut pieces = send(content).into_data_stream();
        let mut read = 0;
        while let Some(piece) = pieces.next().await {
            read += piece.unwrap().len();
            sleep(STALLED / 2).await;
        }
        assert_eq!(read, 1 << 20);
    }
}
