//! A script runs whole, in order, in fkfix's one transaction, or not at all.

use pretty_assertions::assert_eq;

use crate::support::{Database, KEY};

fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT); INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b'), (3, 77, 'c')",
    )
}

#[test]
fn other_statements_run_in_their_place() {
    let database = family().with_migration(
        "V1__keys",
        &format!(
            "-- first give the second row a parent; then add the key
             INSERT INTO parent VALUES (9);
             CREATE TABLE made (x); CREATE TRIGGER made_t AFTER INSERT ON made BEGIN SELECT 1; DELETE FROM made; END;
             SELECT * FROM child;;
             alter table Child /* ; */ add {KEY};
             CREATE INDEX i_new ON child (parent_id);
             ALTER TABLE child ADD CONSTRAINT positive CHECK (id > 0);
             UPDATE child SET t = t || ';';"
        ),
        "ALTER TABLE child DROP CONSTRAINT positive; DROP INDEX i_new; ALTER TABLE child DROP CONSTRAINT fk; DROP TABLE made;",
    );
    database.up();
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|'a;'", "2|9|'b;'"]
    );
    assert_eq!(
        database.rows("SELECT fkfix_rowid, t FROM child_orphans"),
        ["3|'c'"]
    );
    database.down();
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|'a;'", "2|9|'b;'", "3|77|'c'"]
    );
    assert_eq!(
        database.rows("SELECT name FROM sqlite_schema ORDER BY 1"),
        ["'child'", "'parent'"]
    );
}

#[test]
fn statements_that_reach_beyond_the_transaction_are_refused_with_file_and_line() {
    for statement in [
        "BEGIN",
        "begin immediate",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT s",
        "RELEASE s",
        "VACUUM",
        "ATTACH 'x' AS y",
        "DETACH y",
        "PRAGMA foreign_keys = ON",
        "pragma user_version = 3",
    ] {
        let keyword = statement.split(' ').next().unwrap().to_uppercase();
        let message = |line: u32, file: &str| {
            format!("{file}:{line}: {keyword} is not allowed in a migration")
        };
        let script =
            format!("INSERT INTO parent VALUES (5);\n/* one\ntwo */ {statement};\nSELECT 1");
        family().with_migration("V1__keys", &script, "").refuses(
            "up",
            2,
            &message(3, "V1__keys.sql"),
        );
        // In the way back as well, and in a later migration.
        let database = family().with_migration(
            "V1__keys",
            "SELECT 1",
            &format!("DELETE FROM child;{statement}"),
        );
        database.up();
        database.refuses("down", 2, &message(1, "V1__keys.down.sql"));
        family().with_migration("V2__more", statement, "").refuses(
            "up",
            2,
            &message(1, "V2__more.sql"),
        );
    }
}

#[test]
fn no_dress_hides_a_commit() {
    let ghost = "INSERT INTO parent VALUES (5);";
    for dress in [
        "\u{feff}",
        "\u{c}",
        "\r",
        "/**/",
        ";;",
        "--\n",
        "\u{feff}\u{feff} ",
    ] {
        for end in ["COMMIT", "ROLLBACK", "END; DROP TABLE child"] {
            let script = format!("{ghost}{dress}{end};{dress}SELECT no_such_column FROM child");
            let database = family().with_migration("V1__keys", &script, "");
            let before = database.files();
            database.fkfix("up").status(2).stdout("");
            assert!(database.files() == before, "{dress:?}{end}");
        }
    }
}

#[test]
fn a_byte_order_mark_before_a_script_is_no_part_of_it() {
    let database = family().with_migration(
        "V1__keys",
        &format!("\u{feff}ALTER TABLE child ADD {KEY};"),
        "\u{feff}ALTER TABLE child DROP CONSTRAINT fk;",
    );
    assert_eq!(database.goes_up_and_down(), 2);
}

#[test]
fn windows_line_ends_are_white_space() {
    let database = family().with_migration(
        "V1__keys",
        &format!(
            "-- keys\r\nALTER TABLE child\r\n  ADD {};\r\n",
            KEY.replace(" REFERENCES", "\r\n REFERENCES")
        ),
        "ALTER TABLE child DROP CONSTRAINT fk;\r\n",
    );
    assert_eq!(database.goes_up_and_down(), 2);
}

#[test]
fn a_failure_in_the_last_statement_takes_the_first_back() {
    for failing in [
        "SELECT no_such_column FROM child",
        "INSERT INTO parent VALUES (1)",
        "INSERT OR ROLLBACK INTO parent VALUES (1)",
        "CREATE TABLE child (x)",
        "NOT SQL",
        "DROP TABLE nowhere",
    ] {
        let database = family().with_migration(
            "V2__failing",
            &format!("UPDATE child SET t = 'x';\n{failing};"),
            "",
        );
        let before = database.files();
        let run = database.fkfix("up").status(2).stdout("");
        run.remarks("error: could not apply V2__failing: could not run V2__failing.sql:2: ");
        assert!(database.files() == before, "{failing}");
    }
    let database = family().with_migration(
        "V1__keys",
        "SELECT 1",
        "DELETE FROM child; SELECT no_such_column FROM child",
    );
    database.up();
    let before = database.files();
    database
        .fkfix("down")
        .status(2)
        .stdout("")
        .remarks("could not take V1__keys back");
    assert!(database.files() == before);
}

