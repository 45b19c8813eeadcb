//! What is measured, from the words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use dkv::base::{Error, Result};

use crate::attacks::Attack;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What `dkv cluster up -o json` has printed.
    pub(crate) nodes: PathBuf,
    pub(crate) attack: Attack,
    pub(crate) connections: usize,
    pub(crate) addresses: u8,
    /// How long the attack lasts; what is before it and after it is half as long.
    pub(crate) length: Duration,
    /// Calls of healthy clients in a second, half of them at the node that is attacked.
    pub(crate) rate: u32,
    /// The attack is stopped when its target has so much memory.
    pub(crate) bytes_max: u64,
    /// The port for members is attacked, not the one for clients.
    pub(crate) peer: bool,
    /// Nobody is attacked but a process that only reads.
    pub(crate) control: bool,
    /// What is attacked has this core to itself.
    pub(crate) core: Option<u16>,
}

impl Settings {
    pub(crate) fn read(nodes: &str, attack: &str, more: &[&str]) -> Result<Self> {
        let attack = Attack::named(attack)
            .ok_or_else(|| Error::invalid(format!("no attack is called {attack}")))?;
        let mut settings = Self {
            nodes: nodes.into(),
            attack,
            connections: 500,
            addresses: 1,
            length: Duration::from_secs(10),
            rate: 400,
            bytes_max: 3 << 30,
            peer: false,
            control: false,
            core: None,
        };
        let mut more = more.iter();
        while let Some(flag) = more.next() {
            match *flag {
                "--connections" => settings.connections = number(more.next())?,
                "--addresses" => settings.addresses = number(more.next())?,
                "--seconds" => settings.length = Duration::from_secs(number(more.next())?),
                "--rate" => settings.rate = number::<u32>(more.next())?.max(2),
                "--memory-max" => settings.bytes_max = number::<u64>(more.next())? << 20,
                "--peer" => settings.peer = true,
                "--core" => settings.core = Some(number(more.next())?),
                "--control" => settings.control = true,
                other => return Err(Error::invalid(format!("{other} is no flag"))),
            }
        }
        Ok(settings)
    }
}

pub(crate) fn number<T: std::str::FromStr>(word: Option<&&str>) -> Result<T> {
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| Error::invalid(format!("{} is no number here", word.unwrap_or(&"this"))))
}
