//! The families of the links to other members.

use super::names::Names;
use super::page::{Family, Page};
use crate::server::peer::{LaneFigures, PeerFigures};

pub(super) fn write(page: &mut Page, links: &[PeerFigures], names: &Names) {
    let connected = page.gauge(
        "dkv_peer_connected",
        "1 while the member has accepted this node's link and it holds.",
    );
    each(connected, links, names, |lane| u64::from(lane.is_connected));
    let queued = page.gauge(
        "dkv_peer_queued_bytes",
        "Bytes for the member that wait for the network.",
    );
    each(queued, links, names, |lane| lane.queued_bytes as u64);
    let frames = page.counter(
        "dkv_peer_frames_total",
        "Frames exchanged with the member, each a request or an answer.",
    );
    each_way(frames, links, names, |lane| {
        [lane.frames_received, lane.frames_sent]
    });
    let bytes = page.counter("dkv_peer_bytes_total", "The bytes of these frames.");
    each_way(bytes, links, names, |lane| {
        [lane.bytes_received, lane.bytes_sent]
    });
    let dropped = page.counter(
        "dkv_peer_frames_dropped_total",
        "Frames for the member that were not sent: no link, no room, or too large.",
    );
    each(dropped, links, names, |lane| lane.frames_dropped);
    let reconnects = page.counter(
        "dkv_peer_reconnects_total",
        "Links that the member accepted after the first.",
    );
    each(reconnects, links, names, |lane| lane.reconnects);
}

/// One number of each lane.
fn each(
    mut family: Family<'_>,
    links: &[PeerFigures],
    names: &Names,
    number: fn(&LaneFigures) -> u64,
) {
    for peer in links {
        for lane in &peer.lanes {
            let labels = [("peer", names.of(peer.node)), ("lane", lane.lane)];
            family = family.value(&labels, number(lane));
        }
    }
}

/// What came over each lane, and what went.
fn each_way(
    mut family: Family<'_>,
    links: &[PeerFigures],
    names: &Names,
    numbers: fn(&LaneFigures) -> [u64; 2],
) {
    for peer in links {
        for lane in &peer.lanes {
            for (direction, number) in ["in", "out"].into_iter().zip(numbers(lane)) {
                let labels = [
                    ("peer", names.of(peer.node)),
                    ("lane", lane.lane),
                    ("direction", direction),
                ];
                family = family.value(&labels, number);
            }
        }
    }
}
