//! Two targets in turns: the same tests on both, and what the one is to the other.

use super::interrupt::Interrupt;
use super::options::PerfOptions;
use super::row::Row;
use super::run::{Measured, Progress, run};
use super::target::{Promise, Target, TargetAddress};
use super::test::Test;
use crate::base::{Error, Result};

/// Rounds, at most: more than anybody waits for.
const ROUNDS_MAX: usize = 100;

/// What two targets gave.
#[derive(Debug)]
pub struct Comparison {
    /// The targets as they were given, A and B.
    pub targets: [String; 2],
    /// What each promises: figures of servers that promise different things are not alike.
    pub promises: [Promise; 2],
    /// Every test of every round, in the order in which they ran, and why it ended if it
    /// ended early.
    pub measured: Measured,
}

/// Whose turn it is, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// From 1.
    pub round: usize,
    /// 0 for A, 1 for B.
    pub side: usize,
}

/// What a test gave on both targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The test.
    pub test: &'static str,
    /// What A gave, and B.
    pub sides: [Side; 2],
}

/// What a test gave on one target, over all rounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Succeeded operations a second.
    pub ops_per_s: Figure,
    /// Half took no longer, us.
    pub p50_us: Figure,
    /// 99 % took no longer, us.
    pub p99_us: Figure,
    /// Operations that failed, of all rounds together.
    pub errors: u64,
    /// The first error that was met, for people.
    pub first_error: Option<String>,
}

/// A figure of several rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// As many rounds gave more as gave less.
    pub median: f64,
    /// The least of all rounds.
    pub least: f64,
    /// The most of all rounds.
    pub most: f64,
}

impl Figure {
    /// Of the figures of all rounds; `None` of no round.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Some(Self {
            median,
            least,
            most,
        })
    }

    /// How many times the median of `other` this median is; `None` where that is 0.
    pub fn ratio(&self, other: &Self) -> Option<f64> {
        (other.median != 0.0).then(|| self.median / other.median)
    }
}

impl Side {
    fn of(rows: &[&Row]) -> Option<Self> {
        let figure = |of: fn(&Row) -> f64| Figure::of(rows.iter().map(|row| of(row)));
        Some(Self {
            ops_per_s: figure(|row| row.ops_per_s)?,
            p50_us: figure(|row| row.p50_us as f64)?,
            p99_us: figure(|row| row.p99_us as f64)?,
            errors: rows.iter().map(|row| row.errors).sum(),
            first_error: rows.iter().find_map(|row| row.first_error.clone()),
        })
    }
}

impl Comparison {
    /// The tests that ran on both targets, in their order.
    pub fn tests(&self) -> Vec<Compared> {
        let mut compared: Vec<Compared> = Vec::new();
        for row in &self.measured.rows {
            if compared.iter().any(|known| known.test == row.test) {
                continue;
            }
            let side = |target: &String| {
                let rows = self.measured.rows.iter();
                let of_both = rows.filter(|one| one.test == row.test && one.target == *target);
                Side::of(&of_both.collect::<Vec<_>>())
            };
            if let (Some(a), Some(b)) = (side(&self.targets[0]), side(&self.targets[1])) {
                compared.push(Compared {
                    test: row.test,
                    sides: [a, b],
                });
            }
        }
        compared
    }
}

/// Measures two targets in `rounds` rounds. Of each test both have their turn, one right
/// after the other, and who is first changes with the round: what else the machine does
/// then weighs on both. `options` says how; its own target is not asked.
///
/// # Errors
/// As of [`run`], and `Invalid` for twice the same target: it could not be told which is
/// which. Both targets are asked before anything is measured.
pub async fn compare(
    options: &PerfOptions,
    targets: [TargetAddress; 2],
    rounds: usize,
    interrupt: &Interrupt,
    mut progress: impl FnMut(Turn, Progress),
) -> Result<Comparison> {
    if !(1..=ROUNDS_MAX).contains(&rounds) {
        return Err(Error::invalid(format!(
            "{rounds} rounds cannot be compared: choose 1 to {ROUNDS_MAX}"
        )));
    }
    if targets[0] == targets[1] {
        return Err(Error::invalid(format!(
            "{} cannot be compared with itself: name two targets",
            targets[0]
        )));
    }
    let sides = targets.map(|target| PerfOptions {
        target: Some(target),
        ..options.clone()
    });
    let mut comparison = introduce(&sides).await?;
    for round in 1..=rounds {
        for test in options.ordered() {
            for side in turns(round) {
                let turn = Turn { round, side };
                let told = |told| progress(turn, told);
                if !comparison
                    .measure(&sides[side], test, interrupt, told)
                    .await
                {
                    return Ok(comparison);
                }
            }
        }
    }
    Ok(comparison)
}

