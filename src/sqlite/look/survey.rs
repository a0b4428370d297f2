//! What an administrator wants to know of the orphans before anything is done about them.

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rusqlite::limits::Limit;

use crate::failure::Failure;
use crate::migrations::Migrations;
use crate::model::key::KeyId;
use crate::model::value::Value;
use crate::policy::OrphanAction;
use crate::sqlite::apply::history;
use crate::sqlite::apply::parts;
use crate::sqlite::apply::up;
use crate::sqlite::file::backup::TemporaryCopy;
use crate::sqlite::keys::conditions;
use crate::sqlite::keys::{self, NewKey, TableKeys};
use crate::sqlite::orphans::lists;
use crate::sqlite::orphans::lists::Removal;
use crate::sqlite::orphans::{self, Found};
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::values;
use crate::sqlite::schema::{Column, RowKey, Table};
use crate::sqlite::text::ddl::{quote, quote_list, same_name};
use crate::sqlite::text::statement::AddForeignKey;
use crate::standing::{self, State};

/// How many missing parents are shown for each key.
const MOST_FREQUENT: usize = 5;

/// The orphans of a database.
#[derive(Default)]
pub struct Survey {
    /// Every key that was looked at.
    pub keys: Vec<SurveyedKey>,
    /// The tables that have orphans. A table to which several migrations add keys may stand here
    /// once for each, since rows that leave by the first are gone when the second comes.
    pub tables: Vec<SurveyedTable>,
    /// Rows that refer to orphans which leave.
    pub dependents: Vec<Dependents>,
    /// Declared keys that could not be looked at, and why.
    pub unusable: Vec<(ForeignKey, String)>,
    /// How many tables were looked at.
    places: usize,
    /// Of how many of `tables` the rows are kept apart.
    kept: usize,
    /// Where the migrations were rehearsed, if they were; the rows are read from there.
    copy: Option<TemporaryCopy>,
}

/// A table and its orphans.
#[derive(Debug)]
pub struct SurveyedTable {
    /// The table, as it was when they were looked for.
    pub table: Table,
    /// Its place among the tables that were looked at.
    pub place: usize,
    /// How many rows break a key, each counted once.
    pub orphans: i64,
    /// How many of these break more than one.
    pub break_several: i64,
    /// How many rows the table has in all.
    pub of: i64,
    /// Where the orphans are read from.
    source: Source,
}

/// Where the orphans of one table are read from, as rows `w`.
#[derive(Debug)]
struct Source {
    /// The rowid where there is one, as an expression.
    rowid: String,
    /// The keys that the row breaks, as an expression.
    reasons: String,
    /// FROM and all behind it.
    from: String,
}

impl Source {
    /// A query for the orphans: rowid, reasons and `columns`.
    fn query(&self, columns: &str) -> String {
        let Source {
            rowid,
            reasons,
            from,
        } = self;
        format!("SELECT {rowid}, {reasons}, {columns} {from}")
    }
}

/// Rows that refer to rows which leave.
#[derive(Debug)]
pub struct Dependents {
    /// The table that they stand in.
    pub table: String,
    /// The key by which they refer, as people call it.
    pub key: String,
    /// How many.
    pub rows: i64,
    /// They follow; otherwise their key does not let the others go.
    pub follow: bool,
}

/// A key and the rows that break it.
#[derive(Debug)]
pub struct SurveyedKey {
    /// The key.
    pub named: NamedKey,
    /// What people call it.
    pub label: String,
    /// The place of its child among the tables that were looked at.
    pub place: usize,
    /// A migration is about to add it; otherwise the database declares it.
    pub pending: bool,
    /// How many rows break it.
    pub rows: i64,
    /// How many distinct parents they refer to.
    pub dead_parents: i64,
    /// The missing parents that most rows refer to, with the number of rows.
    pub most_frequent: Vec<(Vec<Value>, i64)>,
    /// The oldest and the newest of the rows, where a column tells the time.
    pub span: Option<Span>,
    /// How many of the rows have a parent whose key differs in case, blanks and hyphens alone.
    pub other_spelling: i64,
}

