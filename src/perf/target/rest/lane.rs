//! What one logical client asks a node over REST.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http::request::Builder;
use http::{Method, StatusCode};
use http_body_util::Full;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::timeout;

use super::Node;
use super::answer::{Answer, Batch, Page, encoded};
use super::connection::{Connection, Lost};
use crate::base::types::prefix_end;
use crate::base::{Error, Result, limits};
use crate::perf::target::dkv::held;

const RAW: HeaderValue = HeaderValue::from_static("application/octet-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// The lease of a lock that a client which dies leaves behind.
const LOCK_TTL: &str = "30s";

/// Records in a page of a scan: as in one of a session.
const PAGE_RECORDS: u64 = limits::SCAN_PAGE_RECORDS as u64;

/// One logical client.
pub(in crate::perf) struct RestLane {
    node: Arc<Node>,
    /// None before the first request, and after a lost connection.
    connection: Mutex<Option<Connection>>,
}

impl RestLane {
    pub(super) fn new(node: Arc<Node>) -> Self {
        let mut kept = node.idle.lock().pop();
        Self {
            connection: Mutex::new(kept.take_if(|it| it.is_open())),
            node,
        }
    }

    /// The beginning of a request.
    fn request(&self, method: Method, path: &str) -> Builder {
        http::Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.node.host.clone())
            .header("x-dkv-shard", self.node.shard.clone())
    }

    /// A path, and behind it what of the query all requests have in common.
    fn path(&self, parts: &[&str], query: &str) -> String {
        let mut path = String::with_capacity(128);
        for part in parts {
            path.push_str(part);
        }
        for (more, mark) in [(query, '?'), (&*self.node.query, '&')] {
            if !more.is_empty() {
                path.push(if path.contains('?') { mark } else { '?' });
                path.push_str(more);
            }
        }
        path
    }

    async fn ask(&self, request: Builder, body: Bytes) -> Result<Answer> {
        let node = &self.node;
        let request = request
            .body(Full::new(body))
            .map_err(|error| Error::internal(format!("a request could not be written: {error}")))?;
        let exchange = async {
            let connection = self.connection.lock().take();
            let mut connection = match connection {
                Some(connection) => connection,
                None => Connection::open(&node.dial, &node.address, node.timeout).await?,
            };
            let answer = connection.ask(request).await?;
            if connection.stays() {
                *self.connection.lock() = Some(connection);
            }
            Ok(answer)
        };
        let answer = timeout(node.timeout, exchange).await;
        let answer = answer.unwrap_or(Err(Lost::Late));
        let answer = answer.map_err(|lost| node.lost(&lost))?;
        Ok(Answer::new(&node.address, answer))
    }

    async fn get_of(&self, path: &str) -> Result<Answer> {
        self.ask(self.request(Method::GET, path), Bytes::new())
            .await
    }

    async fn post(&self, path: &str, document: &serde_json::Value) -> Result<Answer> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, JSON);
        self.ask(request, document.to_string().into()).await
    }

    fn put(&self, key: &str) -> Builder {
        let path = self.path(&["/v1/keys/", &escaped(key)], "");
        self.request(Method::PUT, &path).header(CONTENT_TYPE, RAW)
    }

    pub(in crate::perf::target) async fn set(&self, key: &str, value: Bytes) -> Result<()> {
        self.ask(self.put(key), value).await?.done()?;
        Ok(())
    }

    async fn record(&self, key: &str) -> Result<Option<Answer>> {
        let path = self.path(&["/v1/keys/", &escaped(key)], "");
        let request = self.request(Method::GET, &path).header(ACCEPT, RAW);
        self.ask(request, Bytes::new()).await?.found()
    }

    pub(in crate::perf::target) async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.record(key).await?.map(Answer::into_body))
    }

    pub(in crate::perf::target) async fn has(&self, key: &str) -> Result<bool> {
        let path = self.path(&["/v1/has/", &escaped(key)], "");
        self.get_of(&path).await?.done()?.field("found")
    }

    pub(in crate::perf::target) async fn delete(&self, key: &str) -> Result<bool> {
        let path = self.path(&["/v1/keys/", &escaped(key)], "");
        let request = self.request(Method::DELETE, &path);
        let answer = self.ask(request, Bytes::new()).await?.done()?;
        let deleted: u64 = answer.field("deleted")?;
        Ok(deleted > 0)
    }

    /// Reads the records from `start` on that begin with `prefix`, page by page; 0 is no
    /// limit.
    pub(in crate::perf::target) async fn scan(
        &self,
        prefix: &str,
        start: &str,
        limit: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        let limit = if limit == 0 { u64::MAX } else { limit };
        let end = prefix_end(prefix.as_bytes()).unwrap_or_default();
        let range = format!("start={}&end={}", escaped(start), escaped(end));
        let mut records = 0;
        let mut cursor = String::new();
        while records < limit && go_on() {
            let mut query = format!("{range}&limit={}", PAGE_RECORDS.min(limit - records));
            if !cursor.is_empty() {
                let _ = write!(query, "&cursor={cursor}");
            }
            let path = self.path(&["/v1/keys"], &query);
            let page: Page = self.get_of(&path).await?.done()?.read()?;
            records += page.keys.len() as u64;
            match page.next_cursor {
                Some(next) => cursor = next,
                None => break,
            }
        }
        Ok(records)
    }

    pub(in crate::perf::target) async fn modify(&self, key: &str, value: Bytes) -> Result<bool> {
        let record = self.record(key).await?;
        let request = match record.as_ref().and_then(Answer::tag) {
            Some(tag) => self.put(key).header(IF_MATCH, tag.clone()),
            None => self.put(key).header(IF_NONE_MATCH, ANY),
        };
        let answer = self.ask(request, value).await?;
        let written = answer.done_unless(StatusCode::PRECONDITION_FAILED)?;
        Ok(written.is_some())
    }

    pub(in crate::perf::target) async fn batch(&self, keys: &[String], value: Bytes) -> Result<()> {
        let value = encoded(&value);
        let items: Vec<_> = (keys.iter())
            .map(|key| json!({"key": key, "value_b64": value}))
            .collect();
        let path = self.path(&["/v1/batch/put"], "");
        let answer = self.post(&path, &json!({ "items": items })).await?.done()?;
        let batch: Batch = answer.read()?;
        let mut refusals = batch.results.into_iter().filter_map(|it| it.error);
        match refusals.next() {
            Some(refusal) => Err(refusal.into_error()),
            None if batch.success_count == keys.len() => Ok(()),
            None => Err(Error::internal("not every key was set")),
        }
    }

    pub(in crate::perf::target) async fn txn(&self, keys: &[String], value: Bytes) -> Result<bool> {
        let value = encoded(&value);
        let then: Vec<_> = (keys.iter())
            .map(|key| json!({"op": "set", "key": key, "value_b64": value}))
            .collect();
        let compares = json!([{"field": "exists", "key": keys[0]}]);
        let document = json!({ "compares": compares, "then": then });
        let path = self.path(&["/v1/transaction"], "");
        let answer = self.post(&path, &document).await?;
        Ok(answer.done_unless(StatusCode::CONFLICT)?.is_some())
    }

    pub(in crate::perf::target) async fn lock_cycle(&self, name: &str) -> Result<()> {
        let (name, owner) = (escaped(name), self.node.owner());
        let path = self.path(&["/v1/locks/", &name, "/acquire"], "");
        let document = json!({ "owner": owner, "ttl": LOCK_TTL });
        let granted = self.post(&path, &document).await?;
        if granted.done_unless(StatusCode::CONFLICT)?.is_none() {
            return Err(held());
        }
        let path = self.path(&["/v1/locks/", &name, "/release"], "");
        let released = self.post(&path, &json!({ "owner": owner })).await?;
        match released.done_unless(StatusCode::CONFLICT)? {
            Some(_) => Ok(()),
            None => Err(held()),
        }
    }

    /// Removes every key that begins with `prefix`.
    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        let within_ms = self.node.timeout.as_millis();
        let query = format!("prefix={}&timeout={within_ms}ms", escaped(prefix));
        let path = self.path(&["/v1/keys"], &query);
        let request = self.request(Method::DELETE, &path);
        self.ask(request, Bytes::new()).await?.done()?;
        Ok(())
    }
}

impl Drop for RestLane {
    /// The lanes of the next test need not connect.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.get_mut().take() {
            self.node.idle.lock().push(connection);
        }
    }
}

/// Text as a path and a query take it.
pub(super) fn escaped(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let mut escaped = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                escaped.push(byte as char);
            }
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
