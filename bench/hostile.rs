//! Hostile clients against the leader of a cluster, and what healthy clients notice of them.
//! Used by `bench/hostile.sh`.
//!
//!     hostile list
//!     hostile head
//!     hostile measure NODES ATTACK [--connections N] [--addresses N] [--seconds N] [--rate N]
//!                     [--memory-max MIB] [--peer] [--control]
//!
//! NODES is what `dkv cluster up -o json` prints. `measure` prints a row of the table whose head
//! `head` prints. The attack is a process of its own that runs when nobody else wants to: it
//! stands for another machine, and takes no processor time that the nodes want. `--control` lets
//! it go at a process that only reads, which shows what this machine alone does to the figures.
#![allow(clippy::print_stdout, reason = "a program for the shell")]
#![allow(
    clippy::disallowed_methods,
    reason = "it measures processes from outside: real clocks and files are its business"
)]

#[path = "hostile/assault.rs"]
mod assault;
#[path = "../tests/hostile/attacks/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with tests/hostile")]
mod attacks;
#[path = "../tests/hostile/figures.rs"]
mod figures;
#[path = "hostile/fresh.rs"]
mod fresh;
#[path = "hostile/load.rs"]
mod load;
#[path = "hostile/measure.rs"]
mod measure;
#[path = "hostile/nodes.rs"]
mod nodes;
#[path = "hostile/row.rs"]
mod row;
#[path = "hostile/sink.rs"]
mod sink;
#[path = "hostile/words.rs"]
mod words;

use attacks::Attack;
use dkv::base::{Error, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["list"] => Attack::ALL.iter().for_each(|it| println!("{}", it.name())),
        ["head"] => println!("{}", row::head()),
        ["measure", nodes, attack, more @ ..] => {
            let settings = words::Settings::read(nodes, attack, more)?;
            println!("{}", measure::measure(&settings).await?);
        }
        // What it starts itself.
        ["assault", attack, target, connections, addresses] => {
            assault::attack(attack, target, connections, addresses).await?;
        }
        ["sink"] => sink::serve().await?,
        _ => {
            let usage = "hostile list | head | measure NODES ATTACK [FLAGS]";
            return Err(Error::invalid(usage));
        }
    }
    Ok(())
}
