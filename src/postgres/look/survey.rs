//! What an administrator wants to know of the orphans before anything is done about them. Nothing
//! is written, so a hot standby answers too.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::Type;

use crate::migrations::Migrations;
use crate::model::key::ForeignKey;
use crate::model::value::Value;
use crate::policy::OrphanAction;
use crate::postgres::catalog::{self, Table, quoted};
use crate::postgres::database::own::Own;
use crate::postgres::database::{Database, applicable};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::preflight;
use crate::postgres::orphans::search::{Found, Search, Why};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, RowId, source};
use crate::postgres::text::parts;
use crate::report;
use crate::report::key::TableKey;
use crate::report::orphans::{
    DeadParent, Dependents, KeyOrphans, Orphan, OrphansReport, Span, TableOrphans, UnusableKey,
};
use crate::standing;

/// How many missing parents are shown for each key.
const MOST_FREQUENT: usize = 5;

/// Hands rows to whoever writes them down.
pub type Each<'a> = dyn FnMut(&[Value]) -> Result<()> + 'a;

impl Database {
    /// The orphans of every key that is declared or pending, with the first `limit` rows of each
    /// table; and what was not looked at.
    pub fn orphans(
        &mut self,
        migrations: &Migrations,
        table: Option<&str>,
        limit: usize,
    ) -> Result<(OrphansReport, Vec<String>)> {
        let name = self.name.clone();
        self.look(|transaction, schema, own| {
            let survey = survey(transaction, schema, own, migrations, table)?;
            let report = survey.report(transaction, name.clone(), limit)?;
            Ok((report, survey.warnings().collect()))
        })
    }

    /// Hands the orphans of the one table that has any to `write`: the names of the columns, and
    /// what gives the rows. Gives what was not looked at, and the number of rows.
    pub fn orphans_of_one(
        &mut self,
        migrations: &Migrations,
        table: Option<&str>,
        mut write: impl FnMut(&[String], &mut dyn FnMut(&mut Each<'_>) -> Result<()>) -> Result<()>,
    ) -> Result<(Vec<String>, i64)> {
        self.look(|transaction, schema, own| {
            let survey = survey(transaction, schema, own, migrations, table)?;
            let tables = survey.tables();
            if tables.len() > 1 {
                return Err(report::orphans::several_tables(&tables.join(", ")).into());
            }
            if !tables.is_empty() {
                let mut names = vec!["fkfix_rowid".to_owned(), "fkfix_constraints".to_owned()];
                names.extend(survey.columns(0));
                write(&names, &mut |each| {
                    survey.each(transaction, 0, None, &mut |breaks, values| {
                        let mut row = vec![Value::Null, Value::Text(breaks.into_bytes())];
                        row.extend(values);
                        each(&row)
                    })
                })?;
            }
            Ok((survey.warnings().collect(), survey.orphans()))
        })
    }
}

fn survey(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    migrations: &Migrations,
    table: Option<&str>,
) -> Result<Survey> {
    let only = table
        .map(|it| schema.named(it))
        .transpose()?
        .map(|it| it.oid);
    let applied = own.history(transaction)?;
    let migrations = applicable(schema, migrations, &applied)?;
    let mut pending = Vec::new();
    for version in standing::pending(migrations, &applied, None, true)? {
        if let Some(migration) = migrations.get(version) {
            let requests = parts::requests(migration)?;
            let keys = keys::resolve(transaction, schema, &requests);
            pending.extend(keys.with_context(|| format!("could not look at {}", migration.up))?);
        }
    }
    Survey::of(transaction, schema, pending, only)
}

/// The orphans of a database.
pub struct Survey {
    search: Search,
    found: Found,
    pending: usize,
    unusable: Vec<(ForeignKey, String)>,
}

impl Survey {
    /// Searches for the orphans of the keys that are `pending`, and of all that are declared; of
    /// one table alone where its number is given.
    pub fn of(
        transaction: &mut Transaction,
        schema: &Schema,
        pending: Vec<Key>,
        only: Option<u32>,
    ) -> Result<Self> {
        let mut unusable = Vec::new();
        let is_wanted = |oid: u32| only.is_none_or(|only| only == oid);
        let mut asked: Vec<Key> = pending;
        let mut seen: Vec<(u32, String)> = asked
            .iter()
            .filter_map(|key| Some((key.child.oid, key.there.as_ref()?.name.clone())))
            .collect();
        asked.retain(|key| is_wanted(key.child.oid));
        let number = asked.len();
        for child in schema.tables.iter().filter(|it| is_wanted(it.oid)) {
            for key in &child.foreign_keys {
                let name = (child.oid, key.name.clone());
                if key.is_inherited || seen.contains(&name) {
                    continue;
                }
                seen.push(name);
                match keys::usable(transaction, schema, child, key)? {
                    Ok(key) => asked.push(key),
                    Err(why) => unusable.push((keys::told(schema, child, key), why)),
                }
            }
        }
        preflight::must_see(transaction, &asked)?;
        let search = Search::new(transaction, schema, asked, OrphanAction::Follow)?;
        let found = search.orphans(transaction)?;
        Ok(Survey {
            search,
            found,
            pending: number,
            unusable,
        })
    }

    /// Why some keys were not looked at.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let unusable = self.unusable.iter();
        unusable.map(|(key, why)| format!("{} was not looked at: {why}", key.place()))
    }

    /// How many rows break a key, each counted once.
    #[must_use]
    pub fn orphans(&self) -> i64 {
        self.found
            .tables
            .iter()
            .map(crate::postgres::orphans::search::Leaving::count)
            .sum()
    }

    /// The names of the tables that have orphans.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        self.found
            .tables
            .iter()
            .map(|it| it.shown.clone())
            .collect()
    }

