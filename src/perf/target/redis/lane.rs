//! What one logical client asks a Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::timeout;

use super::Server;
use super::connection::{Connection, Lost};
use super::pipeline::Pipeline;
use super::resp::Reply;
use crate::base::{Error, ErrorKind, Result, limits};

/// The lease of a lock that a client which dies leaves behind, ms.
const LOCK_TTL_MS: &[u8] = b"30000";

/// Values that are read at once: they may be large.
const VALUES_AT_ONCE: usize = 250;

/// What a server does in one step that no command does.
#[derive(Clone, Copy)]
enum Script {
    /// Deletes a key that has the value given: releases a lock, as the documentation of
    /// SET recommends.
    Release,
    /// Sets a key that has the value given first to the one given second.
    Swap,
    /// Sets all keys to the value given if the first of them is there.
    SetAll,
}

impl Script {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Release => {
                b"if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) \
                  else return 0 end"
            }
            Self::Swap => {
                b"if redis.call('get',KEYS[1])==ARGV[1] then redis.call('set',KEYS[1],ARGV[2]) \
                  return 1 else return 0 end"
            }
            Self::SetAll => {
                b"if redis.call('exists',KEYS[1])==0 then return 0 end \
                  for i=1,#KEYS do redis.call('set',KEYS[i],ARGV[1]) end return 1"
            }
        }
    }
}

/// One logical client.
pub(in crate::perf) struct RedisLane {
    server: Arc<Server>,
    way: Way,
    client: usize,
    /// Locks it has asked for.
    locks: AtomicU64,
}

enum Way {
    /// A connection of its own; none before the first command, and after a lost one.
    Own(Mutex<Option<Connection>>),
    Shared(Pipeline),
}

impl RedisLane {
    pub(super) fn new(server: Arc<Server>, pipeline: Option<Pipeline>, client: usize) -> Self {
        let way = match pipeline {
            Some(pipeline) => Way::Shared(pipeline),
            None => Way::Own(Mutex::new(server.idle.lock().pop())),
        };
        Self {
            server,
            way,
            client,
            locks: AtomicU64::new(0),
        }
    }

    /// One command and its reply, whatever that is.
    pub(super) async fn exchange(&self, words: &[&[u8]], within: Duration) -> Result<Reply, Lost> {
        let exchange = async {
            match &self.way {
                Way::Own(kept) => {
                    let connection = kept.lock().take();
                    let mut connection = match connection {
                        Some(connection) => connection,
                        None => Connection::open(&self.server.address).await?,
                    };
                    let reply = connection.ask(words).await?;
                    // Only after a whole exchange is the next reply the next command's.
                    *kept.lock() = Some(connection);
                    Ok(reply)
                }
                Way::Shared(pipeline) => pipeline.ask(words).await,
            }
        };
        timeout(within, exchange).await.unwrap_or(Err(Lost::Late))
    }

    /// One command and its reply, unless the server refused it.
    pub(super) async fn ask(&self, words: &[&[u8]]) -> Result<Reply> {
        self.answered(self.exchange(words, self.server.timeout).await)
    }

    fn answered(&self, reply: Result<Reply, Lost>) -> Result<Reply> {
        match reply {
            Ok(Reply::Error(text)) => Err(self.server.refused(&text)),
            Ok(reply) => Ok(reply),
            Err(lost) => Err(self.server.lost(&lost)),
        }
    }

    pub(in crate::perf::target) async fn set(&self, key: &str, value: Bytes) -> Result<()> {
        match self.ask(&[b"SET", key.as_bytes(), &value]).await? {
            Reply::Simple(_) => Ok(()),
            other => Err(self.server.unfit("SET", &other)),
        }
    }

