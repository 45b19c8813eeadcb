//! What a run did, in numbers.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde_json::json;

use crate::traced::Program;

/// See the module.
#[derive(Debug, Default, Clone)]
pub(crate) struct Figures {
    /// Nodes that ran under strace, from an empty directory.
    pub(crate) recordings: u64,
    /// Disks that were built and opened.
    pub(crate) images: u64,
    /// Moments at which the power was lost.
    pub(crate) prefixes: u64,
    /// Syncs in the recordings.
    pub(crate) syncs: u64,
    /// Segments of logs that were begun.
    pub(crate) segments: u64,
    /// Checkpoints that were made: files renamed, or those of redb synced.
    pub(crate) checkpoints: u64,
    /// Writes of which a part was there.
    pub(crate) torn: u64,
    /// Starts after a crash that were recorded and crashed again.
    pub(crate) double_recordings: u64,
    /// Disks of those.
    pub(crate) double_crashes: u64,
    /// Answers whose effect had to be there, summed over disks.
    pub(crate) acknowledged: u64,
    /// Promises to other members that had to be kept, summed over disks.
    pub(crate) promised: u64,
    /// The one or the other, by who was recorded.
    pub(crate) verified: BTreeMap<Program, u64>,
    /// What was wrong, each in a sentence.
    pub(crate) violations: Vec<String>,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.recordings += more.recordings;
        self.images += more.images;
        self.prefixes += more.prefixes;
        self.syncs += more.syncs;
        self.segments += more.segments;
        self.checkpoints += more.checkpoints;
        self.torn += more.torn;
        self.double_recordings += more.double_recordings;
        self.double_crashes += more.double_crashes;
        self.acknowledged += more.acknowledged;
        self.promised += more.promised;
        for (program, verified) in more.verified {
            *self.verified.entry(program).or_default() += verified;
        }
        self.violations.extend(more.violations);
    }
}

impl Figures {
    /// All of it in one line of JSON.
    pub(crate) fn line(&self, seed: u64, engines: &[&str], seconds: u64) -> String {
        let figures = json!({
            "what": "crash-images",
            "seed": seed,
            "engines": engines,
            "recordings": self.recordings,
            "images": self.images,
            "prefixes": self.prefixes,
            "syncs": self.syncs,
            "segments": self.segments,
            "checkpoints": self.checkpoints,
            "torn_writes": self.torn,
            "double_recordings": self.double_recordings,
            "double_crashes": self.double_crashes,
            "acknowledged_writes_verified": self.acknowledged,
            "promises_to_members_verified": self.promised,
            "violations": self.violations.len(),
            "seconds": seconds,
        });
        figures.to_string()
    }
}
