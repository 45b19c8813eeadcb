//! The transitions of one lock.
