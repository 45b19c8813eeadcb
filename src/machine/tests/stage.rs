//! The language of the scenes: one command a line, and what is said of it.

use std::collections::VecDeque;

use bytes::Bytes;

use super::engine::{Durable, MapEngine};
use crate::base::time::{BootStamp, MachineTime, Timer};
use crate::base::types::{ClientId, FenceToken, LogIndex, OwnerId, RequestId, Revision};
use crate::engine::{Batch, Table};
use crate::kv::{Condition, KvCommand, Record, Set};
use crate::lock::{Lock, LockCommand};
use crate::machine::sessions::SessionLimits;
use crate::machine::{
    Applied, Command, Effects, Entry, Event, Fence, HistoryLimits, Machine, Op, ScanQuery, query,
};

/// A machine, the time, and an entry that may still be open.
pub(super) struct Stage {
    machine: Machine,
    durable: Durable,
    now_ms: u64,
    history: HistoryLimits,
    sessions: SessionLimits,
    /// Commands since `begin`.
    open: Option<Vec<Command>>,
}

/// The words of a line that say `name=value`, or just `name`.
struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn take(&mut self, name: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|(word, _)| *word == name)?;
        Some(self.0.remove(place).1)
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        self.take(name).map(|number| number.parse().unwrap())
    }

    fn ms(&mut self, name: &str) -> Option<u64> {
        self.take(name).map(duration_ms)
    }

    fn timer(&mut self, name: &str) -> Timer {
        self.ms(name).map_or(Timer::Never, Timer::InMs)
    }

    fn bytes(&mut self, name: &str) -> Option<Bytes> {
        self.take(name).map(bytes)
    }
}

impl Default for Stage {
    fn default() -> Self {
        let durable = Durable::default();
        let (history, sessions) = (HistoryLimits::default(), SessionLimits::default());
        Self {
            machine: open(&durable, history, sessions),
            durable,
            now_ms: 0,
            history,
            sessions,
            open: None,
        }
    }
}

fn open(durable: &Durable, history: HistoryLimits, sessions: SessionLimits) -> Machine {
    Machine::open_with(Box::new(MapEngine::open(durable)), history, sessions).unwrap()
}

