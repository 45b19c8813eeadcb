//! Players of transactions on a cluster that is treated badly, and what their checkers say.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::author::Author;
use crate::campaign::states;
use crate::check::dice::Dice;
use crate::check::history::{Found, Recorder};
use crate::check::txn::asked::{Ask, Said};
use crate::check::txn::player::{Next, Part, Player, Workload};
use crate::check::txn::told::{Transaction, judge};
use crate::check::watched::told::Watcher;
use crate::check::watched::{acked, validate};
use crate::cluster::Cluster;
use crate::library::{Teller, connect};
use crate::nemesis::{self, Fault, Struck};
use crate::played::Played;
use crate::settings::Settings;
use crate::spies::{self, Spies};

/// Who appends in optimistic transactions, beside the players.
const AUTHORS: [u32; 2] = [1_001, 1_002];

/// What all players share.
struct Shared {
    /// Only its clock is used.
    clock: Recorder,
    stop: AtomicBool,
    history: Mutex<Vec<Transaction>>,
    liar: Option<Mutex<Liar>>,
}

/// Shows, again and again, what a key was before.
#[derive(Debug, Default)]
pub(crate) struct Liar {
    answers: u64,
    lies: u64,
    before: HashMap<String, Found>,
    now: HashMap<String, Found>,
}

/// Runs, checks, and keeps everything in the folder of the settings.
pub(crate) fn play(settings: Settings, workloads: &[Workload]) -> Played {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let played = runtime.block_on(run(settings, workloads, None));
    played.save();
    played
}

/// The same without faults, and with a liar between the players and the record.
pub(crate) fn play_falsified(settings: Settings, workload: Workload) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let liar = Some(Liar::default());
    let played = runtime.block_on(run(settings, &[workload], liar));
    let _gone = std::fs::remove_dir_all(&played.settings.folder);
    played.problems
}

