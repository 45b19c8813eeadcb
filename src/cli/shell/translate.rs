//! A statement as words of the command line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::{ArgAction, Command};

use super::foreign;
use super::grammar::{Choice, Need, Own, Place, Runs, Verb};
use super::verbs;
use super::words::{Statement, Word, Wrong};
use crate::base::duration;
use crate::base::suggest::nearest;

/// What a statement asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A subcommand of `dkv`.
    Command(Line),
    /// Something of the shell's own, with what follows its name.
    Own(Own, Vec<Word>),
}

/// A command line in the making.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Line {
    /// The subcommand.
    pub(super) path: Vec<OsString>,
    /// Its flags, and everything else if it was written as the command line has it.
    pub(super) flags: Vec<OsString>,
    /// What has its place behind them.
    pub(super) places: Vec<OsString>,
}

/// Subcommands that have no sense within a shell, and what to do.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["serve"], "start a node from your own shell: dkv serve"),
    (&["shell"], "you are in it; CONNECT asks other nodes"),
    (
        &["top"],
        "it needs the whole screen: run dkv top in another terminal",
    ),
    (&["man"], "read it outside: dkv man | man -l -"),
    (
        &["completions"],
        "they are for your own shell: dkv completions bash",
    ),
    (
        &["cluster", "up"],
        "start a cluster from your own shell: dkv cluster up",
    ),
    (
        &["lock", "run"],
        "it runs commands of your own shell: dkv lock run; LOCK takes a lock here",
    ),
];

impl Line {
    /// All of it, as a shell would start `dkv`.
    pub(super) fn argv(&self) -> Vec<OsString> {
        let mut argv = vec![OsString::from("dkv")];
        argv.extend(self.path.iter().chain(&self.flags).cloned());
        if !self.places.is_empty() {
            argv.push("--".into());
            argv.extend(self.places.iter().cloned());
        }
        argv
    }

    /// Whether it is this subcommand.
    pub(super) fn is(&self, path: &[&str]) -> bool {
        self.path.iter().eq(path)
    }

    /// Whether a flag was given, as `--flag` or `--flag=value`.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| {
            let given = given.to_string_lossy();
            given == flag || given.split_once('=').is_some_and(|(name, _)| name == flag)
        })
    }
}

/// Reads a statement; `tree` is the whole command line, built.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn translate(statement: &Statement, tree: &Command) -> Result<Asked, Wrong> {
    let mut words = &statement.words[..];
    if let [first, rest @ ..] = words
        && first.is("dkv")
        && !rest.is_empty()
    {
        words = rest;
    }
    let two = |verb: &&Verb| {
        let mut names = verb.name.split(' ');
        let (first, second) = (names.next(), names.next());
        matches!((words, second), ([one, two, ..], Some(second))
            if one.is(first.unwrap_or_default()) && two.is(second))
    };
    if let Some(verb) = verbs::all().find(two) {
        return in_grammar(verb, &words[2..], tree, end_of(statement)).map(Asked::Command);
    }
    if let Some(line) = as_typed(words, tree)? {
        return Ok(Asked::Command(line));
    }
    let first = &words[0];
    let name = String::from_utf8_lossy(&first.bytes).into_owned();
    match verbs::named(&name) {
        Some(verb) => match verb.runs {
            Runs::Shell(own) => Ok(Asked::Own(own, words[1..].to_vec())),
            Runs::Command(_) => {
                in_grammar(verb, &words[1..], tree, end_of(statement)).map(Asked::Command)
            }
        },
        None => Err(unknown(first, &name, tree)),
    }
}

fn end_of(statement: &Statement) -> usize {
    let last = statement.words.last();
    last.map_or(0, |word| word.at + word.bytes.len())
}

fn unknown(word: &Word, name: &str, tree: &Command) -> Wrong {
    let shown: String = name.chars().take(40).collect();
    let shown = shown.escape_debug();
    let upper = name.to_ascii_uppercase();
    let known = verbs::all().flat_map(Verb::names);
    let groups = tree.get_subcommands().map(Command::get_name);
    let near = foreign::meant(name)
        .or_else(|| nearest(&upper, known))
        .map(str::to_owned)
        .or_else(|| nearest(&name.to_ascii_lowercase(), groups).map(str::to_owned));
    let advice = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "HELP lists the commands".to_owned(),
    };
    Wrong::at(word.at, format!("there is no command `{shown}`: {advice}"))
}