impl Stage {
    /// Plays one line; gives what is to be written below it.
    pub(super) fn say(&mut self, words: &[&str]) -> Vec<String> {
        let (options, plain): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| {
            word.contains('=')
                || ["keep", "prev", "keys", "expired", "reverse", "count"].contains(word)
        });
        let pairs = options
            .iter()
            .map(|word| word.split_once('=').unwrap_or((word, "")));
        let mut options = Options(pairs.collect());
        let said = match self.read(&plain, &mut options) {
            Some(said) => said,
            None => self.write(&plain, &mut options),
        };
        assert!(
            options.0.is_empty(),
            "what is {:?} in {words:?}?",
            options.0
        );
        said
    }

    /// Lines that are no command of the log.
    fn read(&mut self, words: &[&str], options: &mut Options<'_>) -> Option<Vec<String>> {
        let said = match *words {
            ["at", ms] => {
                self.now_ms = ms.parse().unwrap();
                Vec::new()
            }
            ["begin"] => {
                self.open = Some(Vec::new());
                Vec::new()
            }
            ["commit"] => {
                let commands = self.open.take().expect("`commit` ends what `begin` began");
                self.apply(commands)
            }
            ["bucket", name] => self.add_bucket(name),
            ["limits"] => self.limit(options),
            ["reopen"] => self.reopen(),
            ["repeat", "entry"] => self.repeat_entry(),
            ["get", key] => vec![self.get(key, options)],
            ["scan", ..] => self.scan(&words[1..], options),
            ["lock", name] => vec![self.lock(name)],
            ["state"] => vec![self.state()],
            ["events", from] => self.events(Revision(from.parse().unwrap())),
            _ => return None,
        };
        Some(said)
    }

    fn write(&mut self, words: &[&str], options: &mut Options<'_>) -> Vec<String> {
        let request = options.take("as").map(request);
        let fence = options.take("fence").map(|fence| {
            let (name, token) = fence.split_once('@').expect("fence=lock@token");
            Fence {
                name: bytes(name),
                token: FenceToken(token.parse().unwrap()),
            }
        });
        let mut command = Command {
            request,
            fence,
            op: op(words, options),
        };
        command.stamp(MachineTime(self.now_ms));
        match &mut self.open {
            Some(open) => {
                open.push(command);
                Vec::new()
            }
            None => self.apply(vec![command]),
        }
    }

    fn entry(&self, commands: Vec<Command>) -> Entry {
        Entry {
            now: MachineTime(self.now_ms),
            boot: BootStamp::default(),
            commands,
        }
    }

    fn apply(&mut self, commands: Vec<Command>) -> Vec<String> {
        let entry = self.entry(commands);
        let index = self.machine.state().applied.next();
        let effects = self.machine.apply(index, &entry).unwrap();
        let replies = effects.replies.iter().map(reply);
        let events = effects.events.iter().map(|it| event(it));
        let grants = effects.grants.iter();
        let grants = grants.map(|grant| {
            let owner = name_of(&grant.owner.0);
            format!(
                "grant {} to {owner} fence={}",
                text(&grant.name),
                grant.fence
            )
        });
        replies.chain(events).chain(grants).collect()
    }

    fn add_bucket(&mut self, name: &str) -> Vec<String> {
        let mut batch = Batch::default();
        batch.put(Table::Buckets, name.to_owned(), "");
        self.machine.engine_mut().commit(batch).unwrap();
        Vec::new()
    }

    fn limit(&mut self, options: &mut Options<'_>) -> Vec<String> {
        let number = |options: &mut Options<'_>, name| options.number(name).map(|n| n as usize);
        let (history, sessions) = (&mut self.history, &mut self.sessions);
        history.age_ms = options.ms("age").unwrap_or(history.age_ms);
        history.bytes_max = number(options, "bytes").unwrap_or(history.bytes_max);
        sessions.clients = number(options, "clients").unwrap_or(sessions.clients);
        sessions.outcomes = number(options, "total").unwrap_or(sessions.outcomes);
        sessions.outcomes_per_client =
            number(options, "outcomes").unwrap_or(sessions.outcomes_per_client);
        sessions.held_ms = options.ms("held").unwrap_or(sessions.held_ms);
        sessions.idle_ms = options.ms("idle").unwrap_or(sessions.idle_ms);
        self.reopen()
    }

    fn reopen(&mut self) -> Vec<String> {
        let covers = self.machine.state().applied;
        self.machine.engine_mut().checkpoint(covers)().unwrap();
        self.machine = open(&self.durable, self.history, self.sessions);
        Vec::new()
    }

    fn repeat_entry(&mut self) -> Vec<String> {
        let index = self.machine.state().applied;
        assert!(index > LogIndex(0), "there is an entry to repeat");
        let sweep = Command {
            request: None,
            fence: None,
            op: Op::Sweep,
        };
        let entry = self.entry(vec![sweep]);
        let effects = self.machine.apply(index, &entry).unwrap();
        assert_eq!(effects, Effects::default());
        vec!["nothing".to_owned()]
    }

    fn get(&self, key: &str, options: &mut Options<'_>) -> String {
        let bucket = options.take("bucket").unwrap_or_default();
        let at = options.number("at").map(Revision);
        match self.machine.get(bucket, key.as_bytes(), at) {
            Ok(Some(found)) => record(&found),
            Ok(None) => "not found".to_owned(),
            Err(error) => format!("{:?}: {error}", error.kind()),
        }
    }

    fn scan(&self, range: &[&str], options: &mut Options<'_>) -> Vec<String> {
        let bound = |place: usize| range.get(place).filter(|word| **word != "-");
        let query = ScanQuery {
            bucket: options.take("bucket").unwrap_or_default().to_owned(),
            start: bound(0).map(|word| bytes(word)).unwrap_or_default(),
            end: bound(1).map(|word| bytes(word)),
            after: options.bytes("after"),
            reverse: options.take("reverse").is_some(),
            limit: options.number("limit").unwrap_or(100) as usize,
            bytes_max: options.number("bytes").unwrap_or(10_000) as usize,
            keys_max: options.number("walk").unwrap_or(10_000) as usize,
            count_only: options.take("count").is_some(),
            keys_only: options.take("keys").is_some(),
            include_expired: options.take("expired").is_some(),
            at: options.number("at").map(Revision),
        };
        let page = match self.machine.scan(&query) {
            Ok(page) => page,
            Err(error) => return vec![format!("{:?}: {error}", error.kind())],
        };
        let records = page.records.iter();
        let mut said: Vec<_> = records
            .map(|(key, found)| format!("{} {}", text(key), record(found)))
            .collect();
        if query.count_only {
            said.push(format!("{} counted", page.count));
        }
        let more = if page.more { ", and more" } else { "" };
        said.push(format!("at revision {}{more}", page.revision));
        said
    }

    fn lock(&self, name: &str) -> String {
        let lock = query::lock(&*self.machine.view(), name.as_bytes()).unwrap();
        lock.as_ref().map_or_else(|| "free".to_owned(), held)
    }

    fn state(&self) -> String {
        let state = self.machine.state();
        let due = self.machine.next_deadline().unwrap();
        let due = due.map_or_else(|| "never".to_owned(), |due| due.0.to_string());
        format!(
            "index={} rev={} now={} keys={} locks={} due={due}",
            state.applied, state.revision, state.now.0, state.keys, state.locks
        )
    }

    fn events(&self, from: Revision) -> Vec<String> {
        match self.machine.history().events_from(from) {
            Ok(events) => events.map(|it| event(it)).collect(),
            Err(error) => vec![format!("{:?}: {error}", error.kind())],
        }
    }
}

