//! Finds the rows that break keys, and the rows that hang on those rows.
//!
//! An orphan is a child row whose key has no NULL in it and no parent
//! (<https://www.sqlite.org/foreignkeys.html#fk_basics>). What is found stands in temporary
//! tables, one for each table that loses rows, so that the archive, the copy and the report
//! all speak of the same rows. The database itself is only read.

use std::time::Instant;

use anyhow::Result;
use rusqlite::Connection;

use crate::model::key::{self, KeyId};
use crate::policy::OrphanAction;
use crate::policy::Wish;
use crate::sqlite::keys::conditions::{self, Lookup};
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::keys::{NewKey, TableKeys};
use crate::sqlite::orphans::confirm;
use crate::sqlite::orphans::fates::Fates;
use crate::sqlite::orphans::follow::Link;
use crate::sqlite::orphans::found::{Blocked, Found};
use crate::sqlite::orphans::lists::{self, Fate, KEYS_PER_PASS, Lists, Sought};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::row_counts::{RowCounts, is_empty};
use crate::sqlite::schema::snapshot;
use crate::sqlite::text::ddl::quote;

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

pub(super) struct Search<'a> {
    pub(super) keys: &'a [NamedKey],
    pub(super) fates: Fates<'a>,
    /// What happens to orphans; none where rows are deleted, and SQLite enforces the keys.
    pub(super) action: Option<OrphanAction>,
    pub(super) labels: Vec<String>,
    pub(super) connection: &'a Connection,
    pub(super) counts: &'a RowCounts<'a>,
    pub(super) lists: Lists<'a>,
    pub(super) blocked: Vec<Blocked>,
    pub(super) empty_parents: Vec<NewKey>,
}

impl<'a> Search<'a> {
    fn new(
        connection: &'a Connection,
        counts: &'a RowCounts<'a>,
        keys: &'a [NamedKey],
        action: Option<OrphanAction>,
    ) -> Self {
        Search {
            keys,
            fates: Fates::new(connection, keys),
            action,
            labels: key::labels(keys),
            connection,
            counts,
            lists: Lists::new(connection),
            blocked: Vec::new(),
            empty_parents: Vec::new(),
        }
    }

    /// Lists the rows of a child table that break its keys, the first of which is the key
    /// `first_id`: in one look at each row for all keys together. What an index says decides nothing
    /// where memory knows the parents; those who run the statements by themselves go by it.
    fn orphans(&mut self, target: &TableKeys, first_id: usize) -> Result<()> {
        let child = &target.table;
        let leaving = target.asked_for().count();
        let all_have_marks = target.searched().count() <= KEYS_PER_PASS;
        let mut known = KnownKeys::new(self.connection);
        let mut all = Vec::new();
        for (place, new) in target.searched().enumerate() {
            let parent = Table::read(self.connection, &new.key.parent)?;
            self.hold_indexes(&parent, &new.key.parent_columns)?;
            self.hold_indexes(child, &new.key.columns)?;
            let id = KeyId(first_id + place);
            let fate = match self.action {
                _ if place >= leaving => Fate::Counted,
                Some(action) => {
                    let wish = Wish::of_orphans(action, new.key.on_delete);
                    self.fates.fate(&mut self.lists, child, id, wish)?
                }
                None => Fate::Leaves,
            };
            let most = self.counts.of(&child.name)?;
            let lookup = Lookup::choose(self.connection, self.counts, child, &parent, &new.key)?;
            let without = conditions::broken(child, &parent, &new.key, lookup);
            let sought = Sought {
                key: id,
                label: self.label(id),
                condition: known.orphaned_or(&parent, &new.key, most, without)?,
                mark: if all_have_marks { 1 << place } else { 0 },
                fate,
                by_row: true,
            };
            all.push((new, sought));
        }
        for pass in all.chunks_mut(KEYS_PER_PASS) {
            if !all_have_marks {
                self.lists.clear_marks(child)?;
                for (place, (_, sought)) in pass.iter_mut().enumerate() {
                    sought.mark = 1 << place;
                }
            }
            let (keys, sought): (Vec<_>, Vec<_>) = pass.iter().cloned().unzip();
            let counts = match sought.as_slice() {
                [only] => vec![self.lists.add(child, only, true, 0)?],
                several => self.lists.add_in_one_pass(child, several)?,
            };
            for ((new, rows), sought) in keys.into_iter().zip(counts).zip(&sought) {
                let parent = Table::read(self.connection, &new.key.parent)?;
                self.note_empty_parent(&parent, new, rows)?;
                if known.asked_index(&sought.condition) {
                    self.confirm_marked(child, &parent, new, sought.mark, rows)?;
                }
            }
        }
        if !all_have_marks {
            self.lists.clear_marks(child)?;
        }
        for statement in &mut self.lists.statements {
            *statement = known.strike_from(statement);
        }
        Ok(())
    }

    pub(super) fn label(&self, id: KeyId) -> String {
        self.labels.get(id.0).cloned().unwrap_or_default()
    }

    fn note_empty_parent(&mut self, parent: &Table, new: &NewKey, rows: i64) -> Result<()> {
        if rows > 0 && is_empty(self.connection, parent)? {
            self.empty_parents.push(new.clone());
        }
        Ok(())
    }

    /// Where an index of `table` has no row that it should not have, and lacks none, a search by it
    /// finds what a search through the rows would.
    pub(super) fn hold_indexes(&self, table: &Table, columns: &[String]) -> Result<()> {
        table.must_have_whole_indexes(self.connection, self.counts, columns)
    }

    /// Holds the keys of the rows of `child` that are listed with `mark` against the rows of their
    /// parent.
    fn confirm_marked(
        &self,
        child: &Table,
        parent: &Table,
        new: &NewKey,
        mark: i64,
        rows: i64,
    ) -> Result<()> {
        match self.lists.removal(&child.name) {
            Some(removal) if rows > 0 => {
                let columns = new.key.columns.iter().enumerate();
                let columns: Vec<_> = columns
                    .map(|(place, name)| format!("+w.{} AS m{}", quote(name), place + 1))
                    .collect();
                let missing = format!(
                    "SELECT {} {} AND l.marks & {mark}",
                    columns.join(", "),
                    lists::from_listed("w", removal)
                );
                confirm::confirm_missing(self.connection, parent, &new.key, &missing)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
