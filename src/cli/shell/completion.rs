//! Tab at the prompt.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

use clap::Command;
use clap_complete::engine::complete;

use super::cursor::{Current, split};
use super::grammar::{Own, Runs, Verb};
use super::translate::{Expected, expected, is_as_typed};
use super::verbs;
use super::words::{Word, quoted};
use crate::cli::complete::{Asker, Kind, goes_on, sifted};
use crate::cli::help;

/// What may follow.
pub(super) struct Completion {
    /// With completers.
    command: Command,
    /// Built, to look flags up.
    tree: Arc<Command>,
    asker: Asker,
}

/// Something that may stand in place of the word being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// As a list shows it.
    pub(super) shown: String,
    /// As the line takes it.
    pub(super) typed: String,
}

impl Completion {
    pub(super) fn new(command: Command, tree: Arc<Command>, asker: Asker) -> Self {
        Self {
            command,
            tree,
            asker,
        }
    }

    /// Where the word being typed begins, and what may stand there.
    pub(super) fn at(&self, text: &str) -> (usize, Vec<Candidate>) {
        let Some((words, current)) = split(text.as_bytes()) else {
            return (text.len(), Vec::new());
        };
        let Ok(typed) = String::from_utf8(current.bytes.clone()) else {
            return (text.len(), Vec::new());
        };
        let found = match words.split_first() {
            None => plain(first_words(&typed)),
            Some((first, rest)) => self.behind(first, rest, &words, &typed),
        };
        let candidates = found.into_iter().map(|name| as_typed(name, &current));
        (current.at, candidates.collect())
    }

    fn behind(&self, first: &Word, rest: &[Word], words: &[Word], typed: &str) -> Vec<Found> {
        let name = first.plain().unwrap_or_default();
        let two = rest.first().and_then(Word::plain);
        let two = two.and_then(|second| verbs::named(&format!("{name} {second}")));
        if let Some(verb) = two {
            return self.of_verb(verb, &rest[1..], typed);
        }
        let mut found = match rest {
            [] => self.second_words(name, typed),
            _ if is_as_typed(words, &self.tree) => return self.of_command(words, typed),
            _ => Vec::new(),
        };
        if let Some(verb) = verbs::named(name) {
            found.extend(match verb.runs {
                Runs::Shell(own) => self.of_own(own, rest, typed),
                Runs::Command(_) => self.of_verb(verb, rest, typed),
            });
        } else if rest.is_empty() && typed.starts_with('-') {
            found.extend(self.of_command(words, typed));
        }
        found
    }

    /// The second word of a verb of two, or a subcommand as the command line has it.
    fn second_words(&self, first: &str, typed: &str) -> Vec<Found> {
        let seconds = verbs::all().filter_map(|verb| {
            let (one, two) = verb.name.split_once(' ')?;
            one.eq_ignore_ascii_case(first).then_some(two)
        });
        let mut found = cased(seconds, typed);
        let group = self.tree.find_subcommand(first.to_ascii_lowercase());
        let below = group.into_iter().flat_map(Command::get_subcommands);
        let shown = below.filter(|command| !command.is_hide_set());
        for name in begun(shown.map(Command::get_name), &typed.to_ascii_lowercase()) {
            if !found.iter().any(|it| it.eq_ignore_ascii_case(&name)) {
                found.push(name);
            }
        }
        plain(found)
    }

    /// A line as the command line has it.
    fn of_command(&self, words: &[Word], typed: &str) -> Vec<Found> {
        let mut argv = vec![OsString::from("dkv")];
        argv.extend(words.iter().take(2).map(|word| {
            let lower = word.bytes.to_ascii_lowercase();
            OsString::from_vec(lower)
        }));
        argv.extend(words.iter().skip(2).map(Word::to_argument));
        argv.push(typed.into());
        let index = argv.len() - 1;
        let found = complete(&mut self.command.clone(), argv, index, None);
        let found = sifted(found.unwrap_or_default(), typed.as_ref());
        let values = found.iter().filter_map(|it| {
            let value = std::str::from_utf8(it.get_value().as_bytes()).ok()?;
            is_safe_flag(value).then(|| Found {
                text: value.to_owned(),
                is_name: !value.starts_with('-'),
            })
        });
        values.collect()
    }

