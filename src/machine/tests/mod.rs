//! The machine as a whole: an independent model of it, and scripted scenes.

mod drawing;
pub(crate) mod engine;
mod model;
mod model_test;
