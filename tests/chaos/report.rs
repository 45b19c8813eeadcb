//! What a run showed, in figures, and what is kept of one that failed.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::check::history::{self, Action, Operation, Outcome};
use crate::figures::Figures;
use crate::nemesis::Struck;
use crate::settings::Settings;

/// A run and its verdict.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) settings: Settings,
    pub(crate) history: Vec<Operation>,
    pub(crate) struck: Vec<Struck>,
    /// Everything that is wrong; empty: nothing is.
    pub(crate) problems: Vec<String>,
    /// Keys whose search was given up.
    pub(crate) undecided: usize,
    /// Terms of the group, where somebody knew.
    pub(crate) elections: Option<u64>,
    pub(crate) lasted: Duration,
}

impl Report {
    /// Keeps the history and the verdict beside the logs and the data of the nodes.
    pub(crate) fn save(&self) {
        let folder = &self.settings.folder;
        let saved = history::save(&self.history, &folder.join("history.jsonl"));
        saved.expect("the history can be written");
        let mut text = format!("{self}\n");
        for struck in &self.struck {
            writeln!(text, "{struck}").expect("writing to a string cannot fail");
        }
        for problem in &self.problems {
            writeln!(text, "{problem}").expect("writing to a string cannot fail");
        }
        std::fs::write(folder.join("verdict.txt"), text).expect("the verdict can be written");
        Figures {
            settings: &self.settings,
            workload: "keys and locks",
            lasted: self.lasted,
            struck: &self.struck,
            operations: self.history.len(),
            unknown: self.count(Operation::is_unknown),
            undecided: self.undecided,
            elections: self.elections,
            violations: self.problems.len(),
        }
        .publish();
    }

    /// Fails if something is wrong, and says where to look; else removes what was kept, unless
    /// somebody said where to.
    #[track_caller]
    pub(crate) fn settle(self) {
        const SHOWN: usize = 5;
        let folder = &self.settings.folder;
        if self.problems.is_empty() {
            if std::env::var_os("CHAOS_DIR").is_none() {
                let _gone = std::fs::remove_dir_all(folder);
            }
            return;
        }
        let shown: Vec<&str> = self
            .problems
            .iter()
            .take(SHOWN)
            .map(String::as_str)
            .collect();
        panic!(
            "{self}\n{}\nkept: {}",
            shown.join("\n"),
            self.settings.folder.display()
        );
    }

    fn count(&self, counts: impl Fn(&Operation) -> bool) -> usize {
        self.history.iter().filter(|it| counts(it)).count()
    }

    /// From the loss of a leader to the answer of the first write that began after it, ms.
    fn failovers_ms(&self) -> Vec<u64> {
        let lost = self.struck.iter().filter(|it| it.fault.takes_the_leader());
        let mut failovers: Vec<u64> = lost
            .filter_map(|struck| {
                let later = |it: &&Operation| {
                    it.invoked_ns > struck.from_ns && matches!(it.outcome, Outcome::Written { .. })
                };
                let answered = self.history.iter().filter(later).map(|it| it.returned_ns);
                Some((answered.min()? - struck.from_ns) / 1_000_000)
            })
            .collect();
        failovers.sort_unstable();
        failovers
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = self.count(Operation::is_unknown);
        let failed = self.count(|it| matches!(it.outcome, Outcome::Failed { .. }));
        let reads = self.count(|it| matches!(it.outcome, Outcome::Read { .. }));
        let written = self.count(|it| {
            matches!(
                it.outcome,
                Outcome::Written { .. } | Outcome::Deleted { .. }
            )
        });
        let grants = self.count(|it| matches!(it.outcome, Outcome::Acquired { .. }));
        let stale = self.count(|it| matches!(it.outcome, Outcome::FenceStale));
        let fenced =
            self.count(|it| it.fence().is_some() && matches!(it.outcome, Outcome::Written { .. }));
        let cas = self.count(|it| {
            matches!(
                &it.action,
                Action::Set {
                    condition: Some(_),
                    ..
                }
            ) && matches!(
                it.outcome,
                Outcome::Written { .. } | Outcome::NotWritten { .. }
            )
        });
        let (nodes, seed) = (self.settings.nodes, self.settings.seed);
        writeln!(
            f,
            "nodes={nodes} seed={seed} operations={}",
            self.history.len()
        )?;
        writeln!(
            f,
            "reads={reads} changes={written} conditional={cas} grants={grants} fenced={fenced} \
             stale_fences={stale} failed={failed} unknown={unknown}"
        )?;
        let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
        for struck in &self.struck {
            *kinds.entry(struck.fault).or_default() += 1;
        }
        write!(f, "faults={}", self.struck.len())?;
        for (kind, count) in kinds {
            write!(f, " {kind:?}={count}")?;
        }
        if let Some(elections) = self.elections {
            write!(f, "\nterms={elections}")?;
        }
        let failovers = self.failovers_ms();
        if let (Some(worst), Some(median)) = (failovers.last(), failovers.get(failovers.len() / 2))
        {
            write!(f, "\nfailover_ms median={median} worst={worst}")?;
        }
        let verdict = if self.problems.is_empty() {
            "sound"
        } else {
            "BROKEN"
        };
        let (problems, undecided) = (self.problems.len(), self.undecided);
        write!(
            f,
            "\nverdict={verdict} problems={problems} undecided_keys={undecided}"
        )
    }
}
