//! Those who watch while everything breaks: they are told by one member after another, each time
//! from where they were, until they have been told the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use turmoil::Sim;

use dkv::proto::v1;
use dkv::proto::v1::watch_request::Request;

use crate::check::dice::Dice;
use crate::check::watched::told::Watcher as Record;
use crate::hearing::{Heard, Hearing, Start};
use crate::lines::{self, Line};
use crate::machine::{Job, Machine};
use crate::members;
use crate::stage::{Event, Stage};
use crate::wishes::{self, WATCH_ID};

/// How long it waits for the end of a watch that it ended, ms.
const ENDS_WITHIN_MS: u64 = 1_000;

/// How often it looks up from a silent stream, ms.
const LOOKS_UP_MS: u64 = 50;

/// How long after the end of all load it must have been told everything, ms.
const TOLD_WITHIN_MS: u64 = 15_000;

/// See the module.
struct Watcher {
    number: u64,
    stage: Arc<Stage>,
    machines: Vec<Arc<Machine>>,
    dice: Dice,
    habits: Habits,
    record: Record,
}

/// How somebody watches.
struct Habits {
    /// A mark comes after so long a silence.
    progress_ms: u64,
    /// Of a hundred messages, after how many it does something else for a while.
    pause_percent: u64,
    /// How long a silence it bears.
    patience_ms: u64,
    /// Of a hundred streams, how many it hangs up for no reason.
    hang_up_percent: u64,
    /// It believes members that have lost the others.
    is_stale: bool,
}

/// How a stream ended.
enum End {
    /// It was told everything.
    Told,
    /// The history begins with this revision.
    Compacted(u64),
    Lost,
}

/// Watchers, on a machine of their own.
pub(crate) fn invite(
    sim: &mut Sim<'_>,
    dice: &Dice,
    stage: &Arc<Stage>,
    machines: &[Arc<Machine>],
) {
    let mut dice = dice.fork(3);
    let (stage, machines) = (stage.clone(), machines.to_vec());
    sim.client("watchers", async move {
        let watchers = (0..dice.within(2, 4)).map(|number| {
            let watcher = Watcher::new(number, &stage, &machines, dice.fork(number));
            tokio::task::spawn_local(watcher.run())
        });
        for watcher in watchers.collect::<Vec<_>>() {
            watcher.await?;
        }
        Ok(())
    });
}

impl Watcher {
    fn new(number: u64, stage: &Arc<Stage>, machines: &[Arc<Machine>], mut dice: Dice) -> Self {
        let wanted = wishes::draw(&mut dice);
        let habits = Habits {
            progress_ms: *dice.pick(&[100, 100, 200, 600]),
            pause_percent: *dice.pick(&[0, 5, 30]),
            patience_ms: dice.within(800, 3_000),
            hang_up_percent: *dice.pick(&[10, 40]),
            is_stale: dice.percent(25),
        };
        Self {
            number,
            stage: stage.clone(),
            machines: machines.to_vec(),
            dice,
            habits,
            record: Record {
                name: format!("watcher {number}"),
                wanted,
                streams: Vec::new(),
            },
        }
    }

    async fn run(mut self) {
        self.note(format!("wants {:?}", self.record.wanted));
        let mut start = self.draw_start();
        loop {
            let machine = self.choose();
            let mut hearing = self.hearing(start);
            let end = self.listen(&machine, &mut hearing).await;
            let through = hearing.through();
            self.note(format!("on {}: is done, through {through:?}", machine.name));
            self.record.streams.extend(hearing.into_stream());
            start = match end {
                End::Told => break,
                End::Compacted(first) => self.begin_anew(first),
                End::Lost => self.go_on(start, through),
            };
            self.check_end(through);
            sleep(Duration::from_millis(self.dice.within(1, 80))).await;
        }
        self.stage.record_watcher(self.record);
    }

    fn note(&self, what: impl std::fmt::Display) {
        self.stage.note(format!("watcher {} {what}", self.number));
    }

    fn is_wrong(&self, what: impl std::fmt::Display) {
        self.stage
            .is_wrong(format!("watcher {} {what}", self.number));
    }

    fn hearing(&self, start: Start) -> Hearing {
        Hearing::new(start, !self.habits.is_stale, self.stage.confirmed())
    }

    fn draw_start(&mut self) -> Start {
        let confirmed = self.stage.confirmed();
        match self.dice.below(3) {
            0 => Start::Now,
            1 => Start::Initial,
            _ => Start::From(
                self.dice
                    .within(confirmed.saturating_sub(100), confirmed)
                    .max(1),
            ),
        }
    }

    fn begin_anew(&mut self, first: u64) -> Start {
        match self.dice.percent(50) {
            true => Start::Initial,
            false => Start::From(first),
        }
    }

    /// Where a watch goes on that was lost: mostly where it was.
    fn go_on(&mut self, start: Start, through: Option<u64>) -> Start {
        let Some(through) = through else {
            return start;
        };
        if self.dice.percent(15) {
            return self.draw_start();
        }
        self.stage.count(Event::Resumed);
        Start::From(through + 1)
    }

    /// Any node, and in the end one that must answer.
    fn choose(&mut self) -> Arc<Machine> {
        let steady = self
            .stage
            .ended()
            .and_then(|_| members::steady(&self.machines));
        let at = match &steady {
            Some(steady) => return self.dice.pick(steady).clone(),
            None => members::pick(&self.machines, &mut self.dice),
        };
        self.machines[at].clone()
    }

