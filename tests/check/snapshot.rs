//! `--snapshot`: the whole schema held against a committed file.

use crate::database::{Database, FIXTURES, text, told};

#[test]
fn quoting_and_order_make_no_difference() {
    let one = Database::empty();
    one.run(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE c (p_id INTEGER REFERENCES p (id));
         CREATE INDEX i ON c (p_id); CREATE VIEW v AS SELECT name FROM p",
    );
    let other = Database::empty();
    other.run(
        "create view \"v\" as select name /* the name */ from p; create table 'c'( [p_id]   INTEGER references `p`(id) );
         create index [i] on \"c\"(\"p_id\"); create table \"p\"(\"id\" INTEGER primary key,\n-- of the parent\nname TEXT)",
    );
    let snapshot = one.folder.path().join("snapshot.sql");
    let options = ["--snapshot", text(&snapshot), "--ignore", "table-missing"];
    let mut update = options.to_vec();
    update.push("--update");
    assert_eq!(one.check(&update).status, 0);
    for database in [&one, &other] {
        let checked = database.check(&options);
        assert_eq!(checked.found(), [""; 0]);
    }
    other.run("DROP INDEX i");
    assert_eq!(other.check(&options).document["errors"], 1);
}

#[test]
fn what_fkfix_keeps_for_itself_is_no_part_of_it() {
    let [fixture, ..] = FIXTURES;
    let database = Database::of(fixture);
    let snapshot = database.folder.path().join("snapshot.sql");
    let options = ["--snapshot", text(&snapshot)];
    database.fkfix_up(&[]);
    database.check(&[options[0], options[1], "--update"]);
    let written = std::fs::read_to_string(&snapshot).unwrap();
    assert!(!written.contains("fkfix_schema_history"), "{written}");
    assert!(!written.contains("webhook_logs_orphans"), "{written}");
    assert!(!written.contains("events_fts_data"), "{written}");
    database.run("DROP TABLE fkfix_schema_history; DROP TABLE webhook_logs_orphans; ANALYZE");
    let found = database.check(&options).found();
    assert_eq!(found, ["migration-pending V1__webhook_logs_foreign_keys"]);
}

#[test]
fn a_difference_is_a_diff() {
    let database = Database::up(FIXTURES[1]);
    let snapshot = database.folder.path().join("snapshot.sql");
    database.check(&["--snapshot", text(&snapshot), "--update"]);
    database.run("ALTER TABLE cameras ADD COLUMN model TEXT");
    let path = database.path();
    let (status, stdout, stderr) = told(&[
        "check",
        "-d",
        text(&path),
        "--snapshot",
        text(&snapshot),
        "--ignore",
        "no-child-index",
    ]);
    assert_eq!((status, stderr.as_str()), (1, ""));
    let file = snapshot.display();
    let expected = format!(
        "error[schema-differs] {file}
  the schema is not that of {file}
    --- {file}
    +++ the schema
    @@ -16,6 +16,7 @@
     CREATE TABLE cameras(
       id VARCHAR NOT NULL,
       name VARCHAR(100) NOT NULL,
    +  model TEXT,
       PRIMARY KEY (id)
     );
     
  hint: if it is as it should be, write the snapshot again with --update and commit it
1 error in {}, 3 findings ignored
",
        path.display()
    );
    assert_eq!(stdout, expected);
}

#[test]
fn update_needs_a_file_and_tells_what_it_wrote() {
    let database = Database::up(FIXTURES[1]);
    let (path, snapshot) = (database.path(), database.folder.path().join("s.sql"));
    let (status, _, _) = told(&["check", "-d", text(&path), "--update"]);
    assert_eq!(status, 2);
    let (status, stdout, _) = told(&[
        "check",
        "-d",
        text(&path),
        "--snapshot",
        text(&snapshot),
        "--update",
    ]);
    assert_eq!(status, 0);
    assert_eq!(
        stdout,
        format!(
            "the schema of {} is written to {}\n",
            path.display(),
            snapshot.display()
        )
    );
}

#[test]
fn a_snapshot_that_is_not_there_is_an_error_with_a_hint() {
    let database = Database::up(FIXTURES[1]);
    let (path, snapshot) = (database.path(), database.folder.path().join("s.sql"));
    let (status, stdout, stderr) =
        told(&["check", "-d", text(&path), "--snapshot", text(&snapshot)]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert_eq!(
        stderr,
        format!(
            "error: there is no snapshot {}\nhint: write it with --update, and commit it\n",
            snapshot.display()
        )
    );
}
