//! "Are you sure?", before something is destroyed.

use std::io::{self, IsTerminal};

use crate::base::{Error, Result};

/// Asks on a terminal; without one, `yes` must have been said. The verbs of a shell have a
/// word of their own for it.
///
/// # Errors
/// `Invalid` without a terminal and without `yes`, and when the answer is no.
pub(crate) fn confirmed(question: &str, yes: bool, is_in_shell: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let word = match is_in_shell {
            true => "YES (or --yes)",
            false => "--yes",
        };
        return Err(Error::invalid(format!(
            "{question} There is no terminal to ask on: add {word} to do it"
        )));
    }
    let answer = dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(|dialoguer::Error::IO(error)| match error.kind() {
            io::ErrorKind::Interrupted => Error::invalid("nothing was done: interrupted"),
            _ => Error::invalid(format!("no answer could be read: {error}")),
        })?;
    if answer {
        Ok(())
    } else {
        Err(Error::invalid("nothing was done: the answer was no"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A script of the shell was told to add `--yes`, where its verbs say YES.
    #[test]
    fn a_script_is_told_the_word_of_its_language() {
        let said = |is_in_shell| {
            let refused = confirmed("Delete 3 keys?", false, is_in_shell).unwrap_err();
            refused.message().to_owned()
        };
        // On a terminal of somebody who runs the tests it would ask.
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            assert!(said(true).ends_with("add YES (or --yes) to do it"));
            assert!(said(false).ends_with("add --yes to do it"));
        }
        assert!(confirmed("Delete 3 keys?", true, true).is_ok());
    }
}
