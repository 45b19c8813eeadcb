//! Whole nodes on a simulated machine: the disk loses power, the clock is moved by
//! hand, and background work runs in the order a seed draws.

mod agreement;
mod closing;
mod crash;
mod disk_full;
mod entries;
mod history;
mod install;
mod late;
mod member;
mod operations;
mod ready;
mod regressions;
mod session;
mod three;
mod time;
mod watch;
mod world;
