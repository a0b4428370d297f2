//! The promises of `tests/integration`, where the tables come by their keys by statements that SQLite documents for it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code
)]

/// What every `up` is given.
const UP_OPTIONS: &[&str] = &["--documented"];

#[path = "../integration/support/mod.rs"]
mod support;

#[path = "../integration/fixtures.rs"]
mod fixtures;

#[path = "../integration/nothing_else_changes.rs"]
mod nothing_else_changes;

/// A definition keeps its text, to the byte, but for the key.
#[path = "../integration/definitions_stay.rs"]
mod definitions_stay;

#[path = "../integration/exact_inverse.rs"]
mod exact_inverse;

#[path = "../integration/way_back.rs"]
mod way_back;

#[path = "../integration/way_back_keys.rs"]
mod way_back_keys;

#[path = "../integration/orphans.rs"]
mod orphans;

#[path = "../integration/dependents.rs"]
mod dependents;

#[path = "../integration/adoption.rs"]
mod adoption;

#[path = "../integration/enforcement.rs"]
mod enforcement;

#[path = "../integration/enforce.rs"]
mod enforce;

#[path = "../integration/enforced_rows.rs"]
mod enforced_rows;

#[path = "../integration/triggers_and_search.rs"]
mod triggers_and_search;

#[path = "../integration/foreign_indexes.rs"]
mod foreign_indexes;

#[path = "../integration/stale_indexes.rs"]
mod stale_indexes;

#[path = "../integration/odd_definitions.rs"]
mod odd_definitions;

#[path = "../integration/full_text.rs"]
mod full_text;

#[path = "../integration/sequences.rs"]
mod sequences;

#[path = "../integration/values.rs"]
mod values;

#[path = "../integration/clean.rs"]
mod clean;
