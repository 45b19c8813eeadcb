//! Every path a file names: `use` trees flattened, and paths in expressions.

use crate::source::{RustFile, is_ident};

/// A path such as `crate::kv::ops::set`, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// The last part is `*`.
    pub(crate) is_glob: bool,
}

impl NamedPath {
    /// True if this is `prefix`, or something inside it.
    pub(crate) fn is_in(&self, prefix: &str) -> bool {
        self.text
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.text.split("::")
    }
}

/// The paths of a file, in no particular order.
pub(crate) fn all(file: &RustFile) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let mut code = file.code.clone().into_bytes();
    for at in file.words("use") {
        let tree = at + 3;
        let Some(length) = file.code[tree..].find(';') else {
            continue;
        };
        // `use<'a>` captures lifetimes and imports nothing.
        if !file.code.as_bytes()[tree].is_ascii_whitespace() {
            continue;
        }
        flatten(file, tree, tree + length, "", &mut found);
        code[at..tree + length].fill(b' ');
    }
    in_expressions(file, &code, &mut found);
    found
}

/// Flattens the use tree between two offsets under a prefix.
fn flatten(file: &RustFile, from: usize, to: usize, prefix: &str, found: &mut Vec<NamedPath>) {
    let mut start = from;
    let mut depth = 0_usize;
    for at in from..=to {
        match file.code.as_bytes().get(at).filter(|_| at < to) {
            Some(b'{') => depth += 1,
            Some(b'}') => depth -= 1,
            Some(b',') | None if depth == 0 => {
                branch(file, start, at, prefix, found);
                start = at + 1;
            }
            _ => {}
        }
    }
}

fn branch(file: &RustFile, from: usize, to: usize, prefix: &str, found: &mut Vec<NamedPath>) {
    let text = &file.code[from..to];
    let start = from + (text.len() - text.trim_start().len());
    let join = |part: &str| {
        let part = part.trim().trim_start_matches("::").trim_end_matches("::");
        match (prefix, part) {
            (_, "self" | "") if !prefix.is_empty() => prefix.to_owned(),
            ("", part) => part.to_owned(),
            (prefix, part) => format!("{prefix}::{part}"),
        }
    };
    if let Some(open) = text.find('{') {
        let close = text.rfind('}').map_or(to, |close| from + close);
        return flatten(file, from + open + 1, close, &join(&text[..open]), found);
    }
    let name = text.split(" as ").next().unwrap_or_default();
    if name.trim().is_empty() {
        return;
    }
    let path: String = join(name).split_whitespace().collect();
    found.push(NamedPath {
        line: file.line_of(start),
        is_glob: path.ends_with('*'),
        text: path,
    });
}

fn in_expressions(file: &RustFile, code: &[u8], found: &mut Vec<NamedPath>) {
    let mut at = 0;
    while at < code.len() {
        if !is_ident(code[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut end = at;
        while at < code.len() && is_ident(code[at]) {
            at += 1;
            end = at;
            if code[at..].starts_with(b"::") && code.get(at + 2).is_some_and(|b| is_ident(*b)) {
                at += 2;
            }
        }
        let text = String::from_utf8_lossy(&code[start..end]).into_owned();
        let continues = start >= 2 && code[..start].ends_with(b"::") && !text.starts_with("crate");
        if text.contains("::") && !continues {
            found.push(NamedPath {
                line: file.line_of(start),
                text,
                is_glob: false,
            });
        }
    }
}
