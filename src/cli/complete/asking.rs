//! Names, asked of a server that has little time to answer.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::kinds::Kind;
use crate::base::Result;
use crate::client::{Client, KeyRange, ScanOptions, prefix_range};

/// How long a person who pressed Tab waits, everything together.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

/// As many as fit on a screen.
pub(crate) const CANDIDATES_MAX: usize = 100;

/// What ends a part of a key that several have in common, by everybody's habit.
const SEPARATORS: [u8; 2] = *b":/";

/// Whether a name is only the beginning of several, so that no blank belongs behind it.
pub(crate) fn goes_on(name: &str) -> bool {
    name.ends_with(['/', ':', '='])
}

/// The names of a kind that begin with `begin`, in order; none if that takes too long.
///
/// Of many keys only the next part is told: `user:` for `user:1` to `user:9999`.
pub(crate) async fn names(client: &Client, kind: Kind, begin: &str) -> Vec<String> {
    let asked = async {
        let client = client.with_timeout(PATIENCE)?;
        match kind {
            Kind::Key => keys(&client, begin).await,
            Kind::Bucket => buckets(&client, begin).await,
            Kind::Lock => locks(&client, begin, false).await,
            Kind::Fence => locks(&client, begin, true).await,
            Kind::Shard => shards(&client).await,
            Kind::Member => members(&client).await,
            Kind::File | Kind::Value | Kind::Topic | Kind::Explained => Ok(Vec::new()),
        }
    };
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    let names = answered.ok().and_then(Result::ok).unwrap_or_default();
    let is_shown = |name: &String| name.starts_with(begin) && !name.contains(char::is_control);
    names
        .into_iter()
        .filter(is_shown)
        .take(CANDIDATES_MAX)
        .collect()
}

async fn keys(client: &Client, begin: &str) -> Result<Vec<String>> {
    let range = prefix_range(Bytes::copy_from_slice(begin.as_bytes()));
    let found = first_keys(client, range.clone(), CANDIDATES_MAX + 1).await?;
    if found.len() <= CANDIDATES_MAX {
        return Ok(found.iter().filter_map(|key| text(key)).collect());
    }
    parts(client, range, begin.len()).await
}

/// The parts that follow the first `known` bytes, one question for each.
async fn parts(client: &Client, mut range: KeyRange, known: usize) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    let begun = Instant::now();
    // Some are better than none because time ran out.
    while parts.len() < CANDIDATES_MAX && begun.elapsed() < PATIENCE / 2 {
        let Some(key) = first_keys(client, range.clone(), 1).await?.pop() else {
            break;
        };
        let rest = key.get(known..).unwrap_or_default();
        let end = rest.iter().position(|byte| SEPARATORS.contains(byte));
        let part = match end {
            Some(end) => key.slice(..known + end + 1),
            None => key.clone(),
        };
        range.start = match end {
            Some(_) => prefix_range(part.clone()).end,
            None => [&key[..], &[0]].concat().into(),
        };
        parts.extend(text(&part));
        if range.start.is_empty() || !range.end.is_empty() && range.start >= range.end {
            break;
        }
    }
    Ok(parts)
}

async fn first_keys(client: &Client, range: KeyRange, limit: usize) -> Result<Vec<Bytes>> {
    let mut scan = client.scan(ScanOptions {
        range,
        limit: limit as u64,
        keys_only: true,
        ..ScanOptions::default()
    });
    let page = scan.next_page().await?.unwrap_or_default();
    Ok(page.into_iter().map(|record| record.key).collect())
}

async fn buckets(client: &Client, begin: &str) -> Result<Vec<String>> {
    let page = client.bucket_list(begin).next_page().await?;
    Ok(page
        .into_iter()
        .flatten()
        .map(|bucket| bucket.name)
        .collect())
}

async fn locks(client: &Client, begin: &str, with_fence: bool) -> Result<Vec<String>> {
    let begin = begin.split('@').next().unwrap_or_default();
    let begin = Bytes::copy_from_slice(begin.as_bytes());
    let page = client
        .lock_list(begin)
        .next_page()
        .await?
        .unwrap_or_default();
    let named = page
        .into_iter()
        .filter_map(|lock| Some((text(&lock.name)?, lock.fence)));
    Ok(named
        .map(|(name, fence)| match with_fence {
            true => format!("{name}@{fence}"),
            false => name,
        })
        .collect())
}

async fn shards(client: &Client) -> Result<Vec<String>> {
    let node = client.describe().await?;
    Ok(node
        .shards
        .iter()
        .map(|shard| shard.id.0.to_string())
        .collect())
}

async fn members(client: &Client) -> Result<Vec<String>> {
    let overview = client.cluster()?.overview().await?;
    Ok(overview
        .members
        .into_iter()
        .map(|view| view.member.name)
        .collect())
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
