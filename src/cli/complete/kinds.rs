//! Which argument is the name of what.

use std::ffi::OsStr;
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};

use crate::cli::{explain, help, root};

/// What an argument names, where a server, or this machine, can tell what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key, or the beginning of several.
    Key,
    /// A bucket.
    Bucket,
    /// A lock that is held.
    Lock,
    /// A lock that is held, and the token of its holder.
    Fence,
    /// A shard of the node.
    Shard,
    /// A member of the cluster.
    Member,
    /// A file.
    File,
    /// A value: `@` begins a file.
    Value,
    /// A topic of the help, or a command.
    Topic,
    /// A kind of error.
    Explained,
}

/// Tells the names of a kind that begin with some letters.
pub(crate) type Asker = Arc<dyn Fn(Kind, &str) -> Vec<String> + Send + Sync>;

/// Lets every argument that names something complete it.
pub(crate) fn attach(command: Command, asker: &Asker) -> Command {
    below(command, &mut Vec::new(), asker)
}

fn below(command: Command, path: &mut Vec<String>, asker: &Asker) -> Command {
    let here: Vec<&str> = path.iter().map(String::as_str).collect();
    let command = command.mut_args(|argument| match kind_of(&here, &argument) {
        Some(kind) => argument.add(ArgValueCompleter::new(Names {
            kind,
            asker: Arc::clone(asker),
        })),
        None => argument,
    });
    command.mut_subcommands(|subcommand| {
        path.push(subcommand.get_name().to_owned());
        let subcommand = below(subcommand, path, asker);
        path.pop();
        subcommand
    })
}

/// What an argument of a subcommand names.
fn kind_of(path: &[&str], argument: &Arg) -> Option<Kind> {
    let id = argument.get_id().as_str();
    let kind = match (path, id) {
        (["kv", ..], "key" | "keys" | "prefix" | "start" | "end") => Kind::Key,
        (["kv", "set", ..], "value") => Kind::Value,
        (["kv", "txn" | "batch"], "file") => Kind::File,
        (["bucket", "create"], "name") => return None,
        (["bucket", ..], "name") | (["bucket", "list"], "prefix") => Kind::Bucket,
        (["lock", ..], "name" | "prefix") => Kind::Lock,
        (["cluster", ..], "name") => Kind::Member,
        (["help"], "words") => Kind::Topic,
        (["explain"], "kind") => Kind::Explained,
        (_, "bucket") => Kind::Bucket,
        (_, "fence") => Kind::Fence,
        (_, "shard") => Kind::Shard,
        _ => return None,
    };
    Some(kind)
}

/// In any letter case, as both are taken.
fn beginning_with(
    current: &OsStr,
    known: impl IntoIterator<Item = String>,
) -> Vec<CompletionCandidate> {
    let begin = current.to_string_lossy().to_lowercase();
    let known = known.into_iter();
    let found = known.filter(|name| name.to_lowercase().starts_with(&begin));
    found.map(CompletionCandidate::new).collect()
}

struct Names {
    kind: Kind,
    asker: Asker,
}

impl ValueCompleter for Names {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        match self.kind {
            Kind::File => PathCompleter::any().complete(current),
            Kind::Topic => beginning_with(current, help::names(&root::command())),
            Kind::Explained => beginning_with(current, explain::names()),
            Kind::Value => {
                let path = current.to_str().and_then(|text| text.strip_prefix('@'));
                let files = path.map(|path| PathCompleter::any().complete(OsStr::new(path)));
                let files = files.unwrap_or_default().into_iter();
                files.map(|file| file.add_prefix("@")).collect()
            }
            kind => {
                let Some(current) = current.to_str() else {
                    return Vec::new();
                };
                let names = (self.asker)(kind, current).into_iter();
                names.map(CompletionCandidate::new).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[test]
    fn what_names_something_is_known_for_it() {
        let root = command();
        let kind = |path: &[&str], id: &str| {
            let command = path.iter().fold(&root, |command, name| {
                command.find_subcommand(name).expect("it is a subcommand")
            });
            let mut arguments = command.get_arguments();
            let argument = arguments.find(|argument| argument.get_id() == id);
            kind_of(path, argument.expect("it has this argument"))
        };
        assert_eq!(kind(&["kv", "get"], "keys"), Some(Kind::Key));
        assert_eq!(kind(&["kv", "scan"], "prefix"), Some(Kind::Key));
        assert_eq!(kind(&["kv", "set"], "fence"), Some(Kind::Fence));
        assert_eq!(kind(&["kv"], "bucket"), Some(Kind::Bucket));
        assert_eq!(kind(&["lock", "release"], "name"), Some(Kind::Lock));
        assert_eq!(kind(&["bucket", "drop"], "name"), Some(Kind::Bucket));
        assert_eq!(kind(&["bucket", "create"], "name"), None);
        assert_eq!(kind(&["cluster", "remove"], "name"), Some(Kind::Member));
    }
}
