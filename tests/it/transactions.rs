//! Optimistic transactions of the library, many at once: they are serializable.

use std::time::Duration;

use dkv::base::{ErrorKind, Result};
use dkv::client::{KeyRange, Transaction, TransactionOptions};
use dkv::server::Ephemeral;
use dkv::{Client, ClientOptions};

const PATIENT: TransactionOptions = TransactionOptions {
    attempts: 1_000,
    fence: None,
};

async fn client(server: &Ephemeral) -> Client {
    Client::connect(ClientOptions::to(server.endpoint()))
        .await
        .unwrap()
}

async fn transfer(tx: Transaction, from: &str, to: &str) -> Result<()> {
    let left = tx.number(from.to_owned()).await? - 7;
    tx.set(from.to_owned(), left.to_string());
    let more = tx.number(to.to_owned()).await? + 7;
    tx.set(to.to_owned(), more.to_string());
    let all = tx.scan(KeyRange::prefix("account:")).await?;
    let sum =
        |(_, value): &(_, bytes::Bytes)| -> i64 { str::from_utf8(value).unwrap().parse().unwrap() };
    assert_eq!(all.iter().map(sum).sum::<i64>(), 500, "within one");
    Ok(())
}

#[tokio::test]
async fn money_that_many_move_at_once_is_neither_made_nor_lost() {
    let server = Ephemeral::start().await.unwrap();
    let bank = client(&server).await;
    for account in 0..5 {
        bank.set(format!("account:{account}"), "100").await.unwrap();
    }
    let movers = (0..8_u64).map(|mover| {
        let bank = bank.with_lane();
        tokio::spawn(async move {
            for turn in 0..20 {
                let (from, to) = ((mover + turn) % 5, (mover * 3 + turn * 2 + 1) % 5);
                let from = format!("account:{from}");
                let to = format!("account:{to}");
                let moved = bank.transaction_with(PATIENT, |tx| transfer(tx, &from, &to));
                moved.await.unwrap();
            }
        })
    });
    for mover in movers.collect::<Vec<_>>() {
        mover.await.unwrap();
    }
    let sum = bank
        .transaction(|tx| async move {
            let mut sum = 0;
            for account in 0..5 {
                sum += tx.number(format!("account:{account}")).await?;
            }
            Ok(sum)
        })
        .await;
    assert_eq!(sum.unwrap(), 500);
}

async fn take_if_free(tx: Transaction, mine: &str, other: &str) -> Result<bool> {
    if tx.get(other.to_owned()).await?.is_some() {
        return Ok(false);
    }
    // Both have read before either commits, as a rule.
    tokio::time::sleep(Duration::from_millis(5)).await;
    tx.set(mine.to_owned(), "taken");
    Ok(true)
}

#[tokio::test]
async fn of_two_who_read_what_the_other_writes_one_comes_again() {
    let server = Ephemeral::start().await.unwrap();
    let client = client(&server).await;
    for round in 0..20 {
        let (left, right) = (format!("{round}:left"), format!("{round}:right"));
        let take = |mine: String, other: String| {
            let client = client.with_lane();
            tokio::spawn(async move {
                let taken = client.transaction(|tx| take_if_free(tx, &mine, &other));
                taken.await.unwrap()
            })
        };
        let one = take(left.clone(), right.clone());
        let other = take(right, left);
        let taken = u32::from(one.await.unwrap()) + u32::from(other.await.unwrap());
        assert_eq!(taken, 1, "round {round}");
    }
}

#[tokio::test]
async fn a_key_that_comes_into_a_range_or_leaves_it_is_a_conflict() {
    let server = Ephemeral::start().await.unwrap();
    let client = client(&server).await;
    client.set("q:1", "v").await.unwrap();
    client.set("q:2", "v").await.unwrap();
    let others = [
        ("set", "q:3"),
        ("delete", "q:1"),
        ("expire", "q:2"),
        ("set", "q:2"),
    ];
    for (what, key) in others {
        let once = TransactionOptions {
            attempts: 1,
            fence: None,
        };
        let other = client.clone();
        let counted = client.transaction_with(once, |tx| {
            let other = other.clone();
            async move {
                let count = tx.scan(KeyRange::prefix("q:")).await?.len();
                match what {
                    "set" => drop(other.set(key, "w").await?),
                    "delete" => drop(other.delete(key).await?),
                    _ => drop(other.expire(key, None).await?),
                }
                tx.set("count", count.to_string());
                Ok(())
            }
        });
        let error = counted.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{what} {key}");
    }
    assert_eq!(client.get("count").await.unwrap(), None);
    let own = client
        .transaction(|tx| async move {
            tx.set("q:9", "mine");
            tx.delete("q:3");
            let keys = tx.scan(KeyRange::prefix("q:")).await?;
            Ok(keys.into_iter().map(|(key, _)| key).collect::<Vec<_>>())
        })
        .await
        .unwrap();
    assert_eq!(own, ["q:2", "q:9"], "it sees what it wrote");
}

#[tokio::test]
async fn an_error_of_the_work_ends_a_transaction_without_a_change() {
    let server = Ephemeral::start().await.unwrap();
    let client = client(&server).await;
    client.set("text", "alice").await.unwrap();
    let refused = client
        .transaction(|tx| async move {
            tx.set("other", "1");
            tx.number("text").await
        })
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(!client.has("other").await.unwrap());
}
