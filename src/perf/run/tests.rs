//! Whole runs, against a server that misbehaves as it is told.

use super::super::options::Sizes;
use super::*;
use crate::base::ErrorKind;
use crate::client::ClientOptions;
use crate::client::tests::fake::Fake;

fn options(fake: &Fake, tests: &[Test]) -> PerfOptions {
    PerfOptions {
        client: ClientOptions {
            connections: 2,
            ..ClientOptions::to(&fake.endpoint)
        },
        tests: tests.to_vec(),
        threads: 4,
        keys: 40,
        large_value_bytes: 1_000,
        stop: Stop::Ops(100),
        warm_up: Duration::ZERO,
        ..PerfOptions::default()
    }
}

async fn quietly(options: &PerfOptions) -> Result<Measured> {
    run(options, &Interrupt::new(), |_| {}).await
}

#[tokio::test]
async fn every_test_counts_what_was_asked_for_and_leaves_nothing_behind() {
    let fake = Fake::local(1).await;
    let mut told = Vec::new();
    // The fake has no watches: those are measured on a server by other tests.
    let tests: Vec<_> = Test::ALL
        .into_iter()
        .filter(|test| *test != Test::Watch)
        .collect();
    let options = options(&fake, &tests);
    let interrupt = Interrupt::new();
    let measured = run(&options, &interrupt, |progress| told.push(progress));
    let measured = measured.await.unwrap();
    assert!(measured.stopped.is_none() && measured.left.is_none());
    let rows = measured.rows;
    let names: Vec<_> = rows.iter().map(|row| row.test).collect();
    assert!(names.into_iter().eq(tests.iter().map(|test| test.name())));
    for row in &rows {
        assert_eq!((row.ops, row.errors), (100, 0), "{row:?}");
        assert!(
            row.p50_us <= row.p99_us && row.p99_us <= row.max_us,
            "{row:?}"
        );
        assert!(row.ops_per_s > 0.0);
        let by_second: u64 = row.timeline.iter().map(|slice| slice.ops).sum();
        assert_eq!(by_second, 100, "{row:?}");
        assert_eq!(row.percentiles.last(), Some(&(1.0, row.max_us)));
        assert_eq!(row.intended_per_s, None);
        assert_eq!(row.promise.reads, "linearizable");
    }
    assert_eq!(fake.keys(), 0);
    assert_eq!(told.first(), Some(&Progress::Preparing { done: 0.0 }));
    assert_eq!(told.last(), Some(&Progress::CleaningUp));
}

/// 64 clients wrote the keys of a get of 1 MiB values, more at once than a shard takes: it
/// refused some, and there was no test.
#[test]
fn large_values_are_prepared_few_at_a_time() {
    let writers = |bytes: usize, threads: usize| {
        super::writers_of(&PerfOptions {
            value_bytes: Sizes::between(0, bytes).unwrap(),
            threads,
            ..PerfOptions::default()
        })
    };
    for bytes in [1 << 20, limits::VALUE_BYTES_MAX] {
        let at_once = writers(bytes, 500) * (bytes + limits::KEY_BYTES_MAX);
        assert!(at_once < limits::SHARD_INFLIGHT_BYTES_MAX, "{bytes}");
    }
    assert_eq!(writers(limits::VALUE_BYTES_MAX, 500), 1);
    assert_eq!((writers(64, 500), writers(0, 1)), (500, WRITERS_MIN));
}

#[tokio::test]
async fn a_timed_delete_ends_with_the_last_key() {
    let fake = Fake::local(1).await;
    let options = PerfOptions {
        stop: Stop::After(Duration::from_secs(3_600)),
        ..options(&fake, &[Test::Delete])
    };
    let rows = quietly(&options).await.unwrap().rows;
    assert_eq!(rows[0].ops, 40);
}

