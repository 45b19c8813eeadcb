//! Completions and man pages are generated, checked in, and as new as the program.

use std::collections::BTreeMap;
use std::path::Path;

use crate::harness::{dkv, run};

const TOP: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn completions_are_up_to_date() {
    assert_up_to_date("completions", &["completions", "all"], 5);
}

#[test]
fn man_pages_are_up_to_date() {
    assert_up_to_date("man", &["man"], 15);
}

#[test]
fn the_description_of_rest_is_up_to_date() {
    let kept = std::fs::read_to_string(Path::new(TOP).join("docs/openapi.json")).unwrap();
    let fresh = run(dkv().arg("openapi"), b"");
    let same = fresh.exits(0).text() == kept;
    assert!(
        same,
        "docs/openapi.json is out of date: run ./ci/generate.sh (or `just generate`)"
    );
}

/// Writes the files anew and compares them with those that are checked in.
#[track_caller]
fn assert_up_to_date(kept_in: &str, command: &[&str], at_least: usize) {
    let folder = tempfile::TempDir::new().unwrap();
    run(dkv().args(command).arg(folder.path()), b"").exits(0);
    let (fresh, kept) = (pages(folder.path()), pages(&Path::new(TOP).join(kept_in)));
    let (names, kept_names): (Vec<_>, Vec<_>) = (fresh.keys().collect(), kept.keys().collect());
    assert_eq!(
        names, kept_names,
        "{kept_in}/ has other files: run ./ci/generate.sh"
    );
    for (name, text) in &fresh {
        assert!(
            *text == kept[name],
            "{kept_in}/{name} is out of date: run ./ci/generate.sh (or `just generate`)"
        );
    }
    assert!(
        fresh.len() >= at_least,
        "only {} files in {kept_in}/",
        fresh.len()
    );
}

fn pages(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn every_exit_code_is_in_the_man_page() {
    let folder = tempfile::TempDir::new().unwrap();
    run(dkv().arg("man").arg(folder.path()), b"").exits(0);
    let page = &pages(folder.path())["dkv.1"];
    let (_, after) = page
        .split_once("EXIT STATUS")
        .expect("the page lists exit codes");
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "130"] {
        assert!(after.contains(code), "exit code {code} is missing");
    }
}
