//! Events as a stream tells them (WHATWG HTML, section 9.2), and the ids by which a reader
//! that was cut off goes on: each event once, none left out.

use std::fmt;

use serde::Serialize;

use super::forms::{Record, text};
use super::verbs::kind_name;
use crate::base::{Error, Result};
use crate::proto::v1;

/// How much of what happened was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Everything up to and with this revision.
    Whole(u64),
    /// Everything before this revision, and so many events of it: at least one, not all.
    Part(u64, u64),
}

impl Mark {
    /// Reads an id.
    ///
    /// # Errors
    /// `Invalid` for what is none.
    pub(super) fn parse(id: &str) -> Result<Self> {
        let mark = match id.split_once('-') {
            None => number(id).map(Self::Whole),
            Some((revision, told)) => number(revision)
                .zip(number(told).filter(|told| *told > 0))
                .map(|(revision, told)| Self::Part(revision, told)),
        };
        // The revision behind it must be a number, too.
        let mark = mark.filter(|mark| (1..u64::MAX).contains(&mark.begins_with()));
        mark.ok_or_else(|| {
            let shown: String = id.chars().take(80).collect();
            Error::invalid(format!(
                "the Last-Event-ID is `{}`: it is what stood behind `id:` at the last event, \
                 REVISION or REVISION-NUMBER",
                shown.escape_debug()
            ))
        })
    }

    /// The first revision of which there may be more to tell.
    pub(super) fn begins_with(self) -> u64 {
        match self {
            Self::Whole(revision) => revision.saturating_add(1),
            Self::Part(revision, _) => revision,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(revision) => write!(f, "{revision}"),
            Self::Part(revision, told) => write!(f, "{revision}-{told}"),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Counts the events of each revision.
#[derive(Debug, Default)]
pub(super) struct Count {
    revision: u64,
    told: u64,
    /// What the reader has already.
    known: Option<Mark>,
}

impl Count {
    /// For a reader that has so much.
    pub(super) fn after(known: Option<Mark>) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    /// The mark of everything up to this revision; `None` if the reader has more already: a
    /// member that is behind, and is asked for stale answers, may say so.
    pub(super) fn whole(&self, revision: u64) -> Option<Mark> {
        let is_behind = matches!(self.known, Some(Mark::Part(known, _)) if revision < known);
        (!is_behind).then_some(Mark::Whole(revision))
    }

    /// The mark of the next event, which is the last of its revision or not; `None` if the
    /// reader has it.
    pub(super) fn next(&mut self, revision: u64, is_last: bool) -> Option<Mark> {
        if revision != self.revision {
            (self.revision, self.told) = (revision, 0);
        }
        self.told += 1;
        match self.known {
            Some(Mark::Part(known, told)) if known == revision && self.told <= told => None,
            _ if is_last => Some(Mark::Whole(revision)),
            _ => Some(Mark::Part(revision, self.told)),
        }
    }
}

/// What a change is told as.
#[derive(Debug, Serialize)]
struct Change {
    #[serde(flatten)]
    after: After,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Record>,
}

/// The key after a change: of one that is gone there is nothing else.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum After {
    There(Record),
    Gone {
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key_b64: Option<String>,
        revision: u64,
    },
}

/// Events as text, one after the other.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
}

impl Text {
    /// What comes first: a comment, so that whoever stands between begins to pass it on, and
    /// after how long a reader that is cut off comes back, ms.
    pub(super) fn begin(&mut self) {
        self.bytes.extend_from_slice(b": ok\nretry: 1000\n\n");
    }

    /// A change.
    pub(super) fn change(&mut self, event: v1::WatchEvent, mark: Mark) {
        let kind = event.kind();
        let record = event.record.unwrap_or_default();
        let after = match kind {
            v1::EventKind::Delete => {
                let (key, key_b64) = text(&record.key);
                let revision = event.revision;
                After::Gone {
                    key,
                    key_b64,
                    revision,
                }
            }
            _ => After::There(Record::of(record, true)),
        };
        let previous = event.previous.map(|record| Record::of(record, true));
        let change = Change { after, previous };
        self.event(kind_name(kind), &change, Some(mark));
    }

    /// A key that was there when the watch began.
    pub(super) fn initial(&mut self, event: v1::WatchEvent) {
        let record = Record::of(event.record.unwrap_or_default(), true);
        self.event("initial", &record, None);
    }

