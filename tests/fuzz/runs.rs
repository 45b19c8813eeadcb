//! The runs: every target, for a fixed number of executions or, by `scripts/fuzz`, for more.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use serde_json::{Map, json};

use crate::corpus;
use crate::driver::run;
use crate::targets::ALL;

fn number(name: &str, or: u64) -> u64 {
    let text = std::env::var(name).ok().filter(|it| !it.is_empty());
    text.map_or(or, |it| {
        it.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {it}"))
    })
}

#[test]
fn nothing_that_reads_bytes_fails_for_any() {
    let times = number("FUZZ_TIMES", 1);
    let seed = number("FUZZ_SEED", 1);
    let only = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let started = Instant::now();
    let (mut executions, mut held) = (Map::new(), Map::new());
    for target in ALL.iter().filter(|it| only.is_empty() || it.name == only) {
        let began = Instant::now();
        let ran = run(target, target.executions * times, seed);
        eprintln!(
            "{}: {} executions, {} ms, at most {} KiB",
            target.name,
            ran.executions,
            began.elapsed().as_millis(),
            ran.held_kib_max
        );
        executions.insert(target.name.to_owned(), json!(ran.executions));
        held.insert(target.name.to_owned(), json!(ran.held_kib_max));
    }
    assert!(!executions.is_empty(), "there is no target `{only}`");
    let figures = json!({
        "what": "fuzz",
        "seed": seed,
        "executions": executions,
        "held_kib_max": held,
        "crashes": 0,
        "seconds": started.elapsed().as_secs(),
    });
    eprintln!("{figures}");
    if let Ok(file) = std::env::var("DKV_FUZZ_FIGURES") {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).append(true).open(file);
        writeln!(file.expect("figures can be written"), "{figures}").expect("and kept");
    }
}

/// Not a test of the product: `scripts/fuzz` names a folder, and libFuzzer begins with what is
/// written there.
#[test]
fn the_corpus_is_written_for_others() {
    if let Ok(folder) = std::env::var("FUZZ_CORPUS_TO") {
        ALL.iter()
            .for_each(|target| corpus::write(target, Path::new(&folder)));
    }
}
