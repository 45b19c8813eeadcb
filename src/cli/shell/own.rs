//! What concerns the shell alone: where it asks, how it answers, and leaving.

use std::time::Duration;

use super::grammar::Own;
use super::help;
use super::turns::{Shell, Turn};
use super::words::{Word, quoted};
use crate::base::suggest::nearest;
use crate::base::{Error, Result};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::row::{Row, escaped};
use crate::cli::session::Session;
use crate::client::Description;

/// How long nodes have to say that they are there.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);

/// Clears a terminal and goes to its first line.
const CLEAR: &[u8] = b"\x1b[H\x1b[2J\x1b[3J";

impl Shell<'_> {
    /// Does it.
    pub(super) fn own(&mut self, own: Own, words: &[Word]) -> Outcome<Turn> {
        match own {
            Own::Use => self.use_bucket(words)?,
            Own::Shard => self.settle("shard", words, "SHARD [id]")?,
            Own::Output => self.settle(
                "output",
                words,
                "OUTPUT [text | json | jsonl | table | raw]",
            )?,
            Own::Timing => self.timing(words)?,
            Own::Connect => self.connect(words)?,
            Own::Help => return help::show(self, words).map(Turn::Ran),
            Own::Clear => {
                none(words, "CLEAR")?;
                if self.is_interactive {
                    self.printer.verbatim(CLEAR)?;
                }
            }
            Own::Exit => {
                none(words, "EXIT")?;
                return Ok(Turn::Leave);
            }
        }
        Ok(Turn::Ran(ExitStatus::Done))
    }

    fn use_bucket(&mut self, words: &[Word]) -> Outcome<()> {
        let name = at_most_one(words, "USE [bucket]")?.unwrap_or_default();
        if !name.is_empty() {
            self.check_bucket(&name)?;
        }
        Ok(self.settled.set("bucket", &name)?)
    }

    /// A misspelt bucket is told now, and not by every command from now on.
    fn check_bucket(&self, name: &str) -> Outcome<()> {
        let shard = crate::config::text::shard_id(self.settled.get("shard"))?;
        let client = self.session.own_client().with_shard(shard);
        let names = self.session.block_on(async {
            if client.bucket_info(name).await?.is_some() {
                return Ok(None);
            }
            let page = client.bucket_list(String::new()).next_page().await?;
            let names = page
                .unwrap_or_default()
                .into_iter()
                .map(|bucket| bucket.name);
            Ok(Some(names.collect::<Vec<String>>()))
        })?;
        let Some(names) = names else {
            return Ok(());
        };
        let meant = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("make it with BUCKET CREATE {}", quoted(name.as_bytes())),
        };
        Err(Error::new(
            crate::base::ErrorKind::NotFound,
            format!("there is no bucket `{name}`: {meant}"),
        )
        .into())
    }

    fn settle(&mut self, name: &'static str, words: &[Word], usage: &str) -> Outcome<()> {
        match at_most_one(words, usage)? {
            Some(word) => Ok(self.settled.set(name, &word)?),
            None => {
                let row = Row::new().with(name, self.settled.get(name));
                Ok(self.printer.row(&row)?)
            }
        }
    }

    fn timing(&mut self, words: &[Word]) -> Result<()> {
        self.is_timed = match at_most_one(words, "TIMING [on | off]")?.as_deref() {
            None => !self.is_timed,
            Some(word) if word.eq_ignore_ascii_case("on") => true,
            Some(word) if word.eq_ignore_ascii_case("off") => false,
            Some(word) => {
                let message = format!("`{}` is neither on nor off", word.escape_debug());
                return Err(Error::invalid(message));
            }
        };
        Ok(())
    }

    fn connect(&mut self, words: &[Word]) -> Outcome<()> {
        let texts = words.iter().map(text).collect::<Result<Vec<String>>>()?;
        let split = texts.iter().flat_map(|text| text.split(','));
        let endpoints: Vec<String> = split
            .filter(|endpoint| !endpoint.is_empty())
            .map(str::to_owned)
            .collect();
        if endpoints.is_empty() {
            return Err(Error::invalid(
                "CONNECT needs an address: write CONNECT HOST:PORT, or unix:/path, or several",
            )
            .into());
        }
        let session = self.session.connected_to(endpoints.clone())?;
        let greeting = greet(&session)?;
        self.session = session;
        self.settled.set("endpoints", &endpoints.join(","))?;
        if self.is_interactive {
            self.printer.note(&greeting);
        }
        Ok(())
    }
}

/// What the node at the other end is.
///
/// # Errors
/// `Unavailable` if there is none.
pub(super) fn greet(session: &Session) -> Outcome<String> {
    let client = session.own_client().with_timeout(GREETING_TIMEOUT)?;
    let node = session.block_on(async { Ok(client.describe().await?) })?;
    Ok(greeting(&node, &session.endpoints().join(", ")))
}

/// The same in words; what a node calls itself must not steer the terminal.
fn greeting(node: &Description, endpoints: &str) -> String {
    let name = match node.name.as_str() {
        "" => String::new(),
        name => format!(" {name}"),
    };
    let shards: Vec<String> = node
        .shards
        .iter()
        .map(|shard| format!("{} {}", shard.id.0, shard.kind))
        .collect();
    let says = format!("{}{name}", node.version);
    format!(
        "connected to dkv {} at {endpoints} (shards {})",
        escaped(says.as_bytes()),
        escaped(shards.join(", ").as_bytes())
    )
}

fn text(word: &Word) -> Result<String> {
    String::from_utf8(word.bytes.clone()).map_err(|_| {
        let shown = word.bytes.escape_ascii();
        Error::invalid(format!("`{shown}` is not text"))
    })
}

fn at_most_one(words: &[Word], usage: &str) -> Result<Option<String>> {
    match words {
        [] => Ok(None),
        [word] => text(word).map(Some),
        [_, more, ..] => {
            let shown = String::from_utf8_lossy(&more.bytes)
                .escape_debug()
                .to_string();
            Err(Error::invalid(format!(
                "`{shown}` is not expected here: write {usage}"
            )))
        }
    }
}

fn none(words: &[Word], usage: &str) -> Result<()> {
    match at_most_one(words, usage)? {
        None => Ok(()),
        Some(word) => Err(Error::invalid(format!(
            "`{}` is not expected here: write {usage}",
            word.escape_debug()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::types::NodeId;

    #[test]
    fn the_name_of_a_node_does_not_reach_the_terminal_as_it_is() {
        let node = Description {
            endpoint: String::new(),
            node: NodeId([1; 16]),
            name: "alice\x1b[2J".to_owned(),
            version: "1\x07".to_owned(),
            uptime: Duration::from_secs(1),
            addresses: Vec::new(),
            shards: Vec::new(),
            read_only_because: None,
        };
        let told = greeting(&node, "127.0.0.1:8080");
        assert!(!told.chars().any(char::is_control), "{told:?}");
        assert!(told.contains("alice\\u{1b}[2J at 127.0.0.1:8080"), "{told}");
    }
}
