//! Commands on buckets, and what every write must know of its own.

use super::{Done, Run, rows};
use crate::base::limits::BUCKETS_MAX;
use crate::base::{Result, mutant};
use crate::engine::Table;
use crate::kv::Record;
use crate::machine::bucket::{Bucket, BucketCommand, BucketSettings};
use crate::machine::outcome::{NearQuota, OutcomeKind, Usage};
use crate::machine::{codec, query};

/// A bucket as the entry under way has it so far.
pub(super) struct Kept {
    /// `None`: there is none.
    bucket: Option<Bucket>,
    is_changed: bool,
}

/// A key's bytes, and those of its value.
pub(super) fn bytes_of(key_bytes: usize, record: Option<&Record>) -> u64 {
    record.map_or(0, |record| {
        (key_bytes + record.value.as_ref().map_or(0, bytes::Bytes::len)) as u64
    })
}

impl Run<'_> {
    pub(super) fn bucket_command(&mut self, name: &str, command: &BucketCommand) -> Result<Done> {
        match command {
            BucketCommand::Create(settings) => self.create_bucket(name, settings),
            BucketCommand::Update(settings) => self.update_bucket(name, settings),
            BucketCommand::Drop => self.drop_bucket(name),
        }
    }

    /// The settings of the bucket, if keys can be in it; the default bucket has none.
    pub(super) fn settings_of(&mut self, bucket: &str) -> Result<Option<BucketSettings>> {
        if bucket.is_empty() {
            return Ok(Some(BucketSettings::default()));
        }
        let found = self.bucket(bucket)?;
        Ok(found
            .filter(|bucket| !bucket.dropping)
            .map(|bucket| bucket.settings))
    }

    /// A bucket as it is now; not for the default bucket.
    pub(super) fn bucket(&mut self, name: &str) -> Result<Option<Bucket>> {
        if let Some(kept) = self.buckets.get(name) {
            return Ok(kept.bucket);
        }
        let bucket = query::bucket(&self.rows, name)?;
        let is_changed = false;
        self.buckets
            .insert(name.to_owned(), Kept { bucket, is_changed });
        Ok(bucket)
    }

    pub(super) fn keep_bucket(&mut self, name: &str, bucket: Option<Bucket>) {
        let is_changed = true;
        self.buckets
            .insert(name.to_owned(), Kept { bucket, is_changed });
    }

    /// Writes the rows of the buckets that this entry has changed.
    pub(super) fn write_buckets(&mut self) {
        for (name, kept) in std::mem::take(&mut self.buckets) {
            if !kept.is_changed {
                continue;
            }
            match &kept.bucket {
                Some(bucket) => {
                    self.rows
                        .put(Table::Buckets, name.into(), codec::encode_bucket(bucket));
                }
                None => self.rows.delete(Table::Buckets, name.into()),
            }
        }
    }

    /// Counts what became of a key in its bucket. True if the bucket keeps events.
    pub(super) fn count_in_bucket(
        &mut self,
        name: &str,
        key_bytes: usize,
        before: Option<&Record>,
        after: Option<&Record>,
    ) -> Result<bool> {
        if name.is_empty() {
            return Ok(true);
        }
        // A key whose bucket is gone has gone with it.
        let Some(mut bucket) = self.bucket(name)? else {
            return Ok(true);
        };
        let quota = bucket.settings.quota;
        let was_near = bucket.usage.is_near(quota);
        bucket.usage = Usage {
            keys: bucket.usage.keys + u64::from(after.is_some()) - u64::from(before.is_some()),
            bytes: bucket.usage.bytes + bytes_of(key_bytes, after) - bytes_of(key_bytes, before),
        };
        bucket.revision = self.state.revision;
        if !was_near && bucket.usage.is_near(quota) {
            self.effects.near_quota.push(NearQuota {
                bucket: name.to_owned(),
                usage: bucket.usage,
                quota,
            });
        }
        self.keep_bucket(name, Some(bucket));
        Ok(!bucket.settings.no_history)
    }

    /// Refuses what would make a bucket grow beyond its quota, given how it would change.
    pub(super) fn check_quota(&mut self, name: &str, growth: Growth) -> Result<Option<Done>> {
        if name.is_empty() || !growth.is_any() {
            return Ok(None);
        }
        let Some(bucket) = self.bucket(name)? else {
            return Ok(None);
        };
        let after = growth.of(bucket.usage);
        let exceeds =
            after.exceeds(bucket.settings.quota, bucket.usage) && !mutant::is_on("quota-unchecked");
        Ok(exceeds.then(|| Done::counted(OutcomeKind::QuotaExceeded, bucket.usage.bytes)))
    }

    fn create_bucket(&mut self, name: &str, settings: &BucketSettings) -> Result<Done> {
        match self.bucket(name)? {
            Some(bucket) if bucket.dropping => return Ok(OutcomeKind::BucketDropping.into()),
            Some(bucket) if bucket.settings == *settings => {
                return Ok(OutcomeKind::Unchanged.into());
            }
            Some(_) => return Ok(OutcomeKind::BucketDiffers.into()),
            None => {}
        }
        if self.state.buckets >= BUCKETS_MAX as u64 {
            return Ok(OutcomeKind::BucketsFull.into());
        }
        let revision = self.take_revision();
        self.state.buckets += 1;
        let bucket = Bucket {
            settings: *settings,
            create_revision: revision,
            revision,
            ..Bucket::default()
        };
        self.keep_bucket(name, Some(bucket));
        Ok(OutcomeKind::BucketCreated.into())
    }

    fn update_bucket(&mut self, name: &str, settings: &BucketSettings) -> Result<Done> {
        let Some(bucket) = self.bucket(name)?.filter(|bucket| !bucket.dropping) else {
            return Ok(OutcomeKind::NoSuchBucket.into());
        };
        if bucket.settings.no_history != settings.no_history {
            return Ok(OutcomeKind::BucketDiffers.into());
        }
        if bucket.settings == *settings {
            return Ok(OutcomeKind::Unchanged.into());
        }
        self.take_revision();
        let settings = *settings;
        self.keep_bucket(name, Some(Bucket { settings, ..bucket }));
        Ok(OutcomeKind::BucketUpdated.into())
    }

    /// Removes one piece of a bucket's keys, and the bucket with the last of them.
    fn drop_bucket(&mut self, name: &str) -> Result<Done> {
        let Some(bucket) = self.bucket(name)? else {
            return Ok(OutcomeKind::Unchanged.into());
        };
        let end = rows::bucket_end(name);
        let (count, more) = self.delete_piece(name, &rows::data(name, b""), &end)?;
        if more {
            let bucket = self.bucket(name)?.unwrap_or(bucket);
            let dropping = true;
            self.keep_bucket(name, Some(Bucket { dropping, ..bucket }));
            return Ok(Done::counted(OutcomeKind::BucketDroppedMore, count));
        }
        if count == 0 {
            self.take_revision();
        }
        self.state.buckets -= 1;
        self.keep_bucket(name, None);
        Ok(Done::counted(OutcomeKind::BucketDropped, count))
    }
}

/// By how much a bucket would grow or shrink.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Growth {
    more: Usage,
    less: Usage,
}

impl Growth {
    /// Takes in what would become of one key.
    pub(super) fn add(
        &mut self,
        key_bytes: usize,
        before: Option<&Record>,
        after: Option<&Record>,
    ) {
        self.more.keys += u64::from(after.is_some());
        self.less.keys += u64::from(before.is_some());
        self.more.bytes += bytes_of(key_bytes, after);
        self.less.bytes += bytes_of(key_bytes, before);
    }

    fn is_any(self) -> bool {
        self.more.keys > self.less.keys || self.more.bytes > self.less.bytes
    }

    fn of(self, usage: Usage) -> Usage {
        Usage {
            keys: usage.keys + self.more.keys - self.less.keys,
            bytes: usage.bytes + self.more.bytes - self.less.bytes,
        }
    }
}
