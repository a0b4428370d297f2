//! An orphan fares as its key says, and what happened to it is undone by `down`, exactly.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// `child` with the key of `action`, of which 2 and 3 have no parent, and what `sql` makes.
pub fn family(action: &str, sql: &str) -> Database {
    Database::of(&format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, NULL, 'd'); {sql}"
    ))
    .with_migration(
        "V1__keys",
        &format!("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) {action}"),
        "ALTER TABLE child DROP CONSTRAINT fk",
    )
}

#[test]
fn set_null_keeps_the_row_and_the_archive_remembers_its_key() {
    for options in ["", " --documented"] {
        let database = family("ON DELETE SET NULL", "CREATE INDEX i ON child (t);");
        let before = database.picture();
        database
            .fkfix(&format!("up{options}"))
            .status(0)
            .says("  2 rows of child kept with parent_id set to NULL; child_orphans remembers what it was\n    2 rows break fk\n");
        assert_eq!(
            database.rows("SELECT * FROM child"),
            ["1|1|'a'", "2|NULL|'b'", "3|NULL|'c'", "4|NULL|'d'"]
        );
        assert_eq!(
            database.rows("SELECT fkfix_kept, id, parent_id FROM child_orphans"),
            [
                r#"'{\"parent_id\":\"NULL\"}'|2|8"#,
                r#"'{\"parent_id\":\"NULL\"}'|3|9"#
            ]
        );
        database.down();
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn no_action_moves_the_row_and_says_so() {
    for action in ["", "ON DELETE RESTRICT"] {
        let database = family(action, "");
        let before = database.picture();
        database
            .up()
            .says("  2 rows moved from child to child_orphans\n")
            .says(": the parent could not have been deleted\n");
        database.down();
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn a_table_that_refers_to_itself_is_not_emptied_by_a_few_orphans() {
    let states = |action: &str| {
        Database::of(
            "CREATE TABLE states (state_id INTEGER PRIMARY KEY, old_state_id INTEGER);
             WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 22) INSERT INTO states SELECT i, i - 2 FROM n;",
        )
        .with_migration(
            "V1__states",
            &format!("ALTER TABLE states ADD CONSTRAINT fk FOREIGN KEY (old_state_id) REFERENCES states (state_id) {action}"),
            "ALTER TABLE states DROP CONSTRAINT fk",
        )
    };
    let database = states("ON DELETE SET NULL");
    let before = database.picture();
    database.up().says("  2 rows of states kept");
    assert_eq!(database.value::<i64>("SELECT count(*) FROM states"), 20);
    database.down();
    assert_eq!(database.picture(), before);
    states("ON DELETE CASCADE").refuses(
        "up",
        1,
        "all 20 rows of states would leave: 2 without a parent, and 18 that refer to rows that leave",
    );
    states("").refuses("up", 1, "2 rows of states refer to rows of states");
    for run in ["--max-orphans 100%", "--orphans set-null"] {
        let database = states("ON DELETE CASCADE");
        let before = database.picture();
        database.fkfix(&format!("up {run}")).status(0);
        database.down();
        assert_eq!(database.picture(), before);
    }
    states("").fkfix("up --orphans set-null").status(0);
    states("")
        .fkfix("up --orphans archive --max-orphans 20")
        .status(0);
}

#[test]
fn rows_that_refer_to_rows_that_leave_follow_by_their_own_key() {
    let notes = "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER DEFAULT 1 REFERENCES child (id) ACTION);
         INSERT INTO note VALUES (1, 1), (2, 2), (3, 3);";
    for (action, rows) in [
        ("ON DELETE CASCADE", ["1|1"].as_slice()),
        ("ON DELETE SET NULL", &["1|1", "2|NULL", "3|NULL"]),
        ("ON DELETE SET DEFAULT", &["1|1", "2|1", "3|1"]),
    ] {
        let database = family("ON DELETE CASCADE", &notes.replace("ACTION", action));
        let before = database.picture();
        database.up();
        assert_eq!(database.rows("SELECT * FROM note"), rows, "{action}");
        assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
        database.down();
        assert_eq!(database.picture(), before, "{action}");
    }
    let blocked = family("ON DELETE CASCADE", &notes.replace("ACTION", ""));
    blocked.refuses("up", 1, "2 rows of note refer to rows of child");
    let before = blocked.picture();
    blocked.fkfix("up --orphans archive").status(0);
    assert_eq!(blocked.rows("SELECT * FROM note"), ["1|1"]);
    blocked.down();
    assert_eq!(blocked.picture(), before);
}

#[test]
fn a_default_without_a_parent_is_no_place_to_stay() {
    let database = family(
        "ON DELETE CASCADE",
        "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER DEFAULT 3 REFERENCES child (id) ON DELETE SET DEFAULT, t DEFAULT 5);
         INSERT INTO note VALUES (1, 1, 1), (2, 2, 1);",
    );
    let before = database.picture();
    database
        .up()
        .says("  1 row moved from note to note_orphans\n")
        .says("note(child_id): the default has no parent\n");
    assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn a_default_whose_parent_leaves_is_no_place_to_stay() {
    let keys = [
        "ALTER TABLE note ADD CONSTRAINT n FOREIGN KEY (child_id) REFERENCES child (id) ON DELETE SET DEFAULT;",
        "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET DEFAULT;",
    ];
    for up in [keys.concat(), keys.into_iter().rev().collect()] {
        let database = Database::of(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER DEFAULT 99);
             CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER DEFAULT 2);
             CREATE TABLE leaf (id INTEGER PRIMARY KEY, note_id INTEGER REFERENCES note (id) ON DELETE CASCADE);
             CREATE TABLE bud (leaf_id INTEGER REFERENCES leaf (id) ON DELETE CASCADE);
             INSERT INTO child VALUES (1, 1), (2, 8); INSERT INTO note VALUES (1, 1), (2, 9);
             INSERT INTO leaf VALUES (1, 1), (2, 2); INSERT INTO bud VALUES (1), (2);",
        )
        .with_migration(
            "V1__keys",
            &up,
            "ALTER TABLE child DROP CONSTRAINT fk; ALTER TABLE note DROP CONSTRAINT n",
        );
        let before = database.picture();
        let told = database.fkfix("up --max-orphans 100%").status(0);
        for table in ["child", "note", "leaf", "bud"] {
            let left = format!("  1 row moved from {table} to {table}_orphans");
            assert!(told.stdout.contains(&left), "{left}: {told:#?}");
        }
        assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
        database.down();
        assert_eq!(database.picture(), before);
    }
}

/// Runs `up` with `--orphans set-null` over `sql`, in which rows of `child` break the key, and back.
fn moved(sql: &str, why: &str) {
    for table in [
        sql.to_owned(),
        format!("{sql} CREATE INDEX j ON child (parent_id);"),
    ] {
        let database = Database::of(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1); {table}"
        ))
        .with_migration(
            "V1__keys",
            "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL",
            "ALTER TABLE child DROP CONSTRAINT fk",
        );
        let before = database.picture();
        let dry = database
            .fkfix("up --dry-run --max-orphans 100%")
            .status(0)
            .stdout;
        assert!(dry.contains(why), "{dry}");
        database
            .up()
            .says("moved from child to child_orphans")
            .says(why);
        assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
        database.down();
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn a_row_that_can_not_stay_without_its_key_leaves_and_the_report_says_why() {
    for (sql, why) in [
        (
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL); INSERT INTO child VALUES (1, 1), (2, 9);",
            "fk: parent_id may not be NULL\n",
        ),
        (
            "CREATE TABLE child (parent_id INTEGER PRIMARY KEY, t); INSERT INTO child VALUES (1, 1), (2, 9);",
            "fk: parent_id is part of the PRIMARY KEY\n",
        ),
        (
            "CREATE TABLE child (a TEXT, parent_id INTEGER, PRIMARY KEY (a, parent_id)) WITHOUT ROWID; INSERT INTO child VALUES ('x', 1), ('y', 9);",
            "fk: parent_id is part of the PRIMARY KEY\n",
        ),
        (
            "CREATE TABLE child (id INTEGER PRIMARY KEY, j TEXT, parent_id INTEGER AS (json_extract(j, '$.p')) STORED); INSERT INTO child (j) VALUES ('{\"p\":1}'), ('{\"p\":9}');",
            "fk: parent_id is a generated column\n",
        ),
        (
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER CHECK (parent_id IS NOT NULL), t); INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b');",
            "fk: a CHECK or a unique index forbids it\n",
        ),
        (
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT); CREATE UNIQUE INDEX i ON child (t) WHERE parent_id IS NULL; INSERT INTO child VALUES (1, NULL, 'a'), (2, 9, 'a'), (3, 9, 'b'), (4, 9, 'b');",
            "fk: a CHECK or a unique index forbids it\n",
        ),
        (
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER UNIQUE); CREATE TABLE note (c INTEGER REFERENCES child (parent_id) ON DELETE CASCADE); INSERT INTO child VALUES (1, 1), (2, 9); INSERT INTO note VALUES (1), (9);",
            "fk: other keys refer to parent_id\n",
        ),
    ] {
        moved(sql, why);
    }
}

