//! How a table is read: by no index that this SQLite could not have kept, and with a look at whether
//! those that it could are whole.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::sqlite::schema::column::Affinity;
use crate::sqlite::schema::index::Index;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{quote, same_name};

impl Table {
    /// The first index that this SQLite could not have kept, with the reason.
    #[must_use]
    pub fn unkept_index(&self) -> Option<(&str, &str)> {
        let mut indexes = self.index_list.iter();
        indexes.find_map(|it| Some((it.name.as_str(), it.unkept.as_deref()?)))
    }

    /// The table in `FROM`, called `alias` unless that is empty; its rows do not come by an index
    /// that this SQLite could not have kept.
    ///
    /// In a table without rowids `NOT INDEXED` leaves the choice of an index open, so there the one
    /// is named that is the table.
    #[must_use]
    pub fn source(&self, alias: &str) -> String {
        let primary_key = self.index_list.iter().find(|it| it.is_primary_key);
        match (self.unkept_index(), &self.row_key, primary_key) {
            (None, ..) => self.named(alias, ""),
            (Some(_), RowKey::PrimaryKey(_), Some(index)) => self.by(alias, index),
            (Some(_), ..) => self.named(alias, " NOT INDEXED"),
        }
    }

    /// As [`source`](Self::source), for a search by all of `columns`, which are a parent key.
    #[must_use]
    pub fn source_by_key(&self, alias: &str, columns: &[String]) -> String {
        match self.unkept_index().and(self.key_index(columns)) {
            Some(index) => self.by(alias, index),
            None => self.source(alias),
        }
    }

    /// As [`source`](Self::source), but by no index at all.
    #[must_use]
    pub fn scanned(&self, alias: &str) -> String {
        let primary_key = self.index_list.iter().find(|it| it.is_primary_key);
        match (&self.row_key, primary_key) {
            (RowKey::PrimaryKey(_), Some(index)) => self.by(alias, index),
            _ => self.named(alias, " NOT INDEXED"),
        }
    }

    /// As [`source`](Self::source), by `index`.
    #[must_use]
    pub fn by(&self, alias: &str, index: &Index) -> String {
        self.named(alias, &format!(" INDEXED BY {}", quote(&index.name)))
    }

    fn named(&self, alias: &str, how: &str) -> String {
        let alias = match alias {
            "" => String::new(),
            alias => format!(" AS {alias}"),
        };
        format!("main.{}{alias}{how}", quote(&self.name))
    }

    /// The index that keeps `columns` unique, in any order; none where the rows themselves do.
    #[must_use]
    pub fn key_index(&self, columns: &[String]) -> Option<&Index> {
        let is_key = |index: &&Index| {
            let indexed = index.columns.as_deref().unwrap_or_default();
            index.unique
                && index.unkept.is_none()
                && indexed.len() == columns.len()
                && columns
                    .iter()
                    .all(|name| indexed.iter().any(|it| same_name(it, name)))
        };
        match &self.row_key {
            RowKey::Alias(name) if matches!(columns, [only] if same_name(only, name)) => None,
            RowKey::PrimaryKey(_) => {
                let found = self.index_list.iter().find(is_key);
                found.filter(|index| !index.is_primary_key)
            }
            _ => self.index_list.iter().find(is_key),
        }
    }

    /// The indexes that this SQLite keeps beside the table, over whole columns.
    pub fn kept_indexes(&self) -> impl Iterator<Item = (&Index, &[String])> {
        let is_table =
            |it: &Index| it.is_primary_key && matches!(self.row_key, RowKey::PrimaryKey(_));
        let kept = self.index_list.iter();
        let kept = kept.filter(move |it| it.unkept.is_none() && !is_table(it));
        kept.filter_map(|it| Some((it, it.columns.as_deref()?)))
    }

    /// Fails where an index that begins like `columns` has another number of entries than the table
    /// has rows, or is in another order than this SQLite would keep.
    pub fn must_have_whole_indexes(
        &self,
        connection: &Connection,
        counts: &RowCounts<'_>,
        columns: &[String],
    ) -> Result<()> {
        let Some(column) = columns.first() else {
            return Ok(());
        };
        let is_table =
            |it: &Index| it.is_primary_key && matches!(self.row_key, RowKey::PrimaryKey(_));
        let leads = |it: &&Index| {
            it.lead
                .as_deref()
                .is_some_and(|lead| same_name(lead, column))
        };
        for index in self.index_list.iter().filter(leads) {
            if index.unkept.is_some() || is_table(index) || !counts.is_first_look(&index.name) {
                continue;
            }
            if counts.entries(self, index)? != counts.of(&self.name)? {
                return Err(self.damaged(index).into());
            }
            self.must_be_in_order(connection, index, column)?;
        }
        Ok(())
    }

