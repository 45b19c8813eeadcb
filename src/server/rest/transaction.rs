//! Transactions: what must hold, and what is done then, or else, at one revision.

use axum::extract::{Request, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::compares::{CompareForm, compares};
use super::forms::at_most;
use super::guarded::{GuardedForm, guarded};
use super::head::Head;
use super::ops::{Named, OpForm, named};
use super::outcomes::OpOutcome;
use super::refused::{Answered, ErrorBody, Refused, misfit};
use super::state::Rest;
use crate::base::{Error, ErrorKind};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

/// A transaction: `compares`, `then` and `else`; or `operations`, each with its conditions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TxnForm {
    /// What must hold, all of it, for `then`.
    #[serde(default)]
    #[schema(max_items = 1024)]
    #[serde(deserialize_with = "at_most::<1024, _, _>")]
    compares: Vec<CompareForm>,
    /// What is done if it does.
    #[serde(default)]
    #[schema(max_items = 1024)]
    #[serde(deserialize_with = "at_most::<1024, _, _>")]
    then: Vec<OpForm>,
    /// What is done if not. Without it that is a conflict, and answered with 409.
    #[serde(default, rename = "else")]
    #[schema(max_items = 1024)]
    #[serde(deserialize_with = "at_most::<1024, _, _>")]
    otherwise: Vec<OpForm>,
    /// Operations that are done together if the conditions of all of them hold.
    #[serde(default)]
    #[schema(max_items = 1024)]
    #[serde(deserialize_with = "at_most::<1024, _, _>")]
    operations: Vec<GuardedForm>,
}

/// What became of a transaction.
#[derive(Serialize, ToSchema)]
pub(super) struct TxnAnswer {
    /// The one revision of everything that changed.
    revision: u64,
    /// The compares held, and `then` was done; false: `else` was.
    succeeded: bool,
    /// What became of each operation, in their order.
    results: Vec<OpOutcome>,
    /// The request came a second time: which branch it was is known, its results are not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    results_unavailable: bool,
}

/// A transaction as the wire has it, with what its results are told with.
struct Script {
    compares: Vec<v1::Compare>,
    then: Vec<Named>,
    otherwise: Vec<Named>,
}

impl Script {
    fn of(form: TxnForm) -> Answered<Self> {
        if form.operations.is_empty() {
            return Ok(Self {
                compares: compares(form.compares)?,
                then: named("then", form.then)?,
                otherwise: named("else", form.otherwise)?,
            });
        }
        let is_mixed =
            !form.compares.is_empty() || !form.then.is_empty() || !form.otherwise.is_empty();
        if is_mixed {
            return Err(Error::invalid(
                "`operations` have their conditions with them: give them, or `compares`, `then` \
                 and `else`",
            )
            .into());
        }
        let (compares, then) = guarded(form.operations)?;
        Ok(Self {
            compares,
            then,
            otherwise: Vec::new(),
        })
    }
}

/// Do operations together
///
/// Everything that changes does so at one revision, or nothing does. Two forms: `compares`,
/// `then` and `else`; or `operations`, each with its conditions.
#[utoipa::path(
    post,
    path = "/v1/transaction",
    operation_id = "transaction",
    tag = "many",
    params(super::described::TargetParameters, super::described::Write, super::described::Fenced),
    request_body = TxnForm,
    responses(
        (status = 200, description = "One of the branches was done", body = TxnAnswer),
        (status = 409, description = "A compare did not hold, and there is no `else`: nothing was done", body = ErrorBody),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn transaction(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head(&parts, "/v1/transaction", &["fence"]).await?;
    let (form, _held) = rest.document::<TxnForm>(&head, &parts, sent).await?;
    run(&rest, &head, Script::of(form)?).await
}

async fn run(rest: &Rest, head: &Head, script: Script) -> Answered {
    let split = |ops: Vec<Named>| -> (Vec<_>, Vec<_>) {
        ops.into_iter().map(|it| (it.op, (it.name, it.key))).unzip()
    };
    let (then, then_told) = split(script.then);
    let (otherwise, else_told) = split(script.otherwise);
    let txn = v1::TxnRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        compares: script.compares,
        then,
        otherwise,
    };
    let Reply::Txn(reply) = rest.ask(head, Asked::Txn(txn)).await? else {
        return Err(misfit());
    };
    if !reply.succeeded && else_told.is_empty() {
        return Err(conflict().reflecting(reply.header));
    }
    let told = if reply.succeeded {
        then_told
    } else {
        else_told
    };
    let results = reply.results.into_iter().zip(&told);
    let header = reply.header.as_ref();
    let answer = TxnAnswer {
        revision: header.map_or(0, |header| header.revision),
        succeeded: reply.succeeded,
        results: results
            .map(|(result, (name, key))| OpOutcome::of(name, key, result))
            .collect(),
        results_unavailable: reply.results_unavailable,
    };
    rest.done(StatusCode::OK, header, &answer)
}

fn conflict() -> Refused {
    Error::new(
        ErrorKind::Conflict,
        "a compare does not hold: nothing was done; read again, then decide",
    )
    .into()
}