/// Who is first changes with the round.
fn turns(round: usize) -> [usize; 2] {
    match round % 2 {
        1 => [0, 1],
        _ => [1, 0],
    }
}

/// Asks both who they are.
async fn introduce(sides: &[PerfOptions; 2]) -> Result<Comparison> {
    let mut told = Vec::new();
    for side in sides {
        let target = Target::connect(side).await?;
        match target.promise().await {
            Ok(promise) => told.push((target.name(), promise)),
            Err(error) => return Err(target.explained(error).await),
        }
    }
    let [a, b] = <[_; 2]>::try_from(told).expect("two sides tell two things");
    Ok(Comparison {
        targets: [a.0, b.0],
        promises: [a.1, b.1],
        measured: Measured::default(),
    })
}

impl Comparison {
    /// One test of one side. False if nothing should follow.
    async fn measure(
        &mut self,
        side: &PerfOptions,
        test: Test,
        interrupt: &Interrupt,
        progress: impl FnMut(Progress),
    ) -> bool {
        let options = PerfOptions {
            tests: vec![test],
            ..side.clone()
        };
        let all = &mut self.measured;
        match run(&options, interrupt, progress).await {
            Ok(measured) => {
                all.rows.extend(measured.rows);
                all.stopped = measured.stopped;
                all.interrupted = measured.interrupted;
                all.left = measured.left;
            }
            // What the rounds before it gave must not go with it.
            Err(error) => all.stopped = Some(error),
        }
        all.stopped.is_none() && !all.interrupted && all.left.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::ErrorKind;
    use crate::client::ClientOptions;
    use crate::client::tests::fake::Fake as Dkv;
    use crate::perf::options::Stop;
    use crate::perf::target::{FakeEtcd, FakeRedis};

    #[test]
    fn a_median_has_as_many_on_each_side() {
        let spread = Figure::of([5.0, 1.0, 100.0]).unwrap();
        assert_eq!(
            (spread.median, spread.least, spread.most),
            (5.0, 1.0, 100.0)
        );
        assert_eq!(Figure::of([4.0, 1.0, 2.0, 9.0]).unwrap().median, 3.0);
        assert_eq!(Figure::of([7.0]).unwrap().median, 7.0);
        assert_eq!(Figure::of([]), None);
    }

    #[test]
    fn a_ratio_is_of_the_medians_and_of_nothing_there_is_none() {
        let spread = |figures: &[f64]| Figure::of(figures.iter().copied()).unwrap();
        let (a, b) = (spread(&[1.0, 30.0, 900.0]), spread(&[10.0]));
        assert_eq!(a.ratio(&b), Some(3.0));
        assert_eq!(b.ratio(&spread(&[0.0])), None);
    }

    fn row(test: &'static str, target: &str, ops_per_s: f64, p50_us: u64) -> Row {
        Row {
            test,
            target: target.to_owned(),
            ops_per_s,
            p50_us,
            p99_us: 10 * p50_us,
            errors: 1,
            first_error: (p50_us > 7).then(|| "no".to_owned()),
            ..Row::default()
        }
    }

    fn measured(rows: Vec<Row>) -> Measured {
        Measured {
            rows,
            ..Measured::default()
        }
    }

    #[test]
    fn the_rows_of_a_test_are_brought_together() {
        let comparison = Comparison {
            targets: ["a".to_owned(), "b".to_owned()],
            promises: Default::default(),
            measured: measured(vec![
                row("set", "a", 10.0, 7),
                row("set", "b", 5.0, 8),
                row("get", "a", 1.0, 1),
                row("get", "b", 2.0, 2),
                row("set", "b", 15.0, 9),
                row("set", "a", 40.0, 1),
                // Stopped before B had its turn.
                row("delete", "a", 9.0, 9),
            ]),
        };
        let tests = comparison.tests();
        let names: Vec<_> = tests.iter().map(|compared| compared.test).collect();
        assert_eq!(names, ["set", "get"]);
        let [a, b] = &tests[0].sides;
        assert_eq!((a.ops_per_s.median, b.ops_per_s.median), (25.0, 10.0));
        assert_eq!((a.p50_us.least, a.p50_us.most), (1.0, 7.0));
        assert_eq!((a.p99_us.median, b.p99_us.median), (40.0, 85.0));
        assert_eq!((a.errors, b.errors), (2, 2));
        assert_eq!(
            (&a.first_error, b.first_error.as_deref()),
            (&None, Some("no"))
        );
    }

    fn options() -> PerfOptions {
        PerfOptions {
            client: ClientOptions {
                timeout: Duration::from_secs(5),
                ..ClientOptions::default()
            },
            tests: vec![Test::Set, Test::Get],
            threads: 2,
            keys: 10,
            stop: Stop::Ops(20),
            warm_up: Duration::ZERO,
            ..PerfOptions::default()
        }
    }

    #[tokio::test]
    async fn two_targets_have_their_turns() {
        let (redis, etcd) = (FakeRedis::start().await, FakeEtcd::start().await);
        let targets = [
            TargetAddress::Redis(redis.address),
            TargetAddress::Etcd(vec![etcd.address]),
        ];
        let mut turns: Vec<Turn> = Vec::new();
        let told = |turn: Turn, _| {
            if turns.last() != Some(&turn) {
                turns.push(turn);
            }
        };
        let comparison = compare(&options(), targets, 2, &Interrupt::new(), told)
            .await
            .unwrap();
        assert!(comparison.measured.stopped.is_none());
        let turns: Vec<_> = turns.iter().map(|turn| (turn.round, turn.side)).collect();
        // Who had the last turn of a test does not have the first of the next.
        let right = [
            (1, 0),
            (1, 1),
            (1, 0),
            (1, 1),
            (2, 1),
            (2, 0),
            (2, 1),
            (2, 0),
        ];
        assert_eq!(turns, right);
        assert_eq!(comparison.measured.rows.len(), 8);
        assert!(comparison.promises[0].acknowledged_when.contains("unknown"));
        assert!(comparison.promises[1].acknowledged_when.contains("on disk"));
        let tests = comparison.tests();
        assert_eq!(tests.len(), 2);
        assert!(
            tests[0]
                .sides
                .iter()
                .all(|side| side.ops_per_s.median > 0.0)
        );
    }

    #[tokio::test]
    async fn a_target_that_is_not_there_is_told_before_anything_is_measured() {
        let dkv = Dkv::local(1).await;
        let there: TargetAddress = format!("dkv://{}", dkv.endpoint).parse().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = TargetAddress::Redis(listener.local_addr().unwrap().to_string());
        drop(listener);
        let compared = compare(
            &options(),
            [there.clone(), nobody],
            1,
            &Interrupt::new(),
            |_, _| {},
        )
        .await;
        assert_eq!(compared.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(dkv.keys(), 0);
        let twice = [there.clone(), there.clone()];
        let compared = compare(&options(), twice, 1, &Interrupt::new(), |_, _| {}).await;
        assert!(compared.unwrap_err().message().contains("with itself"));
        let other = TargetAddress::Redis("127.0.0.1:1".to_owned());
        let compared = compare(&options(), [there, other], 0, &Interrupt::new(), |_, _| {}).await;
        assert!(compared.unwrap_err().message().contains("0 rounds"));
    }

    #[tokio::test]
    async fn what_was_measured_is_kept_when_a_side_stops() {
        let (redis, dkv) = (FakeRedis::start().await, Dkv::local(1).await);
        let targets = [
            TargetAddress::Redis(redis.address),
            format!("dkv://{}", dkv.endpoint).parse().unwrap(),
        ];
        // Of the first round, and not the keys of the second's get.
        dkv.refuse_from(dkv.requests() + 70);
        let comparison = compare(&options(), targets, 5, &Interrupt::new(), |_, _| {})
            .await
            .unwrap();
        assert!(comparison.measured.stopped.is_some());
        assert!(
            comparison.measured.rows.len() >= 4,
            "{}",
            comparison.measured.rows.len()
        );
    }
}