#[test]
fn tables_of_every_kind_keep_their_rows() {
    for sql in [
        "CREATE TABLE child (a TEXT PRIMARY KEY, parent_id INTEGER) WITHOUT ROWID; INSERT INTO child VALUES ('x', 1), ('y', 9), ('z', NULL);",
        "CREATE TABLE child (a TEXT, b REAL, parent_id INT, v ANY, PRIMARY KEY (a, b)) STRICT, WITHOUT ROWID; INSERT INTO child VALUES ('x', 1, 1, '1'), ('x', 2.5, 9, 1), ('y', 1, 9, x'01');",
        "CREATE TABLE child (parent_id, t TEXT); INSERT INTO child (rowid, parent_id, t) VALUES (-5, 1, 'a'), (70, '9', 'b'), (71, 9.5, 'c'), (72, x'09', 'd');",
        "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER, g AS (ifnull(parent_id, 'none')), CHECK (parent_id IS NULL OR parent_id > 0)); INSERT INTO child (parent_id) VALUES (1), (9);",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER UNIQUE ON CONFLICT REPLACE, t); INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, NULL, 'd');",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, \"it's \"\" \" INTEGER); CREATE TABLE seen (t); CREATE TRIGGER u BEFORE UPDATE ON child BEGIN INSERT INTO seen VALUES (old.id); END; INSERT INTO child VALUES (1, 1, 1), (2, 9, 1);",
    ] {
        for options in ["", " --orphans set-null"] {
            let database = Database::of(&format!(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1); {sql}"
            ))
            .with_migration(
                "V1__keys",
                "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL",
                "ALTER TABLE child DROP CONSTRAINT fk",
            );
            let before = database.picture();
            let rows = database.value::<i64>("SELECT count(*) FROM child");
            database.fkfix(&format!("up{options}")).status(0);
            assert_eq!(database.value::<i64>("SELECT count(*) FROM child"), rows);
            assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
            database.down();
            assert_eq!(database.picture(), before, "{sql}");
        }
    }
}

