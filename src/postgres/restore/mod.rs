//! The way back from the archive.

mod foresee;
pub mod forgotten;
mod put_back;
mod returns;
mod rounds;
mod waiting;

pub use returns::{drop_empty, reports, returns};
pub use rounds::rounds;
pub use waiting::{Return, Whose};
