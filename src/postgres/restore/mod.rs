//! The way back from the archive.

mod foresee;
pub mod forgotten;
mod put_back;
mod returns;
mod rounds;

pub use returns::{Return, Whose, drop_empty, reports, returns};
pub use rounds::rounds;
