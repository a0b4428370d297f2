//! The survey of orphans that need no list: nothing hangs on them, and few are shown.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::of_key::{MOST_FREQUENT, time_column};
use super::surveyed::{Source, Survey, SurveyedTable};
use crate::model::key;
use crate::model::value::Value;
use crate::outcome::orphans::{DeadParent, KeyOrphans, Span};
use crate::sqlite::keys::{NewKey, TableKeys};
use crate::sqlite::orphans::lists::{Lists, Removal};
use crate::sqlite::orphans::tally::{self, Asked, Tally};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::snapshot;
use crate::sqlite::text::ddl::{quote, same_name};

/// More rows than this are shown by their list.
const MOST_SHOWN: usize = 1000;

/// A table and its orphans in numbers.
type Tallied<'a> = (&'a TableKeys, Tally);

impl Survey {
    /// Counts the orphans of `targets` and lists the first `limit` of each; whether that could be
    /// done, and tells all that there is to tell.
    pub(super) fn count_alone(
        &mut self,
        connection: &Connection,
        targets: &[TableKeys],
        declared: &[NamedKey],
        limit: usize,
    ) -> Result<bool> {
        if limit > MOST_SHOWN {
            return Ok(false);
        }
        snapshot::must_be_apart(connection)?;
        let searched = targets.iter().flat_map(TableKeys::searched);
        let searched = searched.map(NewKey::named);
        let keys = foreign_key::distinct(searched.chain(declared.iter().cloned()));
        let asked = targets.iter().map(|it| asked_of(connection, it, limit));
        let asked = asked.collect::<Result<Vec<_>>>()?;
        if !asked.iter().all(Asked::may_be_counted) {
            return Ok(false);
        }
        let counts = RowCounts::new(connection);
        let mut tallied = Vec::new();
        for (target, asked) in targets.iter().zip(&asked) {
            let Some(tally) = tally::tally(connection, &counts, asked)? else {
                return Ok(false);
            };
            if some_leave(target, &tally) && is_parent(&target.table, &keys) {
                return Ok(false);
            }
            tallied.push((target, tally));
        }
        let mut labels = key::labels(&keys).into_iter();
        for (target, tally) in tallied {
            let labels: Vec<_> = labels.by_ref().take(tally.keys.len()).collect();
            self.add_tallied(connection, &counts, (target, tally), &labels)?;
        }
        Ok(true)
    }

    fn add_tallied(
        &mut self,
        connection: &Connection,
        counts: &RowCounts<'_>,
        (target, tally): Tallied<'_>,
        labels: &[String],
    ) -> Result<()> {
        let table = &target.table;
        let time = time_column(table);
        for ((new, key), label) in target.searched().zip(&tally.keys).zip(labels) {
            let frequent = key.most_frequent.iter().cloned();
            let no_time = || (Value::Null, Value::Null);
            let span = key.span.clone().unwrap_or_else(no_time);
            let span = time.filter(|_| key.rows > 0).map(|time| (span, time));
            self.keys.push(KeyOrphans {
                named: new.named(),
                label: label.clone(),
                place: self.places,
                pending: new.there.is_none(),
                rows: key.rows,
                dead_parents: key.dead_parents,
                most_frequent: frequent
                    .map(|(key, rows)| DeadParent {
                        key: vec![key],
                        rows,
                    })
                    .collect(),
                span: span.map(|((oldest, newest), column)| Span {
                    column: column.to_owned(),
                    oldest,
                    newest,
                }),
                other_spelling: key.other_spelling,
            });
        }
        if tally.orphans > 0 {
            let removal = list_first(connection, table, &tally, labels)
                .with_context(|| format!("could not list orphans of {}", table.name))?;
            self.tables.push(SurveyedTable {
                table: table.clone(),
                place: self.places,
                orphans: tally.orphans,
                break_several: tally.break_several,
                of: counts.of(&table.name)?,
                source: Source::of(&removal),
            });
        }
        self.places += 1;
        Ok(())
    }
}

/// What is asked of the rows of `target`, and the `first` orphans to name.
fn asked_of<'a>(connection: &Connection, target: &'a TableKeys, first: usize) -> Result<Asked<'a>> {
    let parent = |new: &NewKey| Ok((Table::read(connection, &new.key.parent)?, new.key.clone()));
    Ok(Asked {
        child: &target.table,
        keys: target.searched().map(parent).collect::<Result<_>>()?,
        time: time_column(&target.table),
        first,
        most_frequent: MOST_FREQUENT,
    })
}

/// Whether rows of `target` leave because they break a key that is asked for.
fn some_leave(target: &TableKeys, tally: &Tally) -> bool {
    let mut asked_for = tally.keys.iter().take(target.asked_for().count());
    asked_for.any(|key| key.rows > 0)
}

fn is_parent(table: &Table, keys: &[NamedKey]) -> bool {
    keys.iter().any(|it| same_name(&it.key.parent, &table.name))
}

/// Lists the first orphans of `table`, by which they are read.
fn list_first(
    connection: &Connection,
    table: &Table,
    tally: &Tally,
    labels: &[String],
) -> Result<Removal> {
    let list = Lists::new(connection).free_name(&format!("fkfix_first_of_{}", table.name))?;
    let name = quote(&list);
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE {name} (k1 INTEGER PRIMARY KEY, reasons TEXT, breaks INTEGER)"
    ))?;
    let mut insert = connection.prepare(&format!("INSERT INTO temp.{name} VALUES (?1, ?2, 1)"))?;
    for (rowid, breaks) in &tally.first {
        let broken = labels.iter().enumerate();
        let broken = broken.filter(|(at, _)| breaks >> at & 1 == 1);
        let reasons: Vec<_> = broken.map(|(_, label)| label.as_str()).collect();
        insert.execute((rowid, reasons.join(", ")))?;
    }
    Ok(Removal::new(table.clone(), list))
}

#[cfg(test)]
#[path = "counted_tests.rs"]
mod tests;