#[tokio::test]
async fn a_timed_test_ends_in_time_after_a_warm_up() {
    let fake = Fake::local(1).await;
    let options = PerfOptions {
        stop: Stop::After(Duration::from_millis(60)),
        warm_up: Duration::from_millis(20),
        ..options(&fake, &[Test::HasNot])
    };
    let rows = quietly(&options).await.unwrap().rows;
    assert!(rows[0].ops > 0);
    assert!((0.06..5.0).contains(&rows[0].seconds), "{:?}", rows[0]);
    assert!(
        rows[0].ops < fake.requests() as u64,
        "the warm-up is not counted"
    );
}

#[tokio::test]
async fn failures_are_counted_apart_and_keys_are_removed_all_the_same() {
    let fake = Fake::local(1).await;
    // One question at first, 40 keys, then 10 operations of the test.
    fake.refuse_from(51);
    let rows = quietly(&options(&fake, &[Test::Get])).await.unwrap().rows;
    assert_eq!((rows[0].ops, rows[0].errors), (10, 90));
    assert!(rows[0].first_error.as_ref().unwrap().contains("INVALID"));
    assert_eq!(fake.keys(), 0);
    fake.refuse_from(fake.requests() + 10);
    let measured = quietly(&options(&fake, &[Test::Get])).await.unwrap();
    let stopped = measured.stopped.expect("keys were not prepared");
    assert_eq!(stopped.kind(), ErrorKind::Invalid);
    assert!(measured.rows.is_empty() && measured.left.is_none());
    assert_eq!(fake.keys(), 0);
}

/// A server that took minutes of measuring and then refused to remove the keys left
/// nothing but that error: the rows were thrown away.
#[tokio::test]
async fn what_was_measured_is_told_though_its_keys_cannot_be_removed() {
    let fake = Fake::local(1).await;
    fake.refuse_all_from(141);
    let measured = quietly(&options(&fake, &[Test::Get])).await.unwrap();
    assert_eq!((measured.rows[0].ops, measured.rows[0].errors), (100, 0));
    assert!(measured.stopped.is_none());
    let left = measured.left.expect("the keys are still there");
    assert!(left.prefix.starts_with("dkv-perf:"), "{}", left.prefix);
    assert_eq!(left.error.kind(), ErrorKind::Invalid);
    assert_eq!(fake.keys(), 40);
}

/// Of the tests before one whose keys could not be written nothing was told.
#[tokio::test]
async fn the_rows_before_a_test_that_cannot_run_are_kept() {
    let fake = Fake::local(1).await;
    fake.refuse_from(110);
    let tests = [Test::Set, Test::Get];
    let measured = quietly(&options(&fake, &tests)).await.unwrap();
    let names: Vec<_> = measured.rows.iter().map(|row| row.test).collect();
    assert_eq!(names, ["set"]);
    assert_eq!(measured.stopped.unwrap().kind(), ErrorKind::Invalid);
    assert!(measured.left.is_none());
}

#[tokio::test]
async fn an_open_loop_begins_by_the_clock_and_counts_what_waits() {
    let fake = Fake::local(1).await;
    let paced = |rate_per_s| PerfOptions {
        stop: Stop::After(Duration::from_millis(300)),
        rate_per_s: Some(rate_per_s),
        threads: 2,
        ..options(&fake, &[Test::HasNot])
    };
    let rows = quietly(&paced(200)).await.unwrap().rows;
    assert_eq!(rows[0].ops + rows[0].not_started, 60, "{:?}", rows[0]);
    assert!(rows[0].ops > 30, "{:?}", rows[0]);
    assert!(rows[0].seconds >= 0.29, "not all at once: {:?}", rows[0]);
    // Each answer takes 50 ms, so that two threads give 12 of the 60.
    fake.answer_late(Duration::from_millis(50));
    let rows = quietly(&paced(200)).await.unwrap().rows;
    assert_eq!(rows[0].ops + rows[0].not_started, 60, "{:?}", rows[0]);
    assert!((2..=14).contains(&rows[0].ops), "{:?}", rows[0]);
    // The tenth was to begin after 45 ms, and did after 200.
    assert!(
        rows[0].max_us > 150_000,
        "from the intended start: {:?}",
        rows[0]
    );
}

