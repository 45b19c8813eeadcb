//! What people write: settings, files, lines of a prompt.

use std::time::Duration;

use dkv::base::duration;
use dkv::cli::fuzzed;
use dkv::config::text;
use dkv::server::fuzzed as server;

use super::wire::said_why;

/// Durations, sizes, addresses, shards: text is read, or refused with a reason.
pub(crate) fn settings(data: &[u8]) {
    let Ok(typed) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(read) = duration::parse(typed) {
        let shown = duration::format(read);
        let again = duration::parse(&shown).expect("what is shown can be read");
        let lost = read.abs_diff(again);
        assert!(
            lost < Duration::from_millis(1),
            "{typed}: {read:?} is {shown}"
        );
    }
    if let Ok(address) = text::listen_address(typed) {
        let again = text::listen_address(&address.to_string());
        assert_eq!(again.expect("what is shown can be read"), address);
    }
    if let Ok(owner) = text::owner_id(typed) {
        assert_eq!(
            text::owner_id(&owner.to_string()).expect("it is one"),
            owner
        );
    }
    let refused = [
        text::size(typed).err(),
        text::shard(typed).err(),
        text::shard_id(typed).err(),
        text::engine_kind(typed).err(),
        text::durability(typed).err(),
        text::value_bytes_max(typed).err(),
        dkv::config::file::SettingsFile::read("f", typed, &["listen", "shards"]).err(),
    ];
    for refused in refused.into_iter().flatten() {
        assert!(!refused.message().is_empty(), "a refusal says why");
    }
}

/// A file of comma separated values.
pub(crate) fn import_csv(data: &[u8]) {
    let (records, refused) = fuzzed::csv(data);
    let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(
        records + refused <= lines,
        "{records} and {refused} of {lines}"
    );
}

/// A line of a file of JSON.
pub(crate) fn import_json(data: &[u8]) {
    fuzzed::json_line(data);
}

/// Lines of the prompt.
pub(crate) fn shell(data: &[u8]) {
    if fuzzed::statement_words(data).is_some_and(|words| !words.is_empty()) {
        fuzzed::translated(data);
    }
}

/// Transactions and batches, as words or as JSON.
pub(crate) fn transactions(data: &[u8]) {
    fuzzed::transaction(data);
    fuzzed::batch(data);
}

/// Where a reader of events or pages goes on, and what is escaped in paths.
pub(crate) fn marks(data: &[u8]) {
    said_why(server::cursor(data));
    if let Ok(text) = std::str::from_utf8(data) {
        said_why(server::mark(text));
        said_why(server::percent(text));
    }
}

/// A history of clients: what can be read can be judged.
pub(crate) fn histories(data: &[u8]) {
    match dkv::check::history::read(data) {
        Ok(history) => drop(dkv::check::judge(&history)),
        Err(refused) => assert!(!refused.message().is_empty(), "a refusal says why"),
    }
}
