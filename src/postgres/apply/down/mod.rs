//! `down`: a migration's down script, and the rows that it archived.

mod online;
mod revert;
pub mod script;
mod targets;

pub use targets::{Next, Order, targets};
