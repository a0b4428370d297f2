//! Finds the rows that break keys, and the rows that hang on those rows.
//!
//! An orphan is a child row whose key has no NULL in it and no parent
//! (<https://www.sqlite.org/foreignkeys.html#fk_basics>). What is found stands in temporary
//! tables, one for each table that loses rows, so that the archive, the copy and the report
//! all speak of the same rows. The database itself is only read.

pub mod confirm;
pub mod fates;
mod follow;
mod found;
pub mod lists;
mod scan;
mod search;
pub mod spelling;
pub mod tally;

use std::time::Instant;

use anyhow::Result;
use rusqlite::Connection;

use crate::model::key::KeyId;
use crate::policy::OrphanAction;
use crate::sqlite::keys::{NewKey, TableKeys};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::snapshot;
use follow::Link;
use lists::{Fate, Sought};
use search::Search;

pub use found::{Blocked, Found};
pub use scan::count;

/// Finds the orphans of the keys of `targets`, then all that hangs on those that leave by the
/// keys that the database declares, and by those of `targets` that it does not declare yet. What
/// becomes of each, they and `action` tell.
///
/// The keys are numbered as [`TableKeys::searched`] gives them, table by table; those that are
/// only declared come behind.
pub fn find(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
    counts: &RowCounts<'_>,
    action: OrphanAction,
) -> Result<Found> {
    let since = Instant::now();
    snapshot::must_be_apart(connection)?;
    let asked_for = targets.iter().flat_map(TableKeys::asked_for);
    let asked_for: Vec<_> = asked_for.map(|new| &new.key).collect();
    let searched = targets.iter().flat_map(TableKeys::searched);
    let searched = searched.map(NewKey::named);
    let keys = foreign_key::distinct(searched.chain(declared.iter().cloned()));
    let mut search = Search::new(connection, counts, &keys, Some(action));
    let mut place = 0;
    for target in targets {
        search.orphans(target, place)?;
        place += target.searched().count();
    }
    let links = keys.iter().enumerate().map(|(place, named)| {
        let added = asked_for.iter().any(|key| key.same_definition(&named.key));
        Link::new(KeyId(place), &named.key, added)
    });
    search.follow(&links.collect::<Vec<_>>(), since)
}

/// Finds all that hangs, by the keys that the database declares, on the rows `w` of `table` that
/// meet `condition`. These stand in round 0 of the list of `table`.
pub fn hanging_on(
    connection: &Connection,
    table: &Table,
    condition: &str,
    declared: &[NamedKey],
) -> Result<Found> {
    let since = Instant::now();
    let counts = &RowCounts::new(connection);
    // By the words in which the rest of the answer speaks of keys.
    let keys = declared.iter().map(|named| NamedKey {
        constraint: None,
        key: named.key.clone(),
    });
    let keys = keys.collect::<Vec<_>>();
    let mut search = Search::new(connection, counts, &keys, None);
    let sought = Sought {
        key: KeyId(declared.len()),
        label: "asked for".to_owned(),
        condition: condition.to_owned(),
        mark: 0,
        fate: Fate::Leaves,
        by_row: false,
    };
    search.lists.add(table, &sought, true, 0)?;
    let links = declared.iter().enumerate();
    let links = links.map(|(place, named)| Link::new(KeyId(place), &named.key, false));
    search.follow(&links.collect::<Vec<_>>(), since)
}

#[cfg(test)]
mod search_tests;