    /// The whole report, with the first `limit` orphans of each table.
    pub fn report(
        &self,
        transaction: &mut Transaction,
        database: String,
        limit: usize,
    ) -> Result<OrphansReport> {
        let place_of = |key: &Key| {
            let tables = self.found.tables.iter();
            tables.clone().position(|it| it.table.oid == key.child.oid)
        };
        let mut keys = Vec::new();
        for (at, key) in self.search.asked.iter().enumerate() {
            let label = self.search.labels.get(at).cloned().unwrap_or_default();
            let doing = format!("could not look at the orphans of {label}");
            let place = place_of(key).unwrap_or(usize::MAX);
            keys.push(
                self.key(transaction, key, at, label, place)
                    .context(doing)?,
            );
        }
        let mut tables = Vec::new();
        for (place, leaving) in self.found.tables.iter().enumerate() {
            let of = rows::count(
                transaction,
                &format!("SELECT count(*) FROM {}", source(&leaving.table)),
                &[],
            )?;
            let mut telling = key_columns(&leaving.table);
            let of_table = |key: &&KeyOrphans| key.place == place && key.rows > 0;
            telling.extend(
                keys.iter()
                    .filter(of_table)
                    .flat_map(|key| key.key.columns.clone()),
            );
            let times = keys
                .iter()
                .filter(of_table)
                .filter_map(|key| key.span.as_ref());
            telling.extend(times.map(|span| span.column.clone()));
            let mut sample = Vec::new();
            self.each(transaction, place, Some(limit), &mut |breaks, values| {
                sample.push(Orphan {
                    rowid: Value::Null,
                    breaks: Value::Text(breaks.into_bytes()),
                    values,
                });
                Ok(())
            })?;
            tables.push(TableOrphans {
                table: leaving.shown.clone(),
                place,
                orphans: leaving.count(),
                break_several: leaving.break_several(),
                rows: of,
                columns: leaving
                    .table
                    .columns
                    .iter()
                    .map(|it| it.name.clone())
                    .collect(),
                sample,
                telling,
            });
        }
        let dependents = self.dependents(transaction)?;
        Ok(OrphansReport {
            database,
            orphans: self.orphans(),
            keys,
            tables,
            dependents,
            unusable: self.unusable.iter().map(UnusableKey::new).collect(),
        })
    }

