//! Rows that would stay and forget their keys, tried in a temporary table of the same definition.

use anyhow::{Context as _, Result, anyhow};
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType;

use super::{Fates, note_why};
use crate::sqlite::orphans::lists::{self, Lists, Removal};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{self, quote, quote_list, same_name};

/// The statements that find out which rows may stay as they would be.
pub struct Trial {
    /// Makes a table of the same definition.
    pub create: String,
    /// Puts all rows there that are not listed, where these may be in the way.
    pub copy_others: Option<String>,
    /// Make its unique indexes.
    pub indexes: Vec<String>,
    /// Puts the listed rows there, but for those that it does not take.
    pub take: String,
    /// The condition that the row `l` of the list was not taken.
    pub not_taken: String,
    /// Drops the table.
    pub drop: String,
}

impl Fates<'_> {
    /// Tries the rows as they would be in a temporary table of the same definition, beside all
    /// others where an index matters; those that it does not take leave. It has the table's own name
    /// too, which its definition may speak of, and is gone before anything else is asked.
    pub(super) fn demote_by_trial(
        &self,
        lists: &mut Lists<'_>,
        removal: &Removal,
        round: i64,
    ) -> Result<()> {
        let table = &removal.table;
        let trial = self.trial(removal, &table.name)?;
        let filled = if scratch::makes(table)? {
            Self::fill_trial(lists, &trial, &table.name)
        } else {
            Err(anyhow!("this SQLite can't make {}", table.name))
        };
        let not_taken = match filled {
            Ok(()) => &trial.not_taken,
            Err(error) => {
                tracing::debug!("{error:#}");
                "TRUE"
            }
        };
        let any = lists.demote(&table.name, not_taken, round)?;
        lists.run(trial.drop, &table.name)?;
        if any {
            for forgetting in &removal.forgets {
                note_why(
                    lists,
                    forgetting.key,
                    "a CHECK or a unique index forbids it",
                );
            }
        }
        Ok(())
    }

    fn fill_trial(lists: &mut Lists<'_>, trial: &Trial, table: &str) -> Result<()> {
        lists.run(trial.create.clone(), table)?;
        if let Some(copy) = &trial.copy_others {
            // What breaks a CHECK today stays as it is.
            lists.run("PRAGMA ignore_check_constraints = ON".into(), table)?;
            let copied = lists.run(copy.clone(), table);
            lists.run("PRAGMA ignore_check_constraints = OFF".into(), table)?;
            copied?;
        }
        for index in &trial.indexes {
            lists.run(index.clone(), table)?;
        }
        lists.run(trial.take.clone(), table)?;
        Ok(())
    }

    /// The statements of a trial of the rows of `removal` that forget keys, in the temporary table
    /// `name`.
    pub fn trial(&self, removal: &Removal, name: &str) -> Result<Trial> {
        let table = &removal.table;
        let target = format!("temp.{}", quote(name));
        let stored: Vec<_> = table.stored_columns().collect();
        let (mut columns, mut now) = (
            quote_list("", stored.iter().copied()),
            quote_list("w.", stored.iter().copied()),
        );
        let set = removal.set_columns();
        let then = stored.iter().map(|name| {
            let value = format!("w.{}", quote(name));
            if set.iter().any(|it| same_name(it, name)) {
                removal.set_value(name, "l.forgets", &value)
            } else {
                value
            }
        });
        let mut then = then.collect::<Vec<_>>().join(", ");
        if let RowKey::Implicit(rowid) = table.row_key {
            columns = format!("{rowid}, {columns}");
            now = format!("w.{rowid}, {now}");
            then = format!("w.{rowid}, {then}");
        }
        let (mut copy_others, mut indexes) = (None, Vec::new());
        if index_matters(self.connection, table, removal)? {
            copy_others = Some(format!(
                "INSERT INTO {target} ({columns}) SELECT {now} FROM {} WHERE NOT EXISTS (SELECT 1 FROM temp.{} AS l WHERE {})",
                table.source("w"),
                quote(&removal.list),
                lists::has_listed_key("w", removal),
            ));
            for (at, sql) in self.unique_indexes(table)?.iter().enumerate() {
                let index = format!("temp.fkfix_trial_{at}");
                indexes.push(ddl::move_index(sql, &index, name)?);
            }
        }
        let same = table.row_key.columns();
        let same = same.iter().zip(1..);
        let same = same.map(|(column, at)| format!("t.{} = l.k{at}", quote(column)));
        Ok(Trial {
            create: ddl::rename_table(&table.sql, &target)?,
            copy_others,
            indexes,
            take: format!(
                "INSERT OR IGNORE INTO {target} ({columns}) SELECT {then} {}",
                lists::from_kept("w", removal)
            ),
            not_taken: format!(
                "NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {})",
                same.collect::<Vec<_>>().join(" AND ")
            ),
            drop: format!("DROP TABLE IF EXISTS {target}"),
        })
    }

    /// Whether only a trial tells if the rows of `removal` can stay.
    pub fn needs_trial(&self, removal: &Removal) -> Result<bool> {
        let tokens = ddl::tokens(&removal.table.sql).unwrap_or_default();
        let has_check = tokens.iter().any(|it| it.kind == TokenType::TK_CHECK);
        Ok(has_check || index_matters(self.connection, &removal.table, removal)?)
    }

    fn unique_indexes(&self, table: &Table) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare(
            "SELECT m.sql FROM pragma_index_list AS i JOIN main.sqlite_schema AS m ON m.name = i.name AND m.type = 'index' WHERE i.arg = ?1 AND i.schema = 'main' AND i.\"unique\" AND m.sql IS NOT NULL",
        )?;
        let indexes = statement.query_map([&table.name], |row| row.get(0))?;
        Ok(indexes.collect::<Result<_, _>>()?)
    }
}

/// Whether another row can be in the way of those of `removal`, once they have forgotten keys.
fn index_matters(connection: &Connection, table: &Table, removal: &Removal) -> Result<bool> {
    if removal.forgets.iter().any(|it| it.defaults.is_some()) {
        return Ok(true);
    }
    // NULL is never a duplicate, so only an index over expressions or some rows can be in the way.
    let query = "SELECT EXISTS (SELECT 1 FROM pragma_index_list AS i WHERE i.arg = ?1 AND i.schema = 'main' AND i.\"unique\" AND (i.partial OR EXISTS (SELECT 1 FROM pragma_index_xinfo AS x WHERE x.arg = i.name AND x.schema = 'main' AND x.\"key\" AND x.cid = -2)))";
    connection
        .query_row(query, [&table.name], |row| row.get(0))
        .with_context(|| format!("could not read the indexes of {}", table.name))
}
