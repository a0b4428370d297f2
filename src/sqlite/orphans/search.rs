//! Finds the rows that break keys.

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
use crate::sqlite::orphans::found::Blocked;
use crate::sqlite::orphans::lists::{self, Fate, KEYS_PER_PASS, Lists, Sought};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::NamedKey;
use crate::sqlite::schema::row_counts::{RowCounts, is_empty};
use crate::sqlite::text::ddl::quote;

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
    pub(super) fn new(
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
    pub(super) fn orphans(&mut self, target: &TableKeys, first_id: usize) -> Result<()> {
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