#[test]
fn a_column_of_two_keys_is_forgotten_once_and_the_stricter_key_decides() {
    let database = Database::of(
        "CREATE TABLE p (a, b, PRIMARY KEY (a, b)); CREATE TABLE q (a PRIMARY KEY);
         CREATE TABLE child (id INTEGER PRIMARY KEY, a, b, c);
         INSERT INTO p VALUES (1, 1); INSERT INTO q VALUES (1), (2);
         INSERT INTO child VALUES (1, 1, 1, 1), (2, 2, 2, 1), (3, 1, 1, 9), (4, 2, 2, 9);",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE child ADD CONSTRAINT cp FOREIGN KEY (a, b) REFERENCES p (a, b) ON DELETE SET NULL;
         ALTER TABLE child ADD CONSTRAINT cq FOREIGN KEY (a) REFERENCES q (a) ON DELETE SET NULL;
         ALTER TABLE child ADD CONSTRAINT cc FOREIGN KEY (c) REFERENCES q (a) ON DELETE CASCADE;",
        "ALTER TABLE child DROP CONSTRAINT cc; ALTER TABLE child DROP CONSTRAINT cq; ALTER TABLE child DROP CONSTRAINT cp;",
    );
    let before = database.picture();
    let up = database.fkfix("up --format json").status(0).json();
    let applied = &up["migrations"][0];
    assert_eq!(applied["removed"][0]["rows"], 2);
    assert_eq!(applied["set_null"][0]["rows"], 1);
    assert_eq!(applied["set_null"][0]["by_key"][0]["rows"], 1);
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|1|1", "2|NULL|NULL|1"]
    );
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn update_triggers_are_named_and_not_fired() {
    let database = family(
        "ON DELETE SET NULL",
        "CREATE TABLE seen (t); CREATE TRIGGER u BEFORE UPDATE OF parent_id ON child BEGIN INSERT INTO seen VALUES (old.id); END;",
    );
    database
        .up()
        .remarks("2 rows change in child without its trigger u (BEFORE UPDATE)");
    assert_eq!(database.value::<i64>("SELECT count(*) FROM seen"), 0);
}

