//! Whom an attack is for, how much of it there is, and what became of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::wire::Tls;

/// What every connection of an attack knows. Clones count together.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) target: SocketAddr,
    /// Attacks that speak at all speak through it.
    pub(crate) tls: Option<Tls>,
    /// Open at once.
    pub(crate) connections: usize,
    /// The attack comes from so many addresses, none of which healthy clients have.
    pub(crate) addresses: u8,
    counts: Arc<Counts>,
    over: watch::Receiver<bool>,
}

/// Ends an attack: when told to, or dropped.
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

#[derive(Default)]
struct Counts {
    opened: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    answered: AtomicU64,
    struck: AtomicU64,
}

/// What became of an attack's connections.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Connections that the system of the target took.
    pub(crate) opened: u64,
    /// Connections that nobody took.
    pub(crate) refused: u64,
    /// Connections that the target ended.
    pub(crate) cut: u64,
    /// Answers: heads of responses, resets of streams, farewells.
    pub(crate) answered: u64,
    /// How often a connection has done what the attack is.
    pub(crate) struck: u64,
}

impl Plan {
    /// An attack on plain TCP from one address, with nothing counted yet.
    pub(crate) fn new(target: SocketAddr, connections: usize) -> (Self, Stop) {
        let (stop, over) = watch::channel(false);
        let plan = Self {
            target,
            tls: None,
            connections,
            addresses: 1,
            counts: Arc::default(),
            over,
        };
        (plan, Stop(stop))
    }

    pub(crate) fn is_over(&self) -> bool {
        *self.over.borrow() || self.over.has_changed().is_err()
    }

    /// Resolves once the attack is to end.
    pub(crate) async fn over(&self) {
        // Without a sender nobody can say so any more: that says it.
        let _ = self.over.clone().wait_for(|over| *over).await;
    }

    /// Waits, and tells whether the attack goes on.
    pub(crate) async fn pause(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.over()).await.is_err()
    }

    pub(crate) fn count_opened(&self) {
        self.counts.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_cut(&self) {
        self.counts.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_answer(&self) {
        self.counts.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_stroke(&self) {
        self.counts.struck.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn tally(&self) -> Tally {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            opened: of(&self.counts.opened),
            refused: of(&self.counts.refused),
            cut: of(&self.counts.cut),
            answered: of(&self.counts.answered),
            struck: of(&self.counts.struck),
        }
    }
}

/// The target has ended the connection.
pub(super) fn cut() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
