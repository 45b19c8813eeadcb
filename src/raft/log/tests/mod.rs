//! Tests of a group's log.
