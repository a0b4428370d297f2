//! Down scripts with what fkfix adds to them, for psql.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use super::child::not_for_spread;
use crate::failure::Failure;
use crate::postgres::apply::down::script::{Part, Script};
use crate::postgres::apply::down::{Order, targets};
use crate::postgres::catalog::{Table, list, quoted};
use crate::postgres::database::own::{HISTORY, Own};
use crate::postgres::keys::{self, child_index};
use crate::postgres::leave::archive::{self, KEPT};
use crate::postgres::restore::forgotten::Forgotten;
use crate::postgres::schema::{CATALOG_PATH, Schema};

/// A down script with what fkfix adds to it.
pub struct Lines {
    /// A comment.
    pub title: String,
    /// The statements of one transaction.
    pub statements: Vec<String>,
}

/// The scripts for psql, one a migration.
pub fn scripts(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    order: Order<'_>,
) -> Result<Vec<Lines>> {
    let mut scripts = Vec::new();
    for next in targets(transaction, schema, own, order)? {
        let applied = &next.applied;
        if next.progress.is_some() {
            return Err(Failure::impossible(format!(
                "V{}__{} is under way, and a script can't end it",
                applied.version, applied.name
            ))
            .hint("end it with fkfix up or fkfix down")
            .into());
        }
        let script = Script::read(order.migrations, applied, false)?;
        let mut statements = vec!["SET LOCAL lock_timeout = '100ms'".to_owned()];
        for part in &script.parts {
            match part {
                Part::Drop(path, constraint, _) => {
                    if schema.table(path)?.spread.is_some() {
                        return Err(not_for_spread(&path.shown()));
                    }
                    statements.push(dropping(schema.table(path)?, constraint));
                }
                Part::Statement(_, sql) => {
                    let path = schema.search_path();
                    statements.push(format!("SET LOCAL search_path = {path}"));
                    statements.push(sql.clone());
                    statements.push(CATALOG_PATH.to_owned());
                }
                Part::Key(request) => {
                    let request = std::slice::from_ref(request);
                    for key in keys::resolve(transaction, schema, request)? {
                        statements.extend([key.add_sql(), key.validate_sql()]);
                    }
                }
            }
        }
        let indexes = child_index::all(schema, &applied.adopted).into_iter().rev();
        // That of the whole takes those of its partitions along.
        let there = indexes.filter_map(|it| it.drop_sql(schema));
        statements.extend(there.map(|it| it.replacen("INDEX ", "INDEX IF EXISTS ", 1)));
        let archives = archive::all(schema)
            .into_iter()
            .filter(|_| !order.leave_orphans);
        for archive in archives {
            let number = archive::count(transaction, &archive, Some(applied.version))?;
            if let Some(table) = schema.get(&archive.of).filter(|_| number > 0) {
                let shown = schema.shown(&archive.of);
                statements.extend(putting_back(
                    transaction,
                    &archive,
                    table,
                    &shown,
                    applied.version,
                )?);
            }
        }
        statements.extend(forgetting(own, applied.version));
        scripts.push(Lines {
            title: format!(
                "-- reverts V{}__{} in one transaction",
                applied.version, applied.name
            ),
            statements,
        });
    }
    Ok(scripts)
}

/// The statements that take an empty table away.
#[must_use]
pub fn drop_if_empty(table: &str) -> String {
    format!(
        "DO $fkfix$ BEGIN IF NOT EXISTS (SELECT FROM {table}) THEN DROP TABLE {table}; END IF; END $fkfix$"
    )
}

/// The statements that put back what `archive` has of a migration: rows that left, and what rows
/// that stayed forgot.
pub fn putting_back(
    transaction: &mut Transaction,
    archive: &archive::Archive,
    table: &Rc<Table>,
    shown: &str,
    version: i64,
) -> Result<Vec<String>> {
    let columns = list(&archive::returning(archive, table));
    let name = &archive.table.name;
    let left = if archive.has_kept {
        format!(" AND {KEPT} IS NULL")
    } else {
        String::new()
    };
    let mut statements = vec![format!(
        "WITH back AS (DELETE FROM {name} WHERE fkfix_version = {version}{left} RETURNING *)\nINSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM back ORDER BY fkfix_id",
        table.name
    )];
    if archive.has_kept {
        let query = format!(
            "SELECT fkfix_id FROM {name} WHERE fkfix_version = $1 AND {KEPT} IS NOT NULL ORDER BY 1"
        );
        let rows = transaction.query_typed(&query, &[(&version, Type::INT8)])?;
        let ids = rows.iter().map(|row| Ok(row.try_get(0)?));
        let ids = ids.collect::<Result<Vec<i64>>>()?;
        if !ids.is_empty() {
            let forgotten = Forgotten::of(transaction, archive, table, shown, &ids)?;
            statements.push(forgotten.script(version));
        }
    }
    statements.push(drop_if_empty(&name.to_string()));
    Ok(statements)
}

/// The statements that forget a migration.
#[must_use]
pub fn forgetting(own: &Own, version: i64) -> Vec<String> {
    let table = own.table(HISTORY);
    vec![
        format!("DELETE FROM {table} WHERE version = {version}"),
        drop_if_empty(&table),
    ]
}

/// A name in quotes, where a statement drops a constraint.
#[must_use]
pub fn dropping(table: &Table, constraint: &str) -> String {
    format!(
        "ALTER TABLE {} DROP CONSTRAINT {}",
        table.name,
        quoted(constraint)
    )
}
