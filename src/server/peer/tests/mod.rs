//! Links between nodes over real sockets.

mod asking;
mod links;
mod pressure;
mod strangers;
mod world;
