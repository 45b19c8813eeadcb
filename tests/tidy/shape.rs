//! The shape of files and functions: lengths, docs, doors, dead files.

use crate::paths;
use crate::source::{Finding, RustFile, Tree, child};

/// Lines of a file that ship.
const FILE_LINES_MAX: usize = 500;
/// Lines of a function, signature and braces included.
const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a method in a `mod.rs`: enough to build the seam, too few to work.
const DOOR_METHOD_LINES_MAX: usize = 12;

/// Functions that were longer when the rule came, with their length then. A ratchet: an entry
/// may shrink or go, never grow, and none is added.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in &tree.rust {
        findings.extend(file_length(path, file));
        findings.extend(module_doc(path, file));
        function_lengths(path, file, LONG_FUNCTIONS, &mut findings);
        door(path, file, &mut findings);
        globs(path, file, &mut findings);
    }
    dead_files(tree, &mut findings);
    findings
}

fn finding(path: &str, line: usize, message: String) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        message,
    }
}

fn file_length(path: &str, file: &RustFile) -> Option<Finding> {
    let lines = file.lines_of_product();
    (lines > FILE_LINES_MAX).then(|| {
        let message = format!(
            "{lines} lines without tests, {FILE_LINES_MAX} at most: split the file by concept or \
             by verb"
        );
        finding(path, FILE_LINES_MAX, message)
    })
}

fn module_doc(path: &str, file: &RustFile) -> Option<Finding> {
    (!file.raw.starts_with("//!")).then(|| {
        let message = "open the file with a `//!` doc that says what lives here and what must hold";
        finding(path, 1, message.to_owned())
    })
}

/// Finds functions that are too long and not in `ratchet`, or longer than there.
pub(crate) fn function_lengths(
    path: &str,
    file: &RustFile,
    ratchet: &[(&str, &str, usize)],
    findings: &mut Vec<Finding>,
) {
    for function in file.functions() {
        let known = ratchet
            .iter()
            .find(|(known, name, _)| *known == path && *name == function.name);
        let max = known.map_or(FUNCTION_LINES_MAX, |(_, _, lines)| *lines);
        if function.lines() > max {
            let message = format!(
                "`{}` has {} lines, {max} at most: keep the branching here and move what the \
                 branches do into functions of their own",
                function.name,
                function.lines(),
            );
            findings.push(finding(path, function.first_line, message));
        }
    }
}

/// A `mod.rs` is a door: docs, modules, the seam.
fn door(path: &str, file: &RustFile, findings: &mut Vec<Finding>) {
    if !(path.starts_with("src/") && path.ends_with("/mod.rs")) {
        return;
    }
    for function in file.functions() {
        let line = function.first_line;
        if file.is_test_line(line) {
            let message = "a door has no tests: move them beside what they test";
            findings.push(finding(path, line, message.to_owned()));
        } else if function.is_free {
            let message = format!(
                "`{}` does work in a door: move it to a file named for what it does",
                function.name
            );
            findings.push(finding(path, line, message));
        } else if function.lines() > DOOR_METHOD_LINES_MAX {
            let message = format!(
                "`{}` has {} lines in a door, {DOOR_METHOD_LINES_MAX} at most: move the work to a \
                 file of its own",
                function.name,
                function.lines(),
            );
            findings.push(finding(path, line, message));
        }
    }
}

fn globs(path: &str, file: &RustFile, findings: &mut Vec<Finding>) {
    if path.starts_with("tests/") {
        return;
    }
    for named in paths::all(file) {
        if named.is_glob && !file.is_test_line(named.line) {
            let message = format!(
                "`{}` hides what is imported: name each thing (globs are for tests)",
                named.text
            );
            findings.push(finding(path, named.line, message));
        }
    }
}

/// A file that no `mod` line names is compiled by nobody.
fn dead_files(tree: &Tree, findings: &mut Vec<Finding>) {
    let is_root = |path: &str| matches!(path, "src/lib.rs" | "src/main.rs");
    for (path, _) in tree.product().filter(|(path, _)| !is_root(path)) {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let name = module.rsplit('/').next().unwrap_or_default();
        let declares = |(parent, file): (&String, &RustFile)| {
            parent != path
                && child(parent, name) == module
                && file.words("mod").any(|at| {
                    file.code[at + 3..]
                        .trim_start()
                        .starts_with(&format!("{name};"))
                })
        };
        if !tree.product().any(declares) {
            let message = format!("no `mod {name};` names this file: declare it or remove it");
            findings.push(finding(path, 1, message));
        }
    }
}