    /// That everything up to this revision was told, for the reason of that name.
    pub(super) fn told(&mut self, name: &str, revision: u64, mark: Option<Mark>) {
        let told = serde_json::json!({ "revision": revision });
        self.event(name, &told, mark);
    }

    /// Why nothing follows.
    pub(super) fn end(&mut self, why: &impl Serialize) {
        self.event("end", why, None);
    }

    fn event(&mut self, name: &str, data: &impl Serialize, mark: Option<Mark>) {
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
        // JSON has no line breaks but those that are written as such.
        serde_json::to_writer(&mut *bytes, data).expect("memory takes what is text and numbers");
        if let Some(mark) = mark {
            bytes.extend_from_slice(format!("\nid: {mark}").as_bytes());
        }
        bytes.extend_from_slice(b"\n\n");
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for mark in [
            Mark::Whole(0),
            Mark::Whole(7),
            Mark::Whole(u64::MAX - 2),
            Mark::Part(7, 3),
            Mark::Part(u64::MAX - 1, u64::MAX),
        ] {
            assert_eq!(Mark::parse(&mark.to_string()).unwrap(), mark);
        }
        for wrong in [
            "",
            "-",
            "7-",
            "-3",
            "7-0",
            "0-1",
            "+7",
            "7 ",
            "7-3-1",
            "7.0",
            "x",
            "18446744073709551615",
            "18446744073709551616",
            "7-18446744073709551616",
        ] {
            let error = Mark::parse(wrong).unwrap_err();
            assert!(error.message().contains("Last-Event-ID"), "{wrong}");
        }
    }

    /// Revisions of so many events each; the marks a reader sees that has so much.
    fn marks(counts: &[(u64, u64)], known: Option<Mark>) -> Vec<String> {
        let mut count = Count::after(known);
        let mut seen = Vec::new();
        for (revision, events) in counts {
            for at in 1..=*events {
                seen.extend(count.next(*revision, at == *events));
            }
        }
        seen.iter().map(Mark::to_string).collect()
    }

    #[test]
    fn whoever_was_cut_off_anywhere_is_told_the_rest() {
        let counts = [(3, 1), (5, 3), (6, 2), (9, 1)];
        let all = marks(&counts, None);
        assert_eq!(all, ["3", "5-1", "5-2", "5", "6-1", "6", "9"]);
        for at in 0..all.len() {
            let known = Mark::parse(&all[at]).unwrap();
            let from = counts
                .into_iter()
                .filter(|(revision, _)| *revision >= known.begins_with());
            let rest = marks(&from.collect::<Vec<_>>(), Some(known));
            assert_eq!(rest, all[at + 1..], "after {known}");
        }
    }

    #[test]
    fn no_mark_takes_back_what_was_told() {
        let count = Count::after(Some(Mark::Part(7, 2)));
        assert_eq!(count.whole(6), None);
        assert_eq!(count.whole(7), Some(Mark::Whole(7)));
        assert_eq!(Count::default().whole(0), Some(Mark::Whole(0)));
    }

    #[test]
    fn an_event_is_a_line_of_json() {
        let record = |key, value| v1::Record {
            key: Bytes::from_static(key),
            value: Bytes::from_static(value),
            revision: 4,
            create_revision: 3,
            version: 2,
            ..v1::Record::default()
        };
        let mut text = Text::default();
        let set = v1::WatchEvent {
            kind: v1::EventKind::Set.into(),
            revision: 4,
            record: Some(record(b"a", b"two\r\nlines")),
            previous: Some(record(b"a", b"\xff")),
        };
        text.change(set, Mark::Part(4, 1));
        let delete = v1::WatchEvent {
            kind: v1::EventKind::Delete.into(),
            revision: 4,
            record: Some(v1::Record {
                key: Bytes::from_static(b"\xff"),
                ..v1::Record::default()
            }),
            previous: None,
        };
        text.change(delete, Mark::Whole(4));
        let told = String::from_utf8(text.bytes).unwrap();
        let expected = "event: set\n\
            data: {\"key\":\"a\",\"value\":\"two\\r\\nlines\",\"revision\":4,\
            \"create_revision\":3,\"version\":2,\"previous\":{\"key\":\"a\",\
            \"value_b64\":\"/w==\",\"revision\":4,\"create_revision\":3,\"version\":2}}\n\
            id: 4-1\n\n\
            event: delete\ndata: {\"key_b64\":\"/w==\",\"revision\":4}\nid: 4\n\n";
        assert_eq!(told, expected);
    }
}
