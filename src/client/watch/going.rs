//! A watch that goes on, wherever it can.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};

use super::search::{Search, Step};
use super::source::{Feed, Setback};
use super::types::{WatchBatch, WatchEvent, WatchOptions};
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};
use crate::client::Client;
use crate::client::call::Source;
use crate::client::error::broken_contract;
use crate::client::node::Node;
use crate::client::scan::{Scan, ScanOptions};
use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;

/// How long a watch waits before it asks everybody again, at first and at most.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Watches that wait for one node come back within so many ms of each other.
const JITTER_MS: u64 = 250;

/// How often the initial state may begin again before the caller hears of it.
const RESTARTS_MAX: u32 = 5;

/// A watch under way: a stream of what happened.
///
/// When a connection is lost it goes on by itself, on another node if need be, with the
/// revision after the last one it told. If nobody can be asked within the client's timeout
/// it says so (`Unavailable`), and asks again when it is polled again: nothing is lost by
/// that. After any other error it is over; `Compacted` says that what came next is gone:
/// begin again, with `initial` or with the revision the error names.
pub struct Watch {
    batches: BoxStream<'static, Result<WatchBatch>>,
}

impl Client {
    /// Watches keys. Without `initial` the watch is there when this returns: it tells every
    /// change that is made after that.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::WatchOptions;
    ///
    /// let mut watch = client.watch(WatchOptions::prefix("user:")).await?;
    /// client.set("user:1", "alice").await?;
    /// let batch = watch.next().await.expect("it goes on")?;
    /// assert_eq!(batch.events[0].key, "user:1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Invalid` for what cannot be watched; `NotFound` without such a shard or bucket;
    /// `Compacted` if the history begins after `from`; `LimitExceeded` if the node has too
    /// many watches; `Unavailable` if nobody can be asked within the timeout.
    pub async fn watch(&self, options: WatchOptions) -> Result<Watch> {
        options.check()?;
        let mut going = Going {
            client: self.clone(),
            after: options.from.map(|from| Revision(from.0 - 1)),
            stage: Stage::Asking,
            options,
            pending: Vec::new(),
            restarts: 0,
            is_restarted: false,
            is_begun: false,
            refused: None,
        };
        // With an initial state, too: what cannot be watched is refused before anything of it
        // is told.
        going.connect().await.map_err(Halt::into_error)?;
        if going.options.initial {
            going.begin_again();
        }
        let batches = stream::unfold(Some(going), |going| async move {
            let mut going = going?;
            match going.next().await {
                Ok(batch) => Some((Ok(batch), Some(going))),
                Err(Halt::Pause(error)) => Some((Err(error), Some(going))),
                Err(Halt::Over(error)) => Some((Err(error), None)),
            }
        });
        Ok(Watch {
            batches: batches.boxed(),
        })
    }
}

impl Watch {
    /// What it tells next; `None` once it is over. May be given up at any await: nothing is
    /// lost.
    ///
    /// # Errors
    /// `Unavailable` if it has lost its node and found no other: call again. All others are
    /// its last word: `Compacted` if what comes next is gone.
    pub async fn next(&mut self) -> Option<Result<WatchBatch>> {
        self.batches.next().await
    }
}

