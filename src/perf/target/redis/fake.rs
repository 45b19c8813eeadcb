//! A Redis in a task, as far as `dkv perf` asks one.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::resp::{self, Reply};

/// A server of one keyspace.
pub(in crate::perf) struct Fake {
    pub(in crate::perf) address: String,
    pub(super) state: Arc<State>,
}

type Keys = BTreeMap<Bytes, Bytes>;

#[derive(Default)]
pub(super) struct State {
    pub(super) keys: Mutex<Keys>,
    pub(super) scripts: Mutex<HashMap<String, Bytes>>,
    /// What `CONFIG GET` tells; it refuses to tell others.
    pub(super) settings: Mutex<Vec<(&'static str, &'static str)>>,
    pub(super) connected: AtomicUsize,
    pub(super) asked: AtomicUsize,
    /// Commands that came together, at most.
    pub(super) at_once_max: AtomicUsize,
    /// Commands after which a connection ends without an answer; 0: never.
    pub(super) dies_after: AtomicUsize,
    /// What everything is answered.
    pub(super) refusal: Mutex<Option<&'static str>>,
}

impl Fake {
    pub(in crate::perf) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                served.connected.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(Arc::clone(&served).serve(socket));
            }
        });
        Self { address, state }
    }
}

impl State {
    async fn serve(self: Arc<Self>, mut socket: TcpStream) {
        // Room for many commands in one read.
        let mut come = BytesMut::with_capacity(1 << 20);
        let mut commands = 0;
        while matches!(socket.read_buf(&mut come).await, Ok(1..)) {
            let (mut answer, mut at_once) = (Vec::new(), 0);
            while let Ok(Some(Reply::Array(words))) = resp::decode(&mut come) {
                (commands, at_once) = (commands + 1, at_once + 1);
                let dies_after = self.dies_after.load(Ordering::Relaxed);
                if dies_after > 0 && commands > dies_after {
                    return;
                }
                let words: Vec<Bytes> = words.into_iter().map(word).collect();
                self.asked.fetch_add(1, Ordering::Relaxed);
                answer.extend(self.answer(&words));
            }
            self.at_once_max.fetch_max(at_once, Ordering::Relaxed);
            if socket.write_all(&answer).await.is_err() {
                return;
            }
        }
    }

    fn answer(&self, words: &[Bytes]) -> Vec<u8> {
        if let Some(refusal) = *self.refusal.lock() {
            return format!("-{refusal}\r\n").into();
        }
        let texts: Vec<&str> = words.iter().map(|word| text(word)).collect();
        let keys = &mut *self.keys.lock();
        match &texts[..] {
            ["PING"] => b"+PONG\r\n".to_vec(),
            ["SET", _, _, "NX", ..] if keys.contains_key(&words[1]) => bulk(None),
            ["SET", ..] => {
                keys.insert(words[1].clone(), words[2].clone());
                b"+OK\r\n".to_vec()
            }
            ["MSET", ..] => {
                for pair in words[1..].chunks(2) {
                    keys.insert(pair[0].clone(), pair[1].clone());
                }
                b"+OK\r\n".to_vec()
            }
            ["GET", _] => bulk(keys.get(&words[1])),
            ["MGET", ..] => array(words[1..].iter().map(|key| bulk(keys.get(key)))),
            ["EXISTS", _] => integer(usize::from(keys.contains_key(&words[1]))),
            ["DEL" | "UNLINK", ..] => {
                integer(words[1..].iter().filter_map(|key| keys.remove(key)).count())
            }
            ["SCAN", cursor, "MATCH", pattern, "COUNT", count] => {
                page(keys, cursor, pattern, count.parse().unwrap())
            }
            ["SCRIPT", "LOAD", script] => {
                let digest = format!("{:040x}", script.len());
                self.scripts.lock().insert(digest.clone(), words[2].clone());
                bulk(Some(&digest.into()))
            }
            ["EVALSHA", digest, ..] => match self.scripts.lock().get(*digest) {
                Some(script) => run_script(text(script), keys, &words[2..]),
                None => b"-NOSCRIPT No matching script. Please use EVAL.\r\n".to_vec(),
            },
            ["EVAL", script, ..] => run_script(script, keys, &words[2..]),
            ["CONFIG", "GET", name] => self.setting(name),
            ["INFO", "replication"] => bulk(Some(
                &"# Replication\r\nrole:master\r\nconnected_slaves:0\r\n".into(),
            )),
            _ => format!("-ERR unknown command '{}'\r\n", texts[0]).into(),
        }
    }

    fn setting(&self, name: &str) -> Vec<u8> {
        let settings = self.settings.lock();
        match settings.iter().find(|(known, _)| *known == name) {
            Some((name, value)) => array([*name, *value].map(|word| bulk(Some(&word.into())))),
            None => b"-NOPERM this user has no permissions to run 'config|get'\r\n".to_vec(),
        }
    }
}

/// Cursors are the last key that was looked at, behind a mark.
fn page(keys: &Keys, cursor: &str, pattern: &str, count: usize) -> Vec<u8> {
    let prefix = pattern.strip_suffix('*').unwrap();
    let begin = match cursor.strip_prefix("after ") {
        Some(key) => Bound::Excluded(Bytes::copy_from_slice(key.as_bytes())),
        None => Bound::Unbounded,
    };
    // As of Redis, COUNT is of what is looked at, not of what matches.
    let looked: Vec<_> = keys.range((begin, Bound::Unbounded)).take(count).collect();
    let next = match looked.last() {
        Some((last, _)) if looked.len() == count => format!("after {}", text(last)),
        _ => "0".to_owned(),
    };
    let matching = looked
        .iter()
        .filter(|(key, _)| text(key).starts_with(prefix));
    let found = array(matching.map(|(key, _)| bulk(Some(key))));
    array([bulk(Some(&next.into())), found])
}

fn run_script(script: &str, keys: &mut Keys, words: &[Bytes]) -> Vec<u8> {
    let (count, words) = words.split_first().unwrap();
    if script.contains("#KEYS") {
        let (names, values) = words.split_at(text(count).parse().unwrap());
        let is_there = keys.contains_key(&names[0]);
        if is_there {
            keys.extend(names.iter().map(|name| (name.clone(), values[0].clone())));
        }
        return integer(usize::from(is_there));
    }
    if keys.get(&words[0]) != Some(&words[1]) {
        return integer(0);
    }
    match script.contains("'del'") {
        true => drop(keys.remove(&words[0])),
        false => drop(keys.insert(words[0].clone(), words[2].clone())),
    }
    integer(1)
}

fn integer(number: usize) -> Vec<u8> {
    format!(":{number}\r\n").into()
}

fn bulk(value: Option<&Bytes>) -> Vec<u8> {
    match value {
        Some(value) => [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat(),
        None => b"$-1\r\n".to_vec(),
    }
}

fn array(replies: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let replies: Vec<_> = replies.into_iter().collect();
    [format!("*{}\r\n", replies.len()).into(), replies.concat()].concat()
}

fn word(reply: Reply) -> Bytes {
    match reply {
        Reply::Bulk(bytes) => bytes,
        other => panic!("a command is made of bulk strings, not of {other:?}"),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("not text")
}
