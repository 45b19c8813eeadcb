//! What a campaign came to, as a line of figures.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::run::Report;
use crate::stage::Tally;

/// What all runs of a campaign showed.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) operations: usize,
    pub(crate) simulated: Duration,
    pub(crate) tally: Tally,
    pub(crate) failed: Vec<u64>,
    /// How many runs there were of each number of voters at most.
    pub(crate) voters: BTreeMap<usize, u64>,
}

impl Sum {
    pub(crate) fn add(&mut self, seed: u64, report: Report) {
        if !report.wrong.is_empty() {
            self.failed.push(seed);
        }
        self.operations += report.operations;
        self.simulated += report.simulated;
        *self.voters.entry(report.voters).or_default() += 1;
        for (event, times) in report.tally {
            *self.tally.entry(event).or_default() += times;
        }
    }

    /// Of a hundred runs, in how many there were five voters and more.
    pub(crate) fn many_voters_percent(&self) -> u64 {
        let all: u64 = self.voters.values().sum();
        let many: u64 = self.voters.range(5..).map(|(_, runs)| runs).sum();
        100 * many / all.max(1)
    }

    /// One line of JSON: `first` and `runs` say which seeds, `wall` how long it took.
    pub(crate) fn line(&self, first: u64, runs: u64, wall: Duration) -> String {
        let voters = self.voters.iter().map(|(it, runs)| (it.to_string(), runs));
        let events = self
            .tally
            .iter()
            .map(|(it, times)| (format!("{it:?}"), times));
        serde_json::json!({
            "seeds": { "first": first, "runs": runs },
            "simulated_seconds": self.simulated.as_secs_f64().round(),
            "operations": self.operations,
            "voters": voters.collect::<BTreeMap<_, _>>(),
            "events": events.collect::<BTreeMap<_, _>>(),
            "failed_seeds": self.failed,
            "wall_seconds": wall.as_secs_f64().round(),
        })
        .to_string()
    }
}

/// Adds a line to a file, which is made if it is not there.
pub(crate) fn write(path: &Path, line: &str) {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    writeln!(file.unwrap(), "{line}").unwrap();
}
