//! `up` in short steps, each a transaction: never half a row, never half a step, and after any
//! kill a way on and a way back.
//!
//! Closing adds the keys NOT VALID: from then on no row can come to break them, and the set of
//! orphans only shrinks. Archiving lists them without a lock and moves them batch by batch.
//! Validating ends it.

mod end;
mod run;
mod up;

pub use up::up;
