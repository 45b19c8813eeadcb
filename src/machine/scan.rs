//! Reading ranges, a page at a time, now or at a past revision.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::engine::{Read, Table};
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
    /// The most records in the page, at least 1.
    pub limit: usize,
    /// The page ends after the record that reaches this many bytes.
    pub bytes_max: usize,
    /// Leave values out: a live record has an empty one.
    pub keys_only: bool,
    /// With softly expired records, whose value is `None`.
    pub include_expired: bool,
    /// `None`: the present revision.
    pub at: Option<Revision>,
}

/// A page of a range, in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPage {
    /// The revision that all of it is of: the next page asks for it.
    pub revision: Revision,
    /// Keys and their records.
    pub records: Vec<(Bytes, Record)>,
    /// There are records behind the last one.
    pub more: bool,
}

/// A page at the revision of `rows`, be it an engine or a view; `query.at` is for
/// [`Machine::scan`](crate::machine::Machine::scan), which has the history.
///
/// # Errors
/// `NotFound` without such a bucket; `Invalid` for a limit of 0; else if the engine
/// fails or a row is damaged.
pub fn scan(rows: &(impl Read + ?Sized), query: &ScanQuery) -> Result<ScanPage> {
    let mut page = Page::begin(rows, query, query::state(rows)?.revision)?;
    let (start, end) = bounds(query);
    rows.scan(Table::Data, &start, Some(&end), &mut |row, value| {
        page.visit(row, || codec::decode_record(value))
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
    let mut gone = history.gone_in(&start, &end, revision).peekable();
    let mut flow = ControlFlow::Continue(());
    rows.scan(Table::Data, &start, Some(&end), &mut |row, value| {
        while let Some((gone, record)) = gone.next_if(|(gone, _)| **gone < *row) {
            flow = page.visit_past(gone, record);
            if flow.is_break() {
                return flow;
            }
        }
        flow = match history.past(row, revision) {
            Some(record) => page.visit_past(row, record),
            None => page.visit(row, || codec::decode_record(value)),
        };
        flow
    })?;
    for (gone, record) in gone {
        if flow.is_break() {
            break;
        }
        flow = page.visit_past(gone, record);
    }
    page.end()
}

/// The rows that can be in the page.
fn bounds(query: &ScanQuery) -> (Bytes, Bytes) {
    let start = keys::data(&query.bucket, &query.start);
    let start = match &query.after {
        // The first row behind a key is the key with a zero byte.
        Some(after) => start.max(keys::data(&query.bucket, &[after, &[0][..]].concat())),
        None => start,
    };
    let end = match &query.end {
        Some(end) => keys::data(&query.bucket, end),
        None => keys::bucket_end(&query.bucket),
    };
    // An end before the start is an empty range.
    let end = end.max(start.clone());
    (start, end)
}

/// A page being filled.
struct Page<'a> {
    query: &'a ScanQuery,
    page: ScanPage,
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
        if query.limit == 0 {
            return Err(Error::invalid(
                "a limit of 0 records (should be at least 1)",
            ));
        }
        Ok(Self {
            query,
            page: ScanPage {
                revision,
                records: Vec::new(),
                more: false,
            },
            bytes: 0,
            damage: None,
        })
    }

    fn visit(
        &mut self,
        row: &[u8],
        record: impl FnOnce() -> Result<Record, codec::CodecError>,
    ) -> ControlFlow<()> {
        match record() {
            Ok(record) => self.add(row, record),
            Err(error) => {
                self.damage = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn visit_past(&mut self, row: &[u8], record: Option<&Record>) -> ControlFlow<()> {
        match record {
            Some(record) => self.add(row, record.clone()),
            None => ControlFlow::Continue(()),
        }
    }

    fn add(&mut self, row: &[u8], mut record: Record) -> ControlFlow<()> {
        if record.is_expired() && !self.query.include_expired {
            return ControlFlow::Continue(());
        }
        if self.page.records.len() >= self.query.limit || self.bytes >= self.query.bytes_max {
            self.page.more = true;
            return ControlFlow::Break(());
        }
        if self.query.keys_only {
            record.value = record.value.map(|_| Bytes::new());
        }
        let key = Bytes::copy_from_slice(&row[1 + self.query.bucket.len()..]);
        self.bytes += key.len() + record.value.as_ref().map_or(0, Bytes::len);
        self.page.records.push((key, record));
        ControlFlow::Continue(())
    }

    fn end(self) -> Result<ScanPage> {
        match self.damage {
            Some(error) => Err(error.into()),
            None => Ok(self.page),
        }
    }
}
