//! `dkv bucket list` and `dkv bucket entries`.

use clap::Args;

use crate::cli::client_args::ClientArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::fresh;
use crate::cli::kv::ScanArgs;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::client::BucketInfo;

/// List the buckets with what is in them.
///
/// They come in the order of their names. The default bucket, which has none, is not among them.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only buckets whose names begin with this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
}

/// List the keys and values of a bucket.
///
/// The same as `dkv kv scan --bucket NAME`.
#[derive(Debug, Args)]
pub(crate) struct EntriesArgs {
    /// The bucket
    name: String,
    #[command(flatten)]
    scan: ScanArgs,
}

impl ListArgs {
    pub(super) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let mut buckets = client.bucket_list(self.prefix);
        let mut list = printer.list();
        while let Some(page) = buckets.next_page().await? {
            for bucket in page {
                let row = described(&bucket);
                let text = row.to_line();
                list.push(fresh::dated(row, buckets.freshness()), &text)?;
            }
        }
        list.finish()?;
        fresh::remark(printer, buckets.freshness());
        Ok(ExitStatus::Done)
    }
}

impl EntriesArgs {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        self.scan.run(&client.in_bucket(&self.name), printer).await
    }
}

/// The part of a quota from which on a bucket is said to be almost full, percent.
const NEAR_PERCENT: u64 = 80;

fn described(bucket: &BucketInfo) -> Row {
    let settings = &bucket.settings;
    let some = |number: u64| (number > 0).then_some(number);
    let span = |span: std::time::Duration| (!span.is_zero()).then_some(span);
    Row::new()
        .with("name", bucket.name.as_str())
        .with("keys", bucket.keys)
        .with("bytes", bucket.bytes)
        .with("quota", some(settings.quota_bytes))
        .with("quotaKeys", some(settings.quota_keys))
        .with("state", state(bucket))
        .with("expireIn", span(settings.expire_in))
        .with("deleteIn", span(settings.delete_in))
        .with("history", !settings.no_history)
        .for_programs("create_revision", bucket.create_revision.0)
}

/// What a person should know at a glance.
fn state(bucket: &BucketInfo) -> &'static str {
    let settings = &bucket.settings;
    let quotas = [
        (bucket.bytes, settings.quota_bytes),
        (bucket.keys, settings.quota_keys),
    ];
    let used = |percent: u64| {
        let reaches = |(used, quota): &(u64, u64)| {
            *quota > 0 && u128::from(*used) * 100 >= u128::from(*quota) * u128::from(percent)
        };
        quotas.iter().any(reaches)
    };
    match () {
        () if bucket.dropping => "dropping",
        () if used(100) => "full",
        () if used(NEAR_PERCENT) => "almost full",
        () => "ok",
    }
}
