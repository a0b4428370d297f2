//! `orphans`, the dry run and `up` speak of the same rows, whatever a migration does beside.

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::{Database, KEY};

/// Rows by table, key, and whether they break it or follow others.
type Rows = Vec<(String, String, i64, bool)>;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What `orphans` says of the keys that are pending.
fn surveyed(report: &Value) -> Rows {
    let keys = report["keys"].as_array().unwrap().iter();
    let keys = keys.filter(|key| key["pending"] == true && key["rows"] != 0);
    let keys = keys.map(|key| {
        let rows = key["rows"].as_i64().unwrap();
        (text(&key["table"]), text(&key["constraint"]), rows, true)
    });
    let dependents = report["dependents"].as_array().unwrap().iter();
    let dependents = dependents.filter(|it| it["go_along"] == true).map(|it| {
        let rows = it["rows"].as_i64().unwrap();
        (text(&it["table"]), text(&it["key"]), rows, false)
    });
    sorted(keys.chain(dependents))
}

/// What a dry run or a run says of the rows that leave by its `migrations`.
fn removed(migrations: &Value) -> Rows {
    let migrations = migrations.as_array().unwrap().iter();
    // A row that stays and forgets its key breaks it all the same.
    let none = Vec::new();
    let tables = migrations.flat_map(|it| {
        let left = it["removed"].as_array().unwrap().iter();
        left.chain(it["set_null"].as_array().unwrap_or(&none))
    });
    sorted(tables.flat_map(|removed| {
        let by_key = removed["by_key"].as_array().unwrap().iter();
        by_key.map(|by| {
            (
                text(&removed["table"]),
                text(&by["key"]),
                by["rows"].as_i64().unwrap(),
                by["orphans"] == true,
            )
        })
    }))
}

