//! `check --integrity` says where the file itself is damaged.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::Database;

fn sound() -> Database {
    Database::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL CHECK (x <> ''));
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO t SELECT i, hex(randomblob(40)) FROM n;",
    )
}

#[test]
fn a_sound_file_has_no_findings() {
    sound()
        .fkfix("check --integrity")
        .status(0)
        .stdout("nothing found in app.db\n");
}

#[test]
fn a_page_that_is_damaged_is_found_by_it_alone() {
    let database = sound();
    let mut bytes = fs::read(&database.path).unwrap();
    // The pointers to the cells of the last page, which no verb has a reason to read.
    let page = bytes.len() - 4096;
    bytes[page + 8..page + 16].fill(0xFF);
    fs::write(&database.path, &bytes).unwrap();
    let before = database.files();
    database.fkfix("check").status(0);
    let found = database
        .fkfix("check --integrity --format json")
        .status(1)
        .json();
    assert_eq!(found["findings"][0]["code"], "integrity");
    assert!(found["findings"].as_array().unwrap().len() <= 20);
    database
        .fkfix("check --integrity --format github")
        .status(1)
        .says("::error title=fkfix integrity::");
    assert!(database.files() == before);
}

#[test]
fn a_null_where_none_may_be_is_found() {
    let database = Database::of(
        "CREATE TABLE t (x TEXT); INSERT INTO t VALUES (NULL); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x TEXT NOT NULL)' WHERE name = 't';",
    );
    database
        .fkfix("check --integrity")
        .status(1)
        .says("error[integrity] quick_check\n  NULL value in t.x\n");
    database
        .fkfix("check --integrity --ignore integrity")
        .status(0);
}

#[test]
fn a_dump_has_no_file() {
    let database = sound();
    database
        .fkfix("check --integrity --schema -")
        .status(2)
        .stdout("");
}
