//! Tasks that take turns.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;

use super::Turns;
use super::ticket::Ticket;
use crate::server::port::pace::{Pace, Turn, let_others_go_first};

/// Work that is done in turns.
pub(in crate::server::port) struct InTurn<F> {
    work: Pin<Box<F>>,
    pub(super) ticket: Arc<Ticket>,
    /// The ticket's.
    pub(super) waker: Waker,
    pace: Arc<Pace>,
}

impl<F: Future> InTurn<F> {
    pub(in crate::server::port) fn new(work: F, turns: Arc<Turns>, pace: Arc<Pace>) -> Self {
        let ticket = Ticket::new(turns);
        Self {
            work: Box::pin(work),
            waker: Waker::from(Arc::clone(&ticket)),
            ticket,
            pace,
        }
    }
}

impl<F: Future> Future for InTurn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.ticket.begin(context.waker()) {
            return Poll::Pending;
        }
        this.pace.begin();
        let mut in_turn = Context::from_waker(&this.waker);
        let turn = Turn::begin();
        let polled = this.work.as_mut().poll(&mut in_turn);
        drop(turn);
        match polled {
            // Whoever is done goes, and gives its turn back then; so does one that panicked.
            Poll::Ready(_) => this.ticket.leave(),
            Poll::Pending => this.ticket.end(),
        }
        if this.ticket.turns.has_line() {
            let_others_go_first();
        }
        polled
    }
}

impl<F> Drop for InTurn<F> {
    fn drop(&mut self) {
        self.ticket.leave();
    }
}

/// Does what a connection starts in the turns of its address.
#[derive(Clone)]
pub(in crate::server::port) struct Executor {
    turns: Arc<Turns>,
    runtime: Handle,
}

impl Executor {
    /// On this runtime.
    pub(in crate::server::port) fn new(turns: &Arc<Turns>) -> Self {
        Self {
            turns: Arc::clone(turns),
            runtime: Handle::current(),
        }
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send> + Send + 'static,
{
    /// A task that begins is in the runtime's queue, too: it begins when it has a turn.
    fn execute(&self, work: F) {
        let work = InTurn::new(work, Arc::clone(&self.turns), Pace::new());
        let (ticket, runtime) = (Arc::clone(&work.ticket), self.runtime.clone());
        ticket.begin_in_turn(move |waited| {
            drop(runtime.spawn(async move {
                // IMPORTANT: as for those that are called, what is ready comes first. It is not
                // deferred in a waker: those must run nothing, and a runtime that ends drops here
                // what it is given.
                if waited {
                    tokio::task::yield_now().await;
                }
                work.await;
            }));
        });
    }
}