    pub(in crate::perf::target) async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        match self.ask(&[b"GET", key.as_bytes()]).await? {
            Reply::Bulk(value) => Ok(Some(value)),
            Reply::Nil => Ok(None),
            other => Err(self.server.unfit("GET", &other)),
        }
    }

    pub(in crate::perf::target) async fn has(&self, key: &str) -> Result<bool> {
        self.is_one("EXISTS", key).await
    }

    pub(in crate::perf::target) async fn delete(&self, key: &str) -> Result<bool> {
        self.is_one("DEL", key).await
    }

    async fn is_one(&self, command: &str, key: &str) -> Result<bool> {
        match self.ask(&[command.as_bytes(), key.as_bytes()]).await? {
            Reply::Integer(count) => Ok(count > 0),
            other => Err(self.server.unfit(command, &other)),
        }
    }

    /// Reads records as SCAN finds them, in no order; 0 is no limit. One may be counted
    /// twice while others change.
    pub(in crate::perf::target) async fn scan(
        &self,
        prefix: &str,
        limit: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        let limit = if limit == 0 { u64::MAX } else { limit };
        let pattern = pattern(prefix);
        let (mut cursor, mut records) = (Bytes::from_static(b"0"), 0);
        while go_on() {
            let left = limit - records;
            let (next, mut keys) = self.page(&cursor, &pattern, left).await?;
            keys.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            records += self.values(&keys).await?;
            if records >= limit || &next[..] == b"0" {
                break;
            }
            cursor = next;
        }
        Ok(records)
    }

    pub(in crate::perf::target) fn scan_from(&self) -> Result<u64> {
        Err(Error::invalid(format!(
            "the Redis at {} keeps its keys in no order: it cannot be scanned from a key on",
            self.server.address
        )))
    }

    /// The keys of one step of SCAN, and where the next begins: "0" after the last.
    async fn page(&self, cursor: &[u8], pattern: &[u8], left: u64) -> Result<(Bytes, Vec<Bytes>)> {
        let count = left.min(limits::SCAN_PAGE_RECORDS as u64).to_string();
        let words: [&[u8]; 6] = [
            b"SCAN",
            cursor,
            b"MATCH",
            pattern,
            b"COUNT",
            count.as_bytes(),
        ];
        let unfit = |reply: &Reply| self.server.unfit("SCAN", reply);
        let reply = self.ask(&words).await?;
        let Reply::Array(parts) = &reply else {
            return Err(unfit(&reply));
        };
        let [Reply::Bulk(next), Reply::Array(found)] = &parts[..] else {
            return Err(unfit(&reply));
        };
        let keys = found.iter().map(|key| match key {
            Reply::Bulk(key) => Ok(key.clone()),
            _ => Err(unfit(&reply)),
        });
        Ok((next.clone(), keys.collect::<Result<_>>()?))
    }

    /// Reads the values of `keys`; how many of them there are.
    async fn values(&self, keys: &[Bytes]) -> Result<u64> {
        let mut records = 0;
        for keys in keys.chunks(VALUES_AT_ONCE) {
            match self.ask(&words(b"MGET", keys)).await? {
                Reply::Array(values) => {
                    records += values.iter().filter(|value| **value != Reply::Nil).count() as u64;
                }
                other => return Err(self.server.unfit("MGET", &other)),
            }
        }
        Ok(records)
    }

    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        let pattern = pattern(prefix);
        let mut cursor = Bytes::from_static(b"0");
        loop {
            let (next, keys) = self.page(&cursor, &pattern, u64::MAX).await?;
            if !keys.is_empty() {
                self.ask(&words(b"UNLINK", &keys)).await?;
            }
            if &next[..] == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    pub(in crate::perf::target) async fn batch(&self, keys: &[String], value: &[u8]) -> Result<()> {
        let pairs = keys.iter().flat_map(|key| [key.as_bytes(), value]);
        let words: Vec<&[u8]> = [&b"MSET"[..]].into_iter().chain(pairs).collect();
        match self.ask(&words).await? {
            Reply::Simple(_) => Ok(()),
            other => Err(self.server.unfit("MSET", &other)),
        }
    }

    pub(in crate::perf::target) async fn txn(&self, keys: &[String], value: &[u8]) -> Result<bool> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.script(Script::SetAll, &keys, &[value]).await
    }

    /// Redis has no revisions: what was read must still be there when the new value comes.
    pub(in crate::perf::target) async fn modify(&self, key: &str, value: Bytes) -> Result<bool> {
        let Some(old) = self.get(key).await? else {
            let set = self.ask(&[b"SET", key.as_bytes(), &value, b"NX"]).await?;
            return Ok(set != Reply::Nil);
        };
        self.script(Script::Swap, &[key], &[&old, &value]).await
    }

    /// The lock of Redis's documentation: a key that is set if it is absent, and deleted
    /// by whom it belongs to.
    pub(in crate::perf::target) async fn lock_cycle(&self, name: &str) -> Result<()> {
        let number = self.locks.fetch_add(1, Ordering::Relaxed);
        let owner = format!("{:032x}:{}:{number}", self.server.nonce, self.client);
        let (key, owner) = (name.as_bytes(), owner.as_bytes());
        match self
            .ask(&[b"SET", key, owner, b"NX", b"PX", LOCK_TTL_MS])
            .await?
        {
            Reply::Nil => return Err(held()),
            Reply::Simple(_) => {}
            other => return Err(self.server.unfit("SET", &other)),
        }
        if self.script(Script::Release, &[name], &[owner]).await? {
            return Ok(());
        }
        Err(held())
    }

    /// Runs a script that answers 1 or 0. The server is taught its text once.
    async fn script(&self, script: Script, keys: &[&str], arguments: &[&[u8]]) -> Result<bool> {
        let digest = self.server.scripts[script as usize]
            .get_or_try_init(|| async {
                match self.ask(&[b"SCRIPT", b"LOAD", script.text()]).await? {
                    Reply::Bulk(digest) => Ok(digest),
                    other => Err(self.server.unfit("SCRIPT LOAD", &other)),
                }
            })
            .await?;
        let count = keys.len().to_string();
        let mut words: Vec<&[u8]> = vec![b"EVALSHA", digest, count.as_bytes()];
        words.extend(keys.iter().map(|key| key.as_bytes()));
        words.extend(arguments);
        let mut reply = self.exchange(&words, self.server.timeout).await;
        // A server that was started anew has forgotten it.
        if matches!(&reply, Ok(Reply::Error(text)) if text.starts_with(b"NOSCRIPT")) {
            words[0] = b"EVAL";
            words[1] = script.text();
            reply = self.exchange(&words, self.server.timeout).await;
        }
        match self.answered(reply)? {
            Reply::Integer(answer) => Ok(answer == 1),
            other => Err(self.server.unfit("EVALSHA", &other)),
        }
    }
}

impl Drop for RedisLane {
    fn drop(&mut self) {
        if let Way::Own(kept) = &mut self.way {
            self.server.idle.lock().extend(kept.get_mut().take());
        }
    }
}

fn held() -> Error {
    Error::new(ErrorKind::Conflict, "somebody else holds the lock")
}

fn words<'a>(command: &'a [u8], keys: &'a [Bytes]) -> Vec<&'a [u8]> {
    std::iter::once(command)
        .chain(keys.iter().map(|key| &key[..]))
        .collect()
}

/// What MATCH takes for all keys that begin with `prefix`.
fn pattern(prefix: &str) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 1);
    for byte in prefix.bytes() {
        if b"*?[]^\\".contains(&byte) {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_itself_alone() {
        assert_eq!(pattern("dkv-perf:07:"), b"dkv-perf:07:*");
        assert_eq!(pattern("a*[b]?\\"), b"a\\*\\[b\\]\\?\\\\*");
    }
}
