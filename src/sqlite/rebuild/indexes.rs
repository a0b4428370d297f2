//! Indexes that are built, or made under other names and given their own.

use anyhow::Result;

use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::SchemaObject;
use crate::sqlite::schema::snapshot::free_name;
use crate::sqlite::text::ddl::{self, literal};

// As those of `way.rs`.
const WORK_PER_INDEXED_ROW: usize = 12;
const WEIGHT_OF_INDEXING: usize = 90;

/// Builds an index, the `at`-th of `count`, over `rows` rows.
#[must_use]
pub fn build_index(index: &SchemaObject, at: usize, count: usize, rows: i64) -> Step {
    let title = format!("build index {at} of {count}, {}", index.name);
    Step::run(title, index.sql.as_str()).over(rows, WORK_PER_INDEXED_ROW, WEIGHT_OF_INDEXING)
}

/// An index that is made under a name that is free.
pub(super) struct Standin<'a> {
    pub(super) index: &'a SchemaObject,
    pub(super) name: String,
    pub(super) sql: String,
}

pub(super) fn standins<'a>(
    taken: &[String],
    indexes: &'a [SchemaObject],
) -> Result<Vec<Standin<'a>>> {
    let mut standins = Vec::new();
    for (at, index) in indexes.iter().enumerate() {
        let name = free_name(taken, &format!("fkfix_index_{}", at + 1));
        standins.push(Standin {
            sql: ddl::rename_index(&index.sql, &name)?,
            name,
            index,
        });
    }
    Ok(standins)
}

/// Gives each index the name and the text of the one that it stands in for.
pub(super) fn name_indexes(table: &str, standins: &[Standin<'_>]) -> Step {
    let updates: Vec<_> = standins
        .iter()
        .map(|standin| {
            format!(
                "UPDATE main.sqlite_schema SET name = {}, sql = {} WHERE type = 'index' AND name = {}",
                literal(&standin.index.name),
                literal(&standin.index.sql),
                literal(&standin.name)
            )
        })
        .collect();
    Step::run(
        format!("give the indexes of {table} their names"),
        edit_schema(&updates.join(";\n")),
    )
    .editing_schema()
}

/// `updates` of `sqlite_schema`, and SQLite's own knowledge of it renewed
/// (<https://www.sqlite.org/pragma.html#pragma_writable_schema>).
#[must_use]
pub fn edit_schema(updates: &str) -> String {
    format!("PRAGMA writable_schema = ON;\n{updates};\nPRAGMA writable_schema = RESET")
}
