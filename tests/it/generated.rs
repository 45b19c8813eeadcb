//! Completions and manual pages are made of the command line and checked in. If they
//! differ, somebody changed a flag or a word: `just generate` makes them again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

fn files_of(dir: &Path) -> BTreeMap<String, String> {
    fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}; run `just generate`", dir.display()))
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn assert_up_to_date(arguments: &[&str], checked_in: &str) {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_dkv"))
        .args(arguments)
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    let made = files_of(dir.path());
    let kept = files_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(checked_in));
    let names: Vec<&String> = made.keys().collect();
    let kept_names: Vec<&String> = kept.keys().collect();
    assert_eq!(names, kept_names, "{checked_in}/: run `just generate`");
    for (name, text) in &made {
        assert!(
            *text == kept[name],
            "{checked_in}/{name} is out of date: run `just generate`"
        );
    }
}

#[test]
fn completions_are_up_to_date() {
    assert_up_to_date(&["completions", "all"], "completions");
}

#[test]
fn manual_pages_are_up_to_date() {
    assert_up_to_date(&["man"], "man");
}
