//! The way back from the archive.

mod foresee;
pub mod forgotten;
mod put_back;
mod returns;

pub use returns::{Return, Whose, drop_empty, reports, returns, rounds};