async fn run(settings: Settings, workloads: &[Workload], liar: Option<Liar>) -> Played {
    let began = Instant::now();
    let dice = Dice::new(settings.seed);
    let mut cluster = Cluster::start(&settings).await;
    let addresses = cluster.addresses();
    let shared = Arc::new(Shared {
        clock: Recorder::start(),
        stop: AtomicBool::new(false),
        history: Mutex::default(),
        liar: liar.map(Mutex::new),
    });
    let spies = Spies::start(&addresses, settings.watchers, &dice).await;
    let mut players = start(&shared, &settings, workloads, &addresses, &dice).await;
    let (struck, ended) = mistreat(&mut cluster, &shared, &settings, &dice).await;
    let mut problems: Vec<String> = ended.into_iter().collect();
    shared.stop.store(true, Ordering::SeqCst);
    if problems.is_empty() {
        problems.extend(cluster.heal().err());
    }
    while let Some(ended) = players.join_next().await {
        ended.expect("a player does not panic");
    }
    if problems.is_empty() {
        problems.extend(survey(&shared, workloads, &addresses).await.err());
    }
    let mut watchers = Vec::new();
    if problems.is_empty() {
        match told(spies, &addresses, &shared.history()).await {
            Ok((all, wrong)) => {
                watchers = all;
                problems.extend(wrong);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let mut elections = None;
    if problems.is_empty() {
        elections = Some(cluster.term().await);
        problems.extend(states(&mut cluster).await.err());
    }
    let panicked = cluster.nodes.iter().filter(|node| node.panicked());
    problems.extend(panicked.map(|node| format!("{} panicked: see its log", node.name)));
    drop(cluster);
    let history = shared.history();
    problems.extend(judge(&history).iter().map(ToString::to_string));
    let showed = (history, watchers);
    let mut played = Played::new(settings, workloads, showed, struck, problems);
    (played.elections, played.lasted) = (elections, began.elapsed());
    played
}

/// One misfortune after the other, as long as the settings say and the liar needs; and whether a
/// node ended that nobody had ended.
async fn mistreat(
    cluster: &mut Cluster,
    shared: &Shared,
    settings: &Settings,
    dice: &Dice,
) -> (Vec<Struck>, Option<String>) {
    let mut struck = Vec::new();
    let mut fate = dice.fork(u64::MAX);
    let began = Instant::now();
    while struck.len() < settings.faults
        || began.elapsed() < settings.lasts
        || shared.wants_more_lies()
    {
        if settings.faults == 0 {
            let is_in_time = began.elapsed() < settings.lasts + crate::PATIENCE;
            assert!(is_in_time, "there was nothing to lie about");
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        let (clock, fate) = (&shared.clock, &mut fate);
        // Every other time it is the leader that is killed.
        let one = match struck.len() % 2 {
            0 if settings.kinds.contains(&Fault::KillLeader) => {
                nemesis::strike_with(Fault::KillLeader, cluster, clock, fate).await
            }
            _ => nemesis::strike(&settings.kinds, cluster, clock, fate).await,
        };
        match one {
            Ok(one) => struck.push(one),
            Err(problem) => return (struck, Some(problem)),
        }
        let ended = cluster.nodes.iter_mut().find_map(|it| it.ended_by_itself());
        if ended.is_some() {
            return (struck, ended);
        }
    }
    (struck, None)
}

/// What watchers were told once they were told all, and what is wrong with it.
///
/// # Errors
/// If somebody was not told the end.
async fn told(
    spies: Spies,
    addresses: &[String],
    history: &[Transaction],
) -> Result<(Vec<Watcher>, Vec<String>), String> {
    let client = connect(addresses.to_vec()).await;
    let last = client.get_dated("nothing").await;
    let last = last.map_err(|error| format!("nobody tells the revision: {error}"))?;
    let watchers = spies.finish(last.revision.0).await?;
    let (log, mut wrong) = spies::log(&watchers, addresses).await?;
    for watcher in &watchers {
        let (broken, _) = validate::check(watcher, &log);
        wrong.extend(broken.iter().map(ToString::to_string));
    }
    wrong.extend(acked::missing(history, &log));
    Ok((watchers, wrong))
}

/// Each workload has players of its own, half of which know all nodes, and half only one at first.
async fn start(
    shared: &Arc<Shared>,
    settings: &Settings,
    workloads: &[Workload],
    addresses: &[String],
    dice: &Dice,
) -> JoinSet<()> {
    let mut players = JoinSet::new();
    for (place, &workload) in (0..).zip(workloads) {
        found(workload, addresses).await;
        for number in 0..settings.clients {
            let number = place * settings.clients + number;
            let mut endpoints = addresses.to_vec();
            endpoints.rotate_left(number as usize % addresses.len());
            endpoints.truncate(if number.is_multiple_of(2) {
                1
            } else {
                addresses.len()
            });
            let teller = Teller::of(connect(endpoints).await);
            let player = Player::new(workload, number);
            let dice = dice.fork(u64::from(number) + 1);
            players.spawn(Arc::clone(shared).go_on(number, player, teller, dice));
        }
        if workload == Workload::Lists {
            for number in AUTHORS {
                let author = Author::new(connect(addresses.to_vec()).await, number);
                let dice = dice.fork(u64::from(number));
                players.spawn(Arc::clone(shared).write_on(number, author, dice));
            }
        }
    }
    players
}

/// Makes what must be there before the first turn.
async fn found(workload: Workload, addresses: &[String]) {
    let Some(ask) = workload.founding() else {
        return;
    };
    let teller = Teller::of(connect(addresses.to_vec()).await);
    let began = Instant::now();
    while !matches!(
        teller.ask(&ask).await,
        Said::Done { .. } | Said::Refused { .. }
    ) {
        assert!(began.elapsed() < crate::PATIENCE, "nothing can be written");
    }
}

/// Reads everything at every node: all is healed, so each must answer.
async fn survey(
    shared: &Shared,
    workloads: &[Workload],
    addresses: &[String],
) -> Result<(), String> {
    for (at, address) in (0..).zip(addresses) {
        let teller = Teller::of(connect(vec![address.clone()]).await);
        let number = u32::MAX - at;
        for &workload in workloads {
            let mut surveyor = Player::surveyor(workload, number, &shared.history());
            while let Some(ask) = surveyor.survey() {
                let began = Instant::now();
                let invoked_ns = shared.clock.now_ns();
                let said = loop {
                    match teller.ask(&ask).await {
                        Said::Failed { .. } if began.elapsed() < crate::PATIENCE => {
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                        Said::Failed { why } => {
                            return Err(format!("{address} does not answer {ask:?}: {why}"));
                        }
                        said => break said,
                    }
                };
                let Next::Done(parts) = surveyor.hear(said) else {
                    unreachable!("a survey only reads");
                };
                shared.record(number, invoked_ns, parts);
            }
        }
    }
    Ok(())
}

impl Shared {
    fn history(&self) -> Vec<Transaction> {
        let history = self.history.lock();
        history.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, client: u32, invoked_ns: u64, parts: Vec<Part>) {
        let returned_ns = self.clock.now_ns();
        let history = self.history.lock();
        let mut history = history.unwrap_or_else(PoisonError::into_inner);
        history.extend(parts.into_iter().map(|part| Transaction {
            client,
            invoked_ns,
            returned_ns,
            steps: part.steps,
            revision: part.revision,
            end: part.end,
        }));
    }

    /// One turn after the other, until all is to end.
    async fn go_on(self: Arc<Self>, number: u32, mut player: Player, teller: Teller, dice: Dice) {
        let mut dice = dice;
        while !self.stop.load(Ordering::SeqCst) {
            let invoked_ns = self.clock.now_ns();
            let mut ask = player.begin(&mut dice);
            let parts = loop {
                let said = self.pass(&ask, teller.ask(&ask).await);
                match player.hear(said) {
                    Next::Ask(next) => ask = next,
                    Next::Done(parts) => break parts,
                }
            };
            let went_wrong = parts.iter().any(|it| !is_committed(it));
            self.record(number, invoked_ns, parts);
            let pause_ms = dice.within(1, if went_wrong { 40 } else { 8 });
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// The same for an author.
    async fn write_on(self: Arc<Self>, number: u32, mut author: Author, mut dice: Dice) {
        while !self.stop.load(Ordering::SeqCst) {
            let invoked_ns = self.clock.now_ns();
            let part = author.turn(&mut dice).await;
            self.record(number, invoked_ns, vec![part]);
            let pause_ms = dice.within(1, 20);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    fn pass(&self, ask: &Ask, said: Said) -> Said {
        match &self.liar {
            None => said,
            Some(liar) => {
                let liar = liar.lock();
                liar.unwrap_or_else(PoisonError::into_inner).pass(ask, said)
            }
        }
    }

    fn wants_more_lies(&self) -> bool {
        const LIES: u64 = 40;
        let lies = |liar: &Mutex<Liar>| liar.lock().unwrap_or_else(PoisonError::into_inner).lies;
        self.liar.as_ref().is_some_and(|liar| lies(liar) < LIES)
    }
}

fn is_committed(part: &Part) -> bool {
    part.end == crate::check::txn::told::End::Committed
}

impl Liar {
    /// What is heard of an answer.
    fn pass(&mut self, ask: &Ask, said: Said) -> Said {
        let (mut found, revision) = match said {
            Said::Seen { found, revision } => (found, revision),
            other => return other,
        };
        let bucket = match ask {
            Ask::Get { bucket, .. } => bucket.as_str(),
            _ => "",
        };
        let asked: Vec<String> = match ask {
            Ask::Look { keys } | Ask::Many { keys } => keys.clone(),
            Ask::Get { key, .. } => vec![key.clone()],
            _ => found.keys().cloned().collect(),
        };
        self.answers += 1;
        let mut lies = self.answers.is_multiple_of(4);
        for key in asked {
            let name = format!("{bucket}/{key}");
            let now = found.get(&key).cloned();
            let before = self.now.get(&name).cloned();
            if before
                .as_ref()
                .is_some_and(|it| now.as_ref().is_none_or(|now| now.revision > it.revision))
            {
                self.before
                    .extend(before.map(|before| (name.clone(), before)));
            }
            match &now {
                Some(now) => drop(self.now.insert(name.clone(), now.clone())),
                None => drop(self.now.remove(&name)),
            }
            let old = self.before.get(&name).filter(|_| lies);
            if let Some(old) = old.filter(|old| now.is_none_or(|now| now.value != old.value)) {
                found.insert(key, old.clone());
                self.lies += 1;
                lies = false;
            }
        }
        Said::Seen { found, revision }
    }
}
