//! A file of another tool, editor or branch is read as what it is, or refused in a clear line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{Database, KEY, SCAN_WARNING, binary, binary_for_anyone, finish};

/// A child with an orphan, and no migration.
pub fn bare() -> Database {
    Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9)",
    )
}

pub fn add() -> String {
    format!("ALTER TABLE child ADD {KEY};")
}

pub const DROP: &str = "ALTER TABLE child DROP CONSTRAINT fk;";

#[test]
fn a_file_with_both_ways_goes_up_and_down() {
    for (up, down) in [
        ("-- +goose Up", "-- +goose Down"),
        (
            "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin",
            "-- +goose StatementEnd\n-- +goose Down",
        ),
        (
            "-- migrate:up transaction:true",
            "-- migrate:down transaction:true",
        ),
        ("-- +migrate Up", "-- +migrate Down"),
        ("-- // add the keys", "-- //@UNDO"),
        ("-- @up", "-- @UNDO"),
        ("-- rambler up", "-- rambler down"),
        ("", "---- create above / drop below ----"),
    ] {
        for end in ["\n", "\r\n"] {
            let database = bare();
            let text = format!("{up}\n{}\n\n{down}\n{DROP}\n", add()).replace('\n', end);
            database.write_migration("V1__keys.sql", &text);
            assert_eq!(database.goes_up_and_down(), 1, "{text}");
        }
    }
}

#[test]
fn errors_name_the_line_of_the_file() {
    let database = bare();
    let text = "-- migrate:up\nCREATE TABLE made (x);\n-- migrate:down\nDROP TABLE made;\nDROP TABLE nowhere;\n";
    database.write_migration("V1__made.sql", text);
    database.up();
    let run = database.fkfix("down").status(2);
    run.remarks("V1__made.down.sql:5");
}

