//! A table of any shape keeps all that it has but the rows that break its keys.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// Goes up and down over what `sql` makes, where `archived` rows have no parent.
#[track_caller]
pub fn keeps(archived: usize, sql: &str) -> Database {
    let database = Database::family(sql);
    assert_eq!(database.goes_up_and_down(), archived);
    database
}

#[test]
fn implicit_rowids_with_gaps() {
    keeps(
        1,
        "CREATE TABLE child (parent_id INTEGER, t TEXT);
         INSERT INTO child (rowid, parent_id, t) VALUES (3, 1, 'a'), (70, 9, 'b'), (71, 2, 'c'), (-5, NULL, 'd');",
    );
    // None leaves: this is where whole records could be copied, and would get new numbers.
    keeps(
        0,
        "CREATE TABLE child (parent_id INTEGER, t TEXT UNIQUE);
         INSERT INTO child (rowid, parent_id, t) VALUES (3, 1, 'a'), (71, 2, 'c'), (-5, NULL, 'd');",
    );
}

#[test]
fn an_integer_primary_key_desc_which_is_not_the_rowid() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY DESC, parent_id INTEGER);
         INSERT INTO child (rowid, id, parent_id) VALUES (50, 1, 1), (60, 2, 9), (40, NULL, 2);",
    );
}

#[test]
fn columns_that_took_names_of_the_rowid() {
    keeps(
        1,
        "CREATE TABLE child (rowid TEXT, oid TEXT, parent_id INTEGER);
         INSERT INTO child (_rowid_, rowid, oid, parent_id) VALUES (5, 'x', 'y', 1), (8, 'z', NULL, 9);",
    );
    keeps(
        1,
        "CREATE TABLE child (rowid INTEGER PRIMARY KEY, oid INTEGER, parent_id INTEGER);
         INSERT INTO child VALUES (5, 6, 1), (8, 9, 9);",
    );
    let all = "CREATE TABLE child (rowid, oid, _rowid_, parent_id INTEGER); INSERT INTO child VALUES (1, 2, 3, 1), (4, 5, 6, NULL);";
    keeps(0, all);
    let orphan = format!("{all} INSERT INTO child VALUES (7, 8, 9, 9);");
    Database::family(&orphan).refuses("up", 2, "its rows can't be told apart");
}

#[test]
fn without_rowid_and_strict() {
    keeps(
        2,
        "CREATE TABLE child (a TEXT COLLATE NOCASE, b REAL, parent_id INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID;
         INSERT INTO child VALUES ('x', 1, 1), ('Y', 1, 9), ('y', 2.5, 9), ('z', 2.5, NULL);",
    );
    keeps(
        1,
        "CREATE TABLE child (id TEXT PRIMARY KEY, parent_id INTEGER) WITHOUT ROWID;
         INSERT INTO child VALUES ('x', 1), ('y', 9);",
    );
    keeps(
        2,
        "CREATE TABLE child (parent_id INTEGER, v ANY, t TEXT, r REAL, b BLOB) STRICT -- as such;
         ;INSERT INTO child VALUES (1, '1', 't', 1, x'01'), (9, '1', 't', 1, x'01'), (9, 1, NULL, 2.5, NULL), (2, 1.0, '', 0, x'');",
    );
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         INSERT INTO child VALUES (-1, 1), (7, 9);",
    );
}

#[test]
fn autoincrement_and_its_counter() {
    let database = keeps(
        1,
        "CREATE TABLE other (id INTEGER PRIMARY KEY AUTOINCREMENT);
         CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER);
         INSERT INTO child VALUES (4, 1), (500, 9); INSERT INTO other VALUES (33);",
    );
    database.up();
    assert_eq!(
        database.rows("SELECT * FROM sqlite_sequence ORDER BY 1"),
        ["'child'|500", "'other'|33"]
    );
    // An empty table has a counter too, and one that never held a row has none.
    keeps(
        0,
        "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER);
         INSERT INTO child VALUES (77, 1); DELETE FROM child;",
    );
    keeps(
        0,
        "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER);",
    );
}

#[test]
fn generated_columns_even_as_the_key() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, v AS (parent_id + 1), s TEXT AS ('s' || id) STORED UNIQUE);
         INSERT INTO child VALUES (1, 1), (2, 9);",
    );
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, raw TEXT, parent_id INTEGER AS (CAST(substr(raw, 2) AS INTEGER)) STORED);
         INSERT INTO child VALUES (1, 'p1'), (2, 'p9');",
    );
}

