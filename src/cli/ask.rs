//! "Are you sure?", before something is destroyed.

use std::io::{self, IsTerminal};

use crate::base::{Error, Result};

/// Asks on a terminal; without one, `yes` must have been said.
///
/// # Errors
/// `Invalid` without a terminal and without `yes`, and when the answer is no.
pub(crate) fn confirmed(question: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Error::invalid(format!(
            "{question} There is no terminal to ask on: add --yes to do it"
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
