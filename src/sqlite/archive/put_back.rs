//! Puts the rows of an archive back, whole, where nothing stands in their way.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::forgotten::Forgotten;
use super::table::{Archive, FULL_TEXT, KEPT, RUN, Whose, all, count, is_of, same_key, same_row};
use crate::failure::Failure;
use crate::sqlite::rebuild::bulk::{self, Aside};
use crate::sqlite::rebuild::compare::all_of;
use crate::sqlite::rebuild::fidelity;
use crate::sqlite::rebuild::steps::{Step, per_row};
use crate::sqlite::rebuild::{self, full_text, places};
use crate::sqlite::schema::{self, RowKey, Table, row_counts, snapshot};
use crate::sqlite::text::ddl::{counts_rowids, literal, quote, same_name};

/// With fewer rows to put back, or with a smaller share of the table's, its indexes stay.
const MANY_ROWS: i64 = 1000;
const LARGE_SHARE: i64 = 5;

/// About as many instructions of SQLite's virtual machine, for the table and for each index.
const WORK_OF_RESTORING: (usize, usize) = (30, 5);

// As those of `rebuild/way.rs`; a row that comes back has entries in indexes too.
const WEIGHT_OF_RESTORING: (usize, usize) = (800, 375);

/// The rows of one archive that are to go back, and how.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The archive.
    pub archive: Archive,
    /// Whose rows these are.
    pub whose: Whose,
    /// How many rows.
    pub rows: i64,
    /// Their table; none where it is gone.
    pub table: Option<Table>,
    /// Put into the table what it takes. The last of them is the insert.
    pub insert: Vec<Step>,
    /// Take out of the archive exactly the rows that are now in the table, value by value: a
    /// row that could not go back stays.
    pub finish: Vec<Step>,
    /// The rows among them that stayed and forgot a key, if there are any.
    pub forgotten: Option<Forgotten>,
}

/// Plans to put back the rows that are `whose`, of `only` this table where it is given.
///
/// The rows of later migrations belong to one that is reverted: these were reverted before, and
/// what is left of them had to stay then, because it breaks a key that goes only now.
pub fn restore(connection: &Connection, whose: Whose, only: Option<&str>) -> Result<Vec<Restore>> {
    let mut restores = Vec::new();
    for archive in all(connection)? {
        if only.is_some_and(|only| !same_name(only, &archive.table)) {
            continue;
        }
        let rows = count(connection, &archive, whose)?;
        if rows == 0 {
            continue;
        }
        let mut restore = Restore::of(archive, whose);
        restore.rows = rows;
        let name = restore.archive.table.clone();
        if schema::table_exists(connection, &name)? {
            let forgotten = restores
                .iter()
                .filter_map(|it: &Restore| it.forgotten.as_ref());
            let lists = forgotten.map(Forgotten::lists).sum::<usize>();
            restore
                .plan(connection, Table::read(connection, &name)?, lists + 1)
                .with_context(|| {
                    format!("could not put back the rows of {}", restore.archive.name)
                })?;
        }
        restores.push(restore);
    }
    Ok(restores)
}

impl Restore {
    /// Of the rows of `archive` that are `whose`, of which nothing is known yet.
    pub fn of(archive: Archive, whose: Whose) -> Self {
        Restore {
            archive,
            whose,
            rows: 0,
            table: None,
            insert: Vec::new(),
            finish: Vec::new(),
            forgotten: None,
        }
    }