fn op(words: &[&str], options: &mut Options<'_>) -> Op {
    let bucket = options.take("bucket").unwrap_or_default().to_owned();
    let key = |word: &str| bytes(word);
    let command = match *words {
        ["sweep"] => return Op::Sweep,
        ["set", name, value] => set(name, value, options),
        ["delete", name] => KvCommand::Delete { key: key(name) },
        ["delete", start, end] => KvCommand::DeleteRange {
            start: key(start),
            end: (end != "-").then(|| key(end)),
        },
        ["expire", name] => KvCommand::Expire { key: key(name) },
        ["touch", name] => KvCommand::Touch {
            key: key(name),
            expire: options.timer("soft"),
            delete: options.timer("ttl"),
        },
        ["persist", name] => KvCommand::Persist { key: key(name) },
        _ => return lock_op(words, options),
    };
    Op::Kv { bucket, command }
}

fn set(key: &str, value: &str, options: &mut Options<'_>) -> KvCommand {
    let condition = options
        .take("if")
        .map(|condition| match condition.split_once(':') {
            None if condition == "absent" => Condition::Absent,
            None if condition == "present" => Condition::Present,
            Some(("rev", revision)) => Condition::Revision(Revision(revision.parse().unwrap())),
            Some(("value", value)) => Condition::Value(bytes(value)),
            _ => panic!("what is if={condition}?"),
        });
    KvCommand::Set(Set {
        key: bytes(key),
        value: bytes(value),
        expire: options.timer("soft"),
        delete: options.timer("ttl"),
        keep_timers: options.take("keep").is_some(),
        condition,
        return_previous: options.take("prev").is_some(),
    })
}

fn lock_op(words: &[&str], options: &mut Options<'_>) -> Op {
    let who = |name: &str| OwnerId(padded(name));
    let ttl_ms = options.ms("ttl").unwrap_or(0);
    let (name, command) = match *words {
        ["acquire", name, owner] => {
            let wait = options.timer("wait");
            let owner = who(owner);
            (
                name,
                LockCommand::Acquire {
                    owner,
                    ttl_ms,
                    wait,
                },
            )
        }
        ["renew", name, owner] => {
            let owner = who(owner);
            (name, LockCommand::Renew { owner, ttl_ms })
        }
        ["release", name, owner] => (name, LockCommand::Release { owner: who(owner) }),
        ["revoke", name] => (name, LockCommand::Revoke),
        ["cancel", name, owner] => (name, LockCommand::CancelWait { owner: who(owner) }),
        _ => panic!("what is {words:?}?"),
    };
    let name = bytes(name);
    Op::Lock { name, command }
}