#[test]
fn the_script_does_the_same() {
    for action in ["ON DELETE SET NULL", "ON DELETE CASCADE", ""] {
        let database = family(action, "");
        let twin = family(action, "");
        let script = database.fkfix("up --dry-run --format sql").status(0).stdout;
        let statements = script.replacen(".bail on\n", "", 1);
        rusqlite::Connection::open(&twin.path)
            .unwrap()
            .execute_batch(&statements)
            .unwrap();
        database.up();
        assert_eq!(
            twin.rows("SELECT * FROM child"),
            database.rows("SELECT * FROM child")
        );
        let archived = "SELECT fkfix_kept, id, parent_id, t FROM child_orphans";
        if action == "ON DELETE SET NULL" {
            assert_eq!(twin.rows(archived), database.rows(archived));
        }
        twin.down();
        database.down();
        assert_eq!(twin.picture(), database.picture());
    }
}

#[test]
fn the_report_says_what_orphans_mostly_are() {
    let database = Database::of(
        "CREATE TABLE users (id TEXT PRIMARY KEY); INSERT INTO users VALUES ('ab-cd'), ('Ef');
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id TEXT REFERENCES users);
         PRAGMA foreign_keys = OFF; INSERT INTO posts (user_id) VALUES ('0'), ('0'), ('0'), ('0'), ('ABCD'), (' ef '), ('ef');",
    );
    database
        .fkfix("orphans")
        .status(1)
        .says("posts(user_id): 4 of 7 refer to users 0: a mark for none? --orphans set-null keeps the rows\n")
        .says("posts(user_id): 3 rows have a parent in another spelling (case, blanks, hyphens): repair the values first\n");
    let json = database.fkfix("orphans --format json").status(1).json();
    assert_eq!(json["keys"][0]["other_spelling"], 3);
}

#[test]
fn a_check_that_names_its_own_table_keeps_no_row_from_staying() {
    for (check, stays) in [
        ("CHECK (child.t <> 'never')", true),
        (
            "CHECK (\"child\".parent_id IS NULL OR [Child].id > 0)",
            true,
        ),
        ("CHECK (child.parent_id IS NOT NULL)", false),
    ] {
        for index in [
            "",
            "CREATE UNIQUE INDEX i ON child (ifnull(parent_id, id)) WHERE child.id > 0",
        ] {
            let database = Database::family(&format!(
                "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT, {check}); {index};
                 INSERT INTO child VALUES (1, 1, 'a'), (5, 9, 'b')"
            ));
            let before = database.picture();
            for verb in ["up --dry-run --orphans set-null", "up --orphans set-null"] {
                let run = database.fkfix(verb).status(0);
                assert_eq!(
                    run.stdout.contains("set to NULL"),
                    stays,
                    "{check} {index}: {run:#?}"
                );
            }
            database.down();
            assert_eq!(database.picture(), before);
        }
    }
}

#[test]
fn a_trigger_on_deletion_is_not_named_where_no_row_leaves() {
    let database = family(
        "ON DELETE SET NULL",
        "CREATE TABLE seen (t); CREATE TRIGGER d AFTER DELETE ON child BEGIN INSERT INTO seen VALUES (old.id); END;",
    );
    let told = database.up().stderr;
    assert!(!told.contains("trigger d"), "{told}");
}