/// `kv get --at 5 key`: words of the command line as they are, but for the case of the first.
fn as_typed(words: &[Word], tree: &Command) -> Result<Option<Line>, Wrong> {
    let Some(name) = words[0].plain().map(str::to_ascii_lowercase) else {
        return Ok(None);
    };
    let Some(command) = tree.find_subcommand(&name) else {
        return Ok(None);
    };
    let is_group = command.has_subcommands();
    let deeper = words.get(1).and_then(Word::plain).and_then(|word| {
        let word = word.to_ascii_lowercase();
        let found = command.find_subcommand(&word);
        found.map(|found| found.get_name().to_owned())
    });
    // `LOCK jobs` and `CLUSTER` are of the shell; so is what it calls by the same name.
    if verbs::named(&name).is_some() && deeper.is_none() {
        return Ok(None);
    }
    let mut path = vec![name];
    path.extend(deeper.filter(|_| is_group));
    let elsewhere = ELSEWHERE.iter().find(|(known, _)| path == *known);
    if let Some((_, instead)) = elsewhere {
        let message = format!("not within the shell: {instead}");
        return Err(Wrong::at(words[0].at, message));
    }
    let rest = words[path.len()..].iter().map(Word::to_argument);
    Ok(Some(Line {
        flags: rest.collect(),
        path: path.into_iter().map(OsString::from).collect(),
        places: Vec::new(),
    }))
}

/// Whether these words are a subcommand as the command line has it.
pub(super) fn is_as_typed(words: &[Word], tree: &Command) -> bool {
    matches!(as_typed(words, tree), Ok(Some(_)))
}

/// What may be typed behind the words that follow a verb.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The value of a keyword.
    Value(&'static str),
    /// A value in its place, a keyword, or either.
    Words {
        place: Option<&'static str>,
        keywords: Vec<&'static str>,
    },
}

/// What may be typed behind `words`.
pub(super) fn expected(verb: &'static Verb, words: &[Word], tree: &Command) -> Expected {
    let mut reading = Reading::new(verb, tree);
    let mut rest = words;
    while !rest.is_empty() {
        // A keyword without its value is the one word that cannot be read.
        match reading.next(rest) {
            Ok(next) => rest = next,
            Err(_) => match reading.choice(rest).and_then(|(choice, _)| choice.value) {
                Some(value) => return Expected::Value(value),
                None => rest = &rest[1..],
            },
        }
    }
    let place = reading.place();
    let must = place.is_some_and(|place| reading.is_urgent(place));
    let last = words.last().and_then(Word::plain).unwrap_or_default();
    let keywords = verb.options.iter().filter_map(|choice| {
        match choice.keyword.split_once(' ') {
            // The first word of two is there: the second one is expected.
            Some((first, second)) if first.eq_ignore_ascii_case(last) => Some(second),
            _ if must || choice.flag.is_empty() || reading.line.has(choice.flag) => None,
            Some((first, _)) => Some(first),
            None => Some(choice.keyword),
        }
    });
    let mut keywords: Vec<&'static str> = keywords.collect();
    keywords.dedup();
    Expected::Words {
        place: place.map(|place| place.name),
        keywords,
    }
}

/// A verb with what follows it.
fn in_grammar(
    verb: &'static Verb,
    words: &[Word],
    tree: &Command,
    end: usize,
) -> Result<Line, Wrong> {
    let mut reading = Reading::new(verb, tree);
    let mut rest = words;
    while !rest.is_empty() {
        rest = reading.next(rest)?;
    }
    reading.finish(end)
}

/// A verb's line, being read.
struct Reading<'a> {
    verb: &'static Verb,
    command: Option<&'a Command>,
    /// How many of its places are filled.
    filled: usize,
    values: Vec<&'a Word>,
    line: Line,
}

impl<'a> Reading<'a> {
    fn new(verb: &'static Verb, tree: &'a Command) -> Self {
        let mut path = verb.path().iter();
        Self {
            verb,
            command: path.try_fold(tree, |tree, name| tree.find_subcommand(name)),
            filled: 0,
            values: Vec::new(),
            line: Line {
                path: verb.path().iter().map(OsString::from).collect(),
                ..Line::default()
            },
        }
    }

    /// Takes one word or several from the front.
    fn next(&mut self, words: &'a [Word]) -> Result<&'a [Word], Wrong> {
        let (word, rest) = words.split_first().expect("there is a word to read");
        if word.is_flag() {
            return Ok(self.flag(word, rest));
        }
        let place = self.place();
        if place.is_some_and(|place| self.is_urgent(place)) {
            self.fill(word);
            return Ok(rest);
        }
        if let Some((choice, rest)) = self.choice(words) {
            return self.choose(choice, word, rest);
        }
        if let Some(flag) = self.verb.bare.filter(|flag| !self.line.has(flag))
            && let Some(text) = word.plain().filter(|text| duration::parse(text).is_ok())
        {
            self.line.flags.push(format!("{flag}={text}").into());
            return Ok(rest);
        }
        match place {
            Some(_) => self.fill(word),
            None => return Err(self.unexpected(word)),
        }
        Ok(rest)
    }

    /// The place that the next value belongs in.
    fn place(&self) -> Option<&'static Place> {
        self.verb.places.get(self.filled)
    }

    /// Whether nothing but a value for this place can come next.
    fn is_urgent(&self, place: &Place) -> bool {
        place.flag.is_none() && place.need != Need::Maybe && self.is_open(place)
    }

    /// Whether a place that may take several lacks even the first.
    fn is_open(&self, place: &Place) -> bool {
        place.need != Need::Many || self.values.len() <= self.filled
    }

