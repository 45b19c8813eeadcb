//! HTTP/1.1 as far as attacks need it: heads are text, and answers are counted.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::plan::{Plan, cut};
use super::wire::Wire;

/// The head of a request that is no page's.
pub(super) fn head(method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}")
}

/// Reads whatever comes, and errs when nothing can come any more.
pub(super) async fn drain(mut wire: impl AsyncRead + Unpin, plan: Plan) -> io::Result<()> {
    let mut bytes = vec![0; 4_096];
    let mut is_answered = false;
    loop {
        if wire.read(&mut bytes).await? == 0 {
            return Err(cut());
        }
        if !is_answered {
            plan.count_answer();
            is_answered = true;
        }
    }
}

/// Writes a value and waits until it is there.
pub(super) async fn put(mut wire: Wire, key: &str, value: &[u8]) -> io::Result<()> {
    let more = format!(
        "Connection: close\r\nContent-Length: {}\r\n\r\n",
        value.len()
    );
    let head = head("PUT", &format!("/v1/keys/{key}"), &more);
    wire.write_all(head.as_bytes()).await?;
    wire.write_all(value).await?;
    let mut answer = Vec::new();
    wire.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.starts_with("HTTP/1.1 20") {
        true => Ok(()),
        false => Err(io::Error::other(format!("no value to attack: {answer}"))),
    }
}
