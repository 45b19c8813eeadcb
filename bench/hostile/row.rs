//! A row of the table.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::attacks::Tally;
use crate::figures::Figures;
use crate::load::{PHASES, Phases};
use crate::words::Settings;

/// What one attack did.
pub(crate) struct Row {
    pub(crate) settings: Settings,
    pub(crate) tally: Tally,
    pub(crate) attacker_cpu_ms: u64,
    pub(crate) lasted: Duration,
    /// Of the node that was attacked.
    pub(crate) before: Figures,
    pub(crate) during: Figures,
    pub(crate) descriptors: usize,
    pub(crate) after: Figures,
    /// It took more memory than is to spare, and the attack was ended.
    pub(crate) is_stopped: bool,
    /// Sessions at the node that was attacked, at another one, and fresh clients.
    pub(crate) near: Phases,
    pub(crate) far: Phases,
    pub(crate) fresh: Phases,
    /// `None`: nobody could be asked.
    pub(crate) elections: Option<u64>,
}

const COLUMNS: &[&str] = &[
    "attack",
    "at once",
    "opened",
    "refused",
    "cut",
    "answered",
    "strokes",
    "MiB before/peak/after",
    "files before/peak/after",
    "node CPU %",
    "attacker CPU %",
    "p50 us before/during/after",
    "p99 us before/during/after",
    "p99 ratio",
    "p99 us at a follower",
    "ratio",
    "errors",
    "fresh served",
    "fresh p99 ms",
    "elections",
];

pub(crate) fn head() -> String {
    let rule = COLUMNS.iter().map(|_| "---").collect::<Vec<_>>();
    format!("| {} |\n| {} |", COLUMNS.join(" | "), rule.join(" | "))
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tally,
            near,
            far,
            fresh,
            ..
        } = self;
        let mib = |bytes: u64| (bytes >> 20).to_string();
        let percent = |ms: u64| ms * 100 / (self.lasted.as_millis() as u64).max(1);
        let (before, during, after) = (&self.before, &self.during, &self.after);
        let cells = [
            self.name(),
            self.settings.connections.to_string(),
            tally.opened.to_string(),
            tally.refused.to_string(),
            tally.cut.to_string(),
            tally.answered.to_string(),
            tally.struck.to_string(),
            slashed(
                &[
                    before.resident_bytes,
                    during.peak_bytes,
                    after.resident_bytes,
                ]
                .map(mib),
            ),
            slashed(&[before.descriptors, self.descriptors, after.descriptors]),
            percent(during.cpu_ms - before.cpu_ms).to_string(),
            percent(self.attacker_cpu_ms).to_string(),
            slashed(&quantiles(near, 0.5)),
            slashed(&quantiles(near, 0.99)),
            ratio(near),
            slashed(&quantiles(far, 0.99)),
            ratio(far),
            slashed(&errors(near, far)),
            slashed(&served(fresh)),
            slashed(&quantiles(fresh, 0.99).map(|us| us / 1_000)),
            self.elections.map_or("?".to_owned(), |it| it.to_string()),
        ];
        write!(f, "| {} |", cells.join(" | "))
    }
}

impl Row {
    fn name(&self) -> String {
        let Settings {
            attack,
            peer,
            control,
            addresses,
            ..
        } = &self.settings;
        let mut name = attack.name().to_owned();
        if *addresses > 1 {
            name += &format!(" from {addresses}");
        }
        if *peer {
            name += ", peer port";
        }
        if *control {
            name += ", control";
        }
        if self.is_stopped {
            name += &format!(", ENDED after {:.1} s", self.lasted.as_secs_f64());
        }
        name
    }
}

fn slashed(cells: &[impl fmt::Display]) -> String {
    let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
    cells.join("/")
}

fn quantiles(seen: &Phases, quantile: f64) -> [u64; PHASES] {
    std::array::from_fn(|phase| seen[phase].us(quantile))
}

/// The p99 during the attack, by that before it.
fn ratio(seen: &Phases) -> String {
    let [before, during, _] = quantiles(seen, 0.99);
    format!("{:.1}", during as f64 / before.max(1) as f64)
}

fn errors(near: &Phases, far: &Phases) -> [u64; PHASES] {
    std::array::from_fn(|phase| {
        let of = |seen: &Phases| seen[phase].errors.load(Ordering::SeqCst);
        of(near) + of(far)
    })
}

fn served(fresh: &Phases) -> [String; PHASES] {
    std::array::from_fn(|phase| {
        let served = fresh[phase].count();
        let all = served + fresh[phase].errors.load(Ordering::SeqCst);
        format!("{served} of {all}")
    })
}
