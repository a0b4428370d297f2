//! Where the file of a database is, and what lies beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::location::Location;

/// The file that `location` leads to, which may hold a database.
pub fn file_of(location: &Location) -> Result<PathBuf> {
    let fail = |what: &str, hint: &str| {
        Err(Failure::impossible(format!("{location} {what}"))
            .coded("no-such-database")
            .hint(hint)
            .into())
    };
    match location.path().metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => fail(
            "does not exist",
            "check --database; fkfix never creates a database",
        ),
        Err(error) => Err(error).with_context(|| format!("could not open {location}")),
        Ok(metadata) if metadata.is_dir() => fail("is a directory", "name the database file in it"),
        // To open a FIFO would wait for somebody who writes to it.
        Ok(metadata) if !metadata.is_file() => fail(
            "is a pipe or a device, which holds no database",
            "name a file with --database",
        ),
        // SQLite takes a file of one byte for an empty database too (findInodeInfo in os_unix.c).
        Ok(metadata) if metadata.len() <= 1 => fail(
            "is empty: it holds no database",
            "check --database; the path may be a placeholder",
        ),
        Ok(_) => {
            let file = location.file();
            file.with_context(|| format!("could not open {location}"))
        }
    }
}

/// The file that `connection` has open, which need not be UTF-8.
pub fn open_file(connection: &Connection) -> Result<PathBuf> {
    let query = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let file = connection.query_row(query, [], |row| Ok(row.get_ref(0)?.as_bytes()?.to_owned()))?;
    #[cfg(unix)]
    let file = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(file);
    #[cfg(not(unix))]
    let file = String::from_utf8(file)?;
    Ok(PathBuf::from(file))
}

/// The path with `suffix` added to its last part, as SQLite names its journals.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
