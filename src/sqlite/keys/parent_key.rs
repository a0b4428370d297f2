//! What to do where the columns that a key refers to are no parent key.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::sqlite::schema::Table;
use crate::sqlite::schema::snapshot;
use crate::sqlite::schema::snapshot::free_name;
use crate::sqlite::text::ddl::{quote, quote_list};
use crate::text;

/// How `columns` of `parent` become UNIQUE: the statement that makes an index, or what stands in
/// its way. Rows with a NULL in these columns do not: SQLite takes any number of them
/// (<https://www.sqlite.org/lang_createindex.html#unique_indexes>). `lead` comes before the statement
/// where nothing does.
pub fn remedy(
    connection: &Connection,
    parent: &Table,
    columns: &[String],
    lead: &str,
) -> Result<String> {
    let (table, list) = (
        quote(&parent.name),
        quote_list("", columns.iter().map(String::as_str)),
    );
    let wanted = format!("{}_{}", parent.name, columns.join("_"));
    let name = free_name(&snapshot::taken_names(connection)?, &wanted);
    let create = format!("CREATE UNIQUE INDEX {} ON {table} ({list})", quote(&name));
    let complete: Vec<_> = columns
        .iter()
        .map(|name| format!("{} IS NOT NULL", quote(name)))
        .collect();
    let twice = format!(
        "FROM {table} WHERE {} GROUP BY {list} HAVING count(*) > 1",
        complete.join(" AND ")
    );
    let count = format!("SELECT count(*), sum(n) FROM (SELECT count(*) AS n {twice})");
    let (values, rows) = connection
        .query_row(&count, [], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Option<i64>>(1)?.unwrap_or(0),
            ))
        })
        .with_context(|| format!("could not look for duplicates in {}", parent.name))?;
    if values == 0 {
        return Ok(format!(
            "{lead}{create}; a partial index, or one of another collation, does not count"
        ));
    }
    Ok(format!(
        "no UNIQUE index can be made as long as {} share {}: give each row a value of its own (SELECT {list}, count(*) {twice} lists them), then run {create}",
        text::rows(rows),
        text::plural(values, "value"),
    ))
}
