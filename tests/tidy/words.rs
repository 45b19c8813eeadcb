//! Words: names that say nothing, reasons that are missing, leftovers, and Markdown.

use crate::source::{Finding, RustFile, Tree};

/// Parts of names that say nothing about what the thing does.
const EMPTY_WORDS: &[&str] = &[
    "manager", "helper", "helpers", "util", "utils", "common", "misc", "impl",
];

/// Words that are empty for a place or a type, and plain in a function: `common_bytes`.
const PLAIN_IN_FUNCTIONS: &[&str] = &["common"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in &tree.rust {
        names(path, file, &mut findings);
        leftovers(path, file, &mut findings);
        attributes(path, file, &mut findings);
        reasons(path, file, &mut findings);
    }
    for (path, text) in &tree.text {
        places(path, text, &mut findings);
        unmerged(path, text, &mut findings);
        if path.ends_with(".md") {
            one_title(path, text, &mut findings);
            links(tree, path, text, &mut findings);
        }
    }
    findings
}

fn finding(path: &str, line: usize, message: impl Into<String>) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        message: message.into(),
    }
}

/// Names of files and of defined things.
fn names(path: &str, file: &RustFile, findings: &mut Vec<Finding>) {
    let complain = |name: &str, plain: &[&str]| {
        let is_empty =
            |part: &String| EMPTY_WORDS.contains(&part.as_str()) && !plain.contains(&part.as_str());
        let word = parts(name).find(is_empty)?;
        Some(format!(
            "`{word}` in the name `{name}` says nothing: name it for what it does"
        ))
    };
    for part in path.trim_end_matches(".rs").split('/') {
        findings.extend(complain(part, &[]).map(|message| finding(path, 1, message)));
    }
    for keyword in ["struct", "enum", "trait", "type", "mod", "fn"] {
        for at in file.words(keyword) {
            let after = file.code[at + keyword.len()..].trim_start();
            let end = after
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            let plain = if keyword == "fn" {
                PLAIN_IN_FUNCTIONS
            } else {
                &[]
            };
            let message = complain(&after[..end], plain);
            findings.extend(message.map(|message| finding(path, file.line_of(at), message)));
        }
    }
}

/// `LockManager`, `lock_manager` -> `lock`, `manager`.
fn parts(name: &str) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_ascii_uppercase() {
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut().filter(|_| c != '_' && c != '-') {
            last.push(c.to_ascii_lowercase());
        }
    }
    parts.into_iter()
}

/// What was meant to be done later, and code that was left in comments.
fn leftovers(path: &str, file: &RustFile, findings: &mut Vec<Finding>) {
    for (number, line) in (1..).zip(file.comments.lines()) {
        for mark in ["TODO", "FIXME", "XXX", "HACK"] {
            let Some((_, after)) = line.split_once(mark) else {
                continue;
            };
            if !after.starts_with("(#") {
                let message = format!("do it now, or file an issue and write `{mark}(#123)`");
                findings.push(finding(path, number, message));
            }
        }
        let text = line.trim();
        let is_doc = text.starts_with("///") || text.starts_with("//!");
        if let Some(text) = text.strip_prefix("//").filter(|_| !is_doc)
            && looks_like_code(text.trim())
        {
            let message = "this comment is code: remove it, version control remembers";
            findings.push(finding(path, number, message));
        }
    }
}

fn looks_like_code(text: &str) -> bool {
    let keywords = [
        "let ", "use ", "pub ", "fn ", "mod ", "return ", "impl ", "#[",
    ];
    let statement = text.ends_with(';')
        && (text.ends_with(");")
            || text.contains(" = ")
            || keywords.iter().any(|keyword| text.starts_with(keyword)));
    statement || text.ends_with('{') || matches!(text, "}" | "};" | "})" | "});" | "},")
}

/// Attributes that switch something off.
fn attributes(path: &str, file: &RustFile, findings: &mut Vec<Finding>) {
    for at in file.words("#[ignore") {
        let message = "a test runs or does not exist: make it fast and steady, or remove it";
        findings.push(finding(path, file.line_of(at), message));
    }
    for open in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
        for at in file.words(open) {
            let end = file.code[at..]
                .find(")]")
                .map_or(file.code.len(), |n| at + n);
            if !file.code[at..end].contains("reason") {
                let message = "say why the lint does not apply: `reason = \"...\"`";
                findings.push(finding(path, file.line_of(at), message));
            }
        }
    }
}

/// `unwrap` has no reason, and an `expect` must have one.
fn reasons(path: &str, file: &RustFile, findings: &mut Vec<Finding>) {
    let line_of = |at| file.line_of(at);
    for at in file.words(".unwrap()").filter(|_| path.starts_with("src/")) {
        if !file.is_test_line(line_of(at)) {
            let message = "return the error, or write `expect(\"why it cannot be\")`";
            findings.push(finding(path, line_of(at), message));
        }
    }
    for at in file.words(".expect(").filter(|_| path.starts_with("src/")) {
        let raw = file.raw[at + ".expect(".len()..].trim_start();
        let literal = raw
            .strip_prefix('"')
            .and_then(|text| text.split('"').next());
        let Some(reason) = literal.filter(|_| !file.is_test_line(line_of(at))) else {
            continue;
        };
        let words = reason.split_whitespace().count();
        if words < 3 || reason.starts_with("failed") || reason.starts_with("could not") {
            let message = format!("`expect(\"{reason}\")` must say why it cannot be");
            findings.push(finding(path, line_of(at), message));
        }
    }
}

/// Paths that exist on one machine only. The words are put together here so that this file
/// does not find itself.
fn places(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let folders = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    for (number, line) in (1..).zip(text.lines()) {
        let starts_a_path = |folder: &String| {
            line.match_indices(folder.as_str()).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && !"._-}~/*".contains(c))
            })
        };
        if let Some(folder) = folders.iter().find(|folder| starts_a_path(folder)) {
            let message = format!(
                "`{folder}...` is a place on one machine: use a relative path or a variable"
            );
            findings.push(finding(path, number, message));
        }
    }
}

/// Both sides of a merge that nobody decided.
fn unmerged(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let marks = ['<', '>'].map(|mark| format!("{} ", mark.to_string().repeat(7)));
    for (number, line) in (1..).zip(text.lines()) {
        if marks.iter().any(|mark| line.starts_with(mark.as_str())) {
            let message = "a merge left both sides here: keep what holds of either";
            findings.push(finding(path, number, message));
        }
    }
}

/// The lines of a Markdown text that are not inside fences.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

fn one_title(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let titles: Vec<usize> = prose(text)
        .filter(|(_, line)| line.starts_with("# "))
        .map(|(number, _)| number)
        .collect();
    if titles.first() != Some(&1) {
        let message = "a Markdown file opens with its title, `# ...`";
        findings.push(finding(path, 1, message));
    }
    for number in titles.iter().skip(1) {
        let message = "one title a file: make this one `## ...`";
        findings.push(finding(path, *number, message));
    }
}

fn links(tree: &Tree, path: &str, text: &str, findings: &mut Vec<Finding>) {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for (number, line) in prose(text) {
        for (_, after) in line
            .match_indices("](")
            .map(|(at, _)| line.split_at(at + 2))
        {
            let target = after.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains(':') {
                continue;
            }
            let resolved = resolve(folder, target);
            let exists =
                |known: &String| *known == resolved || known.starts_with(&format!("{resolved}/"));
            if !resolved.is_empty() && !tree.text.keys().any(exists) {
                let message = format!("the link to `{target}` leads nowhere");
                findings.push(finding(path, number, message));
            }
        }
    }
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
