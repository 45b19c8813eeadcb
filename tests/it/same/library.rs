//! The client library.

use std::time::Duration;

use dkv::base::types::{FenceToken, OwnerId, Revision, ShardId};
use dkv::base::{Error, Result};
use dkv::client::{
    At, BucketSettings, ChangeKind, Compare, Condition, Fence, HistoryOptions, Op as LibraryOp,
    OpOutcome, Record, Relation, ScanOptions, SetOptions, Txn, prefix_range,
};
use dkv::{Client, ClientOptions};

use super::asks::{Ask, LOCK, Only, Op, What};
use super::said::{Kind, OpSaid, Said, Seen};

pub(crate) async fn ask(address: &str, asks: &[Ask]) -> Vec<Said> {
    let client = Client::connect(ClientOptions::to(address)).await.unwrap();
    let mut said = Vec::new();
    for ask in asks {
        let client = client
            .with_shard(ShardId(ask.shard))
            .with_bucket(ask.bucket);
        said.push(match Box::pin(play(&client, ask)).await {
            Ok(said) => said,
            Err(error) => refusal(&error),
        });
    }
    said
}

fn refusal(error: &Error) -> Said {
    let kind = Kind::Named(format!("{:?}", error.kind()));
    Said::Refused {
        kind,
        message: error.message().to_owned(),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

async fn play(client: &Client, ask: &Ask) -> Result<Said> {
    Ok(match &ask.what {
        What::Set {
            key,
            value,
            only,
            ttl_s,
            fence,
        } => {
            let options = SetOptions {
                delete_in: (*ttl_s > 0).then(|| Duration::from_secs(*ttl_s)),
                condition: match only {
                    Only::Always => None,
                    Only::Absent => Some(Condition::Absent),
                    Only::Revision(revision) => Some(Condition::Revision(Revision(*revision))),
                },
                fence: fence.map(|token| Fence {
                    name: LOCK.into(),
                    token: FenceToken(token),
                }),
                ..SetOptions::default()
            };
            let set = client.set_with(*key, *value, options).await?;
            Said::Written(set.written.then_some(set.revision.0))
        }
        What::Get { key, at: None } => Said::Record(client.get(*key).await?.as_ref().map(seen)),
        What::Get { key, at: Some(at) } => {
            let read = client.get_at(*key, At::Revision(Revision(*at))).await?;
            Said::Record(read.value.as_ref().map(seen))
        }
        What::Has(key) => Said::Found(client.has(*key).await?),
        What::Delete(key) => Said::Deleted(client.delete(*key).await?.deleted),
        What::DeletePrefix(prefix) => Said::Deleted(
            client
                .delete_range(prefix_range(*prefix), None)
                .await?
                .deleted,
        ),
        What::Expire(key) => Said::Changed(client.expire(*key, None).await?.changed),
        What::Touch(key) => {
            Said::Changed(client.touch(*key, None, Some(MINUTE), None).await?.changed)
        }
        What::Persist(key) => Said::Changed(client.persist(*key, None).await?.changed),
        what => play_many(client, what, ask.bucket).await?,
    })
}

async fn play_many(client: &Client, what: &What, bucket: &str) -> Result<Said> {
    Ok(match what {
        What::Incr(key, by) => Said::Number(client.incr(*key, *by).await?),
        What::Scan { prefix, reverse } => {
            let options = ScanOptions {
                reverse: *reverse,
                ..ScanOptions::prefix(*prefix)
            };
            let records = client.scan(options).collect().await?;
            Said::Records(records.iter().map(seen).collect())
        }
        What::History(key) => {
            let history = client.history(*key, HistoryOptions::default()).await?;
            let changes = history.changes.into_iter().map(|change| {
                let kind = match change.kind {
                    ChangeKind::Set => "set",
                    ChangeKind::Delete => "delete",
                    ChangeKind::Expire => "expire",
                    ChangeKind::Touch => "touch",
                };
                let value = change
                    .record
                    .filter(|it| !it.expired)
                    .map(|it| it.value.to_vec());
                (change.revision.0, kind.to_owned(), value)
            });
            Said::Changes(changes.collect())
        }
        What::Batch(operations) => {
            let outcomes = client.batch(ops(operations), None).await?;
            let said = outcomes.into_iter().map(|outcome| match outcome {
                Ok(done) => op_said(done.outcome),
                Err(error) => OpSaid::Refused(error.message().to_owned()),
            });
            Said::Ops(None, said.collect())
        }
        What::Txn {
            key,
            value,
            then,
            otherwise,
        } => {
            let txn = Txn {
                compares: vec![Compare::value(*key, Relation::Equal, *value)],
                then: ops(then),
                otherwise: ops(otherwise),
                ..Txn::default()
            };
            let outcome = client.txn(txn).await?;
            let results = outcome.results.unwrap_or_default().into_iter().map(op_said);
            Said::Ops(Some(outcome.succeeded), results.collect())
        }
        what => play_locks(client, what, bucket).await?,
    })
}

async fn play_locks(client: &Client, what: &What, bucket: &str) -> Result<Said> {
    Ok(match what {
        What::Acquire(name, owner) => {
            let owner = OwnerId(*owner);
            let fence = client
                .acquire(*name, owner, Some(MINUTE), Duration::ZERO)
                .await?;
            Said::Granted(fence.map(|fence| fence.0))
        }
        What::Renew(name, owner) => Said::Done(
            client
                .renew(*name, OwnerId(*owner), Some(MINUTE))
                .await?
                .is_some(),
        ),
        What::Release(name, owner) => Said::Done(client.release(*name, OwnerId(*owner)).await?),
        What::Info(name) => Said::Lock(client.lock_info(*name).await?.map(|lock| lock.fence.0)),
        What::Revoke(name) => Said::Done(client.revoke(*name).await?),
        What::CreateBucket { quota_keys } => {
            let settings = BucketSettings {
                quota_keys: *quota_keys,
                ..BucketSettings::default()
            };
            Said::Done(client.bucket_create(bucket, settings).await?)
        }
        What::DropBucket => Said::Done(client.bucket_drop(bucket).await?.dropped),
        other => panic!("the table has no {other:?}"),
    })
}

fn ops(ops: &[Op]) -> Vec<LibraryOp> {
    let op = |op: &Op| match *op {
        Op::Set(key, value) => LibraryOp::set(key, value),
        Op::Delete(key) => LibraryOp::delete(key),
        Op::Incr(key, by) => LibraryOp::incr(key, by),
        Op::Get(key) => LibraryOp::get(key),
    };
    ops.iter().map(op).collect()
}

fn op_said(outcome: OpOutcome) -> OpSaid {
    match outcome {
        OpOutcome::Set(_) => OpSaid::Written,
        OpOutcome::Deleted(deleted) => OpSaid::Deleted(deleted),
        OpOutcome::Number(number) => OpSaid::Number(number),
        OpOutcome::Got(record) => OpSaid::Got(record.map(|it| it.value.to_vec())),
        OpOutcome::Changed(_) => panic!("nobody asked for that"),
    }
}

fn seen(record: &Record) -> Seen {
    Seen {
        key: record.key.to_vec(),
        value: record.value.to_vec(),
        revision: record.revision.0,
        create_revision: record.create_revision.0,
        version: record.version,
        is_timed: record.delete_in.is_some(),
    }
}
