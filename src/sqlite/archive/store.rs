//! `<table>_orphans`: rows that left a table, kept whole, and how they come back.
//!
//! Every column has the name it has in the table and no type, so that SQLite stores each value
//! in the storage class it comes in (<https://www.sqlite.org/datatype3.html>). Columns of fkfix's
//! own stand before them.

use anyhow::{Context as _, Result};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OptionalExtension as _};

use super::forgotten::Forgotten;
use crate::failure::Failure;
use crate::sqlite::orphans::lists;
use crate::sqlite::orphans::lists::Removal;
use crate::sqlite::rebuild;
use crate::sqlite::rebuild::bulk::{self, Aside};
use crate::sqlite::rebuild::fidelity::{self, all_of};
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::places;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::row_counts;
use crate::sqlite::schema::snapshot;
use crate::sqlite::schema::{self, RowKey, Table};
use crate::sqlite::text::ddl::{counts_rowids, literal, quote, quote_list, same_name};
use crate::text::rows;

const SUFFIX: &str = "_orphans";

/// With fewer rows to put back, or with a smaller share of the table's, its indexes stay.
const MANY_ROWS: i64 = 1000;
const LARGE_SHARE: i64 = 5;

/// About as many instructions of SQLite's virtual machine, for the table and for each index.
const WORK_PER_RESTORED_ROW: usize = 10;
/// The same for a row that goes to the archive, beside two for each column.
const WORK_PER_ARCHIVED_ROW: usize = 30;
/// What they weigh, as in `rebuild/way.rs`; a row that comes back has entries in indexes too.
const WEIGHT_OF_ARCHIVING: usize = 95;
const WEIGHT_OF_RESTORING: (usize, usize) = (800, 375);

/// The columns that stand before those of the table.
const OWN_COLUMNS: [&str; 4] = [
    "fkfix_rowid",
    "fkfix_constraints",
    "fkfix_version",
    "fkfix_archived_at",
];

/// Tells the runs of `up` apart: from 1, and greater than any that is in an archive. It stands
/// behind the other own columns, at the end of an archive that was made without it, or nowhere.
const RUN: &str = "fkfix_run";

/// The column that notes which full-text indexes held a row. It is there where the table has any.
const FULL_TEXT: &str = "fkfix_full_text";

/// The column that tells what a row that stayed forgot: a JSON object of its columns and the
/// literals, as `quote()` writes them, that were put there. NULL for a row that left. It is there
/// where a row has stayed.
pub const KEPT: &str = "fkfix_kept";

/// An archive that exists.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its name.
    pub name: String,
    /// The table its rows come from.
    pub table: String,
    columns: Vec<String>,
    has_runs: bool,
    /// It has the column [`FULL_TEXT`].
    notes_full_text: bool,
    /// It has the column [`KEPT`].
    pub has_kept: bool,
}

/// The name of the archive of `table`.
#[must_use]
pub fn name_of(table: &str) -> String {
    format!("{table}{SUFFIX}")
}

/// The archive of `table`, if there is one. A table of that name that is not an archive of
/// fkfix is an error.
pub fn of(connection: &Connection, table: &str) -> Result<Option<Archive>> {
    let name = name_of(table);
    let taken = connection
        .query_row(
            "SELECT name FROM main.sqlite_schema WHERE type <> 'trigger' AND name = ?1 COLLATE NOCASE",
            [&name],
            |row| row.get::<_, String>(0),
        )
        .optional()?;
    let Some(name) = taken else { return Ok(None) };
    match read(connection, &name)? {
        Some(archive) => Ok(Some(archive)),
        None => Err(Failure::impossible(format!(
            "{name} exists already and is not an archive that fkfix made"
        ))
        .hint(format!(
            "rename {name}, or run with --orphans delete to keep no archive"
        ))
        .into()),
    }
}

