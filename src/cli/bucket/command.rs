//! The subcommands of `dkv bucket`, and those that change one.

use clap::{Args, Subcommand};

use super::list::{EntriesArgs, ListArgs};
use super::settings::SettingsArgs;
use crate::base::suggest::nearest;
use crate::base::{Error, ErrorKind};
use crate::cli::ask::confirmed;
use crate::cli::client_args::ClientArgs;
use crate::cli::complete;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::cli::session::Session;
use crate::client::BucketSettings;

/// Make, change, list and drop buckets: named parts of a shard
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct BucketArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(subcommand)]
    command: BucketCommand,
}

#[derive(Debug, Subcommand)]
enum BucketCommand {
    Create(CreateArgs),
    Update(UpdateArgs),
    Drop(DropArgs),
    List(ListArgs),
    Entries(EntriesArgs),
}

/// Make a bucket.
///
/// Prints created=true, or created=false if it is there with the same settings; with others, exits with 4.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The bucket: letters, digits and ._:-
    name: String,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Keep no history: no reads of the past, no watches; cannot be changed later
    #[arg(long)]
    no_history: bool,
}

/// Change the settings of a bucket.
///
/// What is not named stays as it is. Prints updated=true, or updated=false if nothing changed.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The bucket
    name: String,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Remove a bucket with all its keys.
///
/// Prints dropped=true and how many keys went with it. If there was none, prints dropped=false and exits with 3. Many keys are removed in pieces; from the first one on the bucket takes no requests. If that is interrupted, drop it again.
#[derive(Debug, Args)]
pub(crate) struct DropArgs {
    /// The bucket
    name: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl BucketArgs {
    /// Runs in a shell.
    pub(crate) fn join(&mut self, session: &Session) {
        self.client.join(session);
    }
}

/// Runs one of them.
pub(crate) fn run(args: BucketArgs, printer: &mut Printer) -> Outcome {
    let client = &args.client;
    // An error about this bucket tells the one that was meant, as of keys in it.
    let about = |name: &str| client.in_bucket(name);
    match args.command {
        BucketCommand::Create(args) => client.block_on(args.run(client, printer)),
        BucketCommand::Update(args) => about(&args.name).block_on(args.run(client, printer)),
        BucketCommand::Drop(args) => client.block_on(args.run(client, printer)),
        BucketCommand::List(args) => client.block_on(args.run(client, printer)),
        BucketCommand::Entries(args) => about(args.name()).block_on(args.run(client, printer)),
    }
}

impl CreateArgs {
    async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let settings = BucketSettings {
            no_history: self.no_history,
            ..self.settings.over(BucketSettings::default())
        };
        let client = client.connect(1).await?;
        let created = client.bucket_create(&self.name, settings).await?;
        printer.confirm(&Row::new().with("created", created))?;
        Ok(ExitStatus::Done)
    }
}

impl UpdateArgs {
    async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let Some(bucket) = client.bucket_info(&self.name).await? else {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no bucket `{0}`: make it with `dkv bucket create {0}`",
                    self.name
                ),
            )
            .into());
        };
        let settings = self.settings.over(bucket.settings);
        let updated = client.bucket_update(&self.name, settings).await?;
        printer.confirm(&Row::new().with("updated", updated))?;
        Ok(ExitStatus::Done)
    }
}

impl DropArgs {
    async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let question = format!("This drops the bucket `{}` with all its keys.", self.name);
        confirmed(&question, self.yes, client.is_in_shell())?;
        let client = client.connect(1).await?;
        let dropped = client.bucket_drop(&self.name).await?;
        let row = Row::new()
            .with("dropped", dropped.dropped)
            .with("deleted", dropped.dropped.then_some(dropped.deleted))
            .for_programs("revision", dropped.revision.0);
        printer.confirm(&row)?;
        if dropped.dropped {
            return Ok(ExitStatus::Done);
        }
        let name = &self.name;
        let known = complete::names(&client, complete::Kind::Bucket, "").await;
        if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
            printer.note(&format!(
                "there is no bucket `{name}`: did you mean `{near}`?"
            ));
        }
        Ok(ExitStatus::NotFound)
    }
}
