//! Writes RELIABILITY.md from what the campaigns left. Used by `scripts/reliability`.
//!
//!     reliability FOLDER COMMIT DATE MACHINE
//!
//! FOLDER has `simulation.json`, `chaos.json`, `crash.json`, `fuzz.json` and `mutants.json`, with an object a line,
//! as far as such a campaign was made: of one that was not, the page says so.
#![allow(clippy::print_stdout, reason = "a program for the shell")]
#![allow(
    clippy::disallowed_methods,
    reason = "it reads figures outside of any node"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use dkv::base::mutant;
use serde_json::Value;

/// What stands in the page whatever the figures are.
const HEAD: &str = include_str!("reliability/head.txt");
const TAIL: &str = include_str!("reliability/tail.txt");

fn main() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, commit, date, machine] = &words[..] else {
        return Err("reliability FOLDER COMMIT DATE MACHINE".to_owned());
    };
    let folder = Path::new(folder);
    let mut page = HEAD
        .replace("COMMIT", commit)
        .replace("DATE", date)
        .replace("MACHINE", machine);
    for (title, file, section) in SECTIONS {
        let lines = lines(&folder.join(file));
        let _ = write!(page, "\n## {title}\n\n");
        match lines.is_empty() {
            true => page.push_str("No campaign of this kind was made for this page.\n"),
            false => section(&mut page, &lines),
        }
    }
    page.push('\n');
    page.push_str(TAIL);
    print!("{page}");
    Ok(())
}

type Section = fn(&mut String, &[Value]);

