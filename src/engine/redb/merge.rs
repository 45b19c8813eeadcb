//! One ordered walk over layers and file.

use std::cell::Cell;
use std::iter::Peekable;
use std::ops::{Bound, ControlFlow};

use redb::Range;

use super::layer::Layer;
use super::row;
use super::snapshot::{FileRow, Snapshot};
use crate::engine::tree::Iter;
use crate::engine::{EngineError, Table, Visit};

/// What a scan looks at, the newest first.
pub(super) struct Sources<'a> {
    pub(super) active: &'a Layer,
    pub(super) frozen: Option<&'a Layer>,
    pub(super) rows: Option<&'a Snapshot>,
    /// Counts the deleted rows that the scan walks over.
    pub(super) deleted: &'a Cell<usize>,
}

/// The file's side of the walk: its next row waits here.
struct FileWalk<'a> {
    snapshot: &'a Snapshot,
    range: Range<'static, &'static [u8], &'static [u8]>,
    next: Option<FileRow>,
}

impl<'a> FileWalk<'a> {
    fn new(
        snapshot: &'a Snapshot,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
    ) -> Result<Self, EngineError> {
        let mut range = snapshot.range(table, Bound::Included(start), end)?;
        let next = snapshot.next(&mut range)?;
        Ok(Self {
            snapshot,
            range,
            next,
        })
    }

    fn advance(&mut self) -> Result<(), EngineError> {
        self.next = self.snapshot.next(&mut self.range)?;
        Ok(())
    }
}

/// Visits the rows with `start <= key < end` in order until the visitor breaks: of
/// each row the newest change, and nothing of deleted ones.
pub(super) fn scan(
    sources: &Sources<'_>,
    table: Table,
    start: &[u8],
    end: Option<&[u8]>,
    visit: Visit<'_>,
) -> Result<(), EngineError> {
    if end.is_some_and(|end| end <= start) {
        return Ok(());
    }
    let layers = [Some(sources.active), sources.frozen];
    let mut layers: Vec<Peekable<Iter<'_>>> = layers
        .into_iter()
        .flatten()
        .map(|layer| layer.iter(table, start).peekable())
        .collect();
    let mut file = match sources.rows {
        Some(snapshot) => Some(FileWalk::new(snapshot, table, start, end)?),
        None => None,
    };
    loop {
        let flow = match next_change(&mut layers, end) {
            Some((key, stored)) => {
                let before = visit_file_before(file.as_mut(), table, Some(key), visit)?;
                if before.is_break() {
                    return Ok(());
                }
                skip(file.as_mut(), &mut layers, key)?;
                if stored == row::DELETED {
                    sources.deleted.set(sources.deleted.get() + 1);
                    ControlFlow::Continue(())
                } else {
                    visit(key, row::value_of(stored))
                }
            }
            None => {
                let _all = visit_file_before(file.as_mut(), table, None, visit)?;
                return Ok(());
            }
        };
        if flow.is_break() {
            return Ok(());
        }
    }
}

/// The first change of any layer, of equal keys the newest, if it is before `end`.
fn next_change<'a>(
    layers: &mut [Peekable<Iter<'a>>],
    end: Option<&[u8]>,
) -> Option<(&'a [u8], &'a [u8])> {
    let heads = layers.iter_mut().filter_map(|layer| layer.peek().copied());
    // The first of equal elements is the one from the newer layer.
    let first = heads.min_by_key(|(key, _)| *key)?;
    end.is_none_or(|end| first.0 < end).then_some(first)
}

/// Visits the file's rows below `key`, which no layer changed.
fn visit_file_before(
    file: Option<&mut FileWalk<'_>>,
    table: Table,
    key: Option<&[u8]>,
    visit: Visit<'_>,
) -> Result<ControlFlow<()>, EngineError> {
    let Some(file) = file else {
        return Ok(ControlFlow::Continue(()));
    };
    while let Some(row) = &file.next
        && key.is_none_or(|key| row.key() < key)
    {
        let value = file.snapshot.checked(table, row.key(), row.stored())?;
        if visit(row.key(), value).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        file.advance()?;
    }
    Ok(ControlFlow::Continue(()))
}

/// Leaves a row behind wherever it comes next.
fn skip(
    file: Option<&mut FileWalk<'_>>,
    layers: &mut [Peekable<Iter<'_>>],
    key: &[u8],
) -> Result<(), EngineError> {
    for layer in layers {
        let _left = layer.next_if(|(head, _)| *head == key);
    }
    if let Some(file) = file
        && file.next.as_ref().is_some_and(|row| row.key() == key)
    {
        file.advance()?;
    }
    Ok(())
}
