//! How nodes become a cluster and stay one: founding, joining, changing.
//!
//! Invariant: a cluster is founded once, by one node; whoever is in it is known by its
//! UUID, never by its address. All groups have the same members: what the first group's
//! members say is what the others follow, step by step, whoever leads them and whatever
//! stopped half way.

mod acquaint;
mod admin;
mod assemble;
mod book;
mod enroll;
mod found;
pub(super) mod fuzzed;
mod join;
mod moved;
mod proof;
mod reconcile;
mod registrar;
mod steps;
mod token;
mod tokens;
mod waiting;

use acquaint::Acquaintance;
pub(super) use admin::{Admin, wire_role};
pub(super) use assemble::{Membership, client_address, is_needed};
pub(super) use book::Book;
pub(super) use enroll::certify;
use found::{Settled, settle};
use join::Announcer;
pub(super) use reconcile::Reconciler;
pub(super) use registrar::Registrar;
pub(super) use waiting::Waiting;

#[cfg(test)]
mod tests;
