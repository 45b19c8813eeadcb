//! The `console` blocks of the README, read as a person reads them: commands, and below
//! each what it prints, where `…` and `[..]` stand for anything within a line.

/// A block of console lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) line: usize,
    /// What stands behind `console`: which shell, or which tour.
    pub(crate) info: String,
    /// Output that belongs to the last command of this shell's block before.
    pub(crate) late: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// A command, and what it prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) output: Vec<String>,
}

/// The console blocks of a page.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(markdown.lines()) {
        if let Some(info) = text.strip_prefix("```") {
            inside = !inside && info.starts_with("console");
            if inside {
                found.push(Block {
                    line,
                    info: info.trim_start_matches("console").trim().to_owned(),
                    late: Vec::new(),
                    steps: Vec::new(),
                });
            }
            continue;
        }
        let Some(block) = found.last_mut().filter(|_| inside) else {
            continue;
        };
        match (text.strip_prefix("$ "), block.steps.last_mut()) {
            (Some(command), _) => block.steps.push(Step {
                line,
                command: command.to_owned(),
                output: Vec::new(),
            }),
            (None, Some(step)) if step.output.is_empty() && text.starts_with("> ") => {
                step.command.push('\n');
                step.command.push_str(&text[2..]);
            }
            (None, Some(step)) => step.output.push(text.to_owned()),
            (None, None) => block.late.push(text.to_owned()),
        }
    }
    found
}

/// True if the text is the pattern, in which `…` and `[..]` stand for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.replace("[..]", "…");
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Asserts that a command printed what stands below it.
#[track_caller]
pub(crate) fn compare(line: usize, command: &str, expected: &[String], said: &str) {
    let said: Vec<&str> = said.lines().map(str::trim_end).collect();
    let agree = expected.len() == said.len()
        && expected
            .iter()
            .zip(&said)
            .all(|(pattern, text)| matches(pattern, text));
    assert!(
        agree,
        "line {line}: `{command}`\nshould print:\n{}\nand printed:\n{}\n",
        expected.join("\n"),
        said.join("\n")
    );
}

#[test]
fn blocks_are_read_as_a_person_reads_them() {
    let text = "# T\n```console\n$ a\none\n$ b \\\n> c\n```\n```sh\n$ no\n```\n\
                ```console second shell\nlate\n$ d\n```\n";
    let blocks = blocks(text);
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[0].steps[0].output, ["one"]);
    assert_eq!(blocks[0].steps[1].command, "b \\\nc");
    assert_eq!(blocks[1].info, "second shell");
    assert_eq!(blocks[1].late, ["late"]);
    assert_eq!(blocks[1].steps[0].command, "d");
}

#[test]
fn patterns_match_what_they_should() {
    assert!(matches("revision=…", "revision=7"));
    assert!(matches("a[..]c…e", "abcde"));
    assert!(matches("same", "same"));
    for (pattern, text) in [
        ("same", "same "),
        ("a…c", "ab"),
        ("…b", "abc"),
        ("a…b…c", "acb"),
    ] {
        assert!(!matches(pattern, text), "{pattern} {text}");
    }
}

#[test]
#[should_panic(expected = "should print")]
fn a_wrong_tour_is_caught() {
    compare(1, "dkv kv get x", &["hello".to_owned()], "goodbye\n");
}