/// Every archive in the database.
pub fn all(connection: &Connection) -> Result<Vec<Archive>> {
    let mut statement = connection.prepare(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name LIKE '%\\_orphans' ESCAPE '\\' ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut archives = Vec::new();
    for name in names {
        archives.extend(read(connection, &name?)?);
    }
    Ok(archives)
}

fn read(connection: &Connection, name: &str) -> Result<Option<Archive>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, type FROM pragma_table_xinfo WHERE arg = ?1 AND schema = 'main'",
    )?;
    let columns = statement.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut columns = columns.collect::<Result<Vec<(String, String)>, _>>()?;
    let own = columns.len() > OWN_COLUMNS.len()
        && OWN_COLUMNS
            .iter()
            .zip(&columns)
            .all(|(own, (found, _))| own == found);
    if !own {
        return Ok(None);
    }
    let mut columns = columns.split_off(OWN_COLUMNS.len());
    // A column of the table that is called so has no type here.
    let mut take_out = |own: &str| {
        let place = columns
            .iter()
            .position(|(name, kind)| name == own && !kind.is_empty());
        place.map(|place| columns.remove(place)).is_some()
    };
    let (has_runs, notes_full_text) = (take_out(RUN), take_out(FULL_TEXT));
    let has_kept = take_out(KEPT);
    let at = name.len().saturating_sub(SUFFIX.len());
    Ok(name.get(..at).map(|table| Archive {
        name: name.to_owned(),
        table: table.to_owned(),
        columns: columns.into_iter().map(|(name, _)| name).collect(),
        has_runs,
        notes_full_text,
        has_kept,
    }))
}

/// How rows come into an archive.
pub struct Storing {
    /// The steps that copy them, as they are.
    pub steps: Vec<Step>,
    /// The step that holds those that stay against what was copied, once they have forgotten keys.
    pub comparison: Option<Step>,
}

/// Plans to copy the rows of `removal`, as they are, into the archive of their table: those that
/// leave and those that stay and forget a key.
pub fn store(connection: &Connection, removal: &Removal, version: Option<i64>) -> Result<Storing> {
    let table = &removal.table;
    let names: Vec<_> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    must_be_possible(&name_of(&table.name), &names)?;
    let indexes = full_text::Indexes::of(connection, table)?;
    let archive = of(connection, &table.name)?;
    let name = archive
        .as_ref()
        .map_or_else(|| name_of(&table.name), |archive| archive.name.clone());
    let mut steps = Vec::new();
    match &archive {
        None => {
            must_be_narrow(
                connection,
                &name,
                OWN_COLUMNS.len() + 1 + names.len() + usize::from(!indexes.is_empty()),
            )?;
            steps.push(Step::run(
                format!("create {name}"),
                format!(
                    "CREATE TABLE {} (fkfix_rowid INTEGER, fkfix_constraints TEXT, fkfix_version INTEGER, fkfix_archived_at TEXT, {RUN} INTEGER, {}{}{})",
                    quote(&name),
                    if indexes.is_empty() { "" } else { "fkfix_full_text TEXT, " },
                    if removal.kept == 0 { "" } else { "fkfix_kept TEXT, " },
                    quote_list("", names.iter().copied())
                ),
            ));
        }
        Some(archive) => {
            let run = (!archive.has_runs).then_some((RUN, " INTEGER"));
            let missing = names.iter().filter(|name| !archive.has(name));
            let note = !indexes.is_empty() && !archive.notes_full_text;
            let note = note.then_some((FULL_TEXT, " TEXT"));
            let missing = run.into_iter().chain(missing.map(|name| (*name, "")));
            let kept = removal.kept > 0 && !archive.has_kept;
            let note = note.into_iter().chain(kept.then_some((KEPT, " TEXT")));
            let missing: Vec<_> = missing.chain(note).collect();
            must_be_narrow(connection, &name, archive.width() + missing.len())?;
            steps.extend(missing.into_iter().map(|(column, kind)| {
                Step::run(
                    format!("add the column {column} to {name}"),
                    format!(
                        "ALTER TABLE {} ADD COLUMN {}{kind}",
                        quote(&name),
                        quote(column)
                    ),
                )
            }));
        }
    }
    let run = Run {
        version,
        number: next_run(connection)?,
    };
    let archived = removal.rows + removal.kept;
    steps.push(
        Step::run(
            format!("copy {} into {name}", rows(archived)),
            copy_sql(removal, &name, &names, run, &indexes),
        )
        .over(
            archived,
            2 * table.columns.len() + WORK_PER_ARCHIVED_ROW,
            WEIGHT_OF_ARCHIVING,
        ),
    );
    let came_now = came_now(connection, &name, archive.as_ref(), &names)?;
    let columns: Vec<_> = table.stored_columns().collect();
    steps.push(Step::Expect {
        what: match removal.kept {
            0 => format!("{name} holds every row that leaves {}", table.name),
            _ => format!("{name} holds every row of {} as it is", table.name),
        },
        query: format!(
            "SELECT count(*) FROM main.{} AS a CROSS JOIN main.{} AS w WHERE {came_now}a.{RUN} = {} AND {}",
            quote(&name),
            quote(&table.name),
            run.number,
            same_row(table, &columns)
        ),
        value: removal.rows + removal.kept,
        by_row: None,
    });
    let comparison = (removal.kept > 0).then(|| {
        let before = format!("main.{} AS a", quote(&name));
        let which = format!(
            "{came_now}a.{RUN} = {} AND a.{KEPT} IS NOT NULL AND {}",
            run.number,
            same_key(table)
        );
        fidelity::forgot_keys_alone(removal, &before, &which)
    });
    Ok(Storing { steps, comparison })
}

