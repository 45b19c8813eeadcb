//! What watches tell, compared with the list of everything that happened.

mod buckets;
mod installed;
mod model;
mod opening;
mod stream;
