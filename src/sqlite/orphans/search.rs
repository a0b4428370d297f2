//! Finds the rows that break keys.

use anyhow::Result;
use rusqlite::{Connection, Row};

use crate::model::key::{self, KeyId};
use crate::policy::OrphanAction;
use crate::policy::Wish;
use crate::progress::{self, Work};
use crate::sqlite::keys::conditions::{self, Lookup};
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::keys::{NewKey, TableKeys};
use crate::sqlite::orphans::confirm;
use crate::sqlite::orphans::fates::Fates;
use crate::sqlite::orphans::found::Blocked;
use crate::sqlite::orphans::lists::{self, Fate, KEYS_PER_PASS, Lists, Sought};
use crate::sqlite::orphans::scan::{Note, Scan};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::NamedKey;
use crate::sqlite::schema::row_counts::{RowCounts, is_empty};
use crate::sqlite::text::ddl::quote;

/// Rows that break keys, by rowid, with a bit for each key.
#[derive(Default)]
struct Marked(Vec<(i64, i64)>);

impl Note for Marked {
    fn note(&mut self, row: &Row<'_>, breaks: u64) -> Result<bool> {
        self.0.push((row.get(0)?, breaks.cast_signed()));
        Ok(true)
    }
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
        let mut all = self.sought(target, first_id)?;
        let Some(rows) = self.scan(child, &all)? else {
            return self.orphans_by_sql(child, &mut all);
        };
        for (place, (new, parent, sought)) in all.iter_mut().enumerate() {
            sought.mark = 1 << place;
            sought.condition = self.by_indexes(child, parent, new)?;
        }
        let sought: Vec<_> = all.iter().map(|(_, _, sought)| sought.clone()).collect();
        let counts = self.lists.add_found(child, &sought, &rows)?;
        for ((new, parent, _), rows) in all.iter().zip(counts) {
            self.note_empty_parent(parent, new, rows)?;
        }
        Ok(())
    }

    /// What is looked for in the child table of `target`, without conditions yet, and the parents.
    fn sought<'t>(
        &mut self,
        target: &'t TableKeys,
        first_id: usize,
    ) -> Result<Vec<(&'t NewKey, Table, Sought)>> {
        let leaving = target.asked_for().count();
        let mut all = Vec::new();
        for (place, new) in target.searched().enumerate() {
            let id = KeyId(first_id + place);
            let fate = match self.action {
                _ if place >= leaving => Fate::Counted,
                Some(action) => {
                    let wish = Wish::of_orphans(action, new.key.on_delete);
                    self.fates.fate(&mut self.lists, &target.table, id, wish)?
                }
                None => Fate::Leaves,
            };
            let sought = Sought {
                key: id,
                label: self.label(id),
                condition: String::new(),
                mark: 0,
                fate,
                by_row: true,
            };
            all.push((new, Table::read(self.connection, &new.key.parent)?, sought));
        }
        Ok(all)
    }

    /// The rows of `child` that break some of its keys, by rowid, with a bit for each that they break;
    /// none where only SQLite can tell.
    fn scan(
        &self,
        child: &Table,
        all: &[(&NewKey, Table, Sought)],
    ) -> Result<Option<Vec<(i64, i64)>>> {
        let keys = all.iter().map(|(new, parent, _)| (parent, &new.key));
        let keys: Vec<_> = keys.collect();
        let Some(scan) = Scan::new(self.connection, self.counts, child, &keys, None)? else {
            return Ok(None);
        };
        progress::step(
            &format!("search {} for orphans", child.name),
            Work::default(),
        );
        let found = scan.run(self.connection, self.counts, Marked::default)?;
        Ok(found.map(|found| {
            let mut rows = found.into_iter().flat_map(|it| it.0).collect::<Vec<_>>();
            rows.sort_unstable();
            rows
        }))
    }

    /// Lists them by statements, of which each marks as many keys as it can.
    fn orphans_by_sql(
        &mut self,
        child: &Table,
        all: &mut [(&NewKey, Table, Sought)],
    ) -> Result<()> {
        let all_have_marks = all.len() <= KEYS_PER_PASS;
        let mut known = KnownKeys::new(self.connection);
        let most = self.counts.most_keys(child)?;
        for (new, parent, sought) in all.iter_mut() {
            sought.condition = known.orphaned(parent, &new.key, most)?;
        }
        for pass in all.chunks_mut(KEYS_PER_PASS) {
            if !all_have_marks {
                self.lists.clear_marks(child)?;
            }
            for (place, (_, _, sought)) in pass.iter_mut().enumerate() {
                sought.mark = 1 << place;
            }
            let sought: Vec<_> = pass.iter().map(|(_, _, sought)| sought.clone()).collect();
            let counts = match sought.as_slice() {
                [only] => vec![self.lists.add(child, only, true, 0)?],
                several => self.lists.add_in_one_pass(child, several)?,
            };
            for ((new, parent, sought), rows) in pass.iter().zip(counts) {
                self.note_empty_parent(parent, new, rows)?;
                if known.asked_index(&sought.condition) {
                    self.confirm_marked(child, parent, new, sought.mark, rows)?;
                }
            }
        }
        if !all_have_marks {
            self.lists.clear_marks(child)?;
        }
        for (new, parent, sought) in all.iter() {
            known.spell_out(&sought.condition, self.by_indexes(child, parent, new)?);
        }
        for statement in &mut self.lists.statements {
            *statement = known.strike_from(statement);
        }
        Ok(())
    }

    /// The condition by which others find the same rows, through indexes: these are whole.
    fn by_indexes(&self, child: &Table, parent: &Table, new: &NewKey) -> Result<String> {
        self.hold_indexes(parent, &new.key.parent_columns)?;
        self.hold_indexes(child, &new.key.columns)?;
        let lookup = Lookup::choose(self.connection, self.counts, child, parent, &new.key)?;
        Ok(conditions::broken(child, parent, &new.key, lookup))
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