    fn key(
        &self,
        transaction: &mut Transaction,
        key: &Key,
        at: usize,
        label: String,
        place: usize,
    ) -> Result<KeyOrphans> {
        let named = key.named();
        let mut report = KeyOrphans {
            other_spelling: 0,
            key: TableKey::new(&named.key, named.constraint),
            label,
            place,
            pending: at < self.pending && key.there.is_none(),
            rows: 0,
            dead_parents: 0,
            most_frequent: Vec::new(),
            span: None,
        };
        let mark = self.search.mark(at);
        let breaks = |why: &Why| why.breaks & mark != 0;
        let has_orphans = self
            .found
            .of(key.child.oid)
            .is_some_and(|it| it.rows.values().any(breaks));
        if !has_orphans {
            return Ok(report);
        }
        let columns: Vec<_> = key
            .key
            .columns
            .iter()
            .map(|it| format!("c.{}", quoted(it)))
            .collect();
        let texts: Vec<_> = columns.iter().map(|it| format!("{it}::text")).collect();
        let from = format!(
            "FROM {} AS c WHERE {}",
            source(&key.child),
            key.orphaned("c")
        );
        // By the text, so that values of types without an order can be told apart too.
        let query = format!(
            "SELECT sum(n)::int8 OVER (), count(*) OVER (), n, shown FROM (
                SELECT count(*) AS n, ARRAY[{0}] AS shown {from} GROUP BY {0}) AS g
             ORDER BY n DESC, shown LIMIT {MOST_FREQUENT}",
            texts.join(", ")
        )
        .replace("sum(n)::int8 OVER ()", "(sum(n) OVER ())::int8");
        for row in transaction.query_typed(&query, &[])? {
            report.rows = row.try_get(0)?;
            report.dead_parents = row.try_get(1)?;
            let shown: Vec<Option<String>> = row.try_get(3)?;
            let values = shown.into_iter().zip(&key.key.columns);
            let values = values.map(|(text, name)| value(&key.child, name, text));
            report.most_frequent.push(DeadParent {
                key: values.collect(),
                rows: row.try_get(2)?,
            });
        }
        report.other_spelling = other_spelling(transaction, key, &from)?;
        if let Some(column) = time_column(&key.child) {
            let name = quoted(column);
            let query = format!("SELECT min(c.{name})::text, max(c.{name})::text {from}");
            let row = transaction.query_typed_one(&query, &[])?;
            let text = |at: usize| -> Result<Value> {
                let text: Option<String> = row.try_get(at)?;
                Ok(text.map_or(Value::Null, |it| Value::Text(it.into_bytes())))
            };
            report.span = Some(Span {
                column: column.to_owned(),
                oldest: text(0)?,
                newest: text(1)?,
            });
        }
        Ok(report)
    }

    fn dependents(&self, transaction: &mut Transaction) -> Result<Vec<Dependents>> {
        // Rows that break a key declared long ago stay where they are.
        let mut leaving = Found::default();
        for table in &self.found.tables {
            let mut table = table.clone();
            let keys = self.search.asked.iter().enumerate().take(self.pending);
            let keys = keys.filter(|(_, key)| key.child.oid == table.table.oid);
            let pending = keys.fold(0, |marks, (at, _)| marks | self.search.mark(at));
            table.rows.retain(|_, why| why.breaks & pending != 0);
            if !table.rows.is_empty() {
                leaving.tables.push(table);
            }
        }
        self.search.follow(transaction, &mut leaving, false)?;
        let mut dependents = Vec::new();
        for table in &leaving.tables {
            let along = self.search.reasons(&leaving, table).into_iter();
            let along = along.chain(self.search.kept_reasons(table));
            dependents.extend(along.filter(|it| !it.orphans).map(|reason| Dependents {
                table: table.shown.clone(),
                key: reason.label,
                rows: reason.rows,
                go_along: true,
            }));
        }
        for blocked in self.search.blocked(transaction, &leaving)? {
            dependents.push(Dependents {
                table: blocked.key.child.clone(),
                key: blocked.label,
                rows: blocked.rows,
                go_along: false,
            });
        }
        Ok(dependents)
    }

    /// The columns of the table at `place`.
    #[must_use]
    pub fn columns(&self, place: usize) -> Vec<String> {
        let table = self.found.tables.get(place);
        let columns = table.into_iter().flat_map(|it| &it.table.columns);
        columns.map(|it| it.name.clone()).collect()
    }

    /// Hands the orphans of the table at `place` to `each`: the keys that the row breaks, and every
    /// value, in the order of the primary key where there is one.
    pub fn each(
        &self,
        transaction: &mut Transaction,
        place: usize,
        limit: Option<usize>,
        each: &mut dyn FnMut(String, Vec<Value>) -> Result<()>,
    ) -> Result<()> {
        use postgres::fallible_iterator::FallibleIterator as _;
        let Some(leaving) = self.found.tables.get(place) else {
            return Ok(());
        };
        let table = &leaving.table;
        let texts = table
            .columns
            .iter()
            .map(|it| format!("c.{}::text", quoted(&it.name)));
        let texts: Vec<_> = texts.collect();
        let mut order: Vec<_> = key_columns(table)
            .iter()
            .map(|it| format!("c.{}", quoted(it)))
            .collect();
        order.extend(["c.tableoid".to_owned(), "c.ctid".to_owned()]);
        let limit = limit.map_or(String::new(), |it| format!(" LIMIT {it}"));
        let query = format!(
            "SELECT {}, {} FROM {} AS c WHERE {} ORDER BY {}{limit}",
            rows::place(table, "c"),
            texts.join(", "),
            source(table),
            rows::are(table, "c", 1),
            order.join(", ")
        );
        let wanted = rows::texts(leaving.rows.keys().copied());
        let names: BTreeMap<RowId, String> = leaving
            .rows
            .iter()
            .map(|(row, why)| (*row, self.search.names(table.oid, why)))
            .collect();
        let parameters = [(&wanted, Type::TEXT_ARRAY)];
        let mut found = transaction.query_typed_raw(&query, parameters)?;
        while let Some(row) = found.next()? {
            let id: RowId = row.try_get::<_, &str>(0)?.parse()?;
            let values = table.columns.iter().enumerate();
            let values = values
                .map(|(at, column)| Ok(value(table, &column.name, row.try_get(at + 1)?)))
                .collect::<Result<Vec<_>>>()?;
            each(names.get(&id).cloned().unwrap_or_default(), values)?;
        }
        Ok(())
    }
}

