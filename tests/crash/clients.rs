//! Clients over plain HTTP, whose answers can be found in a trace: each has the number of its
//! request in its head.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use dkv::check::dice::Dice;
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::tale::Told;
use crate::wishes::{SHARDS, Wish, Wishes};

/// So many requests of other clients lie between the numbers of two clients.
const NUMBERS: u64 = 100_000;

/// Lets clients ask at the same time, each one thing after the other, and waits for every answer.
pub(crate) fn ask(
    address: &str,
    clients: std::ops::Range<u64>,
    wishes: u64,
    dice: &mut Dice,
) -> Vec<Told> {
    let threads: Vec<_> = clients
        .map(|client| {
            let (address, dice) = (address.to_owned(), Dice::new(dice.below(u64::MAX)));
            thread::spawn(move || {
                let mut dice = dice;
                let mut connection = Connection::to(&address);
                connection.id = u128::from(dice.below(u64::MAX));
                let mut mind = Wishes::new(client, dice);
                let told = |n| connection.ask(client * NUMBERS + n, mind.next());
                (0..wishes).map(told).collect::<Vec<Told>>()
            })
        })
        .collect();
    let answers = threads.into_iter().map(|thread| thread.join().unwrap());
    answers.flatten().collect()
}

/// Waits until the node answers for both shards: a member needs leaders that are there.
pub(crate) fn until_ready(address: &str) {
    let started = Instant::now();
    let [keys, locks] = SHARDS;
    let paths = [
        format!("/v1/keys/nothing?shard={keys}"),
        format!("/v1/locks/nothing?shard={locks}"),
    ];
    let answers = |path: &String| Connection::to(address).get(path) < 500;
    while !paths.iter().all(answers) {
        assert!(started.elapsed() < PATIENCE, "it does not become ready");
        thread::sleep(Duration::from_millis(20));
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    /// Whose requests are known again when they are repeated.
    id: u128,
    /// Who has the locks: another for each acquisition.
    owners: BTreeMap<(u32, String), String>,
}

impl Connection {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the node listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
            id: 0,
            owners: BTreeMap::new(),
        }
    }

    fn ask(&mut self, number: u64, wish: Wish) -> Told {
        let answer = match &wish {
            Wish::Set(key, value) => {
                let path = format!("/v1/keys/{key}");
                self.call(number, "PUT", &path, "application/octet-stream", value)
            }
            Wish::Delete(key) => self.call(number, "DELETE", &format!("/v1/keys/{key}"), "", ""),
            Wish::Pair(both) => {
                let set = |(key, value): &(String, String)| json!({"op": "set", "key": key, "value": value});
                let body = json!({"then": both.iter().map(set).collect::<Vec<_>>()});
                self.call(
                    number,
                    "POST",
                    "/v1/transaction",
                    "application/json",
                    &body.to_string(),
                )
            }
            Wish::Acquire(shard, lock) => {
                let owner = format!("{:032x}", number + 1);
                let body = json!({"owner": owner, "ttl": "24h"}).to_string();
                self.owners.insert((*shard, lock.clone()), owner);
                let path = format!("/v1/locks/{lock}/acquire?shard={shard}");
                self.call(number, "POST", &path, "application/json", &body)
            }
            Wish::Release(shard, lock) => {
                let owner = self.owners.remove(&(*shard, lock.clone()));
                let body = json!({"owner": owner}).to_string();
                let path = format!("/v1/locks/{lock}/release?shard={shard}");
                self.call(number, "POST", &path, "application/json", &body)
            }
        };
        let told = |field: &str| answer[field].as_u64();
        let revision = told("revision").unwrap_or_else(|| panic!("{wish:?}: {answer}"));
        let fence = told("fence").unwrap_or_default();
        Told {
            number,
            wish,
            revision,
            fence,
        }
    }

    /// The status of what is there.
    fn get(&mut self, path: &str) -> u16 {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let stream = self.stream.get_mut();
        stream
            .write_all(request.as_bytes())
            .expect("the node reads");
        self.read().0
    }

    /// Asks until the outcome is told: a leader that lost its office does not know it.
    fn call(&mut self, number: u64, method: &str, path: &str, kind: &str, body: &str) -> Value {
        let (id, sequence) = (self.id, number % NUMBERS + 1);
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: op-{number}\r\n\
             Idempotency-Key: {id:032x}-{sequence}\r\n"
        );
        if !kind.is_empty() {
            request.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let began = Instant::now();
        let (status, body) = loop {
            let stream = self.stream.get_mut();
            stream
                .write_all(request.as_bytes())
                .expect("the node reads");
            let (status, body) = self.read();
            if !matches!(status, 503 | 504) || began.elapsed() > PATIENCE {
                break (status, body);
            }
            thread::sleep(Duration::from_millis(20));
        };
        assert!(
            (200..210).contains(&status),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).expect("the answer is JSON")
    }

    /// A status and a body.
    fn read(&mut self) -> (u16, Vec<u8>) {
        let mut length = 0;
        let mut first = String::new();
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line).expect("the node answers");
            assert!(read > 0, "the node hung up after: {first}");
            if first.is_empty() {
                first.clone_from(&line);
            }
            let (name, value) = line.trim_end().split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length is a number");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body comes");
        let status = first.split(' ').nth(1).and_then(|it| it.parse().ok());
        (status.expect("a status is a number"), body)
    }
}
