//! A database, a migration and a file name may be hostile: what `SECURITY.md` promises.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use fkfix::location::Location;
use fkfix::sqlite::file::connection;
use fkfix::sqlite::file::reading;
use rusqlite::Connection;

use super::support::{Sample, binary, fkfix, integrity, open, picture};

/// On a connection that writes, and on one that reads.
fn on_each(database: &Path, check: impl Fn(&Connection)) {
    let location = Location::from(database);
    check(&connection::open(&location, Duration::ZERO).unwrap());
    let read = reading::read(&location, Duration::ZERO, |connection| {
        check(connection);
        Ok(())
    });
    read.unwrap();
}

#[test]
fn a_schema_is_not_trusted_and_can_not_be_written_by_hand() {
    let sample = Sample::plain("DELETE");
    on_each(&sample.path, |connection| {
        let trusted: bool = connection
            .pragma_query_value(None, "trusted_schema", |row| row.get(0))
            .unwrap();
        assert!(!trusted);
        connection
            .execute_batch("PRAGMA writable_schema = ON")
            .unwrap();
        let written = connection.execute("UPDATE sqlite_schema SET sql = 'x'", []);
        let told = written.unwrap_err().to_string();
        assert!(told.contains("may not be modified"), "{told}");
    });
}

#[test]
fn no_extension_is_loaded() {
    let sample = Sample::plain("DELETE");
    on_each(&sample.path, |connection| {
        let load = connection.execute_batch("SELECT load_extension('/tmp/x')");
        assert!(load.unwrap_err().to_string().contains("not authorized"));
    });
}

/// Triggers, views, full-text, indexes on functions and generated columns need nothing that is
/// forbidden. The picture of `after` comes from a run on this very table.
#[test]
fn what_an_honest_schema_does_still_works() {
    let sample = Sample::nasty("DELETE");
    let victim = sample.victim();
    assert!(fkfix("up", &victim.path).status.success());
    let connection = open(&victim.path);
    let search = "INSERT INTO found (found, rank) VALUES ('integrity-check', 1)";
    connection.execute_batch(search).unwrap();
    assert_eq!(integrity(&victim.path), "ok");
}

/// A link at the place of the backup is not written through, be it to a file or to nowhere.
#[test]
fn a_symlink_at_the_place_of_the_backup_is_not_followed() {
    let sample = Sample::plain("DELETE");
    let victim = sample.victim();
    let precious = victim.home.join("precious");
    fs::write(&precious, "precious").unwrap();
    for target in [&precious, &victim.home.join("nowhere")] {
        let link = victim.home.join("backup.db");
        symlink(target, &link).unwrap();
        let output = fkfix(&format!("up --backup {}", link.display()), &victim.path);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("the file exists already"), "{told}");
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert!(!victim.home.join("nowhere").exists());
    assert_eq!(picture(&victim.path), sample.before);
}

#[test]
fn a_file_that_fkfix_makes_is_no_more_readable_than_the_database() {
    let sample = Sample::plain("DELETE");
    for mode in [0o600, 0o640, 0o644] {
        let victim = sample.victim();
        fs::set_permissions(&victim.path, fs::Permissions::from_mode(mode)).unwrap();
        let backup = victim.home.join("backup.db");
        let output = fkfix(&format!("up --backup {}", backup.display()), &victim.path);
        assert!(output.status.success(), "{output:?}");
        for path in [&victim.path, &backup] {
            let found = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{}", path.display());
        }
    }
}

/// Names and values that would move the cursor, set the title or ring the bell.
#[test]
fn a_terminal_is_not_told_what_to_do_by_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}";
    open(&path)
        .execute_batch(&format!(
            "CREATE TABLE \"p{evil}\" (id TEXT PRIMARY KEY); INSERT INTO \"p{evil}\" VALUES ('x');
             CREATE TABLE \"c{evil}\" (id INTEGER PRIMARY KEY, \"k{evil}\" TEXT, \"created{evil}\" TEXT);
             INSERT INTO \"c{evil}\" VALUES (1, 'dead{evil}', '{evil}')"
        ))
        .unwrap();
    let migrations = folder.path().join("migrations");
    fs::create_dir(&migrations).unwrap();
    let up = format!(
        "ALTER TABLE \"c{evil}\" ADD CONSTRAINT \"fk{evil}\" FOREIGN KEY (\"k{evil}\") REFERENCES \"p{evil}\" (id);"
    );
    fs::write(migrations.join("V1__x.sql"), up).unwrap();
    let down = format!("ALTER TABLE \"c{evil}\" DROP CONSTRAINT \"fk{evil}\";");
    fs::write(migrations.join("V1__x.down.sql"), down).unwrap();
    for arguments in [
        "orphans",
        "up --dry-run",
        "up --orphans refuse",
        "up -vv",
        "status",
        "down -vv",
    ] {
        let mut command = binary();
        command.args(arguments.split(' ')).arg("-d").arg(&path);
        let output = command
            .arg("--migrations")
            .arg(&migrations)
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert!(told.len() > 10, "{arguments}");
        for wrong in ['\u{1b}', '\u{7}', '\u{202e}'] {
            assert!(!told.contains(wrong), "{arguments}: {told:?}");
        }
    }
}