/// From when to when.
#[derive(Clone, Debug)]
pub struct Span {
    /// The column that tells.
    pub column: String,
    /// The least value.
    pub oldest: Value,
    /// The greatest value.
    pub newest: Value,
}

/// Searches for the orphans of every key that the database declares or that `migrations` have
/// pending; of `only` this table where it is given.
///
/// What is pending is seen as `up` would: where a script does more than add keys, or several are
/// pending, they are carried out on a copy, and the rows are those that each key meets there.
pub fn survey(
    connection: &Connection,
    migrations: &Migrations,
    only: Option<&str>,
) -> Result<Survey> {
    let mut survey = Survey::default();
    let pending = standing::pending(migrations, &history::read(connection)?, None, true)?;
    if let Some(requests) = up::keys_alone(migrations, &pending)? {
        if let Some(only) = only {
            Table::read(connection, only)?;
        }
        let looked = survey.look(connection, &requests, only);
        match pending.first().and_then(|it| migrations.get(*it)) {
            Some(migration) => {
                looked.with_context(|| format!("could not apply {}", migration.up))?
            }
            None => looked?,
        };
        return Ok(survey);
    }
    let copy = up::rehearse_deleting(connection, migrations, &mut |copy, requests| {
        let found = survey.look(copy, requests, only)?;
        survey.keep_rows(copy, &found)
    })?;
    if survey.places == 0 {
        // No script adds a key, so the declared ones have not been looked at.
        survey.look(&copy.connection, &[], only)?;
    }
    if let Some(only) = only {
        Table::read(&copy.connection, only)?;
    }
    survey.copy = Some(copy);
    Ok(survey)
}

impl Survey {
    /// Looks at the keys that `requests` ask for, the first time with those that the database
    /// declares.
    fn look(
        &mut self,
        connection: &Connection,
        requests: &[AddForeignKey],
        only: Option<&str>,
    ) -> Result<Found> {
        let declared = foreign_key::declared(connection)?;
        let mut targets = keys::resolve(connection, &declared, requests)?;
        if self.places == 0 {
            self.unusable = watch(connection, &declared, &mut targets)?;
        }
        targets.retain(|keys| only.is_none_or(|only| same_name(&keys.table.name, only)));
        let counts = RowCounts::new(connection);
        let found = orphans::find(
            connection,
            &targets,
            &declared,
            &counts,
            OrphanAction::Follow,
        )?;
        let first = self.keys.len();
        for target in &targets {
            for new in target.searched() {
                let id = KeyId(self.keys.len() - first);
                let label = found.label(id).to_owned();
                let mut key = SurveyedKey {
                    named: new.named(),
                    label: label.clone(),
                    place: self.places,
                    pending: new.there.is_none(),
                    rows: 0,
                    dead_parents: 0,
                    most_frequent: Vec::new(),
                    span: None,
                    other_spelling: 0,
                };
                key.look(connection, &found, &target.table, id)
                    .with_context(|| format!("could not look at the orphans of {label}"))?;
                self.keys.push(key);
            }
            if let Some(removal) = found.removal(&target.table.name)
                && removal.orphans > 0
            {
                self.tables.push(SurveyedTable {
                    table: removal.table.clone(),
                    place: self.places,
                    orphans: removal.orphans,
                    break_several: removal.break_several,
                    of: removal.of,
                    source: source_of(removal),
                });
            }
            self.places += 1;
        }
        self.add_dependents(&found);
        Ok(found)
    }
}

/// The keys that pending migrations ask for, in order.
pub fn pending_requests(
    connection: &Connection,
    migrations: &Migrations,
) -> Result<Vec<AddForeignKey>> {
    let applied = history::read(connection)?;
    let mut requests = Vec::new();
    for (_, migration, state) in standing::states(migrations, &applied) {
        let (Some(migration), State::Pending) = (migration, state) else {
            continue;
        };
        migration.must_be_clear()?;
        requests.extend(parts::requests(migration)?);
    }
    Ok(requests)
}

