//! What is told of the orphans of one key: how many, since when, of which missing parents.

use anyhow::Result;
use rusqlite::Connection;

use crate::model::key::KeyId;
use crate::model::value::Value;
use crate::outcome::orphans::{DeadParent, KeyOrphans, Span};
use crate::sqlite::keys::conditions;
use crate::sqlite::orphans::Found;
use crate::sqlite::orphans::lists::{self};
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::{Column, Table, values};
use crate::sqlite::text::ddl::{quote, quote_list};

/// How many missing parents are shown for each key.
pub(super) const MOST_FREQUENT: usize = 5;

impl KeyOrphans {
    /// Looks at the rows of `child` that break the key, which are those `found` for the key `id`.
    pub(super) fn look(
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
        self.other_spelling = other_spelling(connection, &parent, &self.named.key, &orphans)?;
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
            let place = frequent.partition_point(|more| more.rows >= rows);
            if place < MOST_FREQUENT {
                let values = (1..=width).map(|at| group.get_ref(at).map(Value::from));
                let key = values.collect::<rusqlite::Result<_>>()?;
                frequent.insert(place, DeadParent { key, rows });
                frequent.truncate(MOST_FREQUENT);
            }
        }
        Ok(())
    }
}

/// How many of `orphans`, which is FROM and WHERE of them, have a parent whose key is text that differs
/// in case, blanks and hyphens alone, as those of a UUID. Each distinct key is looked at once.
fn other_spelling(
    connection: &Connection,
    parent: &Table,
    key: &ForeignKey,
    orphans: &str,
) -> Result<i64> {
    let mut pairs = key.pairs();
    let (Some((column, parent_column)), None) = (pairs.next(), pairs.next()) else {
        return Ok(0);
    };
    let plain = |value: &str| format!("lower(replace(trim({value}), '-', ''))");
    let theirs = format!("p.{}", quote(parent_column));
    // Grouped by their bytes, whatever the collation: one that ignores case says nothing of blanks.
    let query = format!(
        "SELECT coalesce(sum(number), 0) FROM (SELECT w.{0} COLLATE BINARY AS key, count(*) AS number {orphans} GROUP BY 1) WHERE typeof(key) = 'text' AND {1} <> '' AND {1} IN (SELECT {2} FROM {3} WHERE typeof({theirs}) = 'text')",
        quote(column),
        plain("key"),
        plain(&theirs),
        parent.source("p")
    );
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
pub(super) fn time_column(table: &Table) -> Option<&str> {
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
