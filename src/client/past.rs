//! Reading another time than now, and many keys of one moment.

use std::time::Duration;

use bytes::Bytes;

use super::Client;
use super::call::{Answer, ms};
use super::convert::record;
use super::error::broken_contract;
use super::freshness::Dated;
use super::types::Record;
use crate::base::types::Revision;
use crate::base::{Error, Result, limits};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

/// A moment of a shard's past. How far back it can be is up to the server's history
/// (`dkv serve --history-age`, `--history-size`): what is older is `Compacted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// What the shard was at this revision; 0 is the empty shard.
    Revision(Revision),
    /// What the shard was so long ago, by its own clock.
    Ago(Duration),
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// A value was written.
    Set,
    /// It was removed, by a request or by its timer.
    Delete,
    /// Its value was dropped, the key remains.
    Expire,
    /// Its timers changed, the value stayed.
    Touch,
}

/// One change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The revision of the change.
    pub revision: Revision,
    /// What happened.
    pub kind: ChangeKind,
    /// How long ago, by the shard's clock.
    pub age: Duration,
    /// The key after it; `None`: it was removed.
    pub record: Option<Record>,
}

/// Which changes of a key to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryOptions {
    /// At most so many in one page; 0: as the server likes, which is 100. 1,000 are the most.
    pub limit: u64,
    /// Only changes of earlier revisions; `None`: from the newest on.
    pub before: Option<Revision>,
}

/// Changes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// Newest first.
    pub changes: Vec<Change>,
    /// The options that read the older ones; `None`: the history has none.
    pub older: Option<HistoryOptions>,
    /// The first revision the history still has: what was before is not known.
    pub floor: Revision,
}

impl Client {
    /// The value and metadata that a key had; `None` if it was not there, or expired. The
    /// revision that comes with it is that of the moment. Timers are told from now on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::At;
    ///
    /// let first = client.set("user:1", "alice").await?;
    /// client.set("user:1", "bob").await?;
    /// let then = client.get_at("user:1", At::Revision(first)).await?;
    /// assert_eq!(then.value.expect("it was there").value, "alice");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::get`]; `Compacted` if the history does not go back so far, `Invalid` for
    /// a revision that is still to come.
    pub async fn get_at(&self, key: impl Into<Bytes>, at: At) -> Result<Dated<Option<Record>>> {
        self.get_when(key.into(), Some(at)).await
    }

    pub(super) async fn get_when(
        &self,
        key: Bytes,
        at: Option<At>,
    ) -> Result<Dated<Option<Record>>> {
        let build = |_| {
            Request::Get(v1::GetRequest {
                target: self.read_target(),
                key: key.clone(),
                at: at.map(wire_at),
            })
        };
        let answer = self.read(build).await?;
        let (revision, freshness) = (answer.revision, answer.freshness);
        let Reply::Get(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(Answer::dated(revision, freshness, reply.record.map(record)))
    }

    /// Many keys, all of one revision, in the order of `keys`: `None` for each that is not
    /// there, or expired. At most 1,000, and 20 MiB of keys and values.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// client.set("user:1", "alice").await?;
    /// let found = client.get_many(["user:1", "user:2"]).await?.value;
    /// assert!(found[0].is_some() && found[1].is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::get`]; `LimitExceeded` for too many, or too long ones.
    pub async fn get_many<K: Into<Bytes>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Dated<Vec<Option<Record>>>> {
        let keys = keys.into_iter().map(Into::into).collect();
        self.get_many_when(keys, None).await
    }

    /// The same, as they were.
    ///
    /// # Errors
    /// As [`Client::get_many`] and [`Client::get_at`].
    pub async fn get_many_at<K: Into<Bytes>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        at: At,
    ) -> Result<Dated<Vec<Option<Record>>>> {
        let keys = keys.into_iter().map(Into::into).collect();
        self.get_many_when(keys, Some(at)).await
    }

    async fn get_many_when(
        &self,
        keys: Vec<Bytes>,
        at: Option<At>,
    ) -> Result<Dated<Vec<Option<Record>>>> {
        if keys.len() > limits::GET_MANY_MAX {
            return Err(Error::limit_exceeded(format!(
                "{} keys were asked for; at most {} are answered at once: ask for fewer at a time",
                keys.len(),
                limits::GET_MANY_MAX
            )));
        }
        let build = |_| {
            Request::GetMany(v1::GetManyRequest {
                target: self.read_target(),
                keys: keys.clone(),
                at: at.map(wire_at),
            })
        };
        let answer = self.read(build).await?;
        let (revision, freshness) = (answer.revision, answer.freshness);
        let Reply::GetMany(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        if reply.found.len() != keys.len() {
            let what = format!("{} keys with {}", keys.len(), reply.found.len());
            return Err(broken_contract(&answer.from, &what));
        }
        let found = reply.found.into_iter();
        let found = found.map(|found| found.record.map(record)).collect();
        Ok(Answer::dated(revision, freshness, found))
    }

    /// A page of the changes of a key that the history has, newest first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// # client.set("user:1", "alice").await?;
    /// use dkv::client::HistoryOptions;
    ///
    /// let mut next = Some(HistoryOptions::default());
    /// while let Some(options) = next {
    ///     let page = client.history("user:1", options).await?;
    ///     for change in page.changes {
    ///         println!("{:?} at revision {}", change.kind, change.revision);
    ///     }
    ///     next = page.older;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn history(
        &self,
        key: impl Into<Bytes>,
        options: HistoryOptions,
    ) -> Result<HistoryPage> {
        let key = key.into();
        let build = |_| {
            Request::History(v1::HistoryRequest {
                target: self.read_target(),
                key: key.clone(),
                limit: options.limit,
                before_revision: options.before.map_or(0, |before| before.0),
            })
        };
        let answer = self.read(build).await?;
        let Reply::History(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        let changes: Option<Vec<_>> = reply.changes.into_iter().map(change).collect();
        let changes = changes.ok_or_else(|| {
            broken_contract(
                &answer.from,
                "with a change of a kind that is not known here",
            )
        })?;
        let last = changes.last().map(|change| change.revision);
        let older = last.filter(|_| reply.more).map(|last| HistoryOptions {
            before: Some(last),
            ..options
        });
        Ok(HistoryPage {
            changes,
            older,
            floor: Revision(reply.floor),
        })
    }
}

pub(super) fn wire_at(at: At) -> v1::At {
    use v1::at::When;
    v1::At {
        when: Some(match at {
            At::Revision(revision) => When::Revision(revision.0),
            At::Ago(ago) => When::AgoMs(ms(ago)),
        }),
    }
}

/// `None` for a kind that is not known.
fn change(wire: v1::Change) -> Option<Change> {
    let kind = match wire.kind() {
        v1::EventKind::Unspecified => return None,
        v1::EventKind::Set => ChangeKind::Set,
        v1::EventKind::Delete => ChangeKind::Delete,
        v1::EventKind::Expire => ChangeKind::Expire,
        v1::EventKind::Touch => ChangeKind::Touch,
    };
    Some(Change {
        revision: Revision(wire.revision),
        kind,
        age: Duration::from_millis(wire.age_ms),
        record: wire.record.map(record),
    })
}
