//! Faults with names, one a test, each with what must come of it.

mod clocks;
mod drill;
mod full;
mod isolated;
mod paused;
mod slow;
mod sync_error;
mod torn;
mod wiped;