/// Adds the declared keys that nobody asks for to `targets`; those that can't be searched are given
/// back.
fn watch(
    connection: &Connection,
    declared: &[NamedKey],
    targets: &mut Vec<TableKeys>,
) -> Result<Vec<(ForeignKey, String)>> {
    let mut unusable = Vec::new();
    for there in foreign_key::distinct(declared.iter().cloned()) {
        let key = &there.key;
        let asked_for = targets.iter().flat_map(TableKeys::asked_for);
        if asked_for
            .map(|new| &new.key)
            .any(|it| it.same_definition(key))
        {
            continue;
        }
        if let Err(error) = Table::read(connection, &key.parent) {
            unusable.push((key.clone(), crate::sqlite::file::errors::message(&error)));
            continue;
        }
        let new = NewKey::declared(&there);
        let of_table = |keys: &&mut TableKeys| same_name(&keys.table.name, &key.child);
        if let Some(keys) = targets.iter_mut().find(of_table) {
            keys.watched.push(new);
        } else {
            let mut keys = TableKeys::none_of(Table::read(connection, &key.child)?);
            keys.watched.push(new);
            targets.push(keys);
        }
    }
    Ok(unusable)
}

impl SurveyedKey {
    /// Looks at the rows of `child` that break the key, which are those `found` for the key `id`.
    fn look(
        &mut self,
        connection: &Connection,
        found: &Found,
        child: &Table,
        id: KeyId,
    ) -> Result<()> {
        let listed = found.removal(&child.name).and_then(|removal| {
            let mut reasons = removal.reasons.iter();
            let reason = reasons.find(|reason| reason.key == id && reason.breaks)?;
            Some((removal, reason))
        });
        let Some((removal, reason)) = listed else {
            return Ok(());
        };
        let key = &self.named.key;
        let parent = Table::read(connection, &key.parent)?;
        let broken = match reason.mark {
            0 => conditions::orphaned_by_rows(&parent, key),
            mark => format!("l.marks & {mark}"),
        };
        let listed = lists::from_listed("w", removal);
        let orphans = format!("{listed} AND l.breaks > 0 AND {broken}");
        self.count(connection, &orphans)?;
        let key = &self.named.key;
        let listed = found.dead_keys(key).map(|it| (child, it.list.as_str()));
        self.other_spelling = other_spelling(connection, &parent, key, &orphans, listed)?;
        if let Some(column) = time_column(child) {
            self.span = span(connection, column, &orphans)?;
        }
        Ok(())
    }

    /// Counts `orphans`, which is FROM and WHERE of them, by the parent that they lack.
    fn count(&mut self, connection: &Connection, orphans: &str) -> Result<()> {
        let columns = quote_list("w.", self.named.key.columns.iter().map(String::as_str));
        let shown = values::starts("w.", self.named.key.columns.iter().map(String::as_str));
        let width = self.named.key.columns.len();
        let mut groups = connection.prepare(&format!(
            "SELECT count(*), {shown} {orphans} GROUP BY {columns} ORDER BY {columns}"
        ))?;
        let mut groups = groups.query([])?;
        while let Some(group) = groups.next()? {
            let rows: i64 = group.get(0)?;
            self.rows += rows;
            self.dead_parents += 1;
            let frequent = &mut self.most_frequent;
            let place = frequent.partition_point(|(_, more)| *more >= rows);
            if place < MOST_FREQUENT {
                let values = (1..=width).map(|at| group.get_ref(at).map(Value::from));
                frequent.insert(place, (values.collect::<rusqlite::Result<_>>()?, rows));
                frequent.truncate(MOST_FREQUENT);
            }
        }
        Ok(())
    }
}

