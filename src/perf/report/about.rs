//! What a document says of the run as a whole.

use super::date;
use super::units;

/// Who measured, when, where and how. What is empty or `None` is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The version of the dkv that measured.
    pub dkv_version: String,
    /// When the document was made, in seconds since 1970 (UTC).
    pub made_at_s: Option<u64>,
    /// The words of the command that measured.
    pub command: String,
    /// The machine of the load generator.
    pub machine: Machine,
    /// What a reader must know of the figures, like that the run was interrupted.
    pub remarks: Vec<String>,
}

/// The machine that asks; the servers may be elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// Processors that may be used.
    pub cores: Option<usize>,
    /// What the processors are called.
    pub processor: Option<String>,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// The operating system, its version, and the architecture.
    pub system: String,
}

impl About {
    /// For people: `2026-11-21 13:58 UTC`.
    pub(super) fn made_at(&self) -> Option<String> {
        self.made_at_s.map(date::for_people)
    }
}

impl Machine {
    /// In one line.
    pub(super) fn told(&self) -> String {
        let cores = self.cores.map(|cores| match cores {
            1 => "1 core".to_owned(),
            _ => format!("{cores} cores"),
        });
        let memory = self.memory_bytes.map(|bytes| {
            let memory = units::bytes(bytes >> 20 << 20);
            format!("{memory} of memory")
        });
        let system = Some(self.system.clone()).filter(|system| !system.is_empty());
        let known: Vec<String> = [cores, self.processor.clone(), memory, system]
            .into_iter()
            .flatten()
            .collect();
        known.join(" · ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_as_far_as_it_is_known() {
        assert_eq!(Machine::default().told(), "");
        let machine = Machine {
            cores: Some(2),
            memory_bytes: Some((24 << 30) + 17),
            system: "linux x86_64".to_owned(),
            ..Machine::default()
        };
        assert_eq!(machine.told(), "2 cores · 24 GiB of memory · linux x86_64");
    }
}
