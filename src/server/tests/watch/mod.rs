//! What watches tell, compared with the list of everything that happened.

mod installed;
mod model;
mod opening;
mod stream;