/// The condition that the row `a` of the archive `name` is none of those that are there already, so
/// that these need not be read; empty where columns have taken all names of the rowid.
fn came_now(
    connection: &Connection,
    name: &str,
    archive: Option<&Archive>,
    columns: &[&str],
) -> Result<String> {
    let is_taken = |name: &str| {
        archive.is_some_and(|it| it.has(name)) || columns.iter().any(|it| same_name(it, name))
    };
    let mut names = ["rowid", "_rowid_", "oid"].into_iter();
    let Some(rowid) = names.find(|name| !is_taken(name)) else {
        return Ok(String::new());
    };
    let newest = if archive.is_some() {
        let newest = format!("SELECT ifnull(max({rowid}), 0) FROM main.{}", quote(name));
        connection.query_row(&newest, [], |row| row.get::<_, i64>(0))?
    } else {
        0
    };
    Ok(format!("a.{rowid} > {newest} AND "))
}

/// Fails where SQLite would not take the archive called `name` of a table with `columns`.
pub fn must_be_possible(name: &str, columns: &[&str]) -> Result<()> {
    let is_own = |column: &&&str| {
        OWN_COLUMNS
            .iter()
            .chain([&RUN, &FULL_TEXT, &KEPT])
            .any(|own| same_name(own, column))
    };
    let obstacle = if name.to_ascii_lowercase().starts_with("sqlite_") {
        format!("{name} can't be made: SQLite keeps names that begin with sqlite_ for itself")
    } else if let Some(column) = columns.iter().find(is_own) {
        format!("{name} can't be made: it has a column {column} of its own, and so has the table")
    } else {
        return Ok(());
    };
    Err(Failure::impossible(obstacle)
        .hint("give the orphans a parent first, or run with --orphans delete to keep no archive")
        .into())
}

/// Fails where SQLite would not take the table `name` with so many columns.
fn must_be_narrow(connection: &Connection, name: &str, columns: usize) -> Result<()> {
    let most = usize::try_from(connection.limit(Limit::SQLITE_LIMIT_COLUMN)?)?;
    if columns <= most {
        return Ok(());
    }
    Err(Failure::impossible(format!(
        "{name} would have {columns} columns, and SQLite allows {most}"
    ))
    .hint("give the orphans a parent first, or run with --orphans delete to keep no archive")
    .into())
}

/// The number for a run: one more than any archive has.
fn next_run(connection: &Connection) -> Result<i64> {
    let mut last = 0;
    for archive in all(connection)?.iter().filter(|archive| archive.has_runs) {
        let query = format!("SELECT max({RUN}) FROM main.{}", quote(&archive.name));
        let run: Option<i64> = connection.query_row(&query, [], |row| row.get(0))?;
        last = last.max(run.unwrap_or(0));
    }
    Ok(last.saturating_add(1))
}

/// A run of `up` that archives rows.
#[derive(Clone, Copy)]
struct Run {
    /// The migration, if it was for one.
    version: Option<i64>,
    /// Its number among the runs.
    number: i64,
}

fn copy_sql(
    removal: &Removal,
    archive: &str,
    names: &[&str],
    run: Run,
    indexes: &full_text::Indexes,
) -> String {
    let version = run.version.map_or("NULL".to_owned(), |it| it.to_string());
    let number = run.number;
    let table = &removal.table;
    let (note, noted) = if indexes.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("{FULL_TEXT}, "), format!("{}, ", indexes.holding()))
    };
    let (keep, kept) = if removal.kept == 0 {
        (String::new(), String::new())
    } else {
        (format!("{KEPT}, "), format!("{}, ", forgets(removal)))
    };
    let rowid = table
        .row_key
        .rowid()
        .map_or_else(|| "NULL".to_owned(), |name| format!("w.{}", quote(name)));
    format!(
        "INSERT INTO main.{} ({}, {RUN}, {note}{keep}{})\nSELECT {rowid}, l.reasons, {version}, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), {number}, {noted}{kept}{}\n{}",
        quote(archive),
        OWN_COLUMNS.join(", "),
        quote_list("", names.iter().copied()),
        quote_list("w.", names.iter().copied()),
        lists::from_listed("w", removal),
    )
}

