//! `HELP`: the verbs, one of them, or a topic.

use std::fmt::Write as _;

use super::grammar::{Runs, Verb};
use super::turns::Shell;
use super::verbs;
use super::words::Word;
use crate::base::Error;
use crate::base::suggest::nearest;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::help;

const QUOTING: &str = "\
Words are in any letter case, and \"quoted\" where they hold blanks, ; or #, or
are keywords without being meant so. `kv get --at 5 key` and flags behind a
command work as outside. HELP SET explains SET, HELP locks a topic. Topics:
";

/// Shows what was asked for.
pub(super) fn show(shell: &mut Shell<'_>, words: &[Word]) -> Outcome {
    let asked: Vec<String> = words
        .iter()
        .map(|word| String::from_utf8_lossy(&word.bytes).into_owned())
        .collect();
    let name = asked.join(" ");
    if asked.is_empty() {
        shell.printer.verbatim(overview().as_bytes())?;
        return Ok(ExitStatus::Done);
    }
    let topic = name.to_ascii_lowercase();
    if let Some(verb) = verbs::named(&name) {
        shell.printer.verbatim(of_verb(verb).as_bytes())?;
        // Some topics are called as a verb is.
        if help::topics().any(|known| known == topic) {
            let text = help::topic(&topic).unwrap_or_default();
            shell.printer.verbatim(format!("\n{text}").as_bytes())?;
        }
        return Ok(ExitStatus::Done);
    }
    if let Some(text) = help::topic(&topic) {
        shell.printer.verbatim(text.as_bytes())?;
        return Ok(ExitStatus::Done);
    }
    let lower = asked[0].to_ascii_lowercase();
    if shell.tree().find_subcommand(&lower).is_some() {
        let names = [&[lower][..], &asked[1..]].concat();
        return help::of_command(shell.tree(), &names);
    }
    Err(unknown(&name).into())
}

fn unknown(name: &str) -> Error {
    let upper = name.to_ascii_uppercase();
    let verbs = verbs::all().flat_map(Verb::names);
    let near = nearest(&upper, verbs)
        .or_else(|| nearest(&name.to_ascii_lowercase(), help::topics()))
        .map_or_else(
            || "HELP lists the commands and topics".to_owned(),
            |near| format!("did you mean HELP {near}?"),
        );
    let shown: String = name.chars().take(40).collect();
    Error::invalid(format!(
        "there is no help on `{}`: {near}",
        shown.escape_debug()
    ))
}

fn overview() -> String {
    let mut text = String::new();
    for (title, group) in verbs::GROUPS {
        writeln!(text, "{title}").expect("a string takes everything");
        for verb in group {
            let names: Vec<&str> = verb.names().filter(|name| *name != "?").collect();
            writeln!(text, "  {:<14} {}", names.join(", "), verb.about)
                .expect("a string takes everything");
        }
        text.push('\n');
    }
    text.push_str(QUOTING);
    text.push_str(&help::topics().collect::<Vec<_>>().join(", "));
    text.push('\n');
    text
}

/// `EX is TTL`, `OWNER HEX`: names and keywords that the usage does not have, those first that
/// it has another word for.
fn unmentioned(verb: &Verb) -> Vec<String> {
    let names = verb.also.iter().filter(|it| **it != "?");
    let mut same: Vec<String> = names.map(|it| format!("{it} is {}", verb.name)).collect();
    let mut others = Vec::new();
    for (place, choice) in verb.options.iter().enumerate() {
        let mut before = verb.options[..place].iter();
        // A place that a keyword stands for has no flag.
        if let Some(first) = before.find(|it| it.flag == choice.flag && !it.flag.is_empty()) {
            same.push(format!("{} is {}", choice.keyword, first.keyword));
        } else if !verb.usage.contains(choice.keyword) {
            let value = choice.value.map_or(String::new(), |it| format!(" {it}"));
            others.push(format!("{}{value}", choice.keyword));
        }
    }
    same.append(&mut others);
    same
}

fn of_verb(verb: &Verb) -> String {
    let mut text = format!("{}\n    {}\n", verb.usage, verb.about);
    let also = unmentioned(verb);
    if !also.is_empty() {
        writeln!(text, "    Also: {}", also.join(", ")).expect("a string takes everything");
    }
    if let Runs::Command(path) = verb.runs {
        let path = path.join(" ");
        writeln!(
            text,
            "    It is `dkv {path}` and takes its flags, too: HELP {path}"
        )
        .expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HELP SET knew nothing of EX, which SET takes.
    #[test]
    fn every_word_that_a_verb_takes_is_in_its_help() {
        let help = of_verb(verbs::named("SET").unwrap());
        assert!(
            help.contains("EX is TTL, NX is IF ABSENT, XX is IF PRESENT"),
            "{help}"
        );
        for verb in verbs::all() {
            let help = of_verb(verb);
            let names = verb.also.iter().filter(|it| **it != "?").copied();
            let keywords = verb.options.iter().map(|it| it.keyword);
            let parts = names.chain(keywords).flat_map(|it| it.split(' '));
            for word in parts {
                assert!(help.contains(word), "{}: {word}: {help}", verb.name);
            }
        }
    }
}