/// `alice:7`, `alice:7/2` (the second repetition), `alice:7<5` (all below 5 answered).
fn request(word: &str) -> RequestId {
    let (client, rest) = word.split_once(':').expect("as=client:sequence");
    let (rest, acked_below) = rest.split_once('<').unwrap_or((rest, "0"));
    let (sequence, attempt) = rest.split_once('/').unwrap_or((rest, "0"));
    RequestId {
        client: ClientId(padded(client)),
        sequence: sequence.parse().unwrap(),
        acked_below: acked_below.parse().unwrap(),
        attempt: attempt.parse().unwrap(),
    }
}

fn reply(applied: &Applied) -> String {
    let outcome = applied.outcome;
    let mut said = format!(
        "{} rev={}",
        dashed(&format!("{:?}", outcome.kind)),
        outcome.revision
    );
    if outcome.count > 0 {
        let name = match outcome.kind {
            crate::machine::OutcomeKind::Written => "version",
            _ => "count",
        };
        said += &format!(" {name}={}", outcome.count);
    }
    if let Some(previous) = &applied.previous {
        said += &format!(" was {}", record(previous));
    }
    if applied.repeated {
        said += " (repeated)";
    }
    said
}

/// `ConditionFailed` -> `condition-failed`.
fn dashed(name: &str) -> String {
    let mut dashed = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !dashed.is_empty() {
            dashed.push('-');
        }
        dashed.extend(c.to_lowercase());
    }
    dashed
}

fn event(event: &Event) -> String {
    let kind = dashed(&format!("{:?}", event.kind));
    let bucket = if event.bucket.is_empty() {
        String::new()
    } else {
        format!("{}/", event.bucket)
    };
    let shown = |shown: &Option<Record>| shown.as_ref().map_or_else(|| "nothing".to_owned(), value);
    format!(
        "event {}.{} {kind} {bucket}{}: {} was {}",
        event.revision,
        event.sub,
        text(&event.key),
        shown(&event.record),
        shown(&event.previous)
    )
}

fn value(record: &Record) -> String {
    record
        .value
        .as_ref()
        .map_or_else(|| "(expired)".to_owned(), text)
}

fn record(record: &Record) -> String {
    let mut said = format!(
        "{} rev={} created={} version={}",
        value(record),
        record.revision,
        record.create_revision,
        record.version
    );
    for (name, timer) in [("expires", record.expire_at), ("goes", record.delete_at)] {
        if let Some(at) = timer {
            said += &format!(" {name}={}", at.0);
        }
    }
    said
}

fn held(lock: &Lock) -> String {
    let mut said = format!(
        "{} fence={} since={}",
        name_of(&lock.owner.0),
        lock.fence,
        lock.granted_at.0
    );
    for (name, timer) in [("until", lock.lease_until), ("claim-by", lock.claim_by)] {
        if let Some(at) = timer {
            said += &format!(" {name}={}", at.0);
        }
    }
    let queue: VecDeque<_> = lock
        .queue
        .iter()
        .map(|waiter| name_of(&waiter.owner.0))
        .collect();
    if !queue.is_empty() {
        said += &format!(" waiting={}", Vec::from(queue).join(","));
    }
    said
}

fn duration_ms(word: &str) -> u64 {
    let digits = word.trim_end_matches(char::is_alphabetic);
    let unit_ms = match &word[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        unit => panic!("what is {unit:?}?"),
    };
    digits.parse::<u64>().unwrap() * unit_ms
}

fn bytes(word: &str) -> Bytes {
    Bytes::copy_from_slice(word.as_bytes())
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn padded(name: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    id
}

fn name_of(id: &[u8; 16]) -> String {
    String::from_utf8_lossy(id)
        .trim_end_matches('\0')
        .to_owned()
}
