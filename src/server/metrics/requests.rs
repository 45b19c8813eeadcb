//! The families of the request path.

use super::labels::{Outcome, RequestKind};
use super::meter::Meter;
use super::page::Page;
use crate::server::port::Connections;

pub(super) fn write(page: &mut Page, meter: &Meter) {
    let mut answered = page.counter(
        "dkv_requests_total",
        "Requests that were answered, by kind and outcome.",
    );
    for kind in RequestKind::ALL {
        for outcome in Outcome::all() {
            let labels = [("kind", kind.label()), ("outcome", outcome.label())];
            answered = answered.value(&labels, meter.count(kind, outcome));
        }
    }
    let mut took = page.histogram(
        "dkv_request_duration_seconds",
        "From the arrival of a request to its answer; waits for locks included.",
    );
    for kind in RequestKind::ALL {
        took = took.times(&[("kind", kind.label())], &meter.took_us(kind));
    }
    page.gauge(
        "dkv_requests_in_flight",
        "Requests that were taken and are not answered yet.",
    )
    .value(&[], meter.in_flight());
}

pub(super) fn write_sessions(page: &mut Page, meter: &Meter) {
    let sessions = meter.sessions();
    page.gauge("dkv_sessions_open", "Session streams that are open.")
        .value(&[], sessions.open);
    page.counter(
        "dkv_sessions_total",
        "Session streams opened since the start.",
    )
    .value(&[], sessions.opened);
    page.counter(
        "dkv_session_frames_total",
        "Frames of session streams, each a request or a reply.",
    )
    .value(&[("direction", "in")], sessions.frames_in)
    .value(&[("direction", "out")], sessions.frames_out);
    page.counter(
        "dkv_session_messages_total",
        "Messages of session streams; frames that travel together share one.",
    )
    .value(&[("direction", "in")], sessions.messages_in)
    .value(&[("direction", "out")], sessions.messages_out);
}

/// Of the node's own certificate, if it has one.
pub(super) fn write_certificate(page: &mut Page, expires: Option<u64>) {
    page.gauge(
        "dkv_tls_certificate_expires_seconds",
        "When the certificate of the node expires, in seconds since 1970.",
    )
    .maybe(expires);
}

pub(super) fn write_connections(page: &mut Page, connections: &Connections) {
    page.gauge("dkv_connections_open", "Client connections that are open.")
        .value(&[], connections.open());
    page.counter(
        "dkv_connections_total",
        "Client connections accepted since the start.",
    )
    .value(&[], connections.accepted());
    page.counter(
        "dkv_connections_refused_total",
        "Client connections closed before their first request, by reason.",
    )
    .value(&[("reason", "address")], connections.refused())
    .value(
        &[("reason", "handshakes")],
        connections.refused_handshakes(),
    );
    let (secured, unsecured) = connections.handshake_counts();
    page.counter(
        "dkv_tls_handshakes_total",
        "Handshakes of TLS with clients, by what became of them.",
    )
    .value(&[("result", "secured")], secured)
    .value(&[("result", "failed")], unsecured);
    page.counter(
        "dkv_requests_refused_total",
        "Requests refused for what their connection or its address does, by reason.",
    )
    .value(&[("reason", "open")], connections.crowded())
    .value(&[("reason", "rate")], connections.too_fast())
    .value(&[("reason", "memory")], connections.too_large());
}
