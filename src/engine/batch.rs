//! What one commit changes.

use bytes::Bytes;

/// The tables of a shard. The numbers are stored: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Bucket and key to record.
    Data = 1,
    /// Due time, domain and name, to nothing: what the sweeper looks at.
    Deadlines = 2,
    /// Lock name to lock.
    Locks = 3,
    /// Client id to its window of outcomes.
    Sessions = 4,
    /// Bucket name to its settings.
    Buckets = 5,
    /// One row: how far the machine is.
    Meta = 6,
}

impl Table {
    /// Every table, by its number.
    pub const ALL: [Self; 6] = [
        Self::Data,
        Self::Deadlines,
        Self::Locks,
        Self::Sessions,
        Self::Buckets,
        Self::Meta,
    ];

    /// Its place in [`Table::ALL`].
    pub(super) fn place(self) -> usize {
        self as usize - 1
    }

    /// The table with this stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| *table as u8 == number)
    }
}

/// One change to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes a row.
    Put(Table, Bytes, Bytes),
    /// Removes a row; no error if it is not there.
    Delete(Table, Bytes),
}

/// Changes that become visible together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order: the last change of a row wins.
    pub ops: Vec<Op>,
}

impl Batch {
    /// Writes a row.
    pub fn put(&mut self, table: Table, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.ops.push(Op::Put(table, key.into(), value.into()));
    }

    /// Removes a row.
    pub fn delete(&mut self, table: Table, key: impl Into<Bytes>) {
        self.ops.push(Op::Delete(table, key.into()));
    }
}
