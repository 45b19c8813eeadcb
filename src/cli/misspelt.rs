//! What to type instead of a subcommand that does not exist.

use clap::Command;
use clap::error::{ContextKind, ContextValue};

/// Suggests `kv set` to whoever typed `dkv set`, and nothing that the help does not show.
pub(crate) fn advise(mut error: clap::Error, root: &Command) -> clap::Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let grouped: Vec<String> = root
        .get_subcommands()
        .filter(|group| shown(group).any(|name| name == typed))
        .map(|group| format!("{} {typed}", group.get_name()))
        .collect();
    let near = match error.get(ContextKind::SuggestedSubcommand) {
        _ if !grouped.is_empty() => grouped,
        Some(ContextValue::Strings(near)) => near
            .iter()
            .filter(|name| {
                let mut rooms = root.get_subcommands().chain([root]);
                rooms.any(|group| shown(group).any(|shown| shown == *name))
            })
            .cloned()
            .collect(),
        _ => return error,
    };
    error.remove(ContextKind::SuggestedSubcommand);
    if !near.is_empty() {
        error.insert(
            ContextKind::SuggestedSubcommand,
            ContextValue::Strings(near),
        );
    }
    error
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
