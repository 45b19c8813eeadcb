//! Runs the scenes in `testdata/`: small scripts that say what is asked, and below
//! each line what came of it (`->`).
//!
//! `UPDATE_TESTDATA=1 cargo test scenes` writes down what comes of them now; read the
//! difference before you believe it.

use std::fmt::Write as _;
use std::path::Path;

use super::stage::Stage;

fn play(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/machine/testdata")
        .join(name);
    let script = std::fs::read_to_string(&path).unwrap();
    let mut stage = Stage::default();
    let mut played = String::new();
    for line in script
        .lines()
        .filter(|line| !line.trim_start().starts_with("->"))
    {
        writeln!(played, "{line}").unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first().is_none_or(|word| word.starts_with('#')) {
            continue;
        }
        for said in stage.say(&words) {
            writeln!(played, "  -> {said}").unwrap();
        }
    }
    if std::env::var_os("UPDATE_TESTDATA").is_some() {
        std::fs::write(&path, &played).unwrap();
    } else if played != script {
        for (number, (was, is)) in (1..).zip(script.lines().zip(played.lines())) {
            assert_eq!(was, is, "{}:{number}", path.display());
        }
        panic!(
            "{} has lines too many or too few at its end",
            path.display()
        );
    }
}

#[test]
fn scenes_of_keys() {
    play("keys.txt");
}

#[test]
fn scenes_of_timers() {
    play("timers.txt");
}

#[test]
fn scenes_of_ranges() {
    play("ranges.txt");
}

#[test]
fn scenes_of_locks() {
    play("locks.txt");
}

#[test]
fn scenes_of_fences() {
    play("fences.txt");
}

#[test]
fn scenes_of_at_most_once() {
    play("at_most_once.txt");
}

#[test]
fn scenes_of_scans() {
    play("scans.txt");
}

#[test]
fn scenes_of_history() {
    play("history.txt");
}
