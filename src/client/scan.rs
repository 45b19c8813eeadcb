//! Reading a range, page by page.

use bytes::Bytes;

use super::Client;
use super::call::Answer;
use super::convert::{record, wire_range};
use super::freshness::{Dated, Freshness};
use super::past::{At, wire_at};
use super::types::{KeyRange, Record};
use crate::base::Result;
use crate::base::types::Revision;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanOptions {
    /// Which keys.
    pub range: KeyRange,
    /// At most so many records in all; 0: all of them.
    pub limit: u64,
    /// Leave out the values.
    pub keys_only: bool,
    /// Show softly expired keys too.
    pub include_expired: bool,
    /// As it was then; `None`: now.
    pub at: Option<At>,
    /// From the last key to the first.
    pub reverse: bool,
}

impl ScanOptions {
    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        Self {
            range: KeyRange::prefix(prefix),
            ..Self::default()
        }
    }
}

/// A scan under way. All its pages see the shard at one revision.
#[derive(Debug)]
pub struct Scan {
    client: Client,
    range: v1::KeyRange,
    options: ScanOptions,
    left: u64,
    cursor: Bytes,
    revision: Option<Revision>,
    finished: bool,
    freshness: Freshness,
}

impl Client {
    /// Begins a scan; nothing is asked before the first [`Scan::next_page`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::ScanOptions;
    ///
    /// let mut scan = client.scan(ScanOptions::prefix("user:"));
    /// while let Some(page) = scan.next_page().await? {
    ///     for record in page {
    ///         println!("{:?} = {:?}", record.key, record.value);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn scan(&self, options: ScanOptions) -> Scan {
        Scan {
            client: self.settled(),
            range: wire_range(&options.range),
            left: options.limit,
            options,
            cursor: Bytes::new(),
            revision: None,
            finished: false,
            freshness: Freshness::Current,
        }
    }
}

impl Client {
    /// How many live keys a range has.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::KeyRange;
    ///
    /// client.set("user:1", "alice").await?;
    /// assert_eq!(client.count(KeyRange::prefix("user:")).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Scan::next_page`].
    pub async fn count(&self, range: KeyRange) -> Result<u64> {
        let options = ScanOptions {
            range,
            ..ScanOptions::default()
        };
        Ok(self.count_with(options).await?.value)
    }

    /// How many records a scan with these options would give, all of one revision. A count
    /// takes the server a walk over the keys, 100,000 at a time.
    ///
    /// # Errors
    /// As [`Scan::next_page`].
    pub async fn count_with(&self, options: ScanOptions) -> Result<Dated<u64>> {
        let mut scan = self.scan(options);
        let count = scan.count().await?;
        let revision = scan.revision.unwrap_or_default();
        Ok(Answer::dated(revision, scan.freshness, count))
    }
}

impl Scan {
    /// The next records in the order asked for; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// As [`Client::get`]; `Compacted` if the revision of the scan is gone. The page
    /// can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        if self.finished {
            return Ok(None);
        }
        let reply = self.ask(false).await?;
        let mut records: Vec<_> = reply.records.into_iter().map(record).collect();
        if self.options.limit > 0 {
            records.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= records.len() as u64;
            self.finished |= self.left == 0;
        }
        Ok(Some(records))
    }

    /// Counts the rest of the range, at most up to the limit.
    async fn count(&mut self) -> Result<u64> {
        let mut count = 0;
        while !self.finished {
            let counted = self.ask(true).await?.count;
            count += counted;
            if self.options.limit > 0 {
                self.left = self.left.saturating_sub(counted);
                self.finished |= self.left == 0;
            }
        }
        Ok(count)
    }

    /// Asks for the next page, be it of records or a count, and goes behind it.
    async fn ask(&mut self, count_only: bool) -> Result<v1::ScanReply> {
        // Later pages are of the revision in the cursor.
        let at = self.options.at.filter(|_| self.cursor.is_empty());
        let build = |_| {
            Request::Scan(v1::ScanRequest {
                target: self.client.read_target(),
                range: Some(self.range.clone()),
                limit: self.left,
                keys_only: self.options.keys_only,
                include_expired: self.options.include_expired,
                cursor: self.cursor.clone(),
                at: at.map(wire_at),
                reverse: self.options.reverse,
                count_only,
            })
        };
        let answer = self.client.read(build).await?;
        self.freshness = self.freshness.or_older(answer.freshness);
        let Reply::Scan(mut reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        self.revision.get_or_insert(answer.revision);
        self.finished = reply.cursor.is_empty();
        self.cursor = std::mem::take(&mut reply.cursor);
        Ok(reply)
    }

    /// True after the last page.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// The revision all pages see; `None` before the first.
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// How fresh the pages so far are: as the oldest of them.
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Reads all pages into one list.
    ///
    /// # Errors
    /// As [`Scan::next_page`].
    pub async fn collect(mut self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        while let Some(page) = self.next_page().await? {
            records.extend(page);
        }
        Ok(records)
    }
}
