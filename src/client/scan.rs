//! Reading a range, page by page.

use bytes::Bytes;

use super::Client;
use super::convert::{record, wire_range};
use super::freshness::Freshness;
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

impl Scan {
    /// The next records in key order; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// As [`Client::get`]; `Compacted` if the revision of the scan is gone. The page
    /// can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        if self.finished {
            return Ok(None);
        }
        let build = |_| {
            Request::Scan(v1::ScanRequest {
                target: self.client.read_target(),
                range: Some(self.range.clone()),
                limit: self.left,
                keys_only: self.options.keys_only,
                include_expired: self.options.include_expired,
                cursor: self.cursor.clone(),
                at: None,
                reverse: false,
                count_only: false,
            })
        };
        let answer = self.client.read(build).await?;
        self.freshness = self.freshness.or_older(answer.freshness);
        let Reply::Scan(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        let mut records: Vec<_> = reply.records.into_iter().map(record).collect();
        self.revision.get_or_insert(answer.revision);
        self.finished = reply.cursor.is_empty();
        self.cursor = reply.cursor;
        if self.options.limit > 0 {
            records.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= records.len() as u64;
            self.finished |= self.left == 0;
        }
        Ok(Some(records))
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
