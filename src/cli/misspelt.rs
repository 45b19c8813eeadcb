//! What to type instead of a subcommand that does not exist.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue};

use crate::base::suggest::nearest;

/// Suggests `kv set` to whoever typed `dkv set`, `set` for `dkv kv ste`, and nothing that the
/// help does not show. `argv` is what was typed.
pub(crate) fn advise(mut error: clap::Error, root: &Command, argv: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let grouped: Vec<String> = root
        .get_subcommands()
        .filter(|group| shown(group).any(|name| name == typed))
        .map(|group| format!("{} {typed}", group.get_name()))
        .collect();
    let mut near = match error.get(ContextKind::SuggestedSubcommand) {
        _ if !grouped.is_empty() => grouped,
        Some(ContextValue::Strings(near)) => near
            .iter()
            .filter(|name| {
                let mut rooms = root.get_subcommands().chain([root]);
                rooms.any(|group| shown(group).any(|shown| shown == *name))
            })
            .cloned()
            .collect(),
        _ => Vec::new(),
    };
    if near.is_empty() {
        near.extend(slip(typed, root, argv));
    }
    error.remove(ContextKind::SuggestedSubcommand);
    if !near.is_empty() {
        error.insert(
            ContextKind::SuggestedSubcommand,
            ContextValue::Strings(near),
        );
    }
    error
}

/// What a word is a slip of that clap has no suggestion for: a subcommand of the group that was
/// named before it, or else one of any group, with its group.
fn slip(typed: &str, root: &Command, argv: &[OsString]) -> Option<String> {
    let before = argv.iter().skip(1).take_while(|word| *word != typed);
    let group = before.filter_map(|word| root.find_subcommand(word)).last();
    if let Some(near) = nearest(typed, shown(group.unwrap_or(root))) {
        return Some(near.to_owned());
    }
    let grouped: Vec<(&str, &str)> = root
        .get_subcommands()
        .filter(|group| !group.is_hide_set())
        .flat_map(|group| shown(group).map(|name| (group.get_name(), name)))
        .collect();
    let near = nearest(typed, grouped.iter().map(|(_, name)| *name))?;
    let (group, name) = grouped.iter().find(|(_, name)| *name == near)?;
    Some(format!("{group} {name}"))
}

fn shown(command: &Command) -> impl Iterator<Item = &str> {
    command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
        .map(Command::get_name)
}

#[cfg(test)]
mod tests {
    use crate::cli::failure::Failure;
    use crate::cli::layered::Words;

    fn refusal(typed: &str) -> String {
        let words = Words {
            argv: typed.split(' ').map(Into::into).collect(),
            variables: Vec::new(),
            settled: Vec::new(),
        };
        match words.resolve() {
            Err(Failure::Usage(error)) => error.to_string(),
            other => panic!("{typed}: {:?}", other.map(|_| "accepted")),
        }
    }

    /// It named no way out at all.
    #[test]
    fn a_subcommand_without_its_group_is_told_which() {
        let set = refusal("dkv set a b");
        assert!(set.contains("'kv set'"), "{set}");
        let acquire = refusal("dkv kv acquire a");
        assert!(acquire.contains("'lock acquire'"), "{acquire}");
        let info = refusal("dkv kv info");
        assert!(info.contains("'lock info'"), "{info}");
    }

    /// Words of three letters had no suggestion.
    #[test]
    fn a_short_word_with_letters_swapped_is_understood() {
        let ste = refusal("dkv kv ste a b");
        assert!(ste.contains("'set'"), "{ste}");
        let gte = refusal("dkv kv --bucket b gte a");
        assert!(gte.contains("'get'"), "{gte}");
        let without_group = refusal("dkv gte a");
        assert!(without_group.contains("'kv get'"), "{without_group}");
    }

    /// It suggested the old, hidden `setE`.
    #[test]
    fn a_suggestion_is_never_hidden() {
        let set = refusal("dkv kv sett a b");
        assert!(set.contains("'set'"), "{set}");
        assert!(!set.to_lowercase().contains("'sete'"), "{set}");
        let odd = refusal("dkv kv xyzzy");
        assert!(!odd.contains("tip:"), "{odd}");
    }
}