    fn plan(&mut self, connection: &Connection, table: Table, list: usize) -> Result<()> {
        let Restore { archive, rows, .. } = &*self;
        table.must_be_exact()?;
        if let Some((index, reason)) = table.unkept_index() {
            return Err(Failure::impossible(format!(
                "could not put the rows of {} back: this SQLite can't keep the index {index} of {}: {reason}",
                archive.name, table.name
            ))
            .hint("with --leave-orphans they stay in the archive")
            .into());
        }
        let mut insert = rebuild::drop_triggers(&table);
        let there = row_counts::count_rows(connection, &table.name)?;
        let aside = if *rows > MANY_ROWS && *rows > there / LARGE_SHARE {
            bulk::set_indexes_aside(connection, &table, there + rows)?
        } else {
            Aside::default()
        };
        let changed = !table.triggers.is_empty() || !aside.before.is_empty();
        let tables: &[&str] = if changed { &[&table.name] } else { &[] };
        let places = places::keep(connection, tables)?;
        insert.extend(aside.before);
        let columns: Vec<_> = table
            .stored_columns()
            .filter(|name| archive.has(name))
            .collect();
        let mut targets: Vec<_> = columns.iter().map(|name| quote(name)).collect();
        let mut sources: Vec<_> = columns
            .iter()
            .map(|name| format!("a.{}", quote(name)))
            .collect();
        if let RowKey::Implicit(rowid) = table.row_key {
            targets.insert(0, rowid.to_owned());
            sources.insert(0, "a.fkfix_rowid".to_owned());
        }
        let counter = counter(connection, &table)?;
        insert.extend(counter.aside);
        let sql = format!(
            "PRAGMA ignore_check_constraints = ON;\nINSERT OR IGNORE INTO main.{} ({})\nSELECT {} FROM main.{} AS a WHERE {} ORDER BY {};\nPRAGMA ignore_check_constraints = OFF",
            quote(&table.name),
            targets.join(", "),
            sources.join(", "),
            quote(&archive.name),
            self.fits(&table),
            self.newest_first(connection)?,
        );
        let forgotten = Forgotten::of(connection, archive, self.whose, &table, list)?;
        self.must_go_back_as_it_is(connection, &table, forgotten.is_some())?;
        let title = format!("put the rows of {} back into {}", archive.name, table.name);
        let work = per_row(WORK_OF_RESTORING, table.indexes.len());
        let weight = per_row(WEIGHT_OF_RESTORING, table.indexes.len());
        insert.push(Step::run(title, sql).over(*rows, work, weight).scattered());
        let noted = archive.notes_full_text.then_some(FULL_TEXT);
        let mut indexes = full_text::Indexes::of(connection, &table)?;
        if let Some(noted) = noted {
            let from = format!(
                "FROM main.{} AS a WHERE {}",
                quote(&archive.name),
                self.mine("a")
            );
            indexes = indexes.as_noted(connection, &from, noted)?;
        }
        let same = match &forgotten {
            None => same_row(&table, &columns),
            Some(forgotten) => forgotten.same_row(&table, &columns),
        };
        let back = format!(
            "FROM main.{} AS a CROSS JOIN {} WHERE {} AND {same}",
            quote(&archive.name),
            table.scanned("w"),
            self.fits(&table),
        );
        let mut finish = counter.back;
        finish.extend(indexes.put_back(connection, &table.name, &back, noted)?);
        finish.push(Step::Discard {
            title: format!("take what is back out of {}", archive.name),
            table: archive.name.clone(),
            rows: {
                let moved = format!(
                    "{} AND EXISTS (SELECT 1 FROM {} WHERE {same})",
                    self.fits(&table),
                    table.scanned("w"),
                );
                match &forgotten {
                    Some(forgotten) => {
                        format!("(({moved}) OR ({}))", forgotten.is_back(&table))
                    }
                    None => moved,
                }
            },
            rows_left: 0,
        });
        finish.extend(aside.after);
        finish.extend(rebuild::create_triggers(&table));
        finish.extend(places);
        finish.extend(indexes.refresh());
        (self.insert, self.finish, self.table) = (insert, finish, Some(table));
        self.forgotten = forgotten;
        Ok(())
    }

