//! Giving a key back what it was.

use bytes::Bytes;

use super::Client;
use super::past::At;
use super::scan::ScanOptions;
use super::txn::{Compare, Op, Relation, Txn};
use super::types::{Condition, KeyRange, Record, SetOptions};
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};

/// How often a key that others keep changing is tried to be written.
const TRIES: u32 = 8;

/// What a revert did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted {
    /// False: the key has that value, or is not there, as it was then.
    pub changed: bool,
    /// The revision of the write; if nothing changed, the shard's.
    pub revision: Revision,
    /// The revision it went back to.
    pub to: Revision,
    /// What the key was then; `None`: it was not there, or expired, and so it was deleted.
    pub record: Option<Record>,
}

impl Client {
    /// Gives a key the value it had, unless others change it meanwhile: then it is read again.
    /// It keeps the timers that it has now; a key that was not there, or was expired, is deleted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::At;
    ///
    /// let good = client.set("config", "good").await?;
    /// client.set("config", "bad").await?;
    /// client.revert("config", At::Revision(good)).await?;
    /// assert_eq!(client.get("config").await?.expect("it is there").value, "good");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::set`]; `Compacted` if the history does not go back so far, `Invalid` for
    /// a revision that is still to come, `Conflict` if others change the key all the time:
    /// nothing was done then.
    pub async fn revert(&self, key: impl Into<Bytes>, to: At) -> Result<Reverted> {
        let key = key.into();
        let then = self.fresh().get_at(key.clone(), to).await?;
        let (to, wanted) = (then.revision, then.value);
        let reverted = |changed, revision| Reverted {
            changed,
            revision,
            to,
            record: wanted.clone(),
        };
        for _ in 0..TRIES {
            let (current, revision) = self.current(&key).await?;
            let Some(wanted) = &wanted else {
                let Some(now) = &current else {
                    return Ok(reverted(false, revision));
                };
                let unchanged = Compare::revision(key.clone(), Relation::Equal, now.revision);
                let txn = Txn {
                    compares: vec![unchanged],
                    then: vec![Op::delete(key.clone())],
                    ..Txn::default()
                };
                let deleted = self.txn(txn).await?;
                if deleted.succeeded {
                    return Ok(reverted(true, deleted.revision));
                }
                continue;
            };
            let condition = match &current {
                None => Condition::Absent,
                Some(now) if !now.expired && now.value == wanted.value => {
                    return Ok(reverted(false, revision));
                }
                Some(now) => Condition::Revision(now.revision),
            };
            let options = SetOptions {
                keep_timers: true,
                condition: Some(condition),
                ..SetOptions::default()
            };
            let set = self
                .set_with(key.clone(), wanted.value.clone(), options)
                .await?;
            if set.written {
                return Ok(reverted(true, set.revision));
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("others changed the key {TRIES} times meanwhile: nothing was done"),
        ))
    }

    /// The key as it is, a softly expired one included, and the shard's revision.
    async fn current(&self, key: &Bytes) -> Result<(Option<Record>, Revision)> {
        let mut scan = self.fresh().scan(ScanOptions {
            range: KeyRange {
                start: key.clone(),
                // What follows a key is the key with a zero byte.
                end: [&key[..], &[0]].concat().into(),
            },
            limit: 1,
            include_expired: true,
            ..ScanOptions::default()
        });
        let record = scan.next_page().await?.and_then(|mut page| page.pop());
        Ok((record, scan.revision().unwrap_or_default()))
    }

    /// The same client, whose reads reflect all that was written.
    fn fresh(&self) -> Self {
        self.with_consistency(super::Consistency::Linearizable)
    }
}