    /// One stream, from its opening on.
    async fn listen(&mut self, machine: &Machine, hearing: &mut Hearing) -> End {
        let (mut line, wire) = lines::open();
        if !machine.give(Job::Watch(wire)) {
            return End::Lost;
        }
        let create = self.create(hearing.start);
        line.ask(Request::Create(create));
        let mut heard_ms = self.stage.now_ms();
        let leaves_ms = match self.dice.percent(self.habits.hang_up_percent) {
            true => heard_ms + self.dice.within(20, 3_000),
            false => u64::MAX,
        };
        loop {
            if self.is_told(hearing) {
                return End::Told;
            }
            if self.leaves(machine, heard_ms, leaves_ms) {
                return self.hang_up(machine, line, hearing).await;
            }
            let next = timeout(Duration::from_millis(LOOKS_UP_MS), line.next()).await;
            match next {
                Ok(Some(reply)) => {
                    heard_ms = self.stage.now_ms();
                    if let Some(end) = self.hear(machine, hearing, reply, false) {
                        return end;
                    }
                    self.dawdle().await;
                }
                Ok(None) => return End::Lost,
                Err(_) if self.dice.percent(20) => line.ask(Request::Progress(WATCH_ID)),
                Err(_) => self.check_end(hearing.through()),
            }
        }
    }

    fn create(&self, start: Start) -> v1::WatchCreate {
        v1::WatchCreate {
            target: Some(v1::Target {
                stale: self.habits.is_stale,
                ..v1::Target::default()
            }),
            progress_ms: self.habits.progress_ms,
            ..wishes::create(&self.record.wanted, start)
        }
    }

    fn is_told(&self, hearing: &Hearing) -> bool {
        let last = self.stage.ended().map(|(_, last)| last);
        last.is_some_and(|last| hearing.through() >= Some(last))
    }

    /// Whether it has had enough. In the end it stays with whoever must answer.
    fn leaves(&self, machine: &Machine, heard_ms: u64, leaves_ms: u64) -> bool {
        let now_ms = self.stage.now_ms();
        if self.stage.ended().is_none() {
            return now_ms >= leaves_ms || now_ms > heard_ms + self.habits.patience_ms;
        }
        let steady = members::steady(&self.machines);
        steady.is_some_and(|steady| steady.iter().all(|it| it.name != machine.name))
    }

    /// Goes away, or ends the watch and waits for its last word.
    async fn hang_up(&mut self, machine: &Machine, mut line: Line, hearing: &mut Hearing) -> End {
        if self.dice.percent(50) {
            return End::Lost;
        }
        line.ask(Request::Cancel(WATCH_ID));
        let within = Duration::from_millis(ENDS_WITHIN_MS);
        while let Ok(Some(reply)) = timeout(within, line.next()).await {
            if let Some(end) = self.hear(machine, hearing, reply, true) {
                return end;
            }
        }
        End::Lost
    }

    /// Does something else for a while, during which more may happen than fits in a mailbox.
    async fn dawdle(&mut self) {
        if self.stage.ended().is_none() && self.dice.percent(self.habits.pause_percent) {
            sleep(Duration::from_millis(self.dice.within(100, 2_500))).await;
        }
    }

    /// Takes one reply; says how the stream ended if it did.
    fn hear(
        &self,
        machine: &Machine,
        hearing: &mut Hearing,
        reply: v1::WatchReply,
        is_cancelled: bool,
    ) -> Option<End> {
        let said = reply.reply.filter(|_| reply.watch_id == WATCH_ID);
        let said = said.ok_or_else(|| "somebody else's reply".to_owned());
        let heard = said.and_then(|said| hearing.take(said, self.stage.confirmed()));
        let on = format!("on {}:", machine.name);
        let through = hearing.through();
        match heard {
            Err(what) => {
                self.is_wrong(format!("{on} {what}"));
                return Some(End::Lost);
            }
            Ok(Heard::Ended(error)) => return Some(self.ended(hearing, &on, &error, is_cancelled)),
            Ok(Heard::Created) => self.note(format!("{on} begins {:?}", hearing.start)),
            Ok(Heard::Initial(keys, is_whole)) => {
                self.stage.count_many(Event::Initial, u64::from(is_whole));
                self.note(format!("{on} through {through:?}, {keys} keys"));
            }
            Ok(Heard::Events(events)) => {
                self.stage.count_many(Event::Told, events as u64);
                self.note(format!("{on} through {through:?}, {events} events"));
            }
            Ok(Heard::Mark) => {
                self.stage.count(Event::Mark);
                self.note(format!("{on} through {through:?}"));
            }
        }
        None
    }

    fn ended(&self, hearing: &mut Hearing, on: &str, error: &v1::Error, is_cancelled: bool) -> End {
        self.note(format!("{on} {}", error.message));
        match error.kind() {
            v1::ErrorKind::Unavailable | v1::ErrorKind::NotLeader | v1::ErrorKind::Timeout => {
                End::Lost
            }
            v1::ErrorKind::Unspecified if is_cancelled => End::Lost,
            v1::ErrorKind::Compacted => {
                self.stage.count(Event::Compacted);
                let first = error.compacted_floor;
                if let Err(what) = hearing.compacted(first) {
                    self.is_wrong(format!("{on} {what}"));
                }
                End::Compacted(first)
            }
            kind => {
                self.is_wrong(format!("{on} it ended with {kind:?}: {}", error.message));
                End::Lost
            }
        }
    }

    fn check_end(&self, through: Option<u64>) {
        let Some((since_ms, last)) = self.stage.ended() else {
            return;
        };
        if self.stage.now_ms() > since_ms + TOLD_WITHIN_MS {
            self.is_wrong(format!(
                "was told through {through:?}, and never through {last}"
            ));
        }
    }
}