impl Stream for Watch {
    type Item = Result<WatchBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_next_unpin(cx)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// The state of a watch, without which nothing else is needed to go on.
struct Going {
    client: Client,
    options: WatchOptions,
    stage: Stage,
    /// Everything up to this revision was told. `None`: it has not begun.
    after: Option<Revision>,
    /// The first parts of a revision whose rest has not come.
    pending: Vec<WatchEvent>,
    restarts: u32,
    is_restarted: bool,
    /// It was there once, or has told what was there at first.
    is_begun: bool,
    /// Who ended the watch, as it could not go on, and why: others are asked first.
    refused: Option<(Arc<Node>, Error)>,
}

enum Stage {
    /// Reads what is there.
    Initial(Box<Scan>),
    /// Nobody has been asked yet, or nobody any more.
    Asking,
    /// Is told what happens.
    Live(Feed),
}

/// Why there is no batch.
enum Halt {
    /// The caller may try again.
    Pause(Error),
    Over(Error),
}

impl Stage {
    fn initial(client: &Client, options: &WatchOptions) -> Self {
        Self::Initial(Box::new(client.scan(ScanOptions {
            range: options.as_range(),
            include_expired: true,
            ..ScanOptions::default()
        })))
    }
}

impl Halt {
    fn into_error(self) -> Error {
        match self {
            Self::Pause(error) | Self::Over(error) => error,
        }
    }
}

impl Going {
    async fn next(&mut self) -> Result<WatchBatch, Halt> {
        loop {
            match &mut self.stage {
                Stage::Initial(_) => {
                    if let Some(batch) = self.initial().await? {
                        return Ok(batch);
                    }
                }
                Stage::Asking => self.connect().await?,
                Stage::Live(feed) => match feed.next().await {
                    Ok(reply) => {
                        if let Some(batch) = self.take(reply)? {
                            return Ok(batch);
                        }
                    }
                    Err(Setback::Final(error)) => return Err(Halt::Over(error)),
                    Err(Setback::Elsewhere(why)) => {
                        tracing::debug!(why = why.reason, "a watch goes on elsewhere");
                        self.ask_again();
                    }
                    Err(Setback::NotHere(error)) => {
                        if let Source::Node(node) = feed.from() {
                            self.refused = Some((node, error));
                        }
                        self.ask_again();
                    }
                    Err(Setback::Slow) => self.ask_again(),
                },
            }
        }
    }

    /// The rest of a revision that broke off is told whole by whoever is asked next.
    fn ask_again(&mut self) {
        self.pending.clear();
        self.stage = Stage::Asking;
    }

    /// Begins with what is there.
    fn begin_again(&mut self) {
        (self.after, self.is_begun) = (None, false);
        self.stage = Stage::initial(&self.client, &self.options);
    }

    /// The next page of the initial state; `None`: it begins again.
    async fn initial(&mut self) -> Result<Option<WatchBatch>, Halt> {
        let Stage::Initial(scan) = &mut self.stage else {
            return Ok(None);
        };
        let records = match scan.next_page().await {
            Ok(records) => records.unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Compacted && self.restarts < RESTARTS_MAX => {
                self.restarts += 1;
                self.is_restarted = true;
                self.begin_again();
                return Ok(None);
            }
            Err(error) if is_passing(&error) => return Err(Halt::Pause(unavailable(error))),
            Err(error) => return Err(Halt::Over(error)),
        };
        let complete = scan.is_finished().then(|| scan.revision()).flatten();
        if let Some(revision) = complete {
            self.after = Some(revision);
            self.is_begun = true;
            self.stage = Stage::Asking;
        }
        Ok(Some(WatchBatch {
            events: records.into_iter().map(WatchEvent::initial).collect(),
            through: complete,
            initial: true,
            restarted: std::mem::take(&mut self.is_restarted),
        }))
    }

    /// Finds somebody who goes on with the watch.
    async fn connect(&mut self) -> Result<(), Halt> {
        let client = self.client.clone();
        let from = self.after.map(Revision::next);
        let create = self.options.create(client.read_target(), from);
        if let Some(node) = &client.shared.resident {
            let mut feed = client.watch_resident(node, create);
            let reply = feed
                .next()
                .await
                .map_err(|setback| over(setback, &client))?;
            return self
                .begin(feed, reply)
                .map_err(|setback| over(setback, &client));
        }
        let until_ms = client
            .now_ms()
            .saturating_add(crate::client::call::ms(client.timeout));
        let mut search = Search::new(&client.route, &client.shared.nodes, self.is_begun);
        if let Some((node, error)) = self.refused.take() {
            search.refused(node, error);
        }
        let mut pause = PAUSE;
        loop {
            let node = match search.step() {
                Step::Ask(node) => node,
                Step::Over(error) => return Err(Halt::Over(error)),
                Step::Wait(wait_ms) => {
                    let wait_ms = wait_ms + client.shared.host.rng.below(JITTER_MS);
                    if !rest(&client, until_ms, wait_ms).await {
                        return Err(Halt::Pause(search.nobody()));
                    }
                    continue;
                }
                Step::Pause => {
                    let pause_ms = crate::client::call::ms(pause);
                    // Many watches lose their node at one moment, and should not come back
                    // at one.
                    let jitter = client.shared.host.rng.below(pause_ms.max(1));
                    if !rest(&client, until_ms, pause_ms / 2 + jitter).await {
                        return Err(Halt::Pause(search.nobody()));
                    }
                    pause = PAUSE_MAX.min(2 * pause);
                    continue;
                }
            };
            match self.ask(&node, create.clone(), until_ms).await {
                Ok(()) => return Ok(()),
                Err(Setback::Final(error)) => return Err(Halt::Over(error)),
                Err(Setback::NotHere(error)) => search.refused(node, error),
                Err(Setback::Elsewhere(why)) => search.failed(node, &why),
                Err(Setback::Slow) => {}
            }
        }
    }

