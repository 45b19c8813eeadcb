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

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

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

/// With so many runs in which nothing was wrong, how often it goes wrong at most, at 95 %.
fn bound(runs: f64, wrong: f64) -> String {
    match wrong == 0.0 {
        true => format!("0; at 95 % fewer than 1 run in {}", shown(runs / 3.0)),
        false => shown(wrong),
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
            ("terms of leaders", shown(sum(lines, "/terms"))),
            ("violations", bound(runs, sum(lines, "/violations"))),
        ],
    );
}

fn crash(page: &mut String, lines: &[Value]) {
    let images = sum(lines, "/images");
    let of = |pointer| shown(sum(lines, pointer));
    rows(
        page,
        &[
            ("nodes recorded", of("/recordings")),
            ("syncs in the recordings", of("/syncs")),
            ("moments of a power loss", of("/prefixes")),
            ("disks built and opened", shown(images)),
            (
                "of these, a second power loss in recovery",
                of("/double_crashes"),
            ),
            ("torn writes", of("/torn_writes")),
            (
                "acknowledged writes verified",
                of("/acknowledged_writes_verified"),
            ),
            (
                "entries and votes verified that other members were told of",
                of("/promises_to_members_verified"),
            ),
            ("violations", bound(images, sum(lines, "/violations"))),
        ],
    );
}

fn fuzz(page: &mut String, lines: &[Value]) {
    rows(
        page,
        &[
            ("executions", listed(&sums(lines, "executions"))),
            ("inputs that failed", shown(sum(lines, "/crashes"))),
        ],
    );
}

fn mutants(page: &mut String, lines: &[Value]) {
    let text = |it: &Value, field: &str| it[field].as_str().unwrap_or_default().to_owned();
    let caught = lines.iter().filter(|it| !text(it, "tier").is_empty());
    let _ = writeln!(
        page,
        "{} of {} were caught.\n\n| what was wrong | caught by | which test | seconds |\n| --- | --- | --- | --- |",
        caught.count(),
        lines.len()
    );
    for it in lines {
        let tier = text(it, "tier");
        let tier = if tier.is_empty() { "NOT CAUGHT" } else { &tier };
        let (does, test) = (text(it, "does"), text(it, "test"));
        let _ = writeln!(page, "| {does} | {tier} | `{test}` | {} |", it["seconds"]);
    }
}
