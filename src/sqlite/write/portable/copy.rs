//! The schema of a database, without its rows, in memory.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::sqlite::schema::{scratch, table};

/// A copy in memory of the schema of `connection`.
///
/// A virtual table of a module that this SQLite does not have is left out: no key can refer to it. So
/// is an index of the host's own making; a script stops at a table whose indexes it does not know.
pub fn of(connection: &Connection) -> Result<Connection> {
    let copy = scratch::in_memory()?;
    // The inner tables of virtual ones come with these.
    let mut objects = connection.prepare(
        "SELECT s.name, s.sql, s.type = 'index' OR s.sql LIKE 'create virtual table%', s.tbl_name FROM main.sqlite_schema AS s
         WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
           AND NOT EXISTS (SELECT 1 FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.name = s.tbl_name AND l.type = 'shadow')
         ORDER BY s.type <> 'table', s.rowid",
    )?;
    let mut objects = objects.query([])?;
    while let Some(object) = objects.next()? {
        let (name, (sql, is_exact)): (String, _) = (object.get(0)?, table::text(object, 1)?);
        let made = copy.execute_batch(&sql);
        match made {
            Ok(()) if is_exact => {}
            Ok(()) => {
                return Err(Failure::impossible(format!(
                    "the definition of {name} holds bytes that are not UTF-8, and a script would not keep them"
                ))
                .hint("write the definition again in UTF-8; a comment in another encoding is enough")
                .into());
            }
            Err(error) if object.get::<_, bool>(2)? => {
                let table: String = object.get(3)?;
                tracing::warn!(
                    "{name} is left out, and a script that makes {table} again would stop: {error}"
                );
            }
            Err(error) => {
                return Err(Failure::impossible(format!(
                    "this SQLite can't make {name} as it is defined: {error}"
                ))
                .hint("without --for, fkfix up keeps what it can't make where it is")
                .into());
            }
        }
    }
    Ok(copy)
}
