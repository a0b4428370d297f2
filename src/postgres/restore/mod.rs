//! The way back from the archive.

pub mod forgotten;
pub mod returns;

pub use returns::{Return, Whose, drop_empty, reports, returns, rounds};
