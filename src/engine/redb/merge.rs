//! One ordered walk over layers and file, up or down.

use std::cell::Cell;
use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::{Bound, ControlFlow};

use redb::Range;

use super::layer::Layer;
use super::row;
use super::snapshot::{FileRow, Snapshot};
use crate::engine::{EngineError, Table, Visit};

/// What a scan looks at, the newest first.
pub(super) struct Sources<'a> {
    pub(super) active: &'a Layer,
    pub(super) frozen: Option<&'a Layer>,
    pub(super) rows: Option<&'a Snapshot>,
    /// Counts the deleted rows that the scan walks over.
    pub(super) deleted: &'a Cell<usize>,
}

/// Which way a walk goes.
#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

impl Way {
    /// Which of two keys comes first.
    fn order(self, one: &[u8], other: &[u8]) -> Ordering {
        match self {
            Self::Up => one.cmp(other),
            Self::Down => other.cmp(one),
        }
    }
}

/// The file's side of the walk: its next row waits here.
struct FileWalk<'a> {
    snapshot: &'a Snapshot,
    range: Range<'static, &'static [u8], &'static [u8]>,
    way: Way,
    next: Option<FileRow>,
}

impl<'a> FileWalk<'a> {
    fn new(
        snapshot: &'a Snapshot,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        way: Way,
    ) -> Result<Self, EngineError> {
        let mut walk = Self {
            snapshot,
            range: snapshot.range(table, Bound::Included(start), end)?,
            way,
            next: None,
        };
        walk.advance()?;
        Ok(walk)
    }

    fn advance(&mut self) -> Result<(), EngineError> {
        self.next = match self.way {
            Way::Up => self.snapshot.next(&mut self.range)?,
            Way::Down => self.snapshot.next_back(&mut self.range)?,
        };
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
    let within = |(key, _): &(&[u8], &[u8])| end.is_none_or(|end| *key < end);
    let layers = sources.layers();
    let layers = layers.map(|layer| layer.iter(table, start).take_while(within));
    let file = sources.file(table, start, end, Way::Up)?;
    walk(
        layers.map(Iterator::peekable).collect(),
        file,
        sources.deleted,
        table,
        Way::Up,
        visit,
    )
}

/// Visits the same rows from the last to the first.
pub(super) fn scan_back(
    sources: &Sources<'_>,
    table: Table,
    start: &[u8],
    end: Option<&[u8]>,
    visit: Visit<'_>,
) -> Result<(), EngineError> {
    if end.is_some_and(|end| end <= start) {
        return Ok(());
    }
    let within = |(key, _): &(&[u8], &[u8])| *key >= start;
    let layers = sources.layers();
    let layers = layers.map(|layer| layer.iter_back(table, end).take_while(within));
    let file = sources.file(table, start, end, Way::Down)?;
    walk(
        layers.map(Iterator::peekable).collect(),
        file,
        sources.deleted,
        table,
        Way::Down,
        visit,
    )
}

impl Sources<'_> {
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        [Some(self.active), self.frozen].into_iter().flatten()
    }

    fn file(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        way: Way,
    ) -> Result<Option<FileWalk<'_>>, EngineError> {
        let walk = |rows| FileWalk::new(rows, table, start, end, way);
        self.rows.map(walk).transpose()
    }
}

/// Walks over the changes of the layers, the newest first, and the rows of the file.
fn walk<'a>(
    mut layers: Vec<Peekable<impl Iterator<Item = (&'a [u8], &'a [u8])>>>,
    mut file: Option<FileWalk<'_>>,
    deleted: &Cell<usize>,
    table: Table,
    way: Way,
    visit: Visit<'_>,
) -> Result<(), EngineError> {
    loop {
        let flow = match next_change(&mut layers, way) {
            Some((key, stored)) => {
                let before = visit_file_before(file.as_mut(), table, Some(key), visit)?;
                if before.is_break() {
                    return Ok(());
                }
                skip(file.as_mut(), &mut layers, key)?;
                if stored == row::DELETED {
                    deleted.set(deleted.get() + 1);
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

/// The first change of any layer, of equal keys the newest.
fn next_change<'a>(
    layers: &mut [Peekable<impl Iterator<Item = (&'a [u8], &'a [u8])>>],
    way: Way,
) -> Option<(&'a [u8], &'a [u8])> {
    let heads = layers.iter_mut().filter_map(|layer| layer.peek().copied());
    // The first of equal elements is the one from the newer layer.
    heads.min_by(|(one, _), (other, _)| way.order(one, other))
}

/// Visits the file's rows that come before `key`, which no layer changed.
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
        && key.is_none_or(|key| file.way.order(row.key(), key).is_lt())
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
fn skip<'a>(
    file: Option<&mut FileWalk<'_>>,
    layers: &mut [Peekable<impl Iterator<Item = (&'a [u8], &'a [u8])>>],
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
