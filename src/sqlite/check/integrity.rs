//! Whether the file is sound (<https://www.sqlite.org/pragma.html#pragma_quick_check>).

use anyhow::Result;
use rusqlite::{Connection, ErrorCode};

use crate::model::finding::{Code, Finding};
use crate::sqlite::file::connection::pages;

/// More than that help nobody.
const MOST: u8 = 20;

/// What `quick_check` finds. It reads the whole file, but does not hold indexes against their tables.
///
/// Where the schema needs what only the application has, the pages and rows of a copy are checked, in
/// the temporary folder, without virtual tables and CHECKs.
pub fn check(connection: &Connection) -> Result<Vec<Finding>> {
    // It would end the check at the first page that it is about.
    connection.pragma_update(None, "cell_size_check", false)?;
    let found = match lines(connection) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
            let copy = pages::without_virtual_tables(connection)?;
            pages::with_collations(&copy.connection, lines)
        }
        found => found,
    }?;
    let lines = found.iter().flat_map(|it| it.lines());
    let faults = lines.filter(|line| *line != "ok" && !line.starts_with("***"));
    let findings = faults.map(|fault| {
        let hint = "restore a backup, or salvage what is left with the sqlite3 shell's .recover; a row that breaks a constraint is to be mended by hand";
        Finding::new(Code::Integrity, "quick_check", fault).hint(hint)
    });
    Ok(findings.collect())
}

fn lines(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut look = connection.prepare(&format!("PRAGMA main.quick_check({MOST})"))?;
    let rows = look.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for row in rows {
        match row {
            Ok(line) => found.push(line),
            // Where a page is damaged so that it can't be walked, the check itself ends.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                found.push(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
