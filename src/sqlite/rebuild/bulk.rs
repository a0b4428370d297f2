//! Sets the indexes of a table aside while many rows go into it: to build an index anew, sorted,
//! costs less than to find the place of each row in it.

use anyhow::Result;
use rusqlite::Connection;

use crate::sqlite::rebuild;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::{SchemaObject, Table};
use crate::sqlite::text::ddl::{literal, quote};

/// Stands before the names of indexes in SQLite's statistics while they are gone: DROP INDEX
/// deletes what is kept under an index's own name.
const MARK: &str = "fkfix kept ";

/// The steps before and the steps after.
#[derive(Debug, Default)]
pub struct Aside {
    /// Take the indexes away.
    pub before: Vec<Step>,
    /// Make them again, to the letter.
    pub after: Vec<Step>,
}

/// Plans to set the indexes of `table` aside while it grows to about `rows` rows.
///
/// Unique indexes stay, as they tell which rows may not go in.
pub fn set_indexes_aside(connection: &Connection, table: &Table, rows: i64) -> Result<Aside> {
    let indexes: Vec<_> = table.indexes.iter().filter(|it| !is_unique(it)).collect();
    if indexes.is_empty() {
        return Ok(Aside::default());
    }
    let statistics = statistics_tables(connection)?;
    let mut aside = Aside::default();
    aside.before.extend(statistics.iter().map(|name| {
        let marked = format!("{} || idx", literal(MARK));
        relabel(name, table, &marked, "idx IS NOT NULL")
    }));
    aside.before.extend(indexes.iter().map(|index| {
        let drop = format!("DROP INDEX main.{}", quote(&index.name));
        Step::run(format!("set index {} aside", index.name), drop)
    }));
    let count = indexes.len();
    aside.after.extend(
        indexes
            .iter()
            .enumerate()
            .map(|(at, index)| rebuild::build_index(index, at + 1, count, rows)),
    );
    aside.after.extend(statistics.iter().map(|name| {
        let own = format!("substr(idx, {})", MARK.len() + 1);
        relabel(
            name,
            table,
            &own,
            &format!("idx GLOB {}", literal(&format!("{MARK}*"))),
        )
    }));
    Ok(aside)
}

fn is_unique(index: &SchemaObject) -> bool {
    // SQLite stores the keywords itself, in this form.
    index.sql.starts_with("CREATE UNIQUE INDEX")
}

fn relabel(statistics: &str, table: &Table, label: &str, which: &str) -> Step {
    Step::run(
        format!("keep what {statistics} holds of {}", table.name),
        format!(
            "UPDATE main.{statistics} SET idx = {label} WHERE tbl = {} AND {which}",
            literal(&table.name)
        ),
    )
}

fn statistics_tables(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM main.sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat3', 'sqlite_stat4') ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