const SECTIONS: [(&str, &str, Section); 5] = [
    ("Simulation", "simulation.json", simulation),
    ("Real processes", "chaos.json", chaos),
    ("Power losses of the real node", "crash.json", crash),
    ("Fuzzing", "fuzz.json", fuzz),
    ("Defects on purpose", "mutants.json", mutants),
];

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let parsed = text.lines().map(|line| {
        let value = serde_json::from_str(line);
        value.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    parsed.collect()
}

/// The sum of a number over all lines.
fn sum(lines: &[Value], pointer: &str) -> f64 {
    let numbers = lines.iter().filter_map(|it| it.pointer(pointer));
    // The sum of none is -0.0, and would be shown so.
    numbers
        .filter_map(Value::as_f64)
        .fold(0.0, |sum, it| sum + it)
}

/// The sums of an object of numbers, most first.
fn sums(lines: &[Value], field: &str) -> Vec<(String, u64)> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    let objects = lines.iter().filter_map(|it| it[field].as_object());
    for (name, number) in objects.flatten() {
        *all.entry(name.clone()).or_default() += number.as_u64().unwrap_or_default();
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    all
}

/// `1234567` as `1,234,567`.
fn shown(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn rows(page: &mut String, rows: &[(&str, String)]) {
    page.push_str("| what | |\n| --- | --- |\n");
    for (what, figure) in rows {
        let _ = writeln!(page, "| {what} | {figure} |");
    }
}

fn listed(all: &[(String, u64)]) -> String {
    let each = all.iter().map(|(name, number)| {
        let number = f64::from(u32::try_from(*number).unwrap_or(u32::MAX));
        format!("{name} {}", shown(number))
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Fewer runs bound nothing worth to be told.
const RUNS_MIN: f64 = 10.0;

/// With so many runs in which nothing was wrong, how often it goes wrong at most, at 95 % (the rule
/// of three).
fn bound(runs: f64, wrong: f64) -> String {
    match wrong == 0.0 {
        true if runs < RUNS_MIN => "0, in too few runs to say how often it goes wrong".to_owned(),
        true => format!("0; at 95 % fewer than 1 run in {}", shown(runs / 3.0)),
        false => shown(wrong),
    }
}

/// The sum, unless a campaign did not count it.
fn counted(lines: &[Value], pointer: &str) -> String {
    match lines.iter().all(|it| it.pointer(pointer).is_some()) {
        true => shown(sum(lines, pointer)),
        false => "not counted".to_owned(),
    }
}

fn simulation(page: &mut String, lines: &[Value]) {
    let runs = sum(lines, "/seeds/runs");
    let failed = lines.iter().filter_map(|it| it["failed_seeds"].as_array());
    let failed: usize = failed.map(Vec::len).sum();
    let minutes = sum(lines, "/simulated_seconds") / 60.0;
    let failed = f64::from(u32::try_from(failed).unwrap_or(u32::MAX));
    rows(
        page,
        &[
            ("seeds", shown(runs)),
            ("simulated minutes", format!("{minutes:.0}")),
            ("operations checked", shown(sum(lines, "/operations"))),
            ("runs by most voters", listed(&sums(lines, "voters"))),
            ("what happened", listed(&sums(lines, "events"))),
            ("runs with a violation", bound(runs, failed)),
        ],
    );
}

fn chaos(page: &mut String, lines: &[Value]) {
    let runs = sum(lines, "/runs");
    let minutes = sum(lines, "/seconds") / 60.0;
    rows(
        page,
        &[
            ("runs", shown(runs)),
            ("minutes", format!("{minutes:.0}")),
            ("faults", listed(&sums(lines, "faults_by_kind"))),
            ("operations checked", shown(sum(lines, "/operations"))),
            ("of unknown outcome", shown(sum(lines, "/unknown"))),
            (
                "keys that one of the two checkers gave up",
                counted(lines, "/undecided"),
            ),
            ("terms of leaders", shown(sum(lines, "/terms"))),
            ("violations", bound(runs, sum(lines, "/violations"))),
        ],
    );
}

fn crash(page: &mut String, lines: &[Value]) {
    let of = |pointer| counted(lines, pointer);
    // Disks of one recording are not independent of each other.
    let recordings = sum(lines, "/recordings");
    rows(
        page,
        &[
            ("nodes recorded", of("/recordings")),
            ("syncs in the recordings", of("/syncs")),
            ("moments of a power loss", of("/prefixes")),
            ("disks built and opened", of("/images")),
            ("of these, after a second start", of("/double_crashes")),
            ("torn writes", of("/torn_writes")),
            (
                "acknowledged writes verified",
                of("/acknowledged_writes_verified"),
            ),
            (
                "entries and votes verified that other members were told of",
                of("/promises_to_members_verified"),
            ),
            (
                "recordings with a violation",
                bound(recordings, sum(lines, "/violations")),
            ),
        ],
    );
}

fn fuzz(page: &mut String, lines: &[Value]) {
    // There are figures only of runs in which nothing failed.
    let executions = listed(&sums(lines, "executions"));
    rows(page, &[("executions, none of which failed", executions)]);
}

fn mutants(page: &mut String, lines: &[Value]) {
    let text = |it: &Value, field: &str| it[field].as_str().unwrap_or_default().to_owned();
    // The last word on each.
    let last: BTreeMap<String, &Value> = lines.iter().map(|it| (text(it, "mutant"), it)).collect();
    let caught = last.values().filter(|it| !text(it, "tier").is_empty());
    let (caught, tried, all) = (caught.count(), last.len(), mutant::ALL.len());
    let commits: BTreeSet<String> = last.values().map(|it| text(it, "commit")).collect();
    let commits: Vec<String> = commits.into_iter().collect();
    let _ = writeln!(
        page,
        "There are {all}; {tried} were tried, on {}, and {caught} of them caught.\n\n\
         | what was wrong | caught by | which test | seconds |\n| --- | --- | --- | --- |",
        commits.join(" and "),
    );
    for it in last.into_values() {
        let tier = text(it, "tier");
        let tier = if tier.is_empty() { "NOT CAUGHT" } else { &tier };
        let (does, test) = (text(it, "does"), text(it, "test"));
        let _ = writeln!(page, "| {does} | {tier} | `{test}` | {} |", it["seconds"]);
    }
}
