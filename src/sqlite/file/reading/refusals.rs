//! What keeps a database from being read, and what can be done about it.

use std::path::Path;

use crate::failure::{Failure, for_shell};
use crate::location::Location;
use crate::sqlite::file::paths::beside;

/// A hot journal (<https://www.sqlite.org/lockingv3.html#hot_journals>).
pub fn cut_off(location: &Location, file: &Path) -> Failure {
    let journal = beside(file, "-journal");
    Failure::impossible(format!(
        "a write to {location} was cut off, and has yet to be rolled back by {}",
        journal.display()
    ))
    .hint(recovers("journal", file))
}

/// Copied without its index, or left behind (<https://www.sqlite.org/walformat.html>).
pub fn log_without_index(location: &Location, file: &Path) -> Failure {
    let log = beside(file, "-wal");
    Failure::impossible(format!(
        "{location} was not closed: its last changes are in {}, and the index of that log is missing",
        log.display()
    ))
    .hint(recovers("log", file))
}

/// Opening to write is enough: SQLite recovers at the first read.
fn recovers(what: &str, file: &Path) -> String {
    format!(
        "nothing is lost, and do not delete the {what}: the next program that opens the database to write puts it right, such as: sqlite3 {} 'PRAGMA schema_version'",
        for_shell(&file.display().to_string())
    )
}

/// SQLite goes by the log, whatever the header says (`pagerOpenWalIfPresent`).
pub fn stray_log(location: &Location, file: &Path) -> Failure {
    let log = beside(file, "-wal");
    let log = log.display();
    Failure::impossible(format!(
        "{location} is not in WAL mode, but there are changes in {log}"
    ))
    .hint(format!(
        "nothing is lost yet: whatever opens the database next would write that log over it; if the database was restored or copied here, the log belongs to the one before: move {log} elsewhere, keep it, and run fkfix again"
    ))
}

/// SQLite looks for a log beside the path by which a file was opened (<https://www.sqlite.org/howtocorrupt.html>, 2.5).
pub fn log_elsewhere(location: &Location, users: &str) -> Failure {
    Failure::impossible(format!(
        "{location} is open in another process, {users}, and its log is not beside it"
    ))
    .hint("name the database by the path that the other process uses: this one may be a hard link, or a mount of the file without its folder")
}

/// What belongs to the file lies beside another of its names.
pub fn another_name(location: &Location, other: &Path, changes: &Path) -> Failure {
    Failure::impossible(format!(
        "{location} has another name, {}, and there are changes to it in {}, where by this name nobody looks",
        other.display(),
        changes.display()
    ))
    .hint(format!(
        "nothing is lost: name the database {}",
        for_shell(&other.display().to_string())
    ))
}

/// It may.
pub fn unknown_names(location: &Location, file: &Path) -> Failure {
    let file = for_shell(&file.display().to_string());
    Failure::impossible(format!(
        "{location} has another name elsewhere (it is a hard link): a log or journal beside that is not seen by this name, and would overwrite what is written"
    ))
    .hint(format!(
        "go by the name that the application uses; to make this one a file of its own, once no program has it open: cp -p {file} {file}.own && mv {file}.own {file}"
    ))
}

/// Its log has an index only in the memory of a process in exclusive locking mode.
pub fn taken(location: &Location, users: &str) -> Failure {
    Failure::impossible(format!(
        "{location} is open in another process, {users}, that shares it with none"
    ))
    .hint("stop that process, or have it use PRAGMA locking_mode = NORMAL")
}