    fn fill(&mut self, word: &'a Word) {
        let place = self.place().expect("only a place that is there is filled");
        match place.flag {
            Some(flag) => self.line.flags.push(joined(flag, word)),
            None => self.values.push(word),
        }
        if place.need != Need::Many {
            self.filled += 1;
        }
    }

    /// A flag of the command line, with its value if that is the next word.
    fn flag(&mut self, word: &Word, rest: &'a [Word]) -> &'a [Word] {
        self.line.flags.push(word.to_argument());
        match rest.split_first() {
            Some((value, rest)) if self.takes_value(word.plain().unwrap_or_default()) => {
                self.line.flags.push(value.to_argument());
                rest
            }
            _ => rest,
        }
    }

    fn takes_value(&self, flag: &str) -> bool {
        let mut arguments = self.command.into_iter().flat_map(Command::get_arguments);
        let found = match flag.strip_prefix("--") {
            Some(long) => arguments.find(|argument| {
                let aliases = argument.get_all_aliases().unwrap_or_default();
                argument.get_long() == Some(long) || aliases.contains(&long)
            }),
            None => arguments.find(|argument| {
                let short = argument.get_short().map(|short| format!("-{short}"));
                short.as_deref() == Some(flag)
            }),
        };
        found.is_some_and(|argument| {
            matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
        })
    }

    /// The keyword that these words begin with, and what is behind it.
    fn choice(&self, words: &'a [Word]) -> Option<(&'static Choice, &'a [Word])> {
        let matching = self.verb.options.iter().filter_map(|choice| {
            let parts: Vec<&str> = choice.keyword.split(' ').collect();
            let is_it = words.len() >= parts.len()
                && parts.iter().zip(words).all(|(part, word)| word.is(part));
            is_it.then_some((choice, parts.len()))
        });
        let (choice, length) = matching.max_by_key(|(_, length)| *length)?;
        Some((choice, &words[length..]))
    }

    fn choose(
        &mut self,
        choice: &'static Choice,
        word: &Word,
        rest: &'a [Word],
    ) -> Result<&'a [Word], Wrong> {
        let Some(expected) = choice.value else {
            self.line.flags.push(choice.flag.into());
            return Ok(rest);
        };
        let Some((value, rest)) = rest.split_first() else {
            let message = format!(
                "{0} needs a value: {0} {expected} (to mean a word `{1}` put it in quotes)",
                choice.keyword,
                word.plain().unwrap_or_default(),
            );
            return Err(Wrong::at(word.at, message));
        };
        if expected == "DURATION"
            && let Err(malformed) = duration::parse(&String::from_utf8_lossy(&value.bytes))
        {
            let message = format!("{}: {}", choice.keyword, malformed.message());
            return Err(Wrong::at(value.at, message));
        }
        if choice.flag.is_empty() {
            self.values.push(value);
        } else {
            self.line.flags.push(joined(choice.flag, value));
        }
        Ok(rest)
    }

    fn unexpected(&self, word: &Word) -> Wrong {
        let text = String::from_utf8_lossy(&word.bytes).into_owned();
        let shown: String = text.chars().take(40).collect();
        let upper = text.to_ascii_uppercase();
        let keywords = self.verb.options.iter().map(|choice| choice.keyword);
        let meant = match nearest(&upper, keywords).filter(|_| !word.is_quoted) {
            Some(near) => format!(": did you mean {near}?"),
            None => String::new(),
        };
        let message = format!(
            "`{}` is not expected here{meant} Write {}",
            shown.escape_debug(),
            self.verb.usage
        );
        let message = match meant.is_empty() {
            true => message.replacen(" Write", ": write", 1),
            false => message,
        };
        Wrong::at(word.at, message)
    }

    fn finish(mut self, end: usize) -> Result<Line, Wrong> {
        let missing = self
            .verb
            .places
            .iter()
            .skip(self.filled)
            .find(|place| match place.flag {
                Some(flag) => place.need == Need::One && !self.line.has(flag),
                None => place.need != Need::Maybe && self.is_open(place),
            });
        if let Some(place) = missing {
            let (name, usage) = (self.verb.name, self.verb.usage);
            let message = format!("{name} needs a {}: write {usage}", place.name);
            return Err(Wrong::at(end, message));
        }
        if self.verb.name == "SET" {
            self.take_literally();
        }
        self.line.places = self.values.iter().map(|word| word.to_argument()).collect();
        Ok(self.line)
    }

    /// A quoted value is never a file, and there is no standard input to read.
    fn take_literally(&mut self) {
        let is_literal = |word: &&Word| word.is_quoted || word.bytes == b"-";
        if self.values.get(1).is_some_and(is_literal) && !self.line.has("--literal") {
            self.line.flags.push("--literal".into());
        }
    }
}

fn joined(flag: &str, value: &Word) -> OsString {
    let mut bytes = format!("{flag}=").into_bytes();
    bytes.extend_from_slice(&value.bytes);
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests;
