//! `fkfix check`: the real binary on real files.
//!
//! - `findings`, `parents`, `rows`: one test for each finding, a sound database spoilt in that one way
//! - `renamed`: keys whose tables and columns are called otherwise since
//! - `dump`: a schema without a database
//! - `snapshot`: the whole schema held against a committed file
//! - `formats`: text, JSON and GitHub's annotations; exit statuses
//! - `documents`: docs/ci.md says what the binary does

// What fails here must fail the test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod abroad;
mod database;
mod documents;
mod dump;
mod findings;
mod formats;
mod parents;
mod renamed;
mod rows;
mod snapshot;
