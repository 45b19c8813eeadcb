//! What runs came to, a line of JSON for each, for whoever publishes it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use crate::injectors::Injectors;
use crate::nemesis::Struck;
use crate::settings::Settings;

/// One run.
pub(crate) struct Figures<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) workload: &'a str,
    pub(crate) lasted: Duration,
    pub(crate) struck: &'a [Struck],
    pub(crate) operations: usize,
    pub(crate) unknown: usize,
    /// Keys that the search gave up; players are not judged by it.
    pub(crate) undecided: usize,
    pub(crate) elections: Option<u64>,
    pub(crate) violations: usize,
}

impl Figures<'_> {
    /// Adds a line to the file that `DKV_CHAOS_FIGURES` names, if it names one.
    pub(crate) fn publish(&self) {
        let Some(path) = std::env::var_os("DKV_CHAOS_FIGURES") else {
            return;
        };
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for struck in self.struck {
            *kinds.entry(format!("{:?}", struck.fault)).or_default() += 1;
        }
        let name = self.settings.folder.file_name();
        let line = serde_json::json!({
            "run": name.map(|it| it.to_string_lossy()),
            "workload": self.workload,
            "runs": 1,
            "nodes": self.settings.nodes,
            "seed": self.settings.seed,
            "seconds": (self.lasted.as_secs_f64() * 10.0).round() / 10.0,
            "injectors": Injectors::found().to_string(),
            "faults": self.struck.len(),
            "faults_by_kind": kinds,
            "operations": self.operations,
            "unknown": self.unknown,
            "undecided": self.undecided,
            "terms": self.elections,
            "violations": self.violations,
        });
        let file = OpenOptions::new().create(true).append(true).open(path);
        let mut file = file.expect("the file of DKV_CHAOS_FIGURES can be written");
        // One write: other tests of this process add their lines, too.
        let written = file.write_all(format!("{line}\n").as_bytes());
        written.expect("the file of DKV_CHAOS_FIGURES can be written");
    }
}