/// An expression for what the row of list `l` forgets: NULL for one that leaves.
pub fn forgets(removal: &Removal) -> String {
    let columns = removal.set_columns().into_iter();
    let each = columns.map(|name| {
        let value = removal.set_value(name, "l.forgets", "NULL");
        let marks = removal.forgets.iter();
        let marks = marks.filter(|it| it.columns.iter().any(|own| same_name(own, name)));
        let marks = marks.fold(0, |marks, it| marks | it.mark);
        format!(
            "{}, CASE WHEN l.forgets & {marks} THEN quote({value}) END",
            literal(name)
        )
    });
    // json_patch leaves out what is NULL.
    format!(
        "CASE WHEN l.round < 0 THEN json_patch('{{}}', json_object({})) END",
        each.collect::<Vec<_>>().join(", ")
    )
}

/// Which rows of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those that left with this migration or a later one.
    Since(i64),
    /// All.
    All,
}

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
        let forgotten = Forgotten::of(connection, self, &table, list)?;
        self.must_go_back_as_it_is(connection, &table, forgotten.is_some())?;
        let title = format!("put the rows of {} back into {}", archive.name, table.name);
        let work = WORK_PER_RESTORED_ROW * (1 + table.indexes.len());
        let (row, entry) = WEIGHT_OF_RESTORING;
        let weight = row + entry * table.indexes.len();
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
                        format!("(({moved}) OR ({}))", forgotten.is_back(self, &table))
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

impl Archive {
    /// Whether it keeps values of the column.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| same_name(name, column))
    }

    /// How many of its rows tell what a row that stayed was before it forgot a key.
    pub fn count_stayed(&self, connection: &Connection) -> Result<i64> {
        if !self.has_kept {
            return Ok(0);
        }
        let archive = quote(&self.name);
        let query = format!("SELECT count({KEPT}) FROM main.{archive}");
        Ok(connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// The columns that the table has no longer.
    pub fn gone<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a str> {
        let columns = self.columns.iter().map(String::as_str);
        columns.filter(|name| table.column(name).is_none())
    }

    /// The archive's own rowid, under a name that no column has taken, if there is one.
    fn rowid(&self) -> Option<&'static str> {
        let mut names = ["rowid", "_rowid_", "oid"].into_iter();
        names.find(|name| !self.has(name))
    }

    /// How many columns it has.
    fn width(&self) -> usize {
        let sometimes = usize::from(self.has_runs)
            + usize::from(self.notes_full_text)
            + usize::from(self.has_kept);
        OWN_COLUMNS.len() + sometimes + self.columns.len()
    }
}

/// The condition that the archive's row `alias` is one of those that are `whose`.
fn is_of(alias: &str, whose: Whose) -> String {
    match whose {
        Whose::Since(version) => format!("{alias}.fkfix_version >= {version}"),
        Whose::All => "TRUE".to_owned(),
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

/// The condition that the table's row `w` has the key of the archive's row `a`.
pub fn same_key(table: &Table) -> String {
    let same: Vec<_> = match &table.row_key {
        RowKey::PrimaryKey(names) => names
            .iter()
            .map(|name| format!("w.{0} = a.{0}", quote(name)))
            .collect(),
        RowKey::Alias(name) => vec![format!("w.{} = a.fkfix_rowid", quote(name))],
        RowKey::Implicit(rowid) => vec![format!("w.{rowid} = a.fkfix_rowid")],
        RowKey::Hidden => vec!["TRUE".to_owned()],
    };
    same.join(" AND ")
}

/// The condition that the table's row `w` is the archive's row `a`: same key, and every value
/// equal to the byte and of the same storage class.
pub fn same_row(table: &Table, columns: &[&str]) -> String {
    let mut same = vec![same_key(table)];
    same.extend(fidelity::same_values(table, columns.iter().copied()));
    all_of(&same)
}

/// For the schema check: whether `name` is what `store` may create.
#[must_use]
pub fn is_archive_name(name: &str, tables: &[&str]) -> bool {
    tables.iter().any(|table| same_name(&name_of(table), name))
}

/// How many rows `archive` holds that are `whose`.
pub fn count(connection: &Connection, archive: &Archive, whose: Whose) -> Result<i64> {
    if !schema::table_exists(connection, &archive.name)? {
        return Ok(0);
    }
    let query = format!(
        "SELECT count(*) FROM main.{} AS a WHERE {}",
        quote(&archive.name),
        is_of("a", whose)
    );
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}
