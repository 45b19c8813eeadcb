//! Calendars that jump, by an hour forward and an hour back, on one node after the other: no lock
//! and no key ends early by that, or lives on.

use std::time::{Duration, Instant, SystemTime};

use dkv::base::types::{OwnerId, ShardId};
use dkv::client::{Client, ClientOptions, SetOptions};
use tokio::task::JoinSet;

use super::drill::{Drill, perform};
use crate::PATIENCE;
use crate::cluster::until;
use crate::disk::aside;
use crate::injectors::Injectors;
use crate::nemesis::Fault;
use crate::node::Node;

/// The shard of locks only.
const LOCKS: ShardId = ShardId(200);

/// Long enough to live across a jump.
const SHORT: Duration = Duration::from_secs(3);

/// Longer than this test, shorter than a jump.
const LONG: Duration = Duration::from_secs(1_800);

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

#[test]
fn no_jump_of_the_calendar_ends_a_lock_or_keeps_it() {
    let jump = async |drill: &mut Drill| jump(drill).await;
    perform("clocks", 3, |settings| settings.fakes_clocks = true, jump);
}

async fn jump(drill: &mut Drill) -> Result<(), String> {
    if !Injectors::found().faketime {
        return Err("no clock can be moved: install libfaketime".to_owned());
    }
    let leader = drill.warm_up().await?;
    let addresses = drill.cluster.addresses();
    let locks = locks(addresses.clone()).await;
    let keys = aside(addresses).await;
    take(&locks, "long", LONG).await?;
    keep(&keys, "long", LONG).await?;
    let mut lives = JoinSet::new();
    for place in 0..3 {
        let node = (leader + place) % 3;
        for offset_s in [HOUR_S, -HOUR_S] {
            let from_ns = drill.recorder().now_ns();
            let name = format!("short-{node}-{offset_s}");
            lives.spawn(lock_lives_its_time(locks.clone(), name.clone()));
            lives.spawn(key_lives_its_time(keys.clone(), name));
            // Taken before the jump, as far as nothing is slow.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let struck = &drill.cluster.nodes[node];
            let clock = struck.clock.as_ref().expect("clocks are faked");
            clock.jump_to(offset_s);
            is_affected(struck, offset_s).await?;
            drill.struck(Fault::ClockJump, node, from_ns);
        }
    }
    while let Some(lived) = lives.join_next().await {
        lived.expect("nobody panics")?;
    }
    // Nobody knows by a calendar that is an hour ahead that these are over.
    let mut is_given = None;
    until("somebody says who has a lock", async || {
        let rival = OwnerId(*b"a rival of them!");
        let granted = locks.acquire("long", rival, None, Duration::ZERO).await;
        is_given = granted.ok().map(|fence| fence.is_some());
        is_given.is_some()
    })
    .await?;
    let mut is_kept = None;
    until("somebody says what a key has", async || {
        is_kept = keys.get("long").await.ok().map(|found| found.is_some());
        is_kept.is_some()
    })
    .await?;
    match (is_given, is_kept) {
        (Some(false), Some(true)) => Ok(()),
        other => Err(format!(
            "what lasts half an hour is over within seconds: given and kept, {other:?}"
        )),
    }
}

/// A clock that did not move proves nothing: its log must show it.
async fn is_affected(node: &Node, offset_s: i64) -> Result<(), String> {
    let what = format!(
        "the log of {} is {offset_s} s away from the calendar",
        node.name
    );
    let mut shown = 0;
    until(&what, async || {
        node.hang_up();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let said = node.said();
        let stamps = said.lines().rev().filter(|line| line.contains("SIGHUP"));
        let Some(stamp) = stamps.filter_map(seconds_of_day).next() else {
            return false;
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now_s = now.expect("this is after 1970").as_secs().cast_signed();
        shown = (stamp - now_s).rem_euclid(DAY_S);
        let off_s = (shown - offset_s).rem_euclid(DAY_S);
        off_s.min(DAY_S - off_s) < HOUR_S / 4
    })
    .await
    .map_err(|why| format!("{why}, but {shown} s: the binary asks no library for the time?"))
}

/// Of a line that begins like `2026-11-22T12:59:16.259676Z`.
fn seconds_of_day(line: &str) -> Option<i64> {
    let (_, time) = line.split_once('T')?;
    let mut parts = time.get(..8)?.split(':').map(str::parse::<i64>);
    let mut next = || parts.next()?.ok();
    Some(next()? * HOUR_S + next()? * 60 + next()?)
}

async fn locks(endpoints: Vec<String>) -> Client {
    let options = ClientOptions {
        endpoints,
        shard: LOCKS,
        timeout: Duration::from_secs(3),
        ..ClientOptions::default()
    };
    Client::connect(options)
        .await
        .expect("the options are sound")
}

/// Takes a lock that nobody has: when that was asked for first.
async fn take(client: &Client, name: &str, ttl: Duration) -> Result<Instant, String> {
    let owner = OwnerId(*b"the first owner!");
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let granted = client.acquire(name.to_owned(), owner, Some(ttl), Duration::ZERO);
        if let Ok(Some(_)) = granted.await {
            return Ok(began);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("the lock {name}, which nobody has, is not given"))
}

/// Sets a key that goes by itself: when that was asked for first.
async fn keep(client: &Client, name: &str, ttl: Duration) -> Result<Instant, String> {
    let options = SetOptions {
        delete_in: Some(ttl),
        ..SetOptions::default()
    };
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let set = client.set_with(name.to_owned(), "alice", options.clone());
        if set.await.is_ok() {
            return Ok(began);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("the key {name} cannot be set"))
}

async fn lock_lives_its_time(client: Client, name: String) -> Result<(), String> {
    let taken = take(&client, &name, SHORT).await?;
    let rival = OwnerId(*b"the second owner");
    loop {
        let granted = client.acquire(name.clone(), rival, None, Duration::ZERO);
        let granted = granted.await;
        // Granted before this moment, and the first grant after that one.
        let after = taken.elapsed();
        match granted {
            Ok(Some(_)) if after < SHORT => {
                return Err(format!(
                    "the lock {name} was given to another after {after:?}"
                ));
            }
            Ok(Some(_)) => return Ok(()),
            _ if after > PATIENCE => return Err(format!("the lock {name} lives for ever")),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn key_lives_its_time(client: Client, name: String) -> Result<(), String> {
    let set = keep(&client, &name, SHORT).await?;
    loop {
        let found = client.get(name.clone()).await;
        let after = set.elapsed();
        match found {
            Ok(None) if after < SHORT => {
                return Err(format!("the key {name} ended after {after:?}"));
            }
            Ok(None) => return Ok(()),
            _ if after > PATIENCE => return Err(format!("the key {name} lives for ever")),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
