//! The project's files, and a Rust file seen as a tidy rule wants to see it:
//! code without comments and literals, comments alone, and which lines are tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// Something a rule found.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// All text files, by path from the top of the project.
pub(crate) struct Tree {
    pub(crate) rust: BTreeMap<String, RustFile>,
    pub(crate) text: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the project this test was built from.
    pub(crate) fn of_this_project() -> Self {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = BTreeMap::new();
        read_folder(top, top, &mut text);
        Self::of_text(text)
    }

    /// A tree of snippets.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self::of_text(files.iter().map(owned).collect())
    }

    fn of_text(text: BTreeMap<String, String>) -> Self {
        let mut rust: BTreeMap<String, RustFile> = text
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.clone(), RustFile::parse(path, text)))
            .collect();
        let test_modules: BTreeSet<String> = rust
            .iter()
            .flat_map(|(path, file)| file.test_modules.iter().map(|name| child(path, name)))
            .collect();
        for (path, file) in &mut rust {
            let is_test = |module: &String| {
                *path == format!("{module}.rs") || path.starts_with(&format!("{module}/"))
            };
            if test_modules.iter().any(is_test) {
                file.all_tests();
            }
        }
        Self { rust, text }
    }

    /// The Rust files below `src/`.
    pub(crate) fn product(&self) -> impl Iterator<Item = (&String, &RustFile)> {
        self.rust
            .iter()
            .filter(|(path, _)| path.starts_with("src/"))
    }
}

/// `src/wal/mod.rs`, `tests` -> `src/wal/tests`: where a module's file stands, without `.rs`.
pub(crate) fn child(path: &str, name: &str) -> String {
    let folder = match path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    };
    format!("{folder}/{name}")
}

fn read_folder(top: &Path, folder: &Path, text: &mut BTreeMap<String, String>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the project can be listed");
    for entry in entries {
        let entry = entry.expect("a folder of the project can be listed");
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let hidden = name.starts_with('.') && !matches!(name.as_str(), ".ci" | ".config");
        // A server that was started here keeps its data in `data`.
        let is_no_source = matches!(name.as_str(), "target" | "data" | "Cargo.lock");
        if hidden || (is_no_source && folder == top) {
            continue;
        }
        if path.is_dir() {
            read_folder(top, &path, text);
        } else if let Ok(content) = std::fs::read_to_string(&path) {
            let short = path.strip_prefix(top).expect("it was found below the top");
            text.insert(short.to_string_lossy().into_owned(), content);
        }
    }
}

/// One Rust file in three views of equal length, so that offsets agree.
pub(crate) struct RustFile {
    pub(crate) raw: String,
    /// Comments and the insides of literals are spaces.
    pub(crate) code: String,
    /// Everything but comments is spaces.
    pub(crate) comments: String,
    /// Per line: is it test code?
    test_lines: Vec<bool>,
    /// Names of `#[cfg(test)] mod name;`.
    test_modules: Vec<String>,
}

impl RustFile {
    fn parse(path: &str, text: &str) -> Self {
        let (code, comments) = views(text);
        let mut file = Self {
            raw: text.to_owned(),
            test_lines: vec![false; text.lines().count() + 1],
            code,
            comments,
            test_modules: Vec::new(),
        };
        file.mark_tests();
        let is_test = |part: &str| matches!(part, "tests" | "tests.rs");
        if path.split('/').any(is_test) || file.code.contains("#![cfg(test)]") {
            file.all_tests();
        }
        file
    }

    fn all_tests(&mut self) {
        self.test_lines.fill(true);
    }

    fn mark_tests(&mut self) {
        let starts: Vec<usize> = self
            .code
            .match_indices("#[cfg(test)]")
            .map(|(at, _)| at)
            .collect();
        for start in starts {
            let from = start + "#[cfg(test)]".len();
            let (end, has_body) = item_end(&self.code, from);
            let item = &self.code[from..end];
            if !has_body && let Some((_, after)) = item.split_once("mod ") {
                let name = after.trim_end_matches(';').trim();
                self.test_modules.push(name.to_owned());
            }
            let (first, last) = (self.line_of(start), self.line_of(end));
            self.test_lines[first - 1..last].fill(true);
        }
    }

