//! What a run of players showed, in figures, and what is kept of one that failed.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::check::txn::player::Workload;
use crate::check::txn::told::{End, Step, Transaction};
use crate::check::watched::told::{Told, Watcher};
use crate::figures::Figures;
use crate::nemesis::Struck;
use crate::settings::Settings;

/// The file in which transactions are kept.
pub(crate) const KEPT: &str = "transactions.jsonl";

/// A run and its verdict.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) settings: Settings,
    workloads: Vec<Workload>,
    history: Vec<Transaction>,
    watchers: Vec<Watcher>,
    struck: Vec<Struck>,
    /// Everything that is wrong; empty: nothing is.
    pub(crate) problems: Vec<String>,
    /// Terms of the group, where somebody knew.
    pub(crate) elections: Option<u64>,
    pub(crate) lasted: Duration,
}

impl Played {
    pub(crate) fn new(
        settings: Settings,
        workloads: &[Workload],
        (history, watchers): (Vec<Transaction>, Vec<Watcher>),
        struck: Vec<Struck>,
        mut problems: Vec<String>,
    ) -> Self {
        let vacuous = workloads.iter().filter_map(|it| vacuous(*it, &history));
        problems.extend(vacuous);
        let mut streams = watchers.iter().flat_map(|it| &it.streams);
        if !watchers.is_empty() && !streams.any(|it| it.events().next().is_some()) {
            problems.push("no watcher was told anything: this run proves nothing".to_owned());
        }
        Self {
            settings,
            workloads: workloads.to_vec(),
            history,
            watchers,
            struck,
            problems,
            elections: None,
            lasted: Duration::ZERO,
        }
    }

    /// Keeps the history and the verdict beside the logs and the data of the nodes.
    pub(crate) fn save(&self) {
        let folder = &self.settings.folder;
        let file = File::create(folder.join(KEPT));
        let mut file = BufWriter::new(file.expect("a file can be made there"));
        for transaction in &self.history {
            let line = serde_json::to_string(transaction).expect("it is plain data");
            writeln!(file, "{line}").expect("the history can be written");
        }
        let file = File::create(folder.join("watchers.jsonl"));
        let mut file = BufWriter::new(file.expect("a file can be made there"));
        for watcher in &self.watchers {
            let line = serde_json::to_string(watcher).expect("it is plain data");
            writeln!(file, "{line}").expect("what was told can be written");
        }
        let mut text = format!("{self}\n");
        for struck in &self.struck {
            writeln!(text, "{struck}").expect("writing to a string cannot fail");
        }
        for problem in &self.problems {
            writeln!(text, "{problem}").expect("writing to a string cannot fail");
        }
        std::fs::write(folder.join("verdict.txt"), text).expect("the verdict can be written");
        let unknown = |it: &&Transaction| matches!(it.end, End::Unknown { .. });
        Figures {
            settings: &self.settings,
            workload: "transactions",
            lasted: self.lasted,
            struck: &self.struck,
            operations: self.history.len(),
            unknown: self.history.iter().filter(unknown).count(),
            undecided: 0,
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
            .map(String::as_str)
            .take(SHOWN)
            .collect();
        panic!("{self}\n{}\nkept: {}", shown.join("\n"), folder.display());
    }
}

/// The transactions of a run that was kept.
pub(crate) fn load(path: &Path) -> io::Result<Vec<Transaction>> {
    let lines = BufReader::new(File::open(path)?).lines();
    lines
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}

/// A run in which nothing happened proves nothing.
fn vacuous(workload: Workload, history: &[Transaction]) -> Option<String> {
    type Counts = fn(&Step) -> bool;
    let expected: &[(&str, Counts)] = match workload {
        Workload::Lists => &[
            ("appends", |it| matches!(it, Step::Append { .. })),
            (
                "reads of lists",
                |it| matches!(it, Step::Read { elements, .. } if elements.len() > 1),
            ),
        ],
        Workload::Bank => &[
            ("transfers", |it| matches!(it, Step::Moved { .. })),
            ("totals", |it| matches!(it, Step::Balances { .. })),
        ],
        Workload::Skew => &[
            ("posts", |it| {
                matches!(it, Step::Posted { is_there: true, .. })
            }),
            (
                "pairs of which one was there",
                |it| matches!(it, Step::Pair { left, right, .. } if left.is_some() != right.is_some()),
            ),
        ],
        Workload::Sums => &[
            ("additions", |it| {
                matches!(it, Step::Added { now: Some(_), .. })
            }),
            ("additions in transactions", |it| {
                matches!(it, Step::Added { now: None, .. })
            }),
        ],
        Workload::Lane => &[
            ("own values", |it| {
                matches!(it, Step::Got { value: Some(_), .. })
            }),
            ("buckets that were dropped", |it| {
                matches!(it, Step::Dropped { .. })
            }),
        ],
    };
    let committed = || history.iter().filter(|it| it.is_committed());
    let happened = |counts: Counts| committed().flat_map(|it| &it.steps).any(counts);
    let missing = expected.iter().find(|(_, counts)| !happened(*counts));
    missing.map(|(what, _)| format!("there were no {what}: this run proves nothing"))
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |counts: fn(&End) -> bool| {
            let ends = self.history.iter().filter(|it| counts(&it.end));
            ends.count()
        };
        let (nodes, seed) = (self.settings.nodes, self.settings.seed);
        let all = self.history.len();
        let workloads = &self.workloads;
        writeln!(
            f,
            "workloads={workloads:?} nodes={nodes} seed={seed} transactions={all}"
        )?;
        let committed = count(|it| matches!(it, End::Committed));
        let aborted = count(|it| matches!(it, End::Aborted { .. }));
        let unknown = count(|it| matches!(it, End::Unknown { .. }));
        writeln!(
            f,
            "committed={committed} aborted={aborted} unknown={unknown}"
        )?;
        let streams = || self.watchers.iter().flat_map(|it| &it.streams);
        let events: usize = streams().map(|it| it.events().count()).sum();
        let gone = |it: &&Told| matches!(it, Told::Compacted { .. });
        let compacted = streams().flat_map(|it| &it.told).filter(gone).count();
        writeln!(
            f,
            "watchers={} streams={} events={events} compacted={compacted}",
            self.watchers.len(),
            streams().count()
        )?;
        writeln!(f, "faults={}", self.struck.len())?;
        let verdict = match self.problems.is_empty() {
            true => "sound",
            false => "BROKEN",
        };
        write!(f, "verdict={verdict} problems={}", self.problems.len())
    }
}
