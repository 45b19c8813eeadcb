//! Many watches on one stream: what its requests do, and how it ends.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Status;

use crate::base::limits;
use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;
use crate::proto::v1::watch_request::Request;
use crate::server::tests::member::in_simulated_time;
use crate::server::tests::world::World;
use crate::server::watch::serve;

fn create(watch_id: u64) -> Request {
    Request::Create(v1::WatchCreate {
        watch_id,
        ..v1::WatchCreate::default()
    })
}

/// All that is told, by the number of the watch, if these are all requests there are.
async fn replies(requests: Vec<Request>) -> Vec<(u64, Reply)> {
    let mut world = World::new(8);
    let node = world.open().unwrap();
    let (_stop, stopping) = watch::channel(false);
    let requests = requests.into_iter().map(|request| {
        Ok::<_, Status>(v1::WatchRequest {
            request: Some(request),
        })
    });
    let told = serve(node.service.clone(), stopping, stream::iter(requests));
    let told = told.map(|reply| {
        let reply = reply.unwrap();
        (reply.watch_id, reply.reply.unwrap())
    });
    let all = timeout(Duration::from_mins(1), told.collect()).await;
    all.expect("a stream ends that nobody asks any more, and that watches nothing")
}

fn ended() -> Reply {
    Reply::Ended(v1::Error::default())
}

#[test]
fn a_stream_ends_whose_last_watch_was_cancelled_as_its_requests_ended() {
    in_simulated_time(async {
        let told = replies(vec![create(1), Request::Cancel(1)]).await;
        assert_eq!(told, [(1, ended())]);
    });
}

#[test]
fn those_that_were_cancelled_count_until_they_are_gone() {
    in_simulated_time(async {
        let most = limits::WATCHES_PER_STREAM_MAX as u64;
        let pairs = (1..=most + 1).flat_map(|id| [create(id), Request::Cancel(id)]);
        let told = replies(pairs.collect()).await;
        assert_eq!(told.len() as u64, most + 1);
        let Some((_, Reply::Ended(refused))) = told.last() else {
            panic!("there is no room for it");
        };
        assert_eq!(refused.kind, v1::ErrorKind::LimitExceeded as i32);
    });
}

#[test]
fn a_request_that_is_wrong_ends_its_watch_alone() {
    in_simulated_time(async {
        let wrong = Request::Create(v1::WatchCreate {
            watch_id: 2,
            progress_ms: 1,
            ..v1::WatchCreate::default()
        });
        let told = replies(vec![create(1), wrong, Request::Cancel(1)]).await;
        let (2, Reply::Ended(refused)) = &told[0] else {
            panic!("it is wrong: {told:?}");
        };
        assert_eq!(refused.kind, v1::ErrorKind::Invalid as i32);
        assert_eq!(told[1], (1, ended()), "{told:?}");
    });
}

/// Five million that the node has no place for took 3 GiB, until each had been opened.
#[test]
fn one_that_has_no_place_is_not_kept_until_it_would_be_opened() {
    in_simulated_time(async {
        let mut world = World::new(8);
        let node = world.open().unwrap();
        let places = node.service.watch_places();
        let others: Vec<_> = (1..limits::WATCHES_MAX)
            .map(|_| places.take().unwrap())
            .collect();
        let (_stop, stopping) = watch::channel(false);
        let requests = [create(1), create(2), create(3)].map(|request| {
            let request = Some(request);
            Ok::<_, Status>(v1::WatchRequest { request })
        });
        let inbound = stream::iter(requests).chain(stream::pending());
        let told = serve(node.service.clone(), stopping, inbound);
        let told: Vec<_> = timeout(Duration::from_mins(1), told.take(3).collect())
            .await
            .unwrap();
        let ids = told.iter().map(|told| told.as_ref().unwrap().watch_id);
        assert_eq!(ids.collect::<Vec<_>>(), [2, 3, 1]);
        drop(others);
    });
}
