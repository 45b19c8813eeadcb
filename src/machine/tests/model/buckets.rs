//! What the machine should do with buckets. What is in one is counted each time.

use bytes::Bytes;

use super::{Key, Kind, Model, Reply, plain};
use crate::base::types::Revision;
use crate::kv::Record;
use crate::machine::{Bucket, BucketCommand, BucketSettings, Usage};

/// A bucket without its contents.
#[derive(Debug, Clone)]
pub(in super::super) struct ModelBucket {
    pub(in super::super) settings: BucketSettings,
    create_revision: Revision,
    /// The last one that changed a key of it, or made it.
    pub(in super::super) revision: Revision,
}

fn bytes(key: &Key, record: Option<&Record>) -> u64 {
    let value = |record: &Record| record.value.as_ref().map_or(0, Bytes::len);
    record.map_or(0, |record| (key.2.len() + value(record)) as u64)
}

impl Model {
    /// The default bucket is always there.
    pub(super) fn takes_keys(&self, bucket: &str) -> bool {
        bucket.is_empty() || self.buckets.contains_key(bucket)
    }

    pub(super) fn settings(&self, bucket: &str) -> BucketSettings {
        let bucket = self.buckets.get(bucket);
        bucket.map_or_else(BucketSettings::default, |bucket| bucket.settings)
    }

    pub(super) fn usage(&self, bucket: &str) -> Usage {
        let within = |key: &&Key| key.1 == bucket;
        Usage {
            keys: self.keys.keys().filter(within).count() as u64,
            bytes: self
                .keys
                .iter()
                .filter(|(key, _)| within(key))
                .map(|(key, record)| bytes(key, Some(record)))
                .sum(),
        }
    }

    /// From four fifths of a quota on.
    pub(super) fn is_near_quota(&self, bucket: &str) -> bool {
        let (quota, used) = (self.settings(bucket).quota, self.usage(bucket));
        let near = |used: u64, quota: u64| quota > 0 && used * 5 >= quota * 4;
        near(used.keys, quota.keys) || near(used.bytes, quota.bytes)
    }

    /// The refusal of changes that would make a bucket grow, and have more than it may.
    pub(super) fn beyond_quota(
        &self,
        bucket: &str,
        changes: &[(&Key, Option<&Record>)],
    ) -> Option<Reply> {
        let (quota, before) = (self.settings(bucket).quota, self.usage(bucket));
        let mut after = before;
        for (key, record) in changes {
            let old = self.keys.get(key);
            after.keys = after.keys + u64::from(record.is_some()) - u64::from(old.is_some());
            after.bytes = after.bytes + bytes(key, *record) - bytes(key, old);
        }
        let keys = quota.keys > 0 && after.keys > quota.keys && after.keys > before.keys;
        let too_long = quota.bytes > 0 && after.bytes > quota.bytes && after.bytes > before.bytes;
        (keys || too_long).then_some((Kind::QuotaExceeded, before.bytes, None))
    }

    /// The buckets as the machine lists them.
    pub(in super::super) fn listed(&self) -> Vec<(String, Bucket)> {
        let listed = self.buckets.iter().map(|(name, bucket)| {
            let listed = Bucket {
                settings: bucket.settings,
                usage: self.usage(name),
                create_revision: bucket.create_revision,
                revision: bucket.revision,
                dropping: false,
            };
            (name.clone(), listed)
        });
        listed.collect()
    }

    pub(super) fn bucket(&mut self, name: &str, command: &BucketCommand) -> Reply {
        let there = self.buckets.get(name).map(|bucket| bucket.settings);
        match (command, there) {
            (BucketCommand::Create(settings), None) => {
                let revision = self.next();
                let bucket = ModelBucket {
                    settings: *settings,
                    create_revision: revision,
                    revision,
                };
                self.buckets.insert(name.to_owned(), bucket);
                plain(Kind::BucketCreated)
            }
            (BucketCommand::Create(settings), Some(there)) if *settings == there => {
                plain(Kind::Unchanged)
            }
            (BucketCommand::Create(_), Some(_)) => plain(Kind::BucketDiffers),
            (BucketCommand::Update(_), None) => plain(Kind::NoSuchBucket),
            (BucketCommand::Update(settings), Some(there)) => {
                if settings.no_history != there.no_history {
                    return plain(Kind::BucketDiffers);
                }
                if *settings == there {
                    return plain(Kind::Unchanged);
                }
                self.next();
                self.buckets.get_mut(name).unwrap().settings = *settings;
                plain(Kind::BucketUpdated)
            }
            (BucketCommand::Drop, None) => plain(Kind::Unchanged),
            (BucketCommand::Drop, Some(_)) => {
                let keys = self.settle_range(name, &Bytes::new(), None);
                self.next();
                self.delete_all(&keys);
                self.buckets.remove(name);
                (Kind::BucketDropped, keys.len() as u64, None)
            }
        }
    }

    /// The first revision whose changes a bucket can still tell, as far as it decides that.
    pub(in super::super) fn past_begins(&self, name: &str) -> Revision {
        match self.buckets.get(name) {
            None => Revision(0),
            Some(bucket) if bucket.settings.no_history => bucket.revision.next(),
            Some(bucket) => bucket.create_revision,
        }
    }

    /// Whether what was in a bucket at a past revision is known: `Ok`, or that it was not
    /// there (`None`), or the first revision at which it is known again.
    pub(in super::super) fn past_of(&self, name: &str, revision: u64) -> Result<(), Option<u64>> {
        if name.is_empty() {
            return Ok(());
        }
        let bucket = self.buckets.get(name).ok_or(None)?;
        if revision < bucket.create_revision.0 {
            return Err(None);
        }
        if bucket.settings.no_history && revision < bucket.revision.0 {
            return Err(Some(bucket.revision.0));
        }
        Ok(())
    }
}