#[test]
fn the_way_down_may_change_after_the_way_up_was_applied() {
    let database = bare();
    let text = |down: &str| format!("-- migrate:up\n{}\n-- migrate:down\n{down}\n", add());
    let before = database.picture();
    database.write_migration("V1__keys.sql", &text("-- to do"));
    database.up().remarks(
        "warning: V1__keys.down.sql has no statement: fkfix down can't revert what it does\n",
    );
    database.write_migration("V1__keys.sql", &text(&format!("-- done\n\n{DROP}")));
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn two_ways_down_are_refused() {
    let database = bare();
    let text = format!("-- migrate:up\n{}\n-- migrate:down\n{DROP}\n", add());
    database.write_migration("V1__keys.sql", &text);
    database.write_migration("V1__keys.down.sql", DROP);
    let message = "V1__keys.sql holds a down script, and V1__keys.down.sql is another";
    for verb in ["up", "up --dry-run", "status", "orphans", "check"] {
        database.refuses(verb, 2, message);
    }
    // The remedy works.
    fs::remove_file(database.migration("V1__keys.down.sql")).unwrap();
    assert_eq!(database.goes_up_and_down(), 1);
    // A section without a statement is no second script; a way up in a down script is one.
    database.write_migration("V1__keys.sql", &format!("{}\n-- migrate:down\n", add()));
    database.write_migration("V1__keys.down.sql", &format!("-- migrate:down\n{DROP}"));
    assert_eq!(database.goes_up_and_down(), 1);
    database.write_migration("V1__keys.down.sql", &text);
    database.refuses("up", 2, "V1__keys.down.sql holds a way up too");
}

#[test]
fn a_comment_that_may_begin_the_way_down_is_asked_about() {
    for mark in ["-- rollback", "-- Down", "-- UNDO --", "/* revert */"] {
        let database = bare();
        database.write_migration("V1__keys.sql", &format!("{}\n{mark}\n{DROP}\n", add()));
        for verb in ["up", "up --dry-run", "orphans"] {
            let message = format!("V1__keys.sql:2: `{mark}` may begin a down script");
            database.refuses(verb, 2, &message);
        }
        // The remedy works.
        database.write_migration(
            "V1__keys.sql",
            &format!("{}\n{mark}\n-- see beside\n", add()),
        );
        database.write_migration("V1__keys.down.sql", &format!("{mark}\n{DROP}"));
        assert_eq!(database.goes_up_and_down(), 1);
    }
    let database = bare();
    let text = format!(
        "--liquibase formatted sql\n--changeset me:1\n{}\n--rollback {DROP}\n",
        add()
    );
    database.write_migration("V1__keys.sql", &text);
    database.refuses("up", 2, "V1__keys.sql:4: `--rollback");
    database.write_migration("V1__keys.down.sql", DROP);
    assert_eq!(database.goes_up_and_down(), 1);
}

#[test]
fn a_key_that_the_script_takes_away_again_is_not_added() {
    let anew = "CREATE TABLE made (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO made SELECT * FROM child; DROP TABLE child; ALTER TABLE made RENAME TO child;";
    for undo in [DROP, anew, "DROP TABLE child;"] {
        let database = bare();
        database.write_migration(
            "V1__keys.sql",
            &format!("{}\n-- the way back:\n{undo}", add()),
        );
        let message = "V1__keys.sql adds fk to child and then takes it away again";
        for verb in ["up", "up --dry-run", "up --orphans delete"] {
            database.refuses(verb, 2, message);
        }
    }
    // A key that was there before and is adopted, likewise.
    let database = bare();
    database.write_migration("V1__keys.sql", &add());
    database.up();
    database.execute("DROP TABLE fkfix_schema_history");
    database.write_migration("V1__keys.sql", &format!("{}{DROP}", add()));
    database.refuses("up", 2, "takes it away again");
}

#[test]
fn a_key_that_the_script_renames_stays_added() {
    for (rename, table, column, parent) in [
        (
            "ALTER TABLE child RENAME COLUMN parent_id TO p",
            "child",
            "p",
            "parent",
        ),
        (
            "alter table child RENAME TO kid",
            "kid",
            "parent_id",
            "parent",
        ),
        (
            "ALTER TABLE parent RENAME TO ancestor; ALTER TABLE child RENAME TO kid",
            "kid",
            "parent_id",
            "ancestor",
        ),
        (
            "CREATE TABLE made (x REFERENCES parent (id)); ALTER TABLE child RENAME TO kid; CREATE TABLE child (y)",
            "kid",
            "parent_id",
            "parent",
        ),
    ] {
        let database = bare();
        database.write_migration("V1__keys.sql", &format!("{} {rename};", add()));
        database.up();
        let keys = database.rows(&format!(
            "SELECT \"from\", \"table\" FROM pragma_foreign_key_list('{table}')"
        ));
        assert_eq!(keys, [format!("'{column}'|'{parent}'")]);
    }
}

#[test]
fn line_ends_and_encodings_make_no_difference_to_what_was_applied() {
    let text = format!("-- keys, so that Zoë's rows stay\n{}\n", add());
    let utf_16 = |text: &str, unit: fn(u16) -> [u8; 2]| {
        format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(unit)
            .collect::<Vec<u8>>()
    };
    let crlf = text.replace('\n', "\r\n");
    let forms: [Vec<u8>; 7] = [
        text.clone().into_bytes(),
        crlf.clone().into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        format!("\u{feff}{crlf}").into_bytes(),
        utf_16(&text, u16::to_le_bytes),
        utf_16(&crlf, u16::to_le_bytes),
        utf_16(&crlf, u16::to_be_bytes),
    ];
    for applied in &forms {
        let database = bare();
        database.write_migration("V1__keys.down.sql", DROP);
        let before = database.picture();
        fs::write(database.migration("V1__keys.sql"), applied).unwrap();
        database.up();
        for found in &forms {
            fs::write(database.migration("V1__keys.sql"), found).unwrap();
            database.fkfix("up").status(0).says("nothing to do");
        }
        database.down();
        assert_eq!(database.picture(), before);
    }
}

/// Checksums as they were written when they were over the text on the disk.
#[test]
fn a_history_of_before_stays_valid() {
    let text = "CREATE TABLE made (x);\nSELECT 1;\n";
    for (form, checksum) in [
        (text.to_owned(), "11827763895792501892"),
        (text.replace('\n', "\r\n"), "9124057013612768272"),
        (format!("\u{feff}{text}"), "1776265496568009984"),
    ] {
        let database = bare();
        database.execute(&format!(
            "CREATE TABLE made (x);
             CREATE TABLE IF NOT EXISTS fkfix_schema_history (version INTEGER PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT, adopted TEXT);
             INSERT INTO fkfix_schema_history VALUES (1, 'made', '2026-11-24T06:40:12Z', '{checksum}', NULL)"
        ));
        database.write_migration("V1__made.down.sql", "DROP TABLE made");
        for found in [text.to_owned(), text.replace('\n', "\r\n"), form] {
            database.write_migration("V1__made.sql", &found);
            database.fkfix("up").status(0).says("nothing to do");
        }
        database.write_migration("V1__made.sql", "CREATE TABLE made (y)");
        database.refuses("up", 2, "V1__made has changed since it was applied");
        database.write_migration("V1__made.sql", text);
        database.down();
        assert_eq!(database.picture(), bare().picture());
    }
}

#[test]
fn what_is_no_text_is_named() {
    for bytes in [
        b"SELECT '\xe4';".as_slice(),
        b"SELECT 1;\0 SELECT 2",
        // UTF-16 that does not say so, and one that ends within a character.
        b"S\0E\0L\0E\0C\0T\0 \0a\0",
        b"\xff\xfeS\0E",
    ] {
        let database = bare();
        database.write_migration("V1__keys.sql", "");
        fs::write(database.migration("V1__keys.sql"), bytes).unwrap();
        let run = database.refuses("up", 2, "V1__keys.sql is not a text in UTF-8");
        run.remarks("hint: save it in UTF-8");
    }
}

/// Makes what is no file.
type Maker<'a> = &'a dyn Fn(&std::path::Path);

#[test]
fn what_is_no_file_is_refused_and_never_waited_for() {
    let pipe = |path: &std::path::Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let folder = |path: &std::path::Path| fs::create_dir(path).unwrap();
    let device = |path: &std::path::Path| std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    let nowhere = |path: &std::path::Path| std::os::unix::fs::symlink("nowhere", path).unwrap();
    let makers: [(Maker<'_>, &str); 4] = [
        (&pipe, "is a named pipe, a socket or a device, not a file"),
        (&folder, "is a folder, not a file"),
        (&device, "is a named pipe, a socket or a device, not a file"),
        (&nowhere, "could not read"),
    ];
    for (make, message) in makers {
        for name in ["V2__keys.sql", "V1__keys.down.sql"] {
            let database = bare();
            database.write_migration("V1__keys.sql", &add());
            make(&database.migration(name));
            for verb in [
                "up",
                "up --dry-run",
                "down",
                "status",
                "orphans",
                "check",
                "graph",
            ] {
                database.refuses(verb, 2, message).remarks(name);
            }
            // Under a name that is none of a migration it is left alone.
            fs::rename(database.migration(name), database.migration("notes")).unwrap();
            database.up();
        }
    }
    let database = bare();
    let database = database.with_migration("V1__keys", &add(), DROP);
    pipe(&database.migration("socket.sql"));
    database.refuses("up", 2, "socket.sql can't be a migration");
}

#[test]
fn what_the_files_lack_is_said_before_and_when_they_are_applied() {
    let empty =
        "warning: V1__nothing.sql has no statement: it changes nothing, and counts as applied\n";
    let no_down = "warning: V1__nothing.sql has no down script V1__nothing.down.sql: fkfix down can't revert what it does\n";
    for text in ["", "-- nothing yet\n", " ;; /* later */\n"] {
        let database = bare();
        database.write_migration("V1__nothing.sql", text);
        let warnings = format!("{empty}{no_down}");
        database.fkfix("up --dry-run").status(0).stderr(&warnings);
        let plan = database
            .fkfix("up --dry-run --format json")
            .status(0)
            .json();
        assert_eq!(
            plan["migrations"][0]["warnings"].as_array().unwrap().len(),
            2
        );
        database.up().remarks(&warnings);
    }
    let database = bare();
    database.write_migration("V1__keys.sql", &add());
    let no_down = no_down.replace("nothing", "keys");
    database
        .fkfix("up --dry-run")
        .status(0)
        .stderr(&format!("{no_down}{SCAN_WARNING}"));
    database.up().remarks(&no_down);
    // What new writes is empty until somebody writes into it.
    let database = bare();
    let mut new = binary();
    new.args(["new", "later", "--migrations"])
        .arg(database.migration(""));
    finish(&mut new, &database.path).status(0);
    database
        .up()
        .remarks("V1__later.sql has no statement")
        .remarks("SQLite");
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let database = bare().with_migration("V1__keys", &add(), DROP);
    let file = database.migration("V1__keys.sql");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = binary_for_anyone(&database);
    command
        .args(["status", "--migrations"])
        .arg(database.migration(""));
    let run = finish(&mut command, &database.path).status(2);
    run.explains("V1__keys.sql: Permission denied")
        .remarks("hint: check the permissions of the file");
}