/// How many of the orphans, of which `from` is FROM and WHERE, have a parent whose key is text that
/// differs in case, blanks and hyphens alone, as those of a UUID.
fn other_spelling(transaction: &mut Transaction, key: &Key, from: &str) -> Result<i64> {
    let [pair] = key.pairs.as_slice() else {
        return Ok(0);
    };
    let columns = key.child.columns.iter();
    let mut columns = columns.filter(|it| it.name == pair.child);
    let is_text = |name: &str| {
        ["text", "character", "name", "citext"]
            .iter()
            .any(|it| name.rsplit('.').next().unwrap_or(name).starts_with(it))
    };
    if !columns.any(|it| is_text(&it.type_name)) {
        return Ok(0);
    }
    // The two columns may have collations that do not go together.
    let plain = |value: String| {
        format!("lower(replace(btrim({value}::text COLLATE pg_catalog.\"default\"), '-', ''))")
    };
    let own = plain(format!("c.{}", quoted(&pair.child)));
    let theirs = plain(format!("p.{}", quoted(&pair.parent)));
    let query = format!(
        "SELECT count(*) {from} AND {own} <> '' AND {own} IN (SELECT {theirs} FROM {} AS p)",
        source(&key.parent)
    );
    rows::count(transaction, &query, &[])
}

/// A value for a report: a number where the column holds whole numbers, and else the text that
/// PostgreSQL shows.
fn value(table: &Table, column: &str, text: Option<String>) -> Value {
    let Some(text) = text else {
        return Value::Null;
    };
    let kind = table.columns.iter().find(|it| it.name == column);
    let is_number =
        kind.is_some_and(|it| ["smallint", "integer", "bigint"].contains(&it.type_name.as_str()));
    match text.parse() {
        Ok(number) if is_number => Value::Integer(number),
        _ => Value::Text(text.into_bytes()),
    }
}

fn key_columns(table: &Table) -> Vec<String> {
    let primary = table.indexes.iter().find(|index| index.is_primary);
    let columns = primary
        .into_iter()
        .flat_map(|index| index.columns.iter().flatten());
    columns.cloned().collect()
}

/// The column that evidently tells when a row was made.
fn time_column(table: &Table) -> Option<&str> {
    let is_time = |column: &&catalog::Column| {
        column.type_name.starts_with("timestamp") || column.type_name == "date"
    };
    let mut times: Vec<_> = table.columns.iter().filter(is_time).collect();
    times.sort_by_key(|column| !column.name.to_lowercase().starts_with("creat"));
    times.first().map(|column| column.name.as_str())
}
