//! gRPC's own health service: for the services of dkv it says what `/readyz` says.

use std::time::Duration;

use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::live::Standing;
use super::ready::{checks, reasons};
use crate::proto::v1;
use crate::server::grpc::Grpc;

/// How often it looks whether the node is still ready: silence comes without a notice.
const LOOK: Duration = Duration::from_millis(250);

/// What needs a node that is ready. The name of none, which means the process as a whole,
/// is not among them: a restart would help nobody.
const NAMES: [&str; 4] = [
    <v1::kv_server::KvServer<Grpc> as NamedService>::NAME,
    <v1::lock_server::LockServer<Grpc> as NamedService>::NAME,
    <v1::bucket_server::BucketServer<Grpc> as NamedService>::NAME,
    <v1::session_server::SessionServer<Grpc> as NamedService>::NAME,
];

/// What the service tells, kept true until the node stops.
pub(in crate::server) async fn health(standing: Standing) -> HealthReporter {
    let reporter = HealthReporter::new();
    let mut told = tell(&reporter, &standing).await;
    let telling = reporter.clone();
    tokio::spawn(async move {
        let mut stopping = standing.stopping.clone();
        loop {
            let stops = stopping.wait_for(|stopping| *stopping);
            let stops = tokio::time::timeout(LOOK, stops).await.is_ok();
            if is_ready(&standing) != told {
                told = tell(&telling, &standing).await;
            }
            if stops {
                return;
            }
        }
    });
    reporter
}

fn is_ready(standing: &Standing) -> bool {
    reasons(&checks(standing)).is_empty()
}

async fn tell(reporter: &HealthReporter, standing: &Standing) -> bool {
    let is_ready = is_ready(standing);
    let status = match is_ready {
        true => ServingStatus::Serving,
        false => ServingStatus::NotServing,
    };
    for name in NAMES {
        reporter.set_service_status(name, status).await;
    }
    is_ready
}
