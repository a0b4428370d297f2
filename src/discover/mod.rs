//! Finds foreign keys that were meant but never declared: by names, by types, and by what the
//! columns hold. Reads only.
//!
//! Candidates come from names (`names.rs`, with the habits of the schema from `catalog.rs`) and
//! from values (`profile.rs`, all columns against all keys). The engine counts exactly (`facts.rs`), `judge.rs`
//! weighs, `single.rs` lets the tables of a column compete (each a `lead.rs`), `composite.rs` does it
//! for several columns. Weights were learnt (`weights.rs`).

use anyhow::Result;

use catalog::Catalog;
use facts::Rows;

mod action;
pub mod catalog;
mod column;
mod composite;
pub mod facts;
mod found;
mod how;
mod index;
mod judge;
mod lead;
pub mod lost;
mod misleading;
mod names;
mod profile;
mod reasons;
mod roles;
mod shortened;
mod single;
pub mod table;
mod weights;

pub use found::{Candidate, Discovered};

pub use crate::model::asked::DEFAULT_CONFIDENCE;

/// Below it, a key is not even shown on request.
const LEAST: u8 = 10;

/// Every key that was perhaps meant and that `catalog` does not declare, or only to a table that is
/// gone: tables in the order of the schema, the keys of each by its columns. At most one for the same
/// columns.
pub fn candidates(rows: &dyn Rows, catalog: &Catalog) -> Result<Vec<Candidate>> {
    let leads = single::leads(rows, catalog)?;
    let mut candidates = single::best(&leads);
    composite::add(rows, catalog, &leads, &mut candidates)?;
    candidates.retain(|it| it.confidence >= LEAST);
    lost::add(rows, catalog, &mut candidates)?;
    for candidate in &mut candidates {
        candidate.obstacle = rows.obstacle(&candidate.key)?;
    }
    action::suggest(catalog, &mut candidates);
    lost::note(catalog, &mut candidates);
    sort(catalog, &mut candidates);
    Ok(candidates)
}

/// By table and column, in the order of the schema.
fn sort(catalog: &Catalog, candidates: &mut [Candidate]) {
    candidates.sort_by_key(|it| {
        let table = catalog
            .subjects
            .iter()
            .position(|subject| subject.table.name == it.key.child);
        let columns = catalog.subject(&it.key.child).map(|subject| {
            let mut places = subject.table.columns.iter();
            places.position(|column| it.key.columns.first() == Some(&column.name))
        });
        (table, columns)
    });
}
