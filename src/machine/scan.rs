//! Reading ranges, a page at a time, now or at a past revision, up or down.

use std::ops::ControlFlow;

use bytes::{Bytes, BytesMut};

use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::engine::{EngineError, Read, Table, Visit};
use crate::kv::Record;
use crate::machine::history::History;
use crate::machine::{codec, keys, query};

/// Which page of which range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanQuery {
    /// Empty: the default bucket.
    pub bucket: String,
    /// Inclusive; empty: from the first key.
    pub start: Bytes,
    /// Exclusive; `None`: to the last key.
    pub end: Option<Bytes>,
    /// Go on behind this key: the last one of the page before.
    pub after: Option<Bytes>,
    /// From the last key to the first.
    pub reverse: bool,
    /// The most records in the page, at least 1.
    pub limit: usize,
    /// The page ends after the record that reaches this many bytes.
    pub bytes_max: usize,
    /// The page ends when it has looked at this many keys, at least 1: those that it leaves
    /// out count, too.
    pub keys_max: usize,
    /// Leave values out: a live record has an empty one.
    pub keys_only: bool,
    /// Leave records out, and count them.
    pub count_only: bool,
    /// With softly expired records, whose value is `None`.
    pub include_expired: bool,
    /// `None`: the present revision.
    pub at: Option<Revision>,
}

/// A page of a range, in key order or against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPage {
    /// The revision that all of it is of: the next page asks for it.
    pub revision: Revision,
    /// Keys and their records; none if they are counted only.
    pub records: Vec<(Bytes, Record)>,
    /// How many records the page has, or has counted.
    pub count: usize,
    /// There are keys behind `last`.
    pub more: bool,
    /// The last key that was looked at: the next page goes on after it. Empty if none was.
    pub last: Bytes,
}

/// A page at the revision of `rows`, be it an engine or a view; `query.at` is for
/// [`Machine::scan`](crate::machine::Machine::scan), which has the history.
///
/// # Errors
/// `NotFound` without such a bucket; `Invalid` for a limit of 0; else if the engine
/// fails or a row is damaged.
pub fn scan(rows: &(impl Read + ?Sized), query: &ScanQuery) -> Result<ScanPage> {
    let mut page = Page::begin(rows, query, query::state(rows)?.revision)?;
    each(rows, query, &mut |row, value| {
        page.visit(row, Found::Row(value))
    })?;
    page.end()
}

/// A page at the past revision the query names, which the history still has.
pub(super) fn scan_past(
    rows: &(impl Read + ?Sized),
    history: &History,
    query: &ScanQuery,
) -> Result<ScanPage> {
    let revision = query
        .at
        .expect("only a query that names a revision reads the past");
    let mut page = Page::begin(rows, query, revision)?;
    let (start, end) = bounds(query);
    let gone = history.gone_in(&start, &end, revision);
    let gone: Box<dyn Iterator<Item = _>> = if query.reverse {
        Box::new(gone.rev())
    } else {
        Box::new(gone)
    };
    let mut gone = gone.peekable();
    let comes_before = |gone: &[u8], row: &[u8]| (gone < row) != query.reverse;
    let mut flow = ControlFlow::Continue(());
    each(rows, query, &mut |row, value| {
        while let Some((gone, record)) = gone.next_if(|(gone, _)| comes_before(gone, row)) {
            flow = page.visit(gone, Found::Past(record));
            if flow.is_break() {
                return flow;
            }
        }
        let found = match history.past(row, revision) {
            Some(record) => Found::Past(record),
            None => Found::Row(value),
        };
        flow = page.visit(row, found);
        flow
    })?;
    for (gone, record) in gone {
        if flow.is_break() {
            break;
        }
        flow = page.visit(gone, Found::Past(record));
    }
    page.end()
}

/// Visits the rows that can be in the page.
fn each(
    rows: &(impl Read + ?Sized),
    query: &ScanQuery,
    visit: Visit<'_>,
) -> Result<(), EngineError> {
    let (start, end) = bounds(query);
    if query.reverse {
        rows.scan_back(Table::Data, &start, Some(&end), visit)
    } else {
        rows.scan(Table::Data, &start, Some(&end), visit)
    }
}