    /// Fails where -0.0 would become 0.0, in what goes back or in rows of `table` that get keys back;
    /// and where an index of `table` would not notice that a place is taken.
    fn must_go_back_as_it_is(
        &self,
        connection: &Connection,
        table: &Table,
        sets: bool,
    ) -> Result<()> {
        let archive = quote(&self.archive.name);
        let has = |name: &str| self.archive.has(name);
        let mine = format!("FROM main.{archive} AS a WHERE {}", self.mine("a"));
        table.must_keep_unique(connection, &mine, has)?;
        let back = format!("FROM main.{archive} AS w WHERE {}", self.mine("w"));
        let mut found = fidelity::negative_zero(connection, table, has, &back)?;
        if found.is_none() && sets {
            let changed = format!(
                "FROM main.{archive} AS a CROSS JOIN {} WHERE {} AND {} AND a.{KEPT} IS NOT NULL",
                table.scanned("w"),
                self.mine("a"),
                same_key(table)
            );
            found = fidelity::negative_zero(connection, table, |_| true, &changed)?;
        }
        match found {
            Some(misfit) => Err(misfit.not_put_back(&self.archive.name).into()),
            None => Ok(()),
        }
    }

    /// The order in which the rows of several runs claim their places: what left last was there
    /// last. Rows that no run is known of stand at least in the order in which they came.
    fn newest_first(&self, connection: &Connection) -> Result<String> {
        let rowid = self.archive.rowid().map(|it| format!("a.{it}"));
        let came = rowid.unwrap_or_else(|| "NULL".to_owned());
        if !self.archive.has_runs {
            return Ok(format!("{came} DESC"));
        }
        let query = format!(
            "SELECT count(DISTINCT a.{RUN}) = 1 AND count(a.{RUN}) = count(*) FROM main.{} AS a WHERE {}",
            quote(&self.archive.name),
            self.mine("a"),
        );
        Ok(if connection.query_row(&query, [], |row| row.get(0))? {
            came
        } else {
            format!("a.{RUN} DESC, {came} DESC")
        })
    }

    /// The condition that the archive's row `alias` is one of these.
    pub fn mine(&self, alias: &str) -> String {
        is_of(alias, self.whose)
    }

    /// The same for a row that left.
    pub fn left(&self, alias: &str) -> String {
        if self.archive.has_kept {
            format!("{} AND {alias}.{KEPT} IS NULL", self.mine(alias))
        } else {
            self.mine(alias)
        }
    }

    /// The condition that the archive's row `a` is one of these that left and has no value for which the
    /// table has no column any more.
    pub fn fits(&self, table: &Table) -> String {
        let mut fits = vec![self.left("a")];
        let gone = self.archive.gone(table);
        fits.extend(gone.map(|name| format!("a.{} IS NULL", quote(name))));
        // A value that the table would convert stays in the archive, where it is whole.
        fits.extend(fidelity::fits(table, |name| self.archive.has(name), "a"));
        all_of(&fits)
    }
}

/// Steps that set the AUTOINCREMENT counter of a table aside, and that put it back, as it was or was
/// not: rows that come back are none that the counter does not know.
#[derive(Default)]
struct Counter {
    aside: Option<Step>,
    back: Vec<Step>,
}

fn counter(connection: &Connection, table: &Table) -> Result<Counter> {
    let names = snapshot::taken_names(connection)?;
    let counts = counts_rowids(&table.sql)?;
    if !counts || !names.iter().any(|name| name == "sqlite_sequence") {
        return Ok(Counter::default());
    }
    let own = literal(&table.name);
    // Of its own for each table: all are set aside before the first is put back.
    let aside = format!("fkfix_counter of {}", table.name);
    let aside = literal(&snapshot::free_name(&names, &aside));
    let rename =
        |from, to| format!("UPDATE main.sqlite_sequence SET name = {to} WHERE name = {from}");
    Ok(Counter {
        aside: Some(Step::run(
            format!("set the counter of {} aside", table.name),
            rename(&own, &aside),
        )),
        back: vec![Step::run(
            format!("put the counter of {} back", table.name),
            format!(
                "DELETE FROM main.sqlite_sequence WHERE name = {own};\n{}",
                rename(&aside, &own)
            ),
        )],
    })
}
