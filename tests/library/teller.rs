//! A client of the library that asks what players ask.

use std::collections::BTreeMap;

use dkv::base::types::Revision;
use dkv::base::{Error, ErrorKind};
use dkv::client::{
    BucketSettings, Client, Compare, Deleted, Op, OpOutcome, Record, Relation, ScanOptions, Txn,
};

use super::{bytes, text};
use crate::check::history::Found;
use crate::check::txn::asked::{Ask, Each, Said};

/// See the module.
#[derive(Debug)]
pub(crate) struct Teller {
    client: Client,
}

impl Teller {
    pub(crate) fn of(client: Client) -> Self {
        Self { client }
    }

    pub(crate) async fn ask(&self, ask: &Ask) -> Said {
        let answered = self.try_to(ask).await;
        answered.unwrap_or_else(|error| failure(&error, ask.is_write()))
    }

    async fn try_to(&self, ask: &Ask) -> Result<Said, Error> {
        match ask {
            Ask::Look { keys } => self.look(keys).await,
            Ask::Many { keys } => self.many(keys).await,
            Ask::Scan { prefix } => self.scan(prefix).await,
            Ask::Commit {
                unchanged,
                puts,
                adds,
            } => self.commit(unchanged, puts, adds).await,
            Ask::Add { key, by } => {
                let counted = self
                    .client
                    .incr_with(bytes(key), *by, Default::default())
                    .await?;
                Ok(Said::Added(vec![Each::Added {
                    now: counted.value,
                    revision: counted.revision.0,
                }]))
            }
            Ask::Batch { adds } => self.batch(adds).await,
            _ => self.in_bucket(ask).await,
        }
    }

    /// A transaction that reads, and that nothing can refuse.
    async fn look(&self, keys: &[String]) -> Result<Said, Error> {
        let looked = self
            .client
            .txn(Txn {
                then: keys.iter().map(|key| Op::get(bytes(key))).collect(),
                ..Txn::default()
            })
            .await?;
        let revision = looked.revision.0;
        // The first try's answer was lost, and nobody keeps what it read.
        let Some(results) = looked.results else {
            let why = "what was read is not remembered".to_owned();
            return Ok(Said::Failed { why });
        };
        assert_eq!(results.len(), keys.len(), "every read has a result");
        let mut found = BTreeMap::new();
        for (key, result) in keys.iter().zip(results) {
            match result {
                OpOutcome::Got(Some(record)) => drop(found.insert(key.clone(), shown(&record))),
                OpOutcome::Got(None) => {}
                other => panic!("a read of {key} was answered with {other:?}"),
            }
        }
        Ok(Said::Seen { found, revision })
    }

    async fn many(&self, keys: &[String]) -> Result<Said, Error> {
        let asked: Vec<_> = keys.iter().map(|key| bytes(key)).collect();
        let read = self.client.get_many(asked).await?;
        let found = keys.iter().zip(&read.value);
        let found = found.filter_map(|(key, it)| Some((key.clone(), shown(it.as_ref()?))));
        let revision = read.revision.0;
        let found = found.collect();
        Ok(Said::Seen { found, revision })
    }

    async fn scan(&self, prefix: &str) -> Result<Said, Error> {
        let mut scan = self.client.scan(ScanOptions::prefix(bytes(prefix)));
        let mut found = BTreeMap::new();
        while let Some(page) = scan.next_page().await? {
            let page = page.iter().map(|it| (text(&it.key), shown(it)));
            found.extend(page);
        }
        let revision = scan.revision().map_or(0, |revision| revision.0);
        Ok(Said::Seen { found, revision })
    }

    async fn commit(
        &self,
        unchanged: &[(String, u64)],
        puts: &[(String, Option<String>)],
        adds: &[(String, i64)],
    ) -> Result<Said, Error> {
        let compare = |(key, revision): &(String, u64)| {
            Compare::revision(bytes(key), Relation::Equal, Revision(*revision))
        };
        let put = |(key, value): &(String, Option<String>)| match value {
            Some(value) => Op::set(bytes(key), bytes(value)),
            None => Op::delete(bytes(key)),
        };
        let add = |(key, by): &(String, i64)| Op::incr(bytes(key), *by);
        let txn = Txn {
            compares: unchanged.iter().map(compare).collect(),
            then: puts.iter().map(put).chain(adds.iter().map(add)).collect(),
            ..Txn::default()
        };
        let done = self.client.txn(txn).await?;
        let revision = done.revision.0;
        Ok(match done.succeeded {
            true => Said::Done { revision },
            false => Said::Refused { revision },
        })
    }

    async fn batch(&self, adds: &[(String, i64)]) -> Result<Said, Error> {
        let ops = adds.iter().map(|(key, by)| Op::incr(bytes(key), *by));
        let each = |told: Result<dkv::client::BatchOutcome, Error>| match told {
            Ok(told) => match told.outcome {
                OpOutcome::Number(now) => {
                    let revision = told.revision.0;
                    Each::Added { now, revision }
                }
                other => panic!("an addition was answered with {other:?}"),
            },
            Err(error) => match failure(&error, true) {
                Said::Unknown { why } => Each::Unknown { why },
                Said::Failed { why } => Each::Failed { why },
                other => panic!("an addition failed with {other:?}"),
            },
        };
        let told = self.client.batch(ops.collect(), None).await?;
        Ok(Said::Added(told.into_iter().map(each).collect()))
    }

    async fn in_bucket(&self, ask: &Ask) -> Result<Said, Error> {
        let done = |Revision(revision)| Said::Done { revision };
        Ok(match ask {
            Ask::Get { bucket, key } => {
                let client = self.client.with_bucket(bucket);
                let read = client.get_dated(bytes(key)).await?;
                let found = read.value.map(|it| (key.clone(), shown(&it)));
                let revision = read.revision.0;
                let found = found.into_iter().collect();
                Said::Seen { found, revision }
            }
            Ask::Put { bucket, key, value } => {
                let client = self.client.with_bucket(bucket);
                let Some(value) = value else {
                    return Ok(removed(client.delete(bytes(key)).await?));
                };
                done(client.set(bytes(key), bytes(value)).await?)
            }
            Ask::Make { bucket } => {
                let settings = BucketSettings::default();
                self.client.bucket_create(bucket, settings).await?;
                done(Revision(0))
            }
            Ask::Drop { bucket } => {
                let dropped = self.client.bucket_drop(bucket).await?;
                match dropped.dropped {
                    true => done(dropped.revision),
                    false => Said::NothingToDo {
                        revision: dropped.revision.0,
                    },
                }
            }
            other => unreachable!("{other:?} is about no bucket"),
        })
    }
}

fn removed(removed: Deleted) -> Said {
    let revision = removed.revision.0;
    match removed.deleted {
        0 => Said::NothingToDo { revision },
        _ => Said::Done { revision },
    }
}

fn shown(record: &Record) -> Found {
    Found {
        value: text(&record.value),
        revision: record.revision.0,
    }
}

/// What is known after an error.
fn failure(error: &Error, is_write: bool) -> Said {
    let why = format!("{:?}: {error}", error.kind());
    match error.kind() {
        ErrorKind::NotFound => Said::NoBucket,
        ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Corrupt if is_write => {
            Said::Unknown { why }
        }
        _ => Said::Failed { why },
    }
}