    fn of_verb(&self, verb: &'static Verb, rest: &[Word], typed: &str) -> Vec<Found> {
        if typed.starts_with('-') {
            let mut words: Vec<Word> = verb.path().iter().map(|name| Word::made(name)).collect();
            words.extend_from_slice(rest);
            return self.of_command(&words, typed);
        }
        match expected(verb, rest, &self.tree) {
            Expected::Value(name) => self.names(kind_of(verb, name), typed),
            Expected::Words { place, keywords } => {
                let mut found = match place {
                    Some(name) => self.names(kind_of(verb, name), typed),
                    None => Vec::new(),
                };
                found.extend(plain(cased(keywords.into_iter(), typed)));
                found
            }
        }
    }

    fn of_own(&self, own: Own, rest: &[Word], typed: &str) -> Vec<Found> {
        if !rest.is_empty() && own != Own::Help {
            return Vec::new();
        }
        let formats = ["text", "json", "jsonl", "table", "raw"];
        match own {
            Own::Use => self.names(Some(Kind::Bucket), typed),
            Own::Shard => self.names(Some(Kind::Shard), typed),
            Own::Output => plain(begun(formats.into_iter(), typed)),
            Own::Timing => plain(begun(["on", "off"].into_iter(), typed)),
            Own::Help if rest.is_empty() => {
                let verbs = verbs::all().map(|verb| verb.name);
                let mut found = cased(verbs, typed);
                found.extend(begun(help::topics(), typed));
                plain(found)
            }
            Own::Help | Own::Connect | Own::Clear | Own::Exit => Vec::new(),
        }
    }

    fn names(&self, kind: Option<Kind>, typed: &str) -> Vec<Found> {
        let names = kind
            .map(|kind| (self.asker)(kind, typed))
            .unwrap_or_default();
        names.iter().map(|name| Found::name(name)).collect()
    }
}

/// Something found: a name is quoted if it must be, a word of ours never.
struct Found {
    text: String,
    is_name: bool,
}

impl Found {
    fn name(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_name: true,
        }
    }
}

fn plain(words: Vec<String>) -> Vec<Found> {
    let words = words.into_iter().map(|text| Found {
        text,
        is_name: false,
    });
    words.collect()
}

/// What the value that a verb calls so names.
fn kind_of(verb: &Verb, name: &str) -> Option<Kind> {
    let group = verb.path().first().copied().unwrap_or_default();
    match (group, name) {
        (_, "LOCK@TOKEN") => Some(Kind::Fence),
        ("kv", "key" | "prefix" | "KEY" | "PREFIX") => Some(Kind::Key),
        ("bucket", "name" | "prefix") if verb.name != "BUCKET CREATE" => Some(Kind::Bucket),
        ("lock", "name" | "prefix") => Some(Kind::Lock),
        _ => None,
    }
}

fn first_words(typed: &str) -> Vec<String> {
    let names = verbs::all()
        .flat_map(Verb::names)
        .filter(|name| *name != "?");
    let mut words: Vec<&str> = names
        .map(|name| name.split(' ').next().unwrap_or(name))
        .collect();
    words.dedup();
    let mut found = cased(words.into_iter(), typed);
    if !typed.is_empty() {
        found.extend(begun(["kv"].into_iter(), typed));
    }
    found
}

/// Those that begin as typed, in the letter case in which that was typed.
fn cased<'a>(words: impl Iterator<Item = &'a str>, typed: &str) -> Vec<String> {
    let is_lower = typed.chars().any(|char| char.is_ascii_lowercase());
    let begins = |word: &&str| {
        let start = word.get(..typed.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(typed))
    };
    let words = words.filter(begins).map(|word| match is_lower {
        true => word.to_ascii_lowercase(),
        false => word.to_owned(),
    });
    words.collect()
}

fn begun<'a>(words: impl Iterator<Item = &'a str>, typed: &str) -> Vec<String> {
    words
        .filter(|word| word.starts_with(typed))
        .map(str::to_owned)
        .collect()
}

/// Whether a candidate that is typed as a flag, and so without quotes, is one word: a name
/// behind its `=` may be anything. What begins with no `-` is quoted.
fn is_safe_flag(value: &str) -> bool {
    let Some(flag) = value.strip_prefix('-') else {
        return true;
    };
    let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
    let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '-';
    name.chars().all(is_plain) && (value.is_empty() || quoted(value.as_bytes()) == value)
}