#[test]
fn what_can_t_be_read_is_refused_before_anything_runs() {
    for (script, message) in [
        ("SELECT 'open", "could not read V1__keys.sql"),
        (
            "INSERT INTO parent VALUES (7); ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id), CHECK (1)",
            "is not one foreign key",
        ),
        (
            "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE PERHAPS",
            "SQLite does not accept",
        ),
        (
            "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent (id) CHECK (t > '')",
            "child",
        ),
        (
            "ALTER TABLE child ADD FOREIGN KEY (no_column) REFERENCES parent (id)",
            "no_column",
        ),
    ] {
        let database = family().with_migration("V1__keys", script, "");
        let before = database.files();
        database
            .fkfix("up")
            .status(2)
            .stdout("")
            .remarks(message)
            .remarks("\nhint: ");
        assert!(database.files() == before, "{script}");
    }
}

/// Three migrations, each of which makes a table of its number.
fn three() -> Database {
    let mut database = Database::of("CREATE TABLE here (x)");
    for version in [1, 2, 10] {
        database = database.with_migration(
            &format!("V{version}__make"),
            &format!("CREATE TABLE t{version} (x)"),
            &format!("DROP TABLE t{version}"),
        );
    }
    database
}

fn made(database: &Database) -> Vec<String> {
    database.rows("SELECT name FROM sqlite_schema WHERE name LIKE 't%' ORDER BY length(name), name")
}

#[test]
fn up_and_down_stop_at_the_version_they_are_told() {
    let database = three();
    let before = database.picture();
    database
        .fkfix("up --to 2")
        .status(0)
        .stdout("applied V1 make\napplied V2 make\n");
    assert_eq!(made(&database), ["'t1'", "'t2'"]);
    database.fkfix("up").status(0).stdout("applied V10 make\n");
    assert_eq!(made(&database), ["'t1'", "'t2'", "'t10'"]);
    database
        .fkfix("down")
        .status(0)
        .stdout("reverted V10 make\n");
    assert_eq!(made(&database), ["'t1'", "'t2'"]);
    database.fkfix("up").status(0);
    database
        .fkfix("down --to 1")
        .status(0)
        .stdout("reverted V10 make\nreverted V2 make\n");
    assert_eq!(made(&database), ["'t1'"]);
    database.fkfix("up").status(0);
    database.fkfix("down --to 0").status(0);
    assert_eq!(database.picture(), before);
}

#[test]
fn a_version_that_is_none_is_refused() {
    for arguments in ["up --to 3", "up --to 0", "down --to 3", "down --to 11"] {
        three()
            .refuses(arguments, 2, "there is no migration")
            .remarks("the versions are: 1, 2, 10");
    }
}

#[test]
fn nothing_to_do_is_said_of_what_was_asked_for() {
    let database = three();
    database.fkfix("up --to 1").status(0);
    database
        .fkfix("up --to 1")
        .status(0)
        .stdout("nothing to do: app.db has every migration up to V1\n");
    database
        .fkfix("down --to 1")
        .status(0)
        .stdout("nothing to do: no migration above V1 is applied to app.db\n");
}

#[test]
fn two_migrations_with_the_same_text_are_two() {
    let database = Database::of("CREATE TABLE t (x)")
        .with_migration("V1__first", "INSERT INTO t VALUES (1)", "DELETE FROM t")
        .with_migration("V2__second", "INSERT INTO t VALUES (1)", "DELETE FROM t");
    database
        .fkfix("up")
        .status(0)
        .stdout("applied V1 first\napplied V2 second\n");
    assert_eq!(database.rows("SELECT * FROM t"), ["1", "1"]);
    assert_eq!(
        database.rows("SELECT version, name FROM fkfix_schema_history"),
        ["1|'first'", "2|'second'"]
    );
}

#[test]
fn a_folder_that_is_no_set_of_migrations_is_refused() {
    for (file, message) in [
        ("V1_keys.sql", "V1_keys.sql can't be a migration"),
        ("U1__undo.sql", "U1__undo.sql can't be a migration"),
        ("V01__keys.sql", "V01__keys.sql can't be a migration"),
        ("V1__twice.sql", "the number 1 too"),
        (
            "V9__alone.down.sql",
            "it reverts no migration in this folder",
        ),
    ] {
        let database = family();
        database.write_migration(file, "SELECT 1");
        for verb in ["up", "down", "status"] {
            database.refuses(verb, 2, message);
        }
    }
    let database = family();
    std::fs::remove_file(database.migration("V1__keys.sql")).unwrap();
    std::fs::remove_file(database.migration("V1__keys.down.sql")).unwrap();
    database.refuses("up", 2, "holds no migration");
}

#[test]
fn what_stands_at_the_end_of_a_script_is_what_was_promised() {
    let end = |statement: &str| {
        family().with_migration(
            "V1__keys",
            &format!("ALTER TABLE child ADD {KEY}; {statement};"),
            "ALTER TABLE child DROP CONSTRAINT fk;",
        )
    };
    for (statement, message) in [
        (
            "DROP TABLE child_orphans",
            "takes rows out of child_orphans again",
        ),
        (
            "DELETE FROM child_orphans WHERE id = 2",
            "takes rows out of child_orphans again",
        ),
        (
            "ALTER TABLE child_orphans RENAME TO old",
            "takes rows out of child_orphans again",
        ),
        (
            "INSERT INTO child VALUES (4, 5, 'd')",
            "and 1 row breaks it when its last statement has run",
        ),
        (
            "DELETE FROM parent",
            "and 1 row breaks it when its last statement has run",
        ),
        (
            "UPDATE child SET parent_id = 8; ALTER TABLE child RENAME parent_id TO p",
            "and 1 row breaks it when its last statement has run",
        ),
    ] {
        let database = end(statement);
        let planned = database.refuses("up --dry-run", 2, message);
        assert_eq!(database.refuses("up", 2, message).stderr, planned.stderr);
    }
    end("INSERT INTO child VALUES (4, 2, 'd'); DELETE FROM parent WHERE id > 5").up();
}