    async fn ask(
        &mut self,
        node: &Arc<Node>,
        create: v1::WatchCreate,
        until_ms: u64,
    ) -> Result<(), Setback> {
        let client = self.client.clone();
        let mut feed = client.watch_at(node, create, until_ms).await?;
        let left = Duration::from_millis(until_ms.saturating_sub(client.now_ms()));
        let silent =
            || Setback::Elsewhere(crate::client::endpoint::Unreachable::because("no answer"));
        let reply = tokio::time::timeout(left, feed.next()).await;
        let reply = reply.map_err(|_| silent())??;
        self.begin(feed, reply)
    }

    fn begin(&mut self, feed: Feed, reply: Reply) -> Result<(), Setback> {
        let after = self.client.created(&feed, reply)?;
        // What was told is what counts: a node that begins elsewhere than asked breaks the
        // contract.
        match self.after {
            Some(told) if told != after => {
                let what = format!("with events after revision {after} instead of {told}");
                return Err(Setback::Final(broken_contract(&feed.from(), &what)));
            }
            _ => self.after = Some(after),
        }
        self.is_begun = true;
        self.stage = Stage::Live(feed);
        Ok(())
    }

    /// What a reply tells; `None` while the rest of its revision is to come.
    fn take(&mut self, reply: Reply) -> Result<Option<WatchBatch>, Halt> {
        let after = self.after.unwrap_or_default();
        let broken = |this: &Self, what: &str| {
            let from = match &this.stage {
                Stage::Live(feed) => feed.from(),
                Stage::Initial(_) | Stage::Asking => Source::Resident,
            };
            Halt::Over(broken_contract(&from, what))
        };
        let mut batch = WatchBatch::default();
        match reply {
            Reply::ProgressRevision(revision) => {
                // It is never ahead of what comes, and need not be news.
                batch.through = Some(after.max(Revision(revision)));
            }
            Reply::Events(told) if !told.initial => {
                for event in told.events {
                    let event = WatchEvent::of_wire(event);
                    let last = self.pending.last().map_or(after.next(), |it| it.revision);
                    match event.filter(|event| event.revision >= last) {
                        Some(event) => self.pending.push(event),
                        None => {
                            return Err(broken(self, "with events that are none, or out of order"));
                        }
                    }
                }
                if told.revision_goes_on {
                    return Ok(None);
                }
                batch.events = std::mem::take(&mut self.pending);
                let last = batch.events.last().map_or(after, |event| event.revision);
                batch.through = Some(last);
            }
            _ => return Err(broken(self, "with something that was not asked for")),
        }
        self.after = batch.through;
        Ok(Some(batch))
    }
}

/// Sleeps for so long; false if that is longer than until then, after sleeping that long.
async fn rest(client: &Client, until_ms: u64, pause_ms: u64) -> bool {
    let left_ms = until_ms.saturating_sub(client.now_ms());
    tokio::time::sleep(Duration::from_millis(pause_ms.min(left_ms))).await;
    pause_ms < left_ms
}

fn over(setback: Setback, client: &Client) -> Halt {
    match setback {
        Setback::Final(error) | Setback::NotHere(error) => Halt::Over(error),
        Setback::Elsewhere(why) => Halt::Over(Error::unavailable(why.reason)),
        Setback::Slow => Halt::Over(Error::internal(format!(
            "shard {} of this process cannot be slow",
            client.shard()
        ))),
    }
}

/// What passes is told as one kind, the one after which a watch may be asked again.
fn unavailable(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable => error,
        _ => Error::unavailable(error.message().to_owned()).with_source(error),
    }
}

/// True if asking again may help.
fn is_passing(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::NotLeader | ErrorKind::Timeout
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_passes_is_told_as_unavailable() {
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::NotLeader,
            ErrorKind::Timeout,
        ] {
            let error = Error::new(kind, "not now");
            assert!(is_passing(&error));
            let told = unavailable(error);
            assert_eq!(told.kind(), ErrorKind::Unavailable);
            assert_eq!(told.message(), "not now");
        }
    }
}