    /// The line of an offset, from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        let end = offset.min(self.code.len());
        1 + self.code.as_bytes()[..end]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
    }

    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.get(line - 1).copied().unwrap_or(false)
    }

    /// True if nothing in it ships.
    pub(crate) fn is_test_file(&self) -> bool {
        self.test_lines.iter().all(|test| *test)
    }

    pub(crate) fn lines_of_product(&self) -> usize {
        let lines = self.raw.lines().count();
        self.test_lines[..lines]
            .iter()
            .filter(|test| !**test)
            .count()
    }

    /// Offsets where `word` stands alone in the code. A `word` may begin or end with
    /// punctuation (`println!`, `.await`); only its letters need a boundary.
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let code = self.code.as_bytes();
        self.code.match_indices(word).filter_map(move |(at, _)| {
            let end = at + word.len();
            let opens = !is_ident(word.as_bytes()[0]) || at == 0 || !is_ident(code[at - 1]);
            let closes = !is_ident(word.as_bytes()[word.len() - 1])
                || code.get(end).is_none_or(|b| !is_ident(*b));
            (opens && closes).then_some(at)
        })
    }

    /// Every function with a body: its name, where it starts and ends.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for at in self.words("fn") {
            let after = self.code[at + 2..].trim_start();
            let name: String = after.chars().take_while(|c| is_ident_char(*c)).collect();
            let (end, has_body) = item_end(&self.code, at);
            if name.is_empty() || !has_body {
                continue;
            }
            let before = &self.code[..at];
            let depth = before.matches('{').count() - before.matches('}').count();
            found.push(Function {
                name,
                first_line: self.line_of(at),
                last_line: self.line_of(end),
                is_free: depth == 0,
            });
        }
        found
    }
}

/// Where one function stands.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
    /// Outside every `impl`, `trait` and inline `mod`.
    pub(crate) is_free: bool,
}

impl Function {
    pub(crate) fn lines(&self) -> usize {
        self.last_line - self.first_line + 1
    }
}

pub(crate) fn is_ident(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_ident_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The offset after the item that starts at `from`: its closing brace, or its semicolon. True
/// if it has a body.
fn item_end(code: &str, from: usize) -> (usize, bool) {
    let mut inside = 0_usize;
    let mut braces = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => inside += 1,
            b')' | b']' => inside = inside.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 => return (at + 1, true),
            b'}' => braces -= 1,
            b';' if inside == 0 && braces == 0 => return (at + 1, false),
            _ => {}
        }
    }
    (code.len(), false)
}

/// The code view and the comment view of a text.
fn views(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let blank = |b: &u8| if *b == b'\n' { b'\n' } else { b' ' };
    let mut code: Vec<u8> = bytes.iter().map(blank).collect();
    let mut comments = code.clone();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = at
            + if rest.starts_with(b"//") {
                let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                copy(&mut comments, bytes, at, length);
                length
            } else if rest.starts_with(b"/*") {
                let length = block_comment(rest);
                copy(&mut comments, bytes, at, length);
                length
            } else if let Some((open, length)) = literal(bytes, at) {
                copy(&mut code, bytes, at, open);
                code[at + length - 1] = bytes[at + length - 1];
                length
            } else {
                copy(&mut code, bytes, at, 1);
                1
            };
        at = end;
    }
    let to_text = |view: Vec<u8>| String::from_utf8(view).expect("other bytes were replaced");
    (to_text(code), to_text(comments))
}

/// Copies a stretch; what is not ASCII becomes `?`, byte for byte.
fn copy(view: &mut [u8], bytes: &[u8], at: usize, length: usize) {
    for (to, from) in view[at..at + length].iter_mut().zip(&bytes[at..]) {
        *to = if from.is_ascii() { *from } else { b'?' };
    }
}

/// The length of a block comment; they nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of the opening and of the whole string or character literal at `at`.
fn literal(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &bytes[at..];
    let starts_word = at == 0 || !is_ident(bytes[at - 1]);
    let prefix = match rest {
        [b'b' | b'c', b'r', ..] if starts_word => 2,
        [b'r' | b'b' | b'c', ..] if starts_word => 1,
        _ => 0,
    };
    let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
    let raw = prefix > 0 && rest[prefix - 1] == b'r';
    let open = prefix + hashes + 1;
    if raw && rest.get(open - 1) == Some(&b'"') {
        let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
        let inside = rest[open..].windows(close.len()).position(|w| w == close);
        return Some((open, inside.map_or(rest.len(), |n| open + n + close.len())));
    }
    let open = prefix + 1;
    match rest.get(prefix)? {
        b'"' if !raw => Some((open, escaped_end(rest, open, b'"'))),
        b'\'' if !raw && is_char(&rest[prefix..]) => Some((open, escaped_end(rest, open, b'\''))),
        _ => None,
    }
}

/// A character, not a lifetime: `'a'`, `'\n'`, `'é'`.
fn is_char(rest: &[u8]) -> bool {
    match rest {
        [_, b'\\', ..] => true,
        [_, first, ..] if first.is_ascii() => rest.get(2) == Some(&b'\''),
        [_, _, ..] => rest[1..].iter().take(5).any(|b| *b == b'\''),
        _ => false,
    }
}

fn escaped_end(rest: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}
