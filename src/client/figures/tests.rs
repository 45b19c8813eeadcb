//! What comes from the wire, and what cannot.

use std::time::Duration;

use bytes::Bytes;

use super::convert::figures;
use crate::base::ErrorKind;
use crate::client::endpoint::Endpoint;
use crate::proto::v1;

fn reply() -> v1::FiguresReply {
    let id = Bytes::from_static(&[7; 16]);
    v1::FiguresReply {
        node: Some(v1::DescribeReply {
            node: id.clone(),
            shards: vec![
                v1::ShardDescription {
                    id: 100,
                    identity: id.clone(),
                    ..v1::ShardDescription::default()
                },
                v1::ShardDescription {
                    id: 200,
                    identity: id.clone(),
                    ..v1::ShardDescription::default()
                },
            ],
            ..v1::DescribeReply::default()
        }),
        shards: vec![v1::ShardFigures {
            shard: 200,
            watches: 3,
            ..v1::ShardFigures::default()
        }],
        samples: vec![v1::Sample {
            number: 4,
            ms: 500,
            reads: Some(v1::ClassSample {
                count: 50,
                p50_us: 10,
                p99_us: 20,
            }),
            ..v1::Sample::default()
        }],
        ..v1::FiguresReply::default()
    }
}

fn from() -> Endpoint {
    Endpoint::parse("db:1").unwrap()
}

#[test]
fn shards_are_found_by_their_ids_and_what_is_missing_is_nothing() {
    let figures = figures(reply(), &from()).unwrap();
    assert!(figures.is_ready());
    let watches: Vec<u64> = figures.shards.iter().map(|it| it.watches).collect();
    assert_eq!(watches, [0, 3]);
    let sample = figures.samples[0];
    assert_eq!(sample.per_s(sample.operations()), 100.0);
    assert_eq!(sample.reads.p99, Some(Duration::from_micros(20)));
    assert_eq!((sample.writes.p99, sample.fsync_p99), (None, None));
    assert_eq!(sample.resident_bytes, None);
}

#[test]
fn what_no_server_says_is_a_defect_and_no_panic() {
    let broken = |spoil: fn(&mut v1::FiguresReply)| {
        let mut reply = reply();
        spoil(&mut reply);
        figures(reply, &from()).unwrap_err().kind()
    };
    assert_eq!(broken(|it| it.node = None), ErrorKind::Internal);
    let odd_member = |it: &mut v1::FiguresReply| {
        it.members = vec![v1::ClusterMember::default()];
    };
    assert_eq!(broken(odd_member), ErrorKind::Internal);
    let odd_role = |it: &mut v1::FiguresReply| {
        it.shards[0].group = Some(v1::GroupFigures::default());
    };
    assert_eq!(broken(odd_role), ErrorKind::Internal);
    let odd_lag = |it: &mut v1::FiguresReply| {
        it.shards[0].group = Some(v1::GroupFigures {
            role: v1::Role::Leader.into(),
            lags: vec![v1::MemberLag::default()],
            ..v1::GroupFigures::default()
        });
    };
    assert_eq!(broken(odd_lag), ErrorKind::Internal);
}
