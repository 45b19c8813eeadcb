//! What each command does to one record.
