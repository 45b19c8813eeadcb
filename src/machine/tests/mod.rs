//! The machine as a whole: an independent model of it, and scripted scenes.

mod drawing;
pub(crate) mod engine;
mod limits;
mod model;
mod model_test;
mod reused;
mod script;
mod snapshot;
mod stage;
