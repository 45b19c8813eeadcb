//! What every engine must do, as tests that an engine's own tests call with a way to
//! open it. `conformance_tests!` makes a test of each.
//!
//! Invariant: nothing here knows which engine it tests, nor how it keeps its files.

mod crash;
pub(crate) mod disk;
mod model;
mod replace;
mod replace_crash;
mod rows;

pub(crate) use crash::{
    every_failing_operation_leaves_a_whole_state, no_room_leaves_the_engine_as_it_was,
    power_loss_at_every_operation_leaves_a_whole_state,
};
pub(crate) use replace::{
    a_job_from_before_a_switch_does_nothing, a_newer_replacement_overtakes_an_older_one,
    a_replacement_is_refused_what_does_not_fit, a_replacement_works_beside_the_engine,
    a_sealed_replacement_takes_the_place_of_all_rows, only_a_sealed_replacement_survives_a_restart,
};
pub(crate) use replace_crash::{
    every_failing_operation_of_a_replacement_leaves_a_whole_state,
    no_room_for_a_replacement_leaves_the_engine_as_it_was,
    power_loss_at_every_operation_of_a_replacement_leaves_a_whole_state,
};
pub(crate) use rows::{
    a_view_can_be_read_while_the_engine_changes, an_empty_engine_covers_nothing, behaves_like_maps,
    the_last_operation_of_a_batch_wins,
};

use crate::engine::{Engine, EngineError};
use disk::TestDisk;

/// Opens the engine under test on a disk.
pub(crate) type Open<'a> = &'a dyn Fn(&TestDisk) -> Result<Box<dyn Engine>, EngineError>;

/// One test for each thing an engine must do.
macro_rules! conformance_tests {
    ($open:expr; $($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                $crate::engine::conformance::$name(&$open);
            }
        )*
    };
    ($open:expr) => {
        conformance_tests!(
            $open;
            an_empty_engine_covers_nothing,
            the_last_operation_of_a_batch_wins,
            behaves_like_maps,
            a_view_can_be_read_while_the_engine_changes,
            every_failing_operation_leaves_a_whole_state,
            power_loss_at_every_operation_leaves_a_whole_state,
            no_room_leaves_the_engine_as_it_was,
            a_sealed_replacement_takes_the_place_of_all_rows,
            only_a_sealed_replacement_survives_a_restart,
            a_job_from_before_a_switch_does_nothing,
            a_newer_replacement_overtakes_an_older_one,
            a_replacement_is_refused_what_does_not_fit,
            a_replacement_works_beside_the_engine,
            every_failing_operation_of_a_replacement_leaves_a_whole_state,
            power_loss_at_every_operation_of_a_replacement_leaves_a_whole_state,
            no_room_for_a_replacement_leaves_the_engine_as_it_was,
        );
    };
}
pub(crate) use conformance_tests;