    /// Fails where `index`, of which `column` is the first, is not in the order of its collation. An
    /// application may have one of its own under the name of one of SQLite's, most of all NOCASE.
    fn must_be_in_order(&self, connection: &Connection, index: &Index, column: &str) -> Result<()> {
        let Some(column) = self.column(column) else {
            return Ok(());
        };
        if same_name(&column.collation, "BINARY") || column.affinity == Affinity::Numeric {
            return Ok(());
        }
        let (name, from) = (quote(&column.name), self.by("", index));
        let collation = quote(&column.collation);
        let query = format!(
            "SELECT (SELECT x.desc FROM pragma_index_xinfo AS x WHERE x.arg = ?1 AND x.schema = 'main' AND x.seqno = 0), max(before < now COLLATE {collation}), max(before > now COLLATE {collation})
             FROM (SELECT {name} AS now, lag({name}) OVER () AS before FROM {from})"
        );
        let (descends, rises, falls): (bool, Option<bool>, Option<bool>) =
            connection.query_row(&query, [&index.name], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let broken = if descends { rises } else { falls };
        if broken != Some(true) {
            return Ok(());
        }
        let collation = &column.collation;
        Err(Failure::impossible(format!(
            "the index {} of {} is in another order than that of SQLite's collation {collation}",
            index.name, self.name
        ))
        .hint(format!(
            "REINDEX {} first; an application that has a {collation} of its own must do so again afterwards",
            quote(&self.name)
        ))
        .into())
    }

    /// Fails where an index that keeps a key unique finds other rows than a look at each row, among
    /// those that have one of the keys of `others`: `FROM` and `WHERE` of rows `a` with the columns
    /// that `has` tells. Another row with such a key would not be noticed.
    pub fn must_keep_unique(
        &self,
        connection: &Connection,
        others: &str,
        has: impl Fn(&str) -> bool,
    ) -> Result<()> {
        for (index, columns) in self.kept_indexes().filter(|(it, _)| it.unique) {
            if !columns.iter().all(|it| has(it)) {
                continue;
            }
            let names = |alias: &str| {
                let names = columns.iter().map(|it| format!("{alias}.{}", quote(it)));
                names.collect::<Vec<_>>().join(", ")
            };
            let count = |from: String| -> Result<i64> {
                let query = format!(
                    "SELECT count(1) FROM {from} WHERE ({}) IN (SELECT {} {others})",
                    names("w"),
                    names("a")
                );
                Ok(connection.query_row(&query, [], |row| row.get(0))?)
            };
            if count(self.by("w", index))? != count(self.scanned("w"))? {
                return Err(self.damaged(index).into());
            }
        }
        Ok(())
    }

    /// What is said of a table whose index and rows differ.
    #[must_use]
    pub fn damaged(&self, index: &Index) -> Failure {
        Failure::impossible(format!(
            "the index {} of {} is damaged: it does not hold what the rows of the table say",
            index.name, self.name
        ))
        .hint(remedy(&[(
            &self.name,
            index.columns.as_deref().unwrap_or_default(),
        )]))
    }
}

/// What helps where an index and the rows of a table differ, over these columns of each: the index may
/// lack rows, or hold values as they were before a column was given another type, by which SQLite looks
/// for something else.
#[must_use]
pub fn remedy(tables: &[(&str, &[String])]) -> String {
    let each = tables
        .iter()
        .map(|(it, _)| format!("REINDEX {}", quote(it)));
    let reindex: Vec<_> = each.collect();
    let each = tables.iter().filter(|(_, columns)| !columns.is_empty());
    let update: Vec<_> = each
        .map(|(table, columns)| {
            let set = columns.iter().map(|it| format!("{0} = {0}", quote(it)));
            let set: Vec<_> = set.collect();
            format!("UPDATE {} SET {}", quote(table), set.join(", "))
        })
        .collect();
    let reindex = reindex.join(" and ");
    if update.is_empty() {
        return format!("{reindex} first, and see what else PRAGMA integrity_check finds");
    }
    format!(
        "{reindex} first, and see what else PRAGMA integrity_check finds; where a column was given another type since its rows were written, {} fits them to it",
        update.join(" and ")
    )
}
