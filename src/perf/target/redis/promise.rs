//! What a Redis promises, out of what it says of itself.

use std::collections::HashMap;

use super::resp::Reply;
use crate::perf::target::Promise;

/// The settings that decide it, as `CONFIG GET` takes them.
pub(super) const SETTINGS: [&str; 4] = [
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "save",
];

/// What was asked for, in words. `settings` lacks what the server would not tell;
/// `replication` is the text of `INFO replication`.
pub(super) fn promise(settings: &HashMap<String, String>, replication: &str) -> Promise {
    let mut acknowledged_when = durability(settings);
    let replicas = field(replication, "connected_slaves").unwrap_or("0");
    if replicas != "0" {
        acknowledged_when.push_str(&format!("; {replicas} replicas follow later"));
    }
    let is_replica = field(replication, "role") == Some("slave");
    let reads = if is_replica {
        "a replica's: may answer from the past"
    } else {
        "linearizable while the server lives"
    };
    Promise {
        acknowledged_when,
        reads: reads.to_owned(),
    }
}

fn durability(settings: &HashMap<String, String>) -> String {
    let setting = |name: &str| settings.get(name).map(String::as_str);
    let words = match (setting("appendonly"), setting("appendfsync")) {
        (Some("yes"), Some("always")) => match setting("no-appendfsync-on-rewrite") {
            Some("yes") => {
                "on disk (appendfsync always), but in memory while the file is rewritten"
            }
            _ => "on disk (appendfsync always)",
        },
        (Some("yes"), Some("everysec")) => {
            "in memory, on disk within about 1s (appendfsync everysec)"
        }
        (Some("yes"), _) => "in memory, on disk when the system likes (appendfsync no)",
        (Some(_), _) => match setting("save") {
            Some("") | None => "in memory only",
            Some(save) => return format!("in memory only; snapshots now and then (save {save})"),
        },
        (None, _) => "unknown: the server does not tell its settings (CONFIG GET)",
    };
    words.to_owned()
}

/// The settings in the reply to `CONFIG GET`: names and values in turns.
pub(super) fn settings(reply: &Reply) -> impl Iterator<Item = (String, String)> {
    let replies = match reply {
        Reply::Array(replies) => replies.as_slice(),
        _ => &[],
    };
    replies.chunks_exact(2).filter_map(|pair| match pair {
        [Reply::Bulk(name), Reply::Bulk(value)] => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((text(name), text(value)))
        }
        _ => None,
    })
}

/// A field of the text that `INFO` answers: `name:value` on a line.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines();
    lines
        .find_map(|line| line.split_once(':').filter(|(known, _)| *known == name))
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: &[(&str, &str)], replication: &str) -> Promise {
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        promise(&settings.collect(), replication)
    }

    #[test]
    fn settings_are_told_in_words() {
        let save = ("save", "3600 1 300 100");
        let aof = |fsync| [("appendonly", "yes"), ("appendfsync", fsync), save];
        let rewrite = [
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            ("no-appendfsync-on-rewrite", "yes"),
        ];
        for (settings, words) in [
            (&aof("always")[..], "on disk (appendfsync always)"),
            (
                &rewrite,
                "on disk (appendfsync always), but in memory while the file is rewritten",
            ),
            (
                &aof("everysec"),
                "in memory, on disk within about 1s (appendfsync everysec)",
            ),
            (
                &aof("no"),
                "in memory, on disk when the system likes (appendfsync no)",
            ),
            (
                &[("appendonly", "no"), ("appendfsync", "always"), save],
                "in memory only; snapshots now and then (save 3600 1 300 100)",
            ),
            (&[("appendonly", "no"), ("save", "")], "in memory only"),
            (
                &[],
                "unknown: the server does not tell its settings (CONFIG GET)",
            ),
        ] {
            let promise = told(settings, "");
            assert_eq!(promise.acknowledged_when, words);
        }
    }

    #[test]
    fn replicas_follow_later_and_a_replica_reads_the_past() {
        let off = [("appendonly", "no"), ("save", "")];
        let master = told(
            &off,
            "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n",
        );
        assert_eq!(
            master.acknowledged_when,
            "in memory only; 2 replicas follow later"
        );
        assert_eq!(master.reads, "linearizable while the server lives");
        let replica = told(
            &off,
            "# Replication\r\nrole:slave\r\nconnected_slaves:0\r\n",
        );
        assert_eq!(replica.acknowledged_when, "in memory only");
        assert!(replica.reads.contains("from the past"));
    }
}
