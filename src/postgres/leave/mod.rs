//! What becomes of orphans: they leave for the archive or for good, or forget their keys.

pub mod apart;
pub mod archive;
pub mod carry;
mod met;
pub mod mover;
pub mod preflight;
pub mod tally;
pub mod triggers;