/// The rows that can be in the page.
fn bounds(query: &ScanQuery) -> (Bytes, Bytes) {
    let mut start = keys::data(&query.bucket, &query.start);
    let mut end = match &query.end {
        Some(end) => keys::data(&query.bucket, end),
        None => keys::bucket_end(&query.bucket),
    };
    match &query.after {
        Some(after) if query.reverse => end = end.min(keys::data(&query.bucket, after)),
        Some(after) => {
            // The first row behind a key is the key with a zero byte.
            let behind = keys::data(&query.bucket, &[after, &[0][..]].concat());
            start = start.max(behind);
        }
        None => {}
    }
    // An end before the start is an empty range.
    let end = end.max(start.clone());
    (start, end)
}

/// What a key is, at the revision of the page.
#[derive(Clone, Copy)]
enum Found<'a> {
    /// What its row says.
    Row(&'a [u8]),
    /// What the history says; `None`: it was not there.
    Past(Option<&'a Record>),
}

impl Found<'_> {
    /// Whether the value is gone; `None`: the key is not there.
    fn is_expired(self) -> Option<bool> {
        match self {
            Self::Row(row) => Some(codec::is_expired(row)),
            Self::Past(record) => record.map(Record::is_expired),
        }
    }

    /// The record of a key that is there.
    fn record(&self, keys_only: bool) -> Result<Option<Record>, codec::CodecError> {
        match self {
            Self::Row(row) if keys_only => codec::decode_without_value(row).map(Some),
            Self::Row(row) => codec::decode_record(*row).map(Some),
            Self::Past(record) => Ok(record.map(|record| {
                let mut record = record.clone();
                if keys_only {
                    record.value = record.value.map(|_| Bytes::new());
                }
                record
            })),
        }
    }
}

/// A page being filled.
struct Page<'a> {
    query: &'a ScanQuery,
    page: ScanPage,
    /// Keys looked at so far, ...
    keys: usize,
    /// ... and the last of them.
    last: BytesMut,
    bytes: usize,
    damage: Option<codec::CodecError>,
}

impl<'a> Page<'a> {
    fn begin(
        rows: &(impl Read + ?Sized),
        query: &'a ScanQuery,
        revision: Revision,
    ) -> Result<Self> {
        query::check_bucket(rows, &query.bucket)?;
        if query.limit == 0 || query.keys_max == 0 {
            return Err(Error::invalid(
                "a limit of 0 records (should be at least 1)",
            ));
        }
        Ok(Self {
            query,
            page: ScanPage {
                revision,
                records: Vec::new(),
                count: 0,
                more: false,
                last: Bytes::new(),
            },
            keys: 0,
            last: BytesMut::new(),
            bytes: 0,
            damage: None,
        })
    }

    fn visit(&mut self, row: &[u8], found: Found<'_>) -> ControlFlow<()> {
        if self.keys >= self.query.keys_max {
            self.page.more = true;
            return ControlFlow::Break(());
        }
        let is_wanted = match found.is_expired() {
            Some(is_expired) => !is_expired || self.query.include_expired,
            None => false,
        };
        if is_wanted && self.is_full() {
            self.page.more = true;
            return ControlFlow::Break(());
        }
        self.keys += 1;
        let key = &row[1 + self.query.bucket.len()..];
        self.last.clear();
        self.last.extend_from_slice(key);
        if is_wanted {
            self.page.count += 1;
            if !self.query.count_only {
                return self.add(key, &found);
            }
        }
        ControlFlow::Continue(())
    }

    fn is_full(&self) -> bool {
        self.page.count >= self.query.limit || self.bytes >= self.query.bytes_max
    }

    fn add(&mut self, key: &[u8], found: &Found<'_>) -> ControlFlow<()> {
        match found.record(self.query.keys_only) {
            Ok(record) => {
                if let Some(record) = record {
                    self.bytes += key.len() + record.value.as_ref().map_or(0, Bytes::len);
                    let key = Bytes::copy_from_slice(key);
                    self.page.records.push((key, record));
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.damage = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn end(mut self) -> Result<ScanPage> {
        self.page.last = self.last.freeze();
        match self.damage {
            Some(error) => Err(error.into()),
            None => Ok(self.page),
        }
    }
}
