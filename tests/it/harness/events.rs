//! REST as a program without a client of dkv speaks it: requests with JSON, and the events
//! of a stream.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::PATIENCE;
use super::http::{Answer, http_raw};

/// Asks for a path, with more header lines and with a body that is JSON unless it is empty.
#[track_caller]
pub(crate) fn rest(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> (u16, Value) {
    let Answer { status, body, .. } = http_raw(address, &request(method, path, headers, body));
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn request(method: &str, path: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    if !body.is_empty() {
        head.push_str("Content-Type: application/json\r\n");
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    head.into_bytes()
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
    /// Empty: it has none.
    pub(crate) id: String,
}

impl Event {
    /// Its name, key, and id.
    pub(crate) fn short(&self) -> String {
        let key = self.data["key"].as_str().unwrap_or_default();
        format!("{} {key} {}", self.name, self.id)
    }
}

/// A stream of events that is open.
pub(crate) struct Events {
    lines: BufReader<Chunks>,
    pub(crate) status: u16,
    pub(crate) head: String,
}

impl Events {
    /// Opens one, of which the first that is told is left to [`Events::next`].
    #[track_caller]
    pub(crate) fn open(address: &str, path: &str, headers: &[&str]) -> Self {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(&request("GET", path, headers, ""))
            .expect("the server takes it");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).unwrap(), 0, "no answer: {head}");
        }
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let chunks = Chunks { stream, left: 0 };
        Self {
            lines: BufReader::new(chunks),
            status: status.unwrap_or(0),
            head: head.to_lowercase(),
        }
    }

    /// The same, once it says that it has begun: with `progress`, which is given, too.
    #[track_caller]
    pub(crate) fn begin(address: &str, path: &str, headers: &[&str]) -> (Self, Event) {
        let mut events = Self::open(address, path, headers);
        assert_eq!(events.status, 200, "{}", events.head);
        let first = events.next().expect("it says so");
        assert_eq!(first.name, "progress");
        (events, first)
    }

    /// The next event; `None` if the stream ended.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let (mut name, mut data, mut id) = (String::new(), None, String::new());
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches('\n');
            match line.split_once(": ") {
                Some(("event", given)) => given.clone_into(&mut name),
                Some(("data", given)) => data = Some(serde_json::from_str(given).unwrap()),
                Some(("id", given)) => given.clone_into(&mut id),
                _ => {}
            }
            if let (true, Some(data)) = (line.is_empty(), data.take_if(|_| line.is_empty())) {
                return Some(Event { name, data, id });
            }
        }
    }

    /// The next so many, in short.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<String> {
        let next = || self.next().expect("there is more to tell").short();
        std::iter::repeat_with(next).take(count).collect()
    }
}

/// A body in chunks.
struct Chunks {
    stream: BufReader<TcpStream>,
    left: usize,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let mut line = String::new();
            while line.trim().is_empty() {
                line.clear();
                if self.stream.read_line(&mut line)? == 0 {
                    return Ok(0);
                }
            }
            let length = usize::from_str_radix(line.trim(), 16);
            self.left = length.map_err(io::Error::other)?;
        }
        let most = self.left.min(into.len());
        let read = self.stream.read(&mut into[..most])?;
        self.left -= read;
        Ok(read)
    }
}
