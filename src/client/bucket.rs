//! Buckets of a shard.

use std::time::Duration;

use super::Client;
use super::call::{Attempt, ms};
use super::freshness::Freshness;
use crate::base::Result;
use crate::base::types::Revision;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

/// How a bucket is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketSettings {
    /// When the value goes of a key that is set without timers; zero: never.
    pub expire_in: Duration,
    /// When such a key goes; zero: never.
    pub delete_in: Duration,
    /// Keep no history: no reads of the past, no watches. For good.
    pub no_history: bool,
    /// Bytes of keys and values beyond which it may not grow; 0: no limit.
    pub quota_bytes: u64,
    /// Keys beyond which it may not grow; 0: no limit.
    pub quota_keys: u64,
}

/// A bucket, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// Its name.
    pub name: String,
    /// How it is kept.
    pub settings: BucketSettings,
    /// Softly expired keys included.
    pub keys: u64,
    /// Of keys and values.
    pub bytes: u64,
    /// The revision that made it.
    pub create_revision: Revision,
    /// It is being dropped; if nobody does so now, dropping it again ends it.
    pub dropping: bool,
}

/// What dropping a bucket did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketDropped {
    /// False if there was none.
    pub dropped: bool,
    /// How many keys went with it.
    pub deleted: u64,
    /// The shard's revision after it.
    pub revision: Revision,
}

impl Client {
    /// Makes a bucket. False if it was there already, with the same settings.
    ///
    /// # Errors
    /// As [`Client::set`]; `Conflict` if it is there with other settings.
    pub async fn bucket_create(&self, name: &str, settings: BucketSettings) -> Result<bool> {
        let settings = wire_settings(&settings);
        let build = |attempt: Attempt| {
            Request::CreateBucket(v1::CreateBucketRequest {
                target: self.with_bucket(name).target(),
                request_id: attempt.request_id,
                settings: Some(settings),
            })
        };
        let answer = self.write(build).await?;
        match answer.reply {
            Reply::CreateBucket(reply) => Ok(reply.created),
            _ => Err(answer.mismatched()),
        }
    }

    /// Replaces the settings of a bucket. False if they are what they were.
    ///
    /// # Errors
    /// As [`Client::set`]; `Conflict` if history would be kept from now on, or no more.
    pub async fn bucket_update(&self, name: &str, settings: BucketSettings) -> Result<bool> {
        let settings = wire_settings(&settings);
        let build = |attempt: Attempt| {
            Request::UpdateBucket(v1::UpdateBucketRequest {
                target: self.with_bucket(name).target(),
                request_id: attempt.request_id,
                settings: Some(settings),
            })
        };
        let answer = self.write(build).await?;
        match answer.reply {
            Reply::UpdateBucket(reply) => Ok(reply.updated),
            _ => Err(answer.mismatched()),
        }
    }

    /// Removes a bucket with all its keys, in pieces of at most 10,000; from the first
    /// piece on it takes no requests.
    ///
    /// # Errors
    /// As [`Client::set`]; pieces before the error stay removed: drop it again.
    pub async fn bucket_drop(&self, name: &str) -> Result<BucketDropped> {
        let build = |attempt: Attempt| {
            Request::DropBucket(v1::DropBucketRequest {
                target: self.with_bucket(name).target(),
                request_id: attempt.request_id,
            })
        };
        let answer = self.write(build).await?;
        let revision = answer.revision;
        match answer.reply {
            Reply::DropBucket(reply) => Ok(BucketDropped {
                dropped: reply.dropped,
                deleted: reply.deleted,
                revision,
            }),
            _ => Err(answer.mismatched()),
        }
    }

    /// One bucket; `None` if there is none. The default bucket is in no list.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn bucket_info(&self, name: &str) -> Result<Option<BucketInfo>> {
        let mut list = self.bucket_list(name);
        let first = list.next_page().await?;
        let mut buckets = first.into_iter().flatten();
        Ok(buckets.find(|bucket| bucket.name == name))
    }

    /// Lists the buckets whose names begin with `prefix`.
    pub fn bucket_list(&self, prefix: impl Into<String>) -> BucketList {
        BucketList {
            client: self.settled(),
            prefix: prefix.into(),
            after: String::new(),
            finished: false,
            freshness: Freshness::Current,
        }
    }
}

/// A list of buckets under way; each page is as of its own moment.
#[derive(Debug)]
pub struct BucketList {
    client: Client,
    prefix: String,
    after: String,
    finished: bool,
    freshness: Freshness,
}

impl BucketList {
    /// The next buckets in name order; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// As [`Client::get`]. The page can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<BucketInfo>>> {
        if self.finished {
            return Ok(None);
        }
        let build = |_| {
            Request::ListBuckets(v1::ListBucketsRequest {
                target: self.client.read_target(),
                prefix: self.prefix.clone(),
                after: self.after.clone(),
                limit: 0,
            })
        };
        let answer = self.client.read(build).await?;
        self.freshness = self.freshness.or_older(answer.freshness);
        let Reply::ListBuckets(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        match reply.buckets.last() {
            Some(last) if reply.more => self.after.clone_from(&last.name),
            // More, after no name at all, would be asked for for ever.
            _ => self.finished = true,
        }
        Ok(Some(reply.buckets.into_iter().map(bucket_info).collect()))
    }

    /// How fresh the pages so far are: as the oldest of them.
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }
}

fn wire_settings(settings: &BucketSettings) -> v1::BucketSettings {
    v1::BucketSettings {
        expire_in_ms: ms(settings.expire_in),
        delete_in_ms: ms(settings.delete_in),
        no_history: settings.no_history,
        quota_bytes: settings.quota_bytes,
        quota_keys: settings.quota_keys,
    }
}

fn bucket_info(wire: v1::BucketInfo) -> BucketInfo {
    let settings = wire.settings.unwrap_or_default();
    BucketInfo {
        name: wire.name,
        settings: BucketSettings {
            expire_in: Duration::from_millis(settings.expire_in_ms),
            delete_in: Duration::from_millis(settings.delete_in_ms),
            no_history: settings.no_history,
            quota_bytes: settings.quota_bytes,
            quota_keys: settings.quota_keys,
        },
        keys: wire.keys,
        bytes: wire.bytes,
        create_revision: Revision(wire.create_revision),
        dropping: wire.dropping,
    }
}
