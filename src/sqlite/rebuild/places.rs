//! The order of `sqlite_schema`, which is the order in which `.dump` writes tables down and in
//! which triggers were made: what is dropped and made again comes to stand at its end.

use anyhow::Result;
use rusqlite::{Connection, params_from_iter};

use crate::sqlite::rebuild::edit_schema;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::text::ddl::literal;

/// The step that puts `tables` and all that is on them back in the places that they have now;
/// none where no table is named.
///
/// A place is a rowid of `sqlite_schema`. No other object can have come to it as long as one that
/// is not of these tables is made before the first of theirs is dropped.
pub fn keep(connection: &Connection, tables: &[&str]) -> Result<Option<Step>> {
    if tables.is_empty() {
        return Ok(None);
    }
    let marks = vec!["?"; tables.len()].join(", ");
    let query = format!(
        "SELECT type, name, rowid FROM main.sqlite_schema WHERE tbl_name COLLATE NOCASE IN ({marks}) AND type <> 'view' ORDER BY rowid"
    );
    let mut statement = connection.prepare(&query)?;
    let objects = statement.query_map(params_from_iter(tables), |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
        ))
    })?;
    let objects = objects.collect::<Result<Vec<_>, _>>()?;
    let object = |kind: &str, name: &str| format!("type = '{kind}' AND name = {}", literal(name));
    let leave = objects.iter().map(|(kind, name, place)| {
        format!(
            "UPDATE main.sqlite_schema SET rowid = -{place} WHERE {}",
            object(kind, name)
        )
    });
    let updates: Vec<_> = leave
        .chain(["UPDATE main.sqlite_schema SET rowid = -rowid WHERE rowid < 0".to_owned()])
        .collect();
    let step = Step::run(
        "put the schema back in its order",
        edit_schema(&updates.join(";\n")),
    );
    Ok(Some(step.editing_schema()))
}
