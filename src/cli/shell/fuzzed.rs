//! Doors for fuzzing alone: lines of the prompt.

use std::sync::LazyLock;

use clap::Command;

use super::lexer::{Unread, statements};
use super::translate::translate;
use crate::cli::root;

/// Made once: it takes longer than what is done with it.
static TREE: LazyLock<Command> = LazyLock::new(|| {
    let mut tree = root::command();
    tree.build();
    tree
});

/// How many words each statement of a text has; `None` if it is no text of statements.
pub fn statement_words(text: &[u8]) -> Option<Vec<usize>> {
    match statements(text) {
        Ok(statements) => {
            let words = statements.iter().map(|statement| statement.words.len());
            Some(words.collect())
        }
        Err(Unread::Unfinished(_, wrong) | Unread::Wrong(wrong)) => {
            assert!(!wrong.message.is_empty(), "it says what is wrong");
            // What is shown points into the text, wherever that is wrong.
            let _ = wrong.in_text(text);
            None
        }
    }
}

/// Translates every statement of a text; how many are commands.
pub fn translated(text: &[u8]) -> usize {
    let read = statements(text).unwrap_or_default();
    let mut commands = 0;
    for statement in &read {
        match translate(statement, &TREE) {
            Ok(_) => commands += 1,
            Err(wrong) => drop(wrong.in_text(text)),
        }
    }
    commands
}