#[test]
fn indexes_of_every_kind_and_statistics() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT COLLATE NOCASE, n DEFAULT (1 + 1), UNIQUE (t, n) ON CONFLICT IGNORE);
         CREATE INDEX i_key ON child (parent_id);
         CREATE INDEX i_part ON child (t) WHERE n > 1;
         CREATE UNIQUE INDEX i_expr ON child (lower(t), n DESC);
         CREATE INDEX \"an odd \"\"name\" ON child (t COLLATE BINARY DESC);
         INSERT INTO child VALUES (1, 1, 'a', 1), (2, 9, 'b', 2), (3, 2, 'c', 3);
         ANALYZE;",
    );
}

#[test]
fn views_and_triggers_that_name_the_table() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         CREATE TABLE seen (id);
         CREATE VIEW v AS SELECT id FROM child; CREATE VIEW w AS SELECT * FROM v;
         CREATE TRIGGER on_view INSTEAD OF INSERT ON v BEGIN INSERT INTO child (id) VALUES (new.id); END;
         CREATE TRIGGER elsewhere AFTER DELETE ON parent BEGIN DELETE FROM child WHERE parent_id = old.id; END;
         CREATE TRIGGER here AFTER UPDATE OF id ON child WHEN new.id > 5 BEGIN INSERT INTO seen SELECT id FROM child; END;
         INSERT INTO child VALUES (1, 1), (2, 9);",
    );
}

#[test]
fn views_and_triggers_that_are_broken_already() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         INSERT INTO child VALUES (1, 1), (2, 9);
         CREATE VIEW broken AS SELECT gone FROM nowhere;
         CREATE TRIGGER broken_too AFTER INSERT ON parent BEGIN INSERT INTO nowhere VALUES (new.id); END;
         CREATE TRIGGER broken_here AFTER INSERT ON child BEGIN INSERT INTO nowhere VALUES (new.id); END;",
    );
}

#[test]
fn keys_that_other_tables_have_to_it() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, code TEXT UNIQUE);
         CREATE TABLE a (child_id INTEGER REFERENCES child ON DELETE SET NULL);
         CREATE TABLE b (child_code TEXT REFERENCES child (code) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO child VALUES (1, 1, 'x'), (2, 9, 'y');
         INSERT INTO a VALUES (1), (77); INSERT INTO b VALUES ('x'), ('nobody');",
    );
}

#[test]
fn keys_that_it_has_already_to_others() {
    keeps(
        1,
        "CREATE TABLE owner (id INTEGER PRIMARY KEY);
         CREATE TABLE child (
           id INTEGER PRIMARY KEY,
           parent_id INTEGER,
           owner_id INTEGER CONSTRAINT owned REFERENCES owner ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED,
           before INTEGER REFERENCES child (id),
           CONSTRAINT defaulted FOREIGN KEY (owner_id) REFERENCES owner (id) ON DELETE SET DEFAULT
         );
         INSERT INTO owner VALUES (1);
         INSERT INTO child VALUES (1, 1, 1, NULL), (2, 2, 55, 1), (3, 9, 1, 2);",
    );
}

#[test]
fn tables_of_the_application_that_are_called_as_fkfix_calls_its_own() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         CREATE TABLE fkfix_old (id); CREATE INDEX fkfix_old_2 ON fkfix_old (id);
         CREATE TABLE fkfix_leaving_1 (k1); INSERT INTO fkfix_leaving_1 VALUES (1);
         CREATE TABLE fkfix_child (id); CREATE TABLE my_orphans (id);
         INSERT INTO child VALUES (1, 1), (2, 9);",
    );
}

#[test]
fn values_of_every_storage_class_in_columns_of_every_affinity() {
    keeps(
        12,
        "CREATE TABLE child (parent_id INTEGER, n, i INTEGER, t TEXT, r REAL, b BLOB, d NUMERIC);
         WITH v (v) AS (VALUES (NULL), (0), (-9223372036854775808), (9007199254740993), (1.0), (0.1), (9e999), (-1e-300),
           (''), ('1'), ('a' || char(0) || 'b'), (CAST(x'fffe41' AS TEXT)), (x''), (x'00ff'), ('é' || char(128512)), (zeroblob(5000)),
           (-0.0), ('1e3'), (' 5 '), ('0x10'), (9223372036854775807), (printf('%.5000c', 'x')), (char(10, 27, 13)), (1e15))
         INSERT INTO child SELECT CASE WHEN row_number() OVER () % 2 THEN 1 ELSE 9 END, v, v, v, v, v, v FROM v;",
    );
}

