//! The bucket of a run: made for it, and dropped with everything in it.

use super::run::Plan;
use crate::base::{Error, ErrorKind, Result};
use crate::client::{BucketSettings, Client};

/// Makes the bucket.
///
/// # Errors
/// `Invalid` if it is there already: what it holds is somebody's.
pub(super) async fn make(client: &Client, plan: &Plan) -> Result<()> {
    let name = &plan.bucket;
    match client.bucket_create(name, BucketSettings::default()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(is_there(name)),
        Err(error) if error.kind() == ErrorKind::Conflict => Err(is_there(name)),
        Err(error) if error.kind() == ErrorKind::Timeout && plan.is_fresh => {
            Err(Error::timeout(format!(
                "{}; if the bucket {name} was made, `dkv bucket drop {name} --yes` drops it",
                error.message()
            )))
        }
        Err(error) => Err(error),
    }
}

fn is_there(name: &str) -> Error {
    Error::invalid(format!(
        "the bucket {name} is there already, and a bucket of its own is needed, which is dropped \
         at the end: leave out --bucket (DKV_BUCKET), or name one that is not there"
    ))
}

/// Drops it. What is said if that cannot be done tells how to.
pub(super) async fn drop(client: &Client, name: &str) -> Result<()> {
    let dropped = client.bucket_drop(name).await;
    dropped.map(|_| ()).map_err(|error| {
        let message = format!(
            "the bucket {name} could not be dropped: {}; `dkv bucket drop {name} --yes` drops it",
            error.message()
        );
        Error::new(error.kind(), message)
    })
}
