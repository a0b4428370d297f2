//! What an administrator wants to know of the orphans before anything is done about them. Nothing
//! is written, so a hot standby answers too.

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::orphan_rows::{columns, each_row, key_columns, other_spelling, time_column, value};
use crate::migrations::Migrations;
use crate::model::key::ForeignKey;
use crate::model::value::Value;
use crate::outcome;
use crate::outcome::orphans::{
    DeadParent, Dependents, KeyOrphans, Orphan, OrphansReport, Span, TableOrphans, UnusableKey,
};
use crate::policy::OrphanAction;
use crate::postgres::catalog::quoted;
use crate::postgres::database::own::Own;
use crate::postgres::database::{Database, applicable};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::preflight;
use crate::postgres::orphans::{Found, Leaving, Search, Why};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, source};
use crate::postgres::text::parts;
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
                return Err(outcome::orphans::several_tables(&tables.join(", ")).into());
            }
            if let Some(leaving) = survey.found.tables.first() {
                let mut names = vec!["fkfix_rowid".to_owned(), "fkfix_constraints".to_owned()];
                names.extend(columns(leaving));
                write(&names, &mut |each| {
                    each_row(
                        transaction,
                        &survey.search,
                        leaving,
                        None,
                        &mut |breaks, values| {
                            let mut row = vec![Value::Null, Value::Text(breaks.into_bytes())];
                            row.extend(values);
                            each(&row)
                        },
                    )
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
        self.found.tables.iter().map(Leaving::count).sum()
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
        let place_of = |at: usize, key: &Key| {
            let mut tables = self.found.tables.iter();
            let own = tables.position(|it| it.table.oid == key.child.oid);
            let mut tables = self.found.tables.iter();
            let breaks = |it: &Leaving| it.rows.values().any(|why| why.breaks_elsewhere(at));
            own.or_else(|| tables.position(breaks))
        };
        let mut keys = Vec::new();
        for (at, key) in self.search.asked.iter().enumerate() {
            let label = self.search.labels.get(at).cloned().unwrap_or_default();
            let doing = format!("could not look at the orphans of {label}");
            let place = place_of(at, key).unwrap_or(usize::MAX);
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
                    .flat_map(|key| key.named.key.columns.clone()),
            );
            let times = keys
                .iter()
                .filter(of_table)
                .filter_map(|key| key.span.as_ref());
            telling.extend(times.map(|span| span.column.clone()));
            let mut sample = Vec::new();
            each_row(
                transaction,
                &self.search,
                leaving,
                Some(limit),
                &mut |breaks, values| {
                    sample.push(Orphan {
                        rowid: Value::Null,
                        breaks: Value::Text(breaks.into_bytes()),
                        values,
                    });
                    Ok(())
                },
            )?;
            tables.push(TableOrphans {
                table: leaving.shown.clone(),
                place,
                orphans: leaving.count(),
                break_several: leaving.break_several(),
                rows: of,
                columns: columns(leaving),
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
        let mut report = KeyOrphans {
            other_spelling: 0,
            named: key.named(),
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
        if !has_orphans && !self.found.is_broken_elsewhere(at) {
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
}
