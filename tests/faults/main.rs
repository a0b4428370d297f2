//! Attempts to make fkfix lose something: one file a theme.
//!
//! `cargo test` runs a short round of each; `FKFIX_LONG=1 cargo test --test faults --
//! --nocapture` runs the long one and prints its figures.

// Helpers of tests are tests; clippy's `allow-…-in-tests` sees only functions marked #[test].
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

/// A populated database, a run of the binary, and the verdict on what a fault left.
mod support;

/// Killed at any instant, by the clock and at each system call that writes.
mod kills;

/// Failing at any statement, any progress callback, at COMMIT, and for want of any one page.
mod steps;

/// The disk fails: errors and full disks at the n-th write, flush, truncation or removal.
mod disk;

/// What `up` says it needs is held against a file system that has just that much.
mod space;

/// Writers and readers at work from before `up` until after `down`.
mod others;

/// What a hostile database, migration or file name can not do.
mod security;

/// Every test that `docs/pitfalls.md` and `docs/reliability.md` name exists.
mod pitfalls;

/// Random schemas.
mod generator;

/// What became of each row, held against what the keys and the policy say.
mod fates;

/// Random families of tables with keys to each other.
mod family;

/// Rows are lost while nobody watches, and given back.
mod lost;

/// Orphans of declared keys are cleaned and come back where their parents do; the same keys go up and
/// down.
mod cleaning;

/// Any schema that SQLite accepts goes up and comes back, or is refused with nothing changed.
mod schemas;

/// What a migration may change there: the keys, the history, and rows that went to an archive.
mod only_keys;

/// Every table of SQLite's own tests, where a source tree of it is at hand.
mod sqlite_tests;

/// What random schemas and fuzzers have found.
mod found;

/// The script for runners that hold a transaction of their own does what `up` does, or nothing.
mod portable;

/// Children of every action stay as they are while that script rebuilds their parents.
mod portable_family;

/// Where that script fails, be it at any statement, all is as it was.
mod portable_failures;

/// The same of the script that cleans declared keys.
mod portable_clean;
