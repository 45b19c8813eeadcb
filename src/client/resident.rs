//! A node that lives in this process, asked without a wire.
//!
//! Nothing can be lost on the way to it: a call is one try, without a request id.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::runtime::Handle;

use super::Client;
use super::call::{Answer, Attempt, Effect, Source, check_size, header, ms};
use super::convert;
use super::freshness::Freshness;
use super::options::ClientOptions;
use super::outcome;
use super::types::Description;
use crate::base::host::Host;
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::watch_reply::Reply as WatchReply;

/// How errors and descriptions name it.
pub(super) const HERE: &str = "this process";

/// What a client asks of a node in its own process. The room that has both a client and a
/// node brings the two together: neither knows the other.
pub(crate) trait Resident: Send + Sync {
    /// Answers a request on `lane`, or says what is wrong with it. Begins at the first
    /// poll, which is made within `background`; has no deadline of its own.
    fn answer(&self, lane: u64, request: Request) -> BoxFuture<'static, Result<Reply>>;

    /// What a watch says, from its opening to its end: `Created` or `Ended` comes first.
    /// Polled within `background`.
    fn watch(&self, create: v1::WatchCreate) -> BoxStream<'static, WatchReply>;

    /// What the node says of itself.
    fn describe(&self) -> v1::DescribeReply;

    /// Has timers and runs tasks for as long as this lives, so that callers need no
    /// runtime of their own.
    fn background(&self) -> &Handle;
}

impl Client {
    /// A client of a node in this process. Of the options, what concerns the wire is not
    /// looked at.
    ///
    /// # Errors
    /// `Invalid` for options that cannot be.
    pub(crate) fn of_resident(
        node: Arc<dyn Resident>,
        options: ClientOptions,
        host: Host,
    ) -> Result<Self> {
        options.check()?;
        Ok(Self::new(<_>::default(), options, host, Some(node)))
    }

    pub(super) async fn call_resident(
        &self,
        node: &dyn Resident,
        effect: Effect,
        wait: Duration,
        build: impl Fn(Attempt) -> Request,
    ) -> Result<Answer> {
        let request = build(Attempt {
            request_id: None,
            wait_ms: ms(wait),
        });
        check_size(&request)?;
        let within = self.timeout.saturating_add(wait);
        let answering = node.answer(self.lane, request);
        let timed = {
            let _timers = node.background().enter();
            tokio::time::timeout(within, answering)
        };
        let mut timed = std::pin::pin!(timed);
        let answered = std::future::poll_fn(|cx| {
            let _timers = node.background().enter();
            timed.as_mut().poll(cx)
        });
        let write = effect != Effect::Read;
        let reply = match answered.await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) if write && error.kind() == ErrorKind::Timeout => {
                return Err(outcome::unknown(error.message(), None).with_source(error));
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let what = format!("the store did not answer within {within:?}");
                return Err(match write {
                    true => outcome::unknown(&what, None),
                    false => Error::timeout(what),
                });
            }
        };
        let header = header(&reply);
        Ok(Answer {
            revision: header.map_or(Revision(0), |header| Revision(header.revision)),
            freshness: header.map_or(Freshness::Current, Freshness::of),
            reply,
            from: Source::Resident,
        })
    }

    pub(super) fn describe_resident(&self, node: &dyn Resident) -> Result<Description> {
        convert::description(node.describe(), HERE)
    }

    /// What runs the tasks of this client; `None` where nothing could.
    pub(super) fn background(&self) -> Option<Handle> {
        match &self.shared.resident {
            Some(node) => Some(node.background().clone()),
            None => Handle::try_current().ok(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.endpoint.fmt(f),
            Self::Resident => f.write_str(HERE),
        }
    }
}
