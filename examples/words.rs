//! Writes every line of a file into dkv, and checks later that nothing which was
//! acknowledged is missing.
//!
//! ```console
//! $ cargo run --release --example words -- write /usr/share/dict/words acknowledged.txt
//! $ cargo run --release --example words -- check acknowledged.txt
//! ```
//!
//! Kill the server in the middle of `write`, start it again, and run `check`.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that uses dkv, not a part of it"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex};

use dkv::client::{Client, ClientOptions, ScanOptions, prefix_range};

/// Writers at work at once: they share one connection.
const WRITERS: usize = 64;
const PREFIX: &str = "word:";

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let endpoint = std::env::var("DKV_ENDPOINTS").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let options = ClientOptions {
        endpoints: vec![endpoint],
        ..ClientOptions::default()
    };
    let client = Client::connect(options).await?;
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", words, acknowledged] => write(client, words, acknowledged).await,
        ["check", acknowledged] => check(client, acknowledged).await,
        _ => Err("usage: words write WORDS ACKNOWLEDGED | words check ACKNOWLEDGED".into()),
    }
}

/// Writes the words, and every word that was acknowledged into a file, until the
/// server goes away or all are written.
async fn write(client: Client, words: &str, acknowledged: &str) -> Result<(), Failure> {
    let words: Vec<String> = fs::read_to_string(words)?
        .lines()
        .map(str::to_owned)
        .collect();
    let total = words.len();
    let words = Arc::new(Mutex::new(words.into_iter()));
    let log = Arc::new(Mutex::new(BufWriter::new(fs::File::create(acknowledged)?)));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (client, words, log) = (client.with_lane(), words.clone(), log.clone());
        writers.spawn(async move {
            let mut written = 0;
            loop {
                let Some(word) = words.lock().expect("no writer panics").next() else {
                    return Ok::<usize, Failure>(written);
                };
                client.set(format!("{PREFIX}{word}"), word.clone()).await?;
                writeln!(log.lock().expect("no writer panics"), "{word}")?;
                written += 1;
            }
        });
    }
    let mut written = 0;
    let mut failure = None;
    while let Some(writer) = writers.join_next().await {
        match writer? {
            Ok(count) => written += count,
            Err(error) => failure = Some(error),
        }
    }
    log.lock().expect("no writer panics").flush()?;
    match failure {
        Some(error) => Err(format!("stopped before the end: {error}").into()),
        None => {
            println!("{written} of {total} words acknowledged");
            Ok(())
        }
    }
}

/// Reads everything back twice, by scan and by key.
async fn check(client: Client, acknowledged: &str) -> Result<(), Failure> {
    let expected: BTreeSet<String> = fs::read_to_string(acknowledged)?
        .lines()
        .map(str::to_owned)
        .collect();
    let mut found = BTreeSet::new();
    let options = ScanOptions {
        range: prefix_range(PREFIX),
        ..ScanOptions::default()
    };
    let mut scan = client.scan(options);
    while let Some(page) = scan.next_page().await? {
        for record in page {
            let word = String::from_utf8(record.value.to_vec())?;
            if record.key != format!("{PREFIX}{word}") {
                return Err(format!("the value {word} stands under another key").into());
            }
            found.insert(word);
        }
    }
    let missing: Vec<_> = expected.difference(&found).collect();
    let mut unread = 0;
    for word in &expected {
        let record = client.get(format!("{PREFIX}{word}")).await?;
        unread += usize::from(record.is_none_or(|record| record.value != *word));
    }
    println!(
        "acknowledged: {}, found by scan: {}",
        expected.len(),
        found.len()
    );
    println!(
        "missing from the scan: {}, missing by key: {unread}",
        missing.len()
    );
    if missing.is_empty() && unread == 0 {
        Ok(())
    } else {
        Err("words are missing".into())
    }
}
