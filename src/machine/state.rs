//! How far a machine is: the one row of `meta`.

use crate::base::time::{BootStamp, MachineTime};
use crate::base::types::{LogIndex, Revision};

/// What a machine knows of itself. It is committed with the rows of each entry, so
/// a view always holds the state that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The last log entry that was applied.
    pub applied: LogIndex,
    /// The last revision that was taken.
    pub revision: Revision,
    /// The machine time of the last entry; it never goes back.
    pub now: MachineTime,
    /// Where that was on the boot clock of the node that stamped it.
    pub boot: BootStamp,
    /// Equal on all nodes that applied the same entries to the same rows.
    pub hash: u64,
    /// Keys that are there, softly expired ones included.
    pub keys: u64,
    /// Locks that are held.
    pub locks: u64,
    /// Buckets that are there, those being dropped included; not the default one.
    pub buckets: u64,
}
