//! Random entries, from a seed. Everything comes from small sets, so that commands
//! meet: few keys, locks, owners and clients, and times close to each other.

use bytes::Bytes;

mod transactions;

use super::model::Model;
use crate::base::time::{BootStamp, MachineTime, Timer};
use crate::base::types::{ClientId, FenceToken, OwnerId, RequestId, Revision};
use crate::kv::{Condition, Incr, KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::{BucketCommand, BucketSettings, Command, Entry, Fence, Op, Usage};

/// Numbers, and a text that is none.
const VALUES: &str = "123z";

/// splitmix64: the same draws from the same seed, for ever.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// 0 to `sides - 1`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub(super) fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.roll(these.len() as u64) as usize]
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub(super) fn word(&mut self, words: &'static str) -> Bytes {
        let at = self.roll(words.len() as u64) as usize;
        Bytes::from_static(&words.as_bytes()[at..=at])
    }
}

/// An entry for a machine that is where the model is.
pub(super) fn entry(dice: &mut Dice, model: &Model) -> Entry {
    // Most entries come at once; sometimes a clock lags, sometimes much time passes.
    let now = match dice.roll(20) {
        0 => model.now.saturating_sub(50),
        1 => model.now + dice.roll(4_000),
        2..10 => model.now,
        _ => model.now + dice.roll(150),
    };
    let now = MachineTime(now);
    let commands = 1 + dice.roll(4);
    let mut commands: Vec<_> = (0..commands).map(|_| command(dice, model)).collect();
    commands.iter_mut().for_each(|command| command.stamp(now));
    let boot = BootStamp {
        boot_ms: now.0 + 7,
        boot_id: [7; 16],
    };
    Entry {
        now,
        boot,
        commands,
    }
}

fn command(dice: &mut Dice, model: &Model) -> Command {
    let op = match dice.roll(30) {
        0 => Op::Sweep,
        1..12 => Op::Kv {
            bucket: bucket(dice),
            command: kv(dice, model),
        },
        12..19 => {
            let bucket = bucket(dice);
            let transaction = transactions::transaction(dice, model, &bucket);
            Op::Transaction {
                bucket,
                transaction,
            }
        }
        19..21 => {
            let name = dice.one_of(&["users", "orders"]);
            Op::Bucket {
                name: name.to_owned(),
                command: bucket_command(dice, model, name),
            }
        }
        _ => Op::Lock {
            name: dice.word("xy"),
            command: lock(dice),
        },
    };
    // Most requests are refused or repeated, and transactions have much to show.
    let of_four = match &op {
        Op::Transaction { .. } => 1,
        _ => 3,
    };
    Command {
        request: (dice.roll(4) < of_four).then(|| request(dice)),
        fence: dice.one_in(6).then(|| fence(dice, model)),
        op,
    }
}

/// `nobody` is never made, and the others come and go.
fn bucket(dice: &mut Dice) -> String {
    let bucket = match dice.roll(12) {
        0 => "nobody",
        1..5 => "users",
        5..8 => "orders",
        _ => "",
    };
    bucket.to_owned()
}

fn bucket_command(dice: &mut Dice, model: &Model, name: &str) -> BucketCommand {
    let there = model.buckets.get(name).map(|bucket| bucket.settings);
    let drawn = BucketSettings {
        expire_in_ms: dice.one_of(&[0, 0, 300]),
        delete_in_ms: dice.one_of(&[0, 0, 500]),
        no_history: dice.one_in(3),
        quota: Usage {
            bytes: dice.one_of(&[0, 0, 6, 9]),
            keys: dice.one_of(&[0, 0, 0, 2, 4]),
        },
    };
    match (dice.roll(6), there) {
        (0 | 1, Some(_)) => BucketCommand::Drop,
        (2, Some(there)) => BucketCommand::Create(there),
        (3, Some(there)) => BucketCommand::Update(BucketSettings {
            no_history: there.no_history,
            ..drawn
        }),
        (4, Some(there)) => BucketCommand::Update(there),
        (5, Some(_)) | (0, None) => BucketCommand::Update(drawn),
        (1, None) => BucketCommand::Drop,
        _ => BucketCommand::Create(drawn),
    }
}

fn request(dice: &mut Dice) -> RequestId {
    let sequence = 1 + dice.roll(12);
    RequestId {
        client: ClientId([dice.roll(5) as u8; 16]),
        sequence,
        acked_below: if dice.one_in(5) {
            dice.roll(sequence + 1)
        } else {
            0
        },
        attempt: dice.roll(2) as u32,
    }
}

fn fence(dice: &mut Dice, model: &Model) -> Fence {
    let name = dice.word("xy");
    let held = model.locks.get(&name).map_or(0, |lock| lock.fence.0);
    let token = match dice.roll(4) {
        0 => model.revision,
        1 => held.saturating_sub(1),
        _ => held,
    };
    Fence {
        name,
        token: FenceToken(token),
    }
}

fn timer(dice: &mut Dice) -> Timer {
    match dice.roll(3) {
        0 => Timer::InMs(dice.roll(600)),
        1 => Timer::InMs(100 * dice.roll(4)),
        _ => Timer::Never,
    }
}

fn kv(dice: &mut Dice, model: &Model) -> KvCommand {
    let key = dice.word("abcdef");
    match dice.roll(14) {
        0 => KvCommand::Delete { key },
        1 => KvCommand::DeleteRange {
            start: if dice.one_in(3) { Bytes::new() } else { key },
            end: (!dice.one_in(3)).then(|| dice.word("abcdefg")),
        },
        2 => KvCommand::Expire { key },
        3 | 4 => KvCommand::Touch {
            key,
            expire: timer(dice),
            delete: timer(dice),
        },
        5 => KvCommand::Persist { key },
        6..8 => incr(dice, key),
        _ => set(dice, model, key),
    }
}

fn incr(dice: &mut Dice, key: Bytes) -> KvCommand {
    KvCommand::Incr(Incr {
        key,
        by: dice.one_of(&[1, -1, 7, -20, 100, i64::MAX, i64::MIN]),
        expire: timer(dice),
        delete: timer(dice),
    })
}

fn set(dice: &mut Dice, model: &Model, key: Bytes) -> KvCommand {
    let keep_timers = dice.one_in(5);
    let condition = match dice.roll(9) {
        0 => Some(Condition::Absent),
        1 => Some(Condition::Present),
        2 => {
            let some = model.keys.values().nth(dice.roll(6) as usize);
            Some(Condition::Revision(
                some.map_or(Revision(3), |some| some.revision),
            ))
        }
        3 => Some(Condition::Value(dice.word(VALUES))),
        _ => None,
    };
    KvCommand::Set(Set {
        key,
        value: dice.word(VALUES),
        expire: if keep_timers {
            Timer::Never
        } else {
            timer(dice)
        },
        delete: if keep_timers {
            Timer::Never
        } else {
            timer(dice)
        },
        keep_timers,
        condition,
        return_previous: dice.one_in(3),
    })
}

fn lock(dice: &mut Dice) -> LockCommand {
    let owner = OwnerId([dice.roll(5) as u8; 16]);
    let ttl_ms = 200 * dice.roll(4);
    match dice.roll(12) {
        0..7 => LockCommand::Acquire {
            owner,
            ttl_ms,
            wait: timer(dice),
        },
        7 => LockCommand::Renew { owner, ttl_ms },
        8 | 9 => LockCommand::Release { owner },
        10 => LockCommand::Revoke,
        _ => LockCommand::CancelWait { owner },
    }
}