fn sorted(rows: impl Iterator<Item = (String, String, i64, bool)>) -> Rows {
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

/// Holds that all three say the same, that none but `up` changes a byte, and that the rows which
/// leave are as many as they say. Gives what they say.
#[track_caller]
fn agreed(database: &Database) -> Rows {
    let files = database.files();
    let orphans = database.fkfix("orphans --format json");
    let orphans = orphans.json();
    let dry = database
        .fkfix("up --dry-run --format json")
        .status(0)
        .json();
    assert!(database.files() == files, "a file has changed");
    let up = database.fkfix("up --format json").status(0).json();
    let rows = removed(&up["migrations"]);
    assert_eq!(surveyed(&orphans), rows, "orphans and up");
    assert_eq!(removed(&dry["migrations"]), rows, "dry run and up");
    let applied = up["migrations"].as_array().unwrap().iter();
    let none = Vec::new();
    let left = applied.flat_map(|it| {
        let left = it["removed"].as_array().unwrap().iter();
        left.chain(it["set_null"].as_array().unwrap_or(&none))
    });
    let left: i64 = left.map(|it| it["rows"].as_i64().unwrap()).sum();
    let tables = orphans["tables"].as_array().unwrap().iter();
    let orphans: i64 = tables.map(|it| it["orphans"].as_i64().unwrap()).sum();
    let follow = rows.iter().filter(|(.., breaks)| !breaks);
    let follow: i64 = follow.map(|(_, _, rows, _)| rows).sum();
    assert_eq!(orphans + follow, left);
    rows
}

fn row(table: &str, key: &str, rows: i64, breaks: bool) -> (String, String, i64, bool) {
    (table.to_owned(), key.to_owned(), rows, breaks)
}

/// `child` 1 to 5 with one parent that is there, two that are not, a 0 and a NULL.
fn family(script: &str) -> Database {
    Database::of(
        "CREATE TABLE parent (id INTEGER); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         INSERT INTO child VALUES (1, 1), (2, 8), (3, 9), (4, 0), (5, NULL);",
    )
    .with_migration("V1__keys", script, "")
}

#[test]
fn what_a_script_does_before_its_keys_is_seen() {
    let unique = "CREATE UNIQUE INDEX parent_id ON parent (id);";
    for (script, rows) in [
        (format!("{unique} ALTER TABLE child ADD {KEY};"), 3),
        (
            format!(
                "{unique} UPDATE child SET parent_id = NULL WHERE parent_id = 0; ALTER TABLE child ADD {KEY};"
            ),
            2,
        ),
        (
            format!(
                "{unique} INSERT INTO parent VALUES (0), (8), (9); ALTER TABLE child ADD {KEY};"
            ),
            0,
        ),
        (
            format!(
                "{unique} DELETE FROM parent; INSERT INTO parent VALUES (77); ALTER TABLE child ADD {KEY};"
            ),
            4,
        ),
        (
            format!(
                "{unique} ALTER TABLE child ADD COLUMN late INTEGER; UPDATE child SET late = id; ALTER TABLE child ADD {};",
                KEY.replace("(parent_id)", "(late)")
            ),
            3,
        ),
        (
            format!(
                "{unique} ALTER TABLE child RENAME COLUMN parent_id TO pid; ALTER TABLE child ADD {};",
                KEY.replace("(parent_id)", "(pid)")
            ),
            3,
        ),
        (
            format!(
                "{unique} ALTER TABLE parent RENAME TO elder; ALTER TABLE child ADD {};",
                KEY.replace("parent (", "elder (")
            ),
            3,
        ),
        (
            format!(
                "CREATE TABLE elder (id INTEGER PRIMARY KEY); INSERT INTO elder SELECT id FROM parent; ALTER TABLE child ADD {};",
                KEY.replace("parent (", "elder (")
            ),
            3,
        ),
    ] {
        let database = family(&script);
        let expected = match rows {
            0 => Vec::new(),
            rows => vec![row("child", "fk", rows, true)],
        };
        assert_eq!(agreed(&database), expected, "{script}");
    }
}

#[test]
fn of_several_that_are_pending_each_meets_what_the_one_before_left() {
    let database = family(&format!(
        "CREATE UNIQUE INDEX parent_id ON parent (id); ALTER TABLE child ADD {KEY};"
    ))
    .with(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER, parent_id INTEGER);
           INSERT INTO note VALUES (1, 1, 1), (2, 2, 8), (3, 7, 1), (4, 1, 9);",
    )
    .with_migration(
        "V2__notes",
        "ALTER TABLE note ADD CONSTRAINT fk_child FOREIGN KEY (child_id) REFERENCES child (id);",
        "",
    )
    .with_migration(
        "V3__more",
        "ALTER TABLE note ADD CONSTRAINT fk_parent FOREIGN KEY (parent_id) REFERENCES parent (id);",
        "",
    );
    let csv = database
        .fkfix("orphans --format csv --table note")
        .status(1);
    assert_eq!(
        csv.stdout,
        "\"fkfix_rowid\",\"fkfix_constraints\",\"id\",\"child_id\",\"parent_id\"\n2,\"fk_child\",2,2,8\n3,\"fk_child\",3,7,1\n4,\"fk_parent\",4,1,9\n"
    );
    database
        .fkfix("orphans --table note")
        .status(1)
        .says("2 of 4 rows in note have no parent (50.0%)")
        .says("1 of 2 rows in note has no parent (50.0%)")
        .says("    2   2         8\n    3   7         1\n")
        .says("    4   1         9\n");
    database
        .fkfix("orphans --table nowhere")
        .status(2)
        .explains("there is no table nowhere");
    assert_eq!(
        agreed(&database),
        [
            row("child", "fk", 3, true),
            row("note", "fk_child", 2, true),
            row("note", "fk_parent", 1, true)
        ]
    );
}

#[test]
fn rows_that_follow_are_told_from_those_that_break_the_key() {
    let database = Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER); INSERT INTO c VALUES (1, 1), (2, 9);
         CREATE TABLE d (id INTEGER PRIMARY KEY, c INTEGER);
         INSERT INTO d VALUES (1, 1), (2, 2), (3, 2), (4, 7);
         CREATE TABLE e (id INTEGER PRIMARY KEY, d INTEGER REFERENCES d ON DELETE CASCADE);
         INSERT INTO e VALUES (1, 1), (2, 2), (3, 2), (4, 3), (5, 4);",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE;
         ALTER TABLE d ADD CONSTRAINT d_c FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE;",
        "ALTER TABLE d DROP CONSTRAINT d_c; ALTER TABLE c DROP CONSTRAINT c_p;",
    );
    let report = database.fkfix("orphans --limit 0").status(1).stdout;
    assert!(
        report.ends_with(
            "    depends on orphans  by    rows\n    d                   d_c      2  go along\n    e                   e(d)     4  go along\n\n"
        ),
        "{report}"
    );
    let before = database.picture();
    database.fkfix("up --dry-run").status(0).says(
        "  3 rows of d would move to d_orphans
    1 row breaks d_c
    2 rows go along by d_c
",
    );
    assert_eq!(
        agreed(&database),
        [
            row("c", "c_p", 1, true),
            row("d", "d_c", 1, true),
            row("d", "d_c", 2, false),
            row("e", "e(d)", 4, false)
        ]
    );
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn the_shop_with_discovered_keys_is_told_in_one_way() {
    let database = Database::fixture("shop");
    let folder = database.migration("");
    let write = format!("discover --write keys --migrations {}", folder.display());
    database.fkfix(&write).status(0);
    let rows = agreed(&database);
    let sum = |breaking: bool| -> i64 {
        let rows = rows.iter().filter(|(.., breaks)| *breaks == breaking);
        rows.map(|(_, _, rows, _)| rows).sum()
    };
    assert_eq!((sum(true), sum(false)), (18, 10));
}