#[test]
fn rows_that_break_a_check_today() {
    let sql =
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, n INTEGER CHECK (n > 0));
         PRAGMA ignore_check_constraints = ON;
         INSERT INTO child VALUES (1, 1, -1), (2, 9, -2), (3, 2, 3);";
    keeps(1, sql);
    let database = keeps(0, &format!("{sql} DELETE FROM child WHERE id = 2;"));
    database.up();
    let broken = database
        .open()
        .execute("INSERT INTO child VALUES (4, 1, -1)", []);
    assert!(broken.is_err(), "the CHECK is gone");
}

#[test]
fn files_of_every_kind() {
    for pragma in [
        "encoding = 'UTF-16le'",
        "encoding = 'UTF-16be'",
        "page_size = 512",
        "page_size = 65536",
        "auto_vacuum = FULL",
        "auto_vacuum = INCREMENTAL",
        "journal_mode = WAL",
        "journal_mode = PERSIST",
        "secure_delete = ON",
    ] {
        let database = Database::of(&format!("PRAGMA {pragma}"))
            .with(
                "CREATE TABLE parent (id TEXT PRIMARY KEY); INSERT INTO parent VALUES ('ü');
                 CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT); CREATE INDEX i ON child (parent_id);
                 INSERT INTO child VALUES (1, 'ü'), (2, 'ö'), (3, NULL), (4, 'x' || char(0));",
            )
            .with_key();
        assert_eq!(database.goes_up_and_down(), 2, "{pragma}");
        assert_eq!(
            database.rows("PRAGMA integrity_check"),
            ["'ok'"],
            "{pragma}"
        );
        database.up();
        assert_eq!(
            database.files().keys().collect::<Vec<_>>(),
            ["app.db"],
            "{pragma}"
        );
    }
}

#[test]
fn big_tables_lose_few_rows_or_many() {
    // Whole records are copied where few leave, rows one by one where many do.
    for (dead, orphans) in [(100, 300), (2, 15_000)] {
        let database = Database::family(&format!(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT UNIQUE);
             CREATE INDEX i ON child (parent_id);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
             INSERT INTO child SELECT i, CASE WHEN i % {dead} = 0 THEN 9 WHEN i % 7 = 0 THEN NULL ELSE 1 + i % 2 END, 't' || i FROM n;"
        ));
        assert_eq!(database.goes_up_and_down(), orphans);
    }
}

#[test]
fn several_tables_in_one_script_are_each_rebuilt_once() {
    let key = |table: &str, name: &str, column: &str, parent: &str| {
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {parent} (id);"
        )
    };
    let up = [
        key("b", "b_a", "a_id", "a"),
        key("c", "c_b", "b_id", "b"),
        key("B", "b_c", "c_id", "c"),
    ]
    .join("\n");
    let down = "ALTER TABLE b DROP CONSTRAINT b_c; ALTER TABLE c DROP CONSTRAINT c_b; ALTER TABLE b DROP CONSTRAINT b_a;";
    let database = Database::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER, c_id INTEGER);
         CREATE TABLE c (id INTEGER PRIMARY KEY, b_id INTEGER);
         INSERT INTO a VALUES (1);
         INSERT INTO b VALUES (1, 1, NULL), (2, 9, NULL), (3, 1, 2), (4, 1, 1), (5, 9, 9);
         INSERT INTO c VALUES (1, 1), (2, 2), (3, 4), (4, 77);",
    )
    .with_migration("V1__circle", &up, down);
    let before = database.picture();
    let run = database.fkfix("up -v --orphans archive").status(0);
    for table in ["a", "b", "c"] {
        let rebuilds = run
            .stderr
            .matches(&format!("set the old {table} aside"))
            .count();
        assert_eq!(
            rebuilds,
            usize::from(table != "a"),
            "{table}: {}",
            run.stderr
        );
    }
    // b: 2 and 5 have no parent, 3 follows the second of c. c: 4 has none, 2 follows b's second.
    assert_eq!(
        database.rows("SELECT fkfix_rowid, fkfix_constraints FROM b_orphans ORDER BY 1"),
        ["2|'b_a'", "3|'b_c'", "5|'b_a, b_c'"]
    );
    assert_eq!(
        database.rows("SELECT fkfix_rowid, fkfix_constraints FROM c_orphans ORDER BY 1"),
        ["2|'c_b'", "4|'c_b'"]
    );
    assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
    database.down();
    assert_eq!(database.picture(), before);
}