#[tokio::test]
async fn an_open_loop_of_so_many_operations_ends_with_the_last() {
    let fake = Fake::local(1).await;
    let options = PerfOptions {
        stop: Stop::Ops(77),
        rate_per_s: Some(2_000),
        ..options(&fake, &[Test::Get, Test::Scan])
    };
    let rows = quietly(&options).await.unwrap().rows;
    for row in &rows {
        assert_eq!(
            (row.ops, row.errors, row.not_started),
            (77, 0, 0),
            "{row:?}"
        );
    }
    assert_eq!(rows[1].intended_per_s, Some(2_000.0));
}

#[tokio::test]
async fn an_interrupted_run_keeps_its_figures_and_removes_its_keys() {
    let fake = Fake::local(1).await;
    let options = PerfOptions {
        stop: Stop::After(Duration::from_secs(3_600)),
        ..options(&fake, &[Test::Set, Test::Get])
    };
    let interrupt = Interrupt::new();
    let measured = run(&options, &interrupt, |progress| {
        // More were begun than can be under way: some were answered.
        if matches!(progress, Progress::Running { ops: 10.., .. }) {
            interrupt.raise();
        }
    });
    let measured = measured.await.unwrap();
    assert!(measured.interrupted && measured.stopped.is_none() && measured.left.is_none());
    let names: Vec<_> = measured.rows.iter().map(|row| row.test).collect();
    assert_eq!(names, ["set"]);
    assert!(measured.rows[0].ops > 0);
    assert_eq!(fake.keys(), 0);
}

/// An answer that never comes must not keep the figures from being told.
#[tokio::test]
async fn an_interrupt_does_not_wait_for_a_server_that_hangs() {
    let fake = Fake::local(1).await;
    let options = PerfOptions {
        stop: Stop::After(Duration::from_secs(3_600)),
        client: ClientOptions {
            timeout: Duration::from_secs(3),
            ..ClientOptions::to(&fake.endpoint)
        },
        ..options(&fake, &[Test::Set])
    };
    let interrupt = Interrupt::new();
    let clock = Host::system().clock;
    let began_us = clock.boot_us();
    let measured = run(&options, &interrupt, |progress| {
        // More were begun than can be under way: some were answered.
        if matches!(progress, Progress::Running { ops: 10.., .. }) {
            fake.fall_silent();
            interrupt.raise();
        }
    });
    let measured = measured.await.unwrap();
    assert!(measured.interrupted && measured.rows[0].ops > 0);
    assert!(measured.left.is_some(), "keys cannot be removed either");
    // The grace, and the time limit of the removal.
    assert!(clock.boot_us() - began_us < 30_000_000);
}

#[tokio::test]
async fn an_interrupt_while_keys_are_written_leaves_none() {
    let fake = Fake::local(1).await;
    let options = PerfOptions {
        keys: 1_000_000,
        ..options(&fake, &[Test::Get])
    };
    let interrupt = Interrupt::new();
    let measured = run(&options, &interrupt, |progress| {
        if matches!(progress, Progress::Preparing { done } if done > 0.0) {
            interrupt.raise();
        }
    });
    let measured = measured.await.unwrap();
    assert!(measured.interrupted && measured.rows.is_empty() && measured.left.is_none());
    assert_eq!(fake.keys(), 0);
}

#[tokio::test]
async fn locks_are_measured_where_there_are_no_keys() {
    let fake = Fake::local(1).await;
    let rows = quietly(&options(&fake, &[Test::Lock])).await.unwrap().rows;
    assert_eq!((rows[0].ops, rows[0].errors), (100, 0), "{:?}", rows[0]);
    // Each is an acquire and a release, and so is the first question.
    assert_eq!(fake.requests(), 2 * 101);
}

#[tokio::test]
async fn keys_are_written_again_only_if_a_test_spoils_them() {
    let fake = Fake::local(1).await;
    let tests = [Test::Get, Test::Has, Test::Mixed, Test::Delete];
    quietly(&options(&fake, &tests)).await.unwrap();
    // One question, the keys, two tests that read and a mixed one, the keys again, and
    // the removal.
    assert_eq!(fake.requests(), 1 + 40 + 300 + 40 + 100 + 1);
}
