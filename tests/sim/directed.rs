//! Scenarios without dice, for traps of the consensus library that chance meets too seldom.

use crate::scene::Scene;

/// How long a leader of these scenarios may count on not being replaced, by the library's lease.
const LEASE_MS: u64 = 400;

/// Between two signs of life of a leader, and their way, at most.
const HEARTBEAT_MS: u64 = 60;

/// Within so many milliseconds every follower that hears of no leader stands for election once.
const CANDIDACIES_MS: u64 = 900;

/// A reads under a lease that a restarted voter knows nothing of: A leads, B is cut off from it, C
/// answers A, starts anew, and votes for B at once. B is written to, and A is asked. In the
/// library the lease of whoever starts anew is empty (as in TiKV's issue 15035), so a lease decides
/// nothing here: a read waits for a majority.
///
/// When B stands for election cannot be chosen, so C starts anew at every one of many moments.
#[test]
fn a_leader_whose_voter_was_started_again_serves_no_stale_read() {
    let step_ms = 75;
    let moments = (0..CANDIDACIES_MS).step_by(step_ms as usize);
    let trapped = moments.filter(|wait_ms| is_trapped(*wait_ms)).count();
    assert!(
        trapped > 0,
        "at no moment was B elected while A's lease lasted: this shows nothing"
    );
}

/// True if another leader was written to while the lease of the first lasted.
fn is_trapped(wait_ms: u64) -> bool {
    let mut scene = Scene::open(3);
    let (a, [b, c]) = scene.leader();
    assert!(scene.set(a, "key", "before", 1_000));
    let applied = |scene: &Scene<'_>, at: usize| scene.glimpse(at).map(|it| it.state.0);
    // Nobody votes for one whose log is shorter.
    scene.until("B has it, too", |scene| {
        applied(scene, b) == applied(scene, a)
    });
    scene.cut(a, b);
    // Until B has missed the leader for long enough to stand.
    scene.wait_ms(LEASE_MS + wait_ms);
    scene.end(c, false);
    scene.cut(a, c);
    // C may have answered last when the heartbeat before came.
    let leased_until_ms = scene.stage.now_ms() + LEASE_MS - HEARTBEAT_MS;
    scene.step();
    scene.start(c);
    let leads = |scene: &Scene<'_>| scene.glimpse(b).is_some_and(|it| it.leads.is_some());
    if !scene.within_ms(LEASE_MS, leads) || !scene.set(b, "key", "after", 200) {
        return false;
    }
    let is_leased = scene.stage.now_ms() < leased_until_ms;
    let read = scene.get(a, "key", 200);
    assert!(
        read.as_deref() != Some("before"),
        "A has served what B's clients know to be over"
    );
    is_leased
}

/// A voter grants a candidate its vote, loses power at once, starts anew, and is asked by another
/// candidate of the same term: it must remember. So a vote is durable before anybody hears of it,
/// and whatever is appended later is behind it in the same log.
///
/// The voter may stand itself, so it is down for one of many times, until both others do.
#[test]
fn a_voter_that_loses_power_after_its_vote_does_not_vote_again_in_that_term() {
    let downs = (5..12).map(|it| it * 100);
    let asked_twice = downs.filter(|down_ms| is_asked_twice(*down_ms)).count();
    assert!(
        asked_twice > 0,
        "the voter was never asked by both: this shows nothing"
    );
}

/// True if two were elected by the same voter, with a loss of power between.
fn is_asked_twice(down_ms: u64) -> bool {
    let mut scene = Scene::open(3);
    let (voter, others) = scene.leader();
    let elected = |scene: &Scene<'_>, at: usize| {
        let ballot = scene.glimpse(at).map(|it| it.ballot);
        ballot.filter(|it| it.is_elected).map(|it| it.term)
    };
    let any = |scene: &Scene<'_>, of: &[usize]| {
        of.iter().copied().find(|at| elected(scene, *at).is_some())
    };
    // Each of the others needs the vote of the first, and knows nothing of the other.
    scene.cut(others[0], others[1]);
    scene.end(voter, true);
    scene.wait_ms(down_ms);
    // So slow that a vote is not durable soon.
    scene.machines[voter].lag(95);
    scene.start(voter);
    let all = [voter, others[0], others[1]];
    scene.until("somebody is elected", |scene| any(scene, &all).is_some());
    let Some(first) = any(&scene, &others) else {
        return false;
    };
    let term = elected(&scene, first).expect("it was just elected");
    scene.end(voter, true);
    scene.machines[voter].lag(0);
    scene.cut(first, voter);
    scene.step();
    scene.start(voter);
    let second = others[usize::from(others[0] == first)];
    let those = [second, voter];
    scene.until("another is elected", |scene| any(scene, &those).is_some());
    assert_eq!(
        elected(&scene, first),
        Some(term),
        "the first knows nothing of the others"
    );
    let again = elected(&scene, second);
    assert_ne!(again, Some(term), "two leaders in one term");
    again.is_some()
}

/// A leader dies and is back before anybody misses it. How far its log is committed it does not
/// know for sure any more, since that is noted with whatever is written next: it must be elected
/// before it answers a read by it.
#[test]
fn a_leader_that_was_started_again_answers_reads_once_it_was_elected() {
    let mut scene = Scene::open(3);
    let (leader, _) = scene.leader();
    for value in ["first", "before", "after"] {
        assert!(scene.set(leader, "key", value, 1_000));
    }
    scene.end(leader, false);
    scene.step();
    scene.start(leader);
    scene.until("it lives again", |scene| scene.glimpse(leader).is_some());
    let mut read = None;
    for _ in 0..20 {
        read = read.or_else(|| scene.get(leader, "key", 200));
    }
    assert_eq!(read.as_deref(), Some("after"));
}
