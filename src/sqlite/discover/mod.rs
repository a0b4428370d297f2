//! Finds foreign keys that were meant but never declared: by names, by types, and by what the
//! columns hold. Reads only.
//!
//! A name is where it begins, because whole numbers fit into every table. Types and values then
//! speak for it or against it. Only values that no two tables share by chance, such as UUIDs,
//! speak without a name.

use anyhow::Result;
use rusqlite::Connection;
use serde::Serialize;

use crate::sqlite::schema::Column;
use crate::sqlite::schema::foreign_key::{Action, ForeignKey};
use catalog::{Catalog, ParentKey, Subject};
use names::Match;
use score::Verdict;
use values::Look;

mod action;
mod catalog;
mod column;
mod composite;
mod misleading;
mod names;
mod opaque;
pub mod requested;
mod roles;
mod score;
mod values;

/// How sure a key must be to be proposed, in percent. Chosen by measurement, see
/// `docs/discover.md`.
pub const DEFAULT_CONFIDENCE: u8 = 70;

/// Below it, a key is not even considered.
const LEAST: u8 = 20;

/// How many tables are looked at for one column.
const MOST_PARENTS: usize = 5;

/// A foreign key that was perhaps meant.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The key, with the actions that are suggested for it.
    pub key: ForeignKey,
    /// How sure it is that the key was meant, in percent.
    pub confidence: u8,
    /// Why, in words; the strongest reason first.
    pub evidence: Vec<String>,
    /// Why this `ON DELETE` action.
    pub action_reason: String,
    /// What the child's columns hold.
    pub values: Values,
    /// Why SQLite could not take the key as it is; none where it can.
    pub obstacle: Option<String>,
}

/// What the columns of a key hold, as far as it was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Values {
    /// How many rows were looked at.
    pub rows: i64,
    /// The rows are a sample; otherwise they are all that there are.
    pub sampled: bool,
    /// How many of them have a NULL in the key.
    pub nulls: i64,
    /// How many distinct keys without a NULL they have.
    pub distinct: i64,
    /// How many of those have a parent.
    pub with_parent: i64,
    /// How many rows refer to a parent that is not there.
    pub orphans: i64,
}

impl Candidate {
    /// A candidate to which no action is suggested yet.
    fn new(key: ForeignKey, to: &ParentKey, look: &Look, verdict: Verdict) -> Self {
        Candidate {
            key,
            confidence: verdict.confidence,
            evidence: verdict.evidence,
            action_reason: String::new(),
            values: look.values,
            obstacle: to.obstacle.clone(),
        }
    }
}

impl Values {
    /// The share of distinct keys that have a parent, from 0 to 1; none where there is no key.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows
    pub fn share(&self) -> Option<f64> {
        (self.distinct > 0).then(|| self.with_parent as f64 / self.distinct as f64)
    }
}

/// Every key that was perhaps meant and that `connection` does not declare: tables in the order
/// of the schema, the keys of each by its columns. At most one for the same columns.
pub fn candidates(connection: &Connection) -> Result<Vec<Candidate>> {
    let catalog = Catalog::read(connection)?;
    let mut candidates = Vec::new();
    for child in &catalog.subjects {
        for column in &child.table.columns {
            candidates.extend(of_column(connection, &catalog, child, column)?);
        }
    }
    composite::add(connection, &catalog, &mut candidates)?;
    action::suggest(&catalog, &mut candidates);
    sort(&catalog, &mut candidates);
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

/// The likeliest key of one column: by its name, or else by its values alone.
fn of_column(
    connection: &Connection,
    catalog: &Catalog,
    child: &Subject,
    column: &Column,
) -> Result<Option<Candidate>> {
    if column.generated || misleading::is_no_key_by_type(column) {
        return Ok(None);
    }
    let named = by_name(connection, catalog, child, column)?;
    if named
        .as_ref()
        .is_some_and(|it| it.confidence >= DEFAULT_CONFIDENCE)
    {
        return Ok(named);
    }
    Ok(opaque::of_column(connection, catalog, child, column)?.or(named))
}

fn by_name(
    connection: &Connection,
    catalog: &Catalog,
    child: &Subject,
    column: &Column,
) -> Result<Option<Candidate>> {
    let mut best: Option<Candidate> = None;
    for found in names::matches(catalog, child, column)
        .iter()
        .take(MOST_PARENTS)
    {
        let key = key_of(child, &[column], found.parent, found.key);
        if catalog.declared.iter().any(|it| it.same_columns(&key)) {
            return Ok(None);
        }
        if misleading::is_polymorphic(connection, catalog, child, column, found.parent)? {
            continue;
        }
        let candidate = weighed(connection, child, column, found, key)?;
        let is_better = best
            .as_ref()
            .is_none_or(|best| best.confidence < candidate.confidence);
        if candidate.confidence >= LEAST && is_better {
            best = Some(candidate);
        }
    }
    Ok(best)
}

fn weighed(
    connection: &Connection,
    child: &Subject,
    column: &Column,
    found: &Match<'_>,
    key: ForeignKey,
) -> Result<Candidate> {
    let parent = &found.parent.table;
    let look = values::look(connection, &child.table, parent, &key, found.key)?;
    let parent_column = key
        .parent_columns
        .first()
        .and_then(|name| parent.column(name));
    let verdict = score::weigh(found, column, parent_column.unwrap_or(column), &look);
    Ok(Candidate::new(key, found.key, &look, verdict))
}

fn key_of(child: &Subject, columns: &[&Column], parent: &Subject, to: &ParentKey) -> ForeignKey {
    ForeignKey {
        child: child.table.name.clone(),
        columns: columns.iter().map(|column| column.name.clone()).collect(),
        parent: parent.table.name.clone(),
        parent_columns: to.columns.clone(),
        on_delete: Action::NoAction,
        on_update: Action::NoAction,
    }
}
