//! One request, one reply: what every transport without sessions does.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::convert;
use super::metrics::{Outcome, RequestKind};
use super::service::Service;
use crate::base::{Error, Result};
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

/// How much longer a request may take than it was allowed, to say what was wrong.
const GIVE_UP: Duration = Duration::from_millis(100);

/// Asks the service, within a time, and counts what it answers.
#[derive(Clone)]
pub(super) struct Asking {
    service: Service,
    stopping: watch::Receiver<bool>,
}

impl Asking {
    pub(super) fn new(service: Service, stopping: watch::Receiver<bool>) -> Self {
        Self { service, stopping }
    }

    /// Does what is asked, in a form that fits the request.
    ///
    /// # Errors
    /// Every kind; `Timeout` when there is no outcome within the deadline.
    pub(super) async fn ask(&self, deadline: Duration, request: Request) -> Result<Reply> {
        let kind = RequestKind::of(&request);
        self.metered(kind, self.within(deadline, request)).await
    }

    /// As [`Self::ask`], for a request that may wait so long for its turn: it is broken off
    /// when the node stops.
    pub(super) async fn ask_waiting(
        &self,
        deadline: Duration,
        request: Request,
        wait: Duration,
    ) -> Result<Reply> {
        let kind = RequestKind::of(&request);
        let mut stopping = self.stopping.clone();
        let answered = async {
            tokio::select! {
                biased;
                answered = self.within(deadline, request) => answered,
                // The wait is given up with the future. One that does not wait has its answer
                // soon, and whoever asked shall hear it.
                _ = stopping.wait_for(|stopping| *stopping), if !wait.is_zero() => {
                    Err(super::session::wait_broken_off())
                }
            }
        };
        self.metered(kind, answered).await
    }

    async fn within(&self, deadline: Duration, request: Request) -> Result<Reply> {
        // A shard that gives up by itself says more of why.
        let due = Instant::now() + deadline;
        let answered = tokio::time::timeout_at(due + GIVE_UP, self.answer(request, due)).await;
        answered.unwrap_or_else(|_| Err(overdue(deadline)))
    }

    async fn answer(&self, request: Request, due: Instant) -> Result<Reply> {
        let call = convert::call(request, self.service.value_bytes_max())?;
        let consistency = call.operation.consistency();
        let hot_keys = self.service.hot_keys();
        hot_keys.came_alone(call.shard, &call.operation);
        let answer = self.service.call(call.shard, call.operation, due).await?;
        let shard = self.service.shard(call.shard)?;
        convert::reply(&self.service, shard, call.kind, consistency, answer)
    }

    /// Counts a request with what becomes of it. A caller that goes away before is not
    /// answered, and so not counted.
    async fn metered(
        &self,
        kind: RequestKind,
        answer: impl Future<Output = Result<Reply>>,
    ) -> Result<Reply> {
        let meter = self.service.meter();
        let _in_flight = meter.begin();
        let came = Instant::now();
        let reply = answer.await;
        let outcome = match &reply {
            Ok(reply) => Outcome::of(reply),
            Err(error) => Outcome::Error(error.kind()),
        };
        let took_us = u64::try_from(came.elapsed().as_micros()).unwrap_or(u64::MAX);
        meter.answered(kind, outcome, took_us, 1);
        reply
    }
}

fn overdue(deadline: Duration) -> Error {
    Error::timeout(format!(
        "no outcome within {} ms, so it is unknown: ask again with the same request id",
        deadline.as_millis()
    ))
}
