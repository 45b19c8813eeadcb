//! Whether a node has stood an attack: pure, so that it can be shown to find fault.

use crate::figures::Figures;

/// What any attack may cost beside what the node's limits allow, bytes.
pub(crate) const SLACK_BYTES: u64 = 64 << 20;

/// Descriptors that the node may have opened on its own business meanwhile.
pub(crate) const SLACK_DESCRIPTORS: usize = 8;

/// What was seen of a node that was attacked.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) before: Figures,
    pub(crate) after: Figures,
    /// What its limits allow this attack to take, bytes.
    pub(crate) allowed_bytes: u64,
    /// Why a fresh client was not served, while it was attacked and afterwards.
    pub(crate) refused_during: Option<String>,
    pub(crate) refused_after: Option<String>,
    /// How it ended, if it did.
    pub(crate) ended: Option<i32>,
    pub(crate) log: String,
}

impl Seen {
    /// The most memory it may have.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.before.resident_bytes + self.allowed_bytes + SLACK_BYTES
    }

    /// The most descriptors it may have once the attackers are gone.
    pub(crate) fn descriptors_max(&self) -> usize {
        self.before.descriptors + SLACK_DESCRIPTORS
    }

    /// Everything that is wrong, in words.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(code) = self.ended {
            faults.push(format!("the node ended with {code}"));
        }
        for (when, refused) in [
            ("during", &self.refused_during),
            ("after", &self.refused_after),
        ] {
            if let Some(why) = refused {
                faults.push(format!("a fresh client was not served {when} it: {why}"));
            }
        }
        let mib = |bytes: u64| bytes >> 20;
        if self.after.peak_bytes > self.bytes_max() {
            faults.push(format!(
                "the node took {} MiB, from {}: {} more were allowed",
                mib(self.after.peak_bytes),
                mib(self.before.resident_bytes),
                mib(self.allowed_bytes + SLACK_BYTES),
            ));
        }
        if self.after.descriptors > self.descriptors_max() {
            faults.push(format!(
                "{} descriptors are open, {} were before it",
                self.after.descriptors, self.before.descriptors
            ));
        }
        if let Some(line) = self.log.lines().find(|line| line.contains("panicked")) {
            faults.push(format!("the log has a panic: {line}"));
        }
        faults
    }
}