/// How many of `orphans`, which is FROM and WHERE of them, have a parent whose key is text that differs
/// in case, blanks and hyphens alone, as those of a UUID. Where the keys of the child's orphans
/// are `listed`, each is looked at once, and only the rows of those that have such a parent.
fn other_spelling(
    connection: &Connection,
    parent: &Table,
    key: &ForeignKey,
    orphans: &str,
    listed: Option<(&Table, &str)>,
) -> Result<i64> {
    let mut pairs = key.pairs();
    let (Some((column, parent_column)), None) = (pairs.next(), pairs.next()) else {
        return Ok(0);
    };
    let (own, theirs) = (
        format!("w.{}", quote(column)),
        format!("p.{}", quote(parent_column)),
    );
    let plain = |value: &str| format!("lower(replace(trim({value}), '-', ''))");
    let has_such_a_parent = |value: &str| {
        format!(
            "typeof({value}) = 'text' AND {0} <> '' AND {0} IN (SELECT {1} FROM {2} WHERE typeof({theirs}) = 'text')",
            plain(value),
            plain(&theirs),
            parent.source("p")
        )
    };
    let from = match listed {
        Some((child, list)) => format!(
            "FROM {} WHERE {own} IN (SELECT d.key FROM temp.{} AS d WHERE {})",
            child.source("w"),
            quote(list),
            has_such_a_parent("d.key")
        ),
        None => format!("{orphans} AND {}", has_such_a_parent(&own)),
    };
    let query = format!("SELECT count(*) {from}");
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

fn span(connection: &Connection, column: &str, orphans: &str) -> Result<Option<Span>> {
    let name = quote(column);
    let shown = values::starts("", ["oldest", "newest"]);
    let query = format!(
        "SELECT {shown} FROM (SELECT min(w.{name}) AS oldest, max(w.{name}) AS newest {orphans})"
    );
    let span = connection.query_row(&query, [], |row| {
        Ok(Span {
            column: column.to_owned(),
            oldest: row.get_ref(0)?.into(),
            newest: row.get_ref(1)?.into(),
        })
    })?;
    Ok(Some(span))
}

/// The column that evidently tells when a row was made: a date by type, best by name too.
fn time_column(table: &Table) -> Option<&str> {
    let is_time = |column: &&Column| {
        let declared = column.declared_type.to_ascii_uppercase();
        let name = column.name.to_ascii_lowercase();
        declared.contains("DATE")
            || declared.contains("TIME")
            || name.ends_with("_at")
            || ["created", "timestamp", "date", "time"].contains(&name.as_str())
    };
    let mut times: Vec<_> = table.columns.iter().filter(is_time).collect();
    times.sort_by_key(|column| !column.name.to_ascii_lowercase().starts_with("creat"));
    times.first().map(|column| column.name.as_str())
}

/// Where the orphans in the list of `removal` are read from.
fn source_of(removal: &Removal) -> Source {
    let table = &removal.table;
    let rowid = match &table.row_key {
        RowKey::Alias(name) => format!("w.{}", quote(name)),
        RowKey::Implicit(name) => format!("w.{name}"),
        RowKey::PrimaryKey(_) | RowKey::Hidden => "NULL".to_owned(),
    };
    let key: Vec<_> = (1..=table.row_key.columns().len())
        .map(|at| format!("l.k{at}"))
        .collect();
    Source {
        rowid,
        reasons: "l.reasons".to_owned(),
        from: format!(
            "{} AND l.breaks > 0 ORDER BY {}",
            lists::from_listed("w", removal),
            key.join(", ")
        ),
    }
}

/// Fails where SQLite would not give the columns of `table` and those of a [`Source`] at once.
fn must_be_narrow(connection: &Connection, table: &Table) -> Result<()> {
    let most = usize::try_from(connection.limit(Limit::SQLITE_LIMIT_COLUMN)?)?;
    let columns = table.columns.len();
    if columns + 2 <= most {
        return Ok(());
    }
    Err(Failure::impossible(format!(
        "could not read rows of {}: it has {columns} columns, too many for a report that adds two to each row",
        table.name
    ))
    .hint("with --limit 0 no row is shown, and they are counted alone")
    .into())
}

/// A column name that `table` does not have.
fn free_column(table: &Table, wanted: &str) -> String {
    let mut name = format!("fkfix_{wanted}");
    while table.column(&name).is_some() {
        name.push('_');
    }
    name
}

fn names_of(table: &Table, alias: &str) -> String {
    quote_list(
        alias,
        table.columns.iter().map(|column| column.name.as_str()),
    )
}

impl Survey {
    /// The first `limit` orphans of `table`: the rowid where there is one, the keys they break, and
    /// every column, of long values the start. `connection` is what the survey was of.
    pub fn sample(
        &self,
        connection: &Connection,
        table: &SurveyedTable,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        must_be_narrow(connection, &table.table)?;
        let query = |columns: &str| format!("{} LIMIT {limit}", table.source.query(columns));
        values::rows(self.read_from(connection), &table.table, "w.", query)
            .with_context(|| format!("could not read rows of {}", table.table.name))
    }

    /// Hands the orphans of `table` to `each`, whole: the rowid where there is one, the keys they
    /// break, and every column. `connection` is what the survey was of.
    pub fn each_orphan(
        &self,
        connection: &Connection,
        table: &SurveyedTable,
        mut each: impl FnMut(Vec<Value>) -> Result<()>,
    ) -> Result<()> {
        must_be_narrow(connection, &table.table)?;
        let doing = || format!("could not read rows of {}", table.table.name);
        let query = table.source.query(&names_of(&table.table, "w."));
        let mut statement = self.read_from(connection).prepare(&query)?;
        let width = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next().with_context(doing)? {
            let values = (0..width)
                .map(|at| row.get_ref(at).map(Value::from))
                .collect::<rusqlite::Result<_>>()?;
            each(values)?;
        }
        Ok(())
    }

    /// The copy that was changed on the way, or the database itself.
    fn read_from<'c>(&'c self, connection: &'c Connection) -> &'c Connection {
        self.copy
            .as_ref()
            .map_or(connection, |copy| &copy.connection)
    }

    /// Files what refers to rows that leave.
    fn add_dependents(&mut self, found: &Found) {
        for removal in &found.removals {
            let follow = removal.reasons.iter().filter(|reason| !reason.breaks);
            self.dependents.extend(follow.map(|reason| Dependents {
                table: removal.table.name.clone(),
                key: found.label(reason.key).to_owned(),
                rows: reason.rows,
                follow: true,
            }));
        }
        let blocked = found.blocked.iter();
        self.dependents.extend(blocked.map(|blocked| Dependents {
            table: blocked.key.child.clone(),
            key: found.label(blocked.id).to_owned(),
            rows: blocked.rows,
            follow: false,
        }));
    }

    /// Copies the orphans that the lists of `found` name out of their tables, which they are about
    /// to leave, and drops the lists.
    fn keep_rows(&mut self, copy: &Connection, found: &Found) -> Result<()> {
        for table in self.tables.iter_mut().skip(self.kept) {
            let kept = format!("temp.fkfix_orphans_{}", table.place);
            // Columns without a type, which keep every value as it is.
            let own = ["rowid", "reasons"].map(|name| quote(&free_column(&table.table, name)));
            copy.execute_batch(&format!(
                "CREATE TABLE {kept} ({}, {});\nINSERT INTO {kept} {}",
                own.join(", "),
                names_of(&table.table, ""),
                table.source.query(&names_of(&table.table, "w."))
            ))
            .with_context(|| format!("could not keep the orphans of {}", table.table.name))?;
            let [rowid, reasons] = own.map(|name| format!("w.{name}"));
            table.source = Source {
                rowid,
                reasons,
                from: format!("FROM {kept} AS w"),
            };
        }
        self.kept = self.tables.len();
        found.drop_lists(copy)
    }
}
