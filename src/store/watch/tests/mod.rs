//! The parts by themselves. What a watch of a whole shard tells is compared with the list
//! of all events in `server/tests/watch/`.

mod hub;
mod interest;