#[test]
fn a_key_that_nobody_asks_for_takes_no_row_along() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, other INTEGER REFERENCES parent);
         INSERT INTO child VALUES (1, 1, 1), (2, 8, 1), (3, 1, 9), (4, 8, 9);
         CREATE TABLE note (child_id INTEGER REFERENCES child ON DELETE CASCADE, also INTEGER REFERENCES child);
         INSERT INTO note VALUES (1, NULL), (2, NULL), (3, NULL), (4, NULL), (1, 3);
         CREATE TABLE loose (id INTEGER PRIMARY KEY, up INTEGER REFERENCES loose ON DELETE CASCADE, child_id INTEGER REFERENCES child ON DELETE CASCADE);
         INSERT INTO loose VALUES (1, 99, 1), (2, 1, 1), (3, 98, 2), (4, 3, NULL);",
    );
    let report = database.fkfix("orphans --format json").status(1).json();
    // Rows 3 of child and 1 and 3 of loose break declared keys, and are counted too.
    assert_eq!(report["orphans"], 3 + 2);
    assert_eq!(
        surveyed(&report),
        [
            row("child", "fk", 2, true),
            row("loose", "loose(child_id)", 1, false),
            row("loose", "loose(up)", 1, false),
            row("note", "note(child_id)", 2, false)
        ]
    );
    let up = database.fkfix("up --format json").status(0).json();
    assert_eq!(removed(&up["migrations"]), surveyed(&report));
    assert_eq!(database.rows("SELECT id FROM child"), ["1", "3"]);
    assert_eq!(database.rows("SELECT id FROM loose"), ["1", "2"]);
}

#[test]
fn what_up_can_not_read_is_no_all_clear() {
    for script in [
        "ALTER TABLE ONLY public.child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id);",
        "UPDATE nowhere SET x = 1;",
        "CREATE UNIQUE INDEX i ON parent (id); ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (gone) REFERENCES parent (id);",
    ] {
        let database = family(script);
        let orphans = database.fkfix("orphans").status(2).stdout("");
        assert_eq!(orphans.stderr, database.fkfix("up --dry-run").stderr);
        assert_eq!(orphans.stderr, database.fkfix("up").stderr);
    }
}

#[test]
fn a_run_that_has_nothing_to_do_is_foretold_in_its_own_words() {
    let script = "CREATE TABLE other (id INTEGER);";
    let database = Database::family("CREATE TABLE child (parent_id INTEGER)").with_migration(
        "V2__other",
        script,
        "DROP TABLE other;",
    );
    let agree = |arguments: &str, expected: &str| {
        let dry = database.fkfix(&format!("{arguments} --dry-run"));
        let dry = dry.status(0).stdout(expected);
        let done = database.fkfix(arguments).status(0).stdout(expected);
        assert_eq!(dry.stderr, done.stderr);
    };
    agree("down", "nothing to do: no migration is applied to app.db\n");
    database.fkfix("up --to 1").status(0);
    agree(
        "up --to 1",
        "nothing to do: app.db has every migration up to V1\n",
    );
    agree(
        "down --to 1",
        "nothing to do: no migration above V1 is applied to app.db\n",
    );
    database.up();
    agree("up", "nothing to do: app.db has every migration\n");
    agree(
        "down --to 2",
        "nothing to do: no migration above V2 is applied to app.db\n",
    );
    let json = database.fkfix("down --to 2 --dry-run --format json");
    assert_eq!(json.status(0).json()["to"], 2);
}
