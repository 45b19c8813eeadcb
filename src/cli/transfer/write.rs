//! Writes one record, and finds out whose fault it is if that is refused.

use std::time::Duration;

use bytes::Bytes;

use super::item::{Content, Item};
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};
use crate::client::{Client, Condition, SetOptions};

/// The pause before a refused write is tried again; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often a record is refused while the store takes others, before it is to blame.
const BLAMES_MAX: u32 = 3;

/// Why a record was not written.
#[derive(Debug)]
pub(super) enum Refusal {
    /// This record cannot be written; others can.
    Record(Error),
    /// No record can be written.
    Store(Error),
}

/// Writes `item` over whatever is there. A store that is full for now is asked again for
/// as long as `patience`.
pub(super) async fn write(client: Client, item: Item, patience: Duration) -> Result<(), Refusal> {
    let mut pause = PAUSE;
    let mut waited = Duration::ZERO;
    let mut blames = 0;
    loop {
        let error = match restore(&client, &item).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::Invalid => return Err(Refusal::Record(error)),
            ErrorKind::LimitExceeded => {}
            _ => return Err(Refusal::Store(error)),
        }
        match change_nothing(&client, &item).await {
            Ok(()) if blames == BLAMES_MAX => return Err(Refusal::Record(error)),
            Ok(()) => blames += 1,
            Err(full) if full.kind() == ErrorKind::LimitExceeded && waited < patience => {}
            Err(other) => return Err(Refusal::Store(other)),
        }
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn restore(client: &Client, item: &Item) -> Result<()> {
    let (value, expire_in) = match &item.content {
        Content::Live {
            value,
            expire_in_ms,
        } => (value.clone(), expire_in_ms.map(Duration::from_millis)),
        // Should this process end before the next request, the value still goes.
        Content::Expired => (Bytes::new(), Some(Duration::from_millis(1))),
    };
    let options = SetOptions {
        expire_in,
        delete_in: item.delete_in_ms.map(Duration::from_millis),
        ..SetOptions::default()
    };
    client.set_with(item.key.clone(), value, options).await?;
    if item.content == Content::Expired {
        client.expire(item.key.clone(), None).await?;
    }
    Ok(())
}

/// A write as small as can be, whose condition never holds: whether it is taken tells a full
/// store from a record that is too large for it.
async fn change_nothing(client: &Client, item: &Item) -> Result<()> {
    let options = SetOptions {
        condition: Some(Condition::Revision(Revision(u64::MAX))),
        ..SetOptions::default()
    };
    let key = item.key.clone();
    client.set_with(key, Bytes::new(), options).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientOptions;
    use crate::client::tests::fake::Fake;

    async fn written(fake: &Fake, patience: Duration) -> Result<(), Refusal> {
        let options = ClientOptions::to(&fake.endpoint);
        let client = Client::connect(options).await.unwrap();
        let item = Item {
            key: Bytes::from_static(b"k"),
            content: Content::Live {
                value: Bytes::from_static(b"v"),
                expire_in_ms: None,
            },
            delete_in_ms: None,
        };
        write(client, item, patience).await
    }

    #[tokio::test]
    async fn a_store_that_is_full_for_now_is_asked_again() {
        let fake = Fake::local(1).await;
        fake.refuse_as_full(5, 1);
        written(&fake, Duration::from_secs(10)).await.unwrap();
        assert_eq!((fake.keys(), fake.requests()), (1, 7));
    }

    #[tokio::test]
    async fn a_store_that_stays_full_takes_no_record() {
        let fake = Fake::local(1).await;
        fake.refuse_as_full(1_000, 1);
        let refused = written(&fake, Duration::from_millis(50)).await;
        let Err(Refusal::Store(error)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(fake.keys(), 0);
    }

    #[tokio::test]
    async fn a_record_that_is_refused_while_others_are_taken_is_to_blame() {
        let fake = Fake::local(1).await;
        fake.refuse_as_full(1_000, 2);
        let refused = written(&fake, Duration::from_secs(10)).await;
        assert!(matches!(refused, Err(Refusal::Record(_))), "{refused:?}");
        assert_eq!(fake.keys(), 0);
        let fake = Fake::local(1).await;
        fake.refuse_from(0);
        let refused = written(&fake, Duration::ZERO).await;
        assert!(matches!(refused, Err(Refusal::Record(_))), "{refused:?}");
    }
}