/// With a blank behind what is whole, and quotes around what needs them.
fn as_typed(found: Found, current: &Current) -> Candidate {
    let Found { text, is_name } = found;
    let goes_on = is_name && goes_on(&text);
    let mut typed = match is_name {
        true => quoted(text.as_bytes()),
        false => text.clone(),
    };
    let is_quoted = typed.starts_with('"');
    if goes_on && is_quoted {
        typed.pop();
    }
    if current.quote == Some(b'\'') && !text.contains('\'') {
        typed = match goes_on {
            true => format!("'{text}"),
            false => format!("'{text}'"),
        };
    } else if current.quote == Some(b'"') && !is_quoted {
        typed = match goes_on {
            true => format!("\"{text}"),
            false => format!("\"{text}\""),
        };
    }
    if !goes_on {
        typed.push(' ');
    }
    Candidate { shown: text, typed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::complete::attach;
    use crate::cli::root;

    fn completion() -> Completion {
        let asker: Asker = Arc::new(|kind, begin: &str| {
            let names: &[&str] = match kind {
                Kind::Key => &[
                    "user:1",
                    "user:2",
                    "two words",
                    "order/",
                    "x; DELETE PREFIX u YES",
                    "-x; DELETE PREFIX u YES",
                ],
                Kind::Bucket => &["sessions"],
                Kind::Lock => &["jobs"],
                Kind::Fence => &["jobs@7"],
                _ => &[],
            };
            let names = names.iter().filter(|name| name.starts_with(begin));
            names.map(|name| (*name).to_owned()).collect()
        });
        let mut tree = root::command();
        tree.build();
        let command = attach(crate::cli::completions::visible(&root::command()), &asker);
        Completion::new(command, Arc::new(tree), asker)
    }

    /// `--prefix=` was completed with a name as it is, and that may hold a whole command.
    #[test]
    fn a_name_behind_the_equals_sign_of_a_flag_is_one_word_or_no_candidate() {
        let completion = completion();
        let typed = |text: &str| -> Vec<String> {
            let (_, found) = completion.at(text);
            found.into_iter().map(|it| it.typed).collect()
        };
        assert_eq!(
            typed("kv delete --prefix=us"),
            ["--prefix=user:1 ", "--prefix=user:2 "]
        );
        assert_eq!(typed("kv delete --prefix=x"), [""; 0]);
        assert_eq!(typed("kv delete --prefix=tw"), [""; 0]);
        assert_eq!(typed("kv get x"), ["\"x; DELETE PREFIX u YES\" "]);
        assert!(typed("kv get -x").iter().all(|it| !it.contains(';')));
        assert!(is_safe_flag("--prefix=") && is_safe_flag("-o") && is_safe_flag("--"));
        assert!(!is_safe_flag("-x; EXIT") && !is_safe_flag("-x\nEXIT=1"));
    }

    #[test]
    fn tab_tells_what_may_follow() {
        let completion = completion();
        let typed = |text: &str| -> Vec<String> {
            let (_, found) = completion.at(text);
            found.into_iter().map(|it| it.typed).collect()
        };
        assert_eq!(typed("sca"), ["scan "]);
        assert_eq!(typed("SC"), ["SCAN "]);
        assert_eq!(typed("GET us"), ["user:1 ", "user:2 "]);
        assert_eq!(typed("GET tw"), ["\"two words\" "]);
        assert_eq!(typed("GET \"tw"), ["\"two words\" "]);
        assert_eq!(typed("GET o"), ["order/"]);
        assert_eq!(typed("SET a 1 IF R"), ["REVISION "]);
        assert_eq!(typed("SET a 1 FENCE j"), ["jobs@7 "]);
        assert_eq!(typed("SET a 1 fe"), ["fence "]);
        assert_eq!(typed("USE s"), ["sessions "]);
        assert_eq!(typed("BUCKET DR"), ["DROP "]);
        assert_eq!(typed("BUCKET DROP "), ["sessions "]);
        assert_eq!(typed("bucket drop se"), ["sessions "]);
        assert_eq!(
            typed("bucket "),
            ["CREATE ", "UPDATE ", "DROP ", "list ", "entries "]
        );
        assert_eq!(typed("lock in"), ["info "]);
        assert_eq!(typed("UNLOCK "), ["jobs "]);
        assert_eq!(typed("kv get us"), ["user:1 ", "user:2 "]);
        assert_eq!(typed("kv ge"), ["get "]);
        assert_eq!(typed("get --consistency=st"), ["--consistency=stale "]);
        assert_eq!(typed("OUTPUT js"), ["json ", "jsonl "]);
        assert_eq!(typed("SET a 1; DE"), ["DELETE ", "DEL "]);
    }
}
