//! What happens to rows that break a key holds for a key that is there already, as for a new one.

use pretty_assertions::assert_eq;

use crate::support::Database;

const THERE: &str =
    "CONSTRAINT theirs FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE";

/// Rows 2 and 3 of four break the key that is there.
fn adopting(key: &str) -> Database {
    Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT, {key});
         CREATE TRIGGER child_gone AFTER DELETE ON child BEGIN INSERT INTO seen VALUES (old.id); END;
         CREATE TABLE seen (id);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, NULL, 'd');"
    ))
}

#[test]
fn refuse_and_a_limit_are_heeded() {
    for key in [
        THERE,
        "FOREIGN KEY (parent_id) REFERENCES parent ON DELETE CASCADE",
    ] {
        let database = adopting(key);
        database.refuses(
            "up --orphans refuse",
            1,
            "2 rows break keys that are there already",
        );
        for limit in ["0", "1", "49%"] {
            let message =
                format!("2 of 4 rows would leave child, and --max-orphans allows {limit}");
            database.refuses(&format!("up --max-orphans {limit}"), 1, &message);
            database
                .fkfix(&format!("up --dry-run --max-orphans {limit}"))
                .status(1)
                .remarks(&format!("\nerror: {message}\nhint: "));
        }
        database.fkfix("up --max-orphans 2").status(0);
        let sound = adopting(key).with("DELETE FROM child WHERE id IN (2, 3)");
        sound.fkfix("up --orphans refuse --max-orphans 0").status(0);
    }
    let empty = adopting(THERE).with("DELETE FROM parent");
    empty.refuses("up", 1, "parent holds no row at all");
}

#[test]
fn by_default_they_are_archived_and_reported() {
    let database = adopting(THERE);
    let before = database.picture();
    let orphans = database.fkfix("orphans --format json").status(1).json();
    assert_eq!(orphans["orphans"], 2);
    let dry = database.fkfix("up --dry-run").status(0);
    dry.says("  child has this key already: fk (parent_id) references parent (id) on delete cascade, called theirs\n  2 rows of child would move to child_orphans\n    2 rows break theirs\n")
        .says("check that no row breaks theirs");
    let up = database.up();
    assert_eq!(
        up.stdout,
        "\
applied V1 keys
  child had this key already: fk (parent_id) references parent (id) on delete cascade, called theirs
  2 rows moved from child to child_orphans
    2 rows break theirs
"
    );
    let after = database.picture();
    assert_eq!(after.definition("child"), before.definition("child"));
    assert_eq!(
        database.rows("SELECT fkfix_rowid, fkfix_constraints, id, parent_id, t FROM child_orphans"),
        ["2|'theirs'|2|8|'b'", "3|'theirs'|3|9|'c'"]
    );
    assert_eq!(database.rows("SELECT id FROM child"), ["1", "4"]);
    assert_eq!(database.rows("SELECT * FROM seen"), [""; 0]);
    assert_eq!(
        database.rows("SELECT * FROM pragma_foreign_key_check"),
        [""; 0]
    );
    database.fkfix("orphans").status(0);
    let down = database.down();
    down.says("left as they were before: child.fk");
    assert_eq!(
        database.picture().definition("child"),
        before.definition("child")
    );
}

#[test]
fn delete_removes_them() {
    let database = adopting(THERE);
    database
        .fkfix("up --orphans delete")
        .status(0)
        .says("2 rows deleted from child");
    assert_eq!(database.rows("SELECT id FROM child"), ["1", "4"]);
    assert_eq!(
        database.rows("SELECT * FROM pragma_foreign_key_check"),
        [""; 0]
    );
}

#[test]
fn one_key_is_there_and_another_is_new() {
    let other = "CONSTRAINT other FOREIGN KEY (other) REFERENCES parent (id)";
    for index in [
        "",
        "CREATE INDEX i ON child (parent_id); CREATE INDEX j ON child (other);",
    ] {
        let database = Database::of(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, other INTEGER, {THERE}); {index}
             INSERT INTO child VALUES (1, 1, 1), (2, 8, 1), (3, 1, 9), (4, 8, 9);"
        ))
        .with_migration(
            "V1__both",
            &format!("ALTER TABLE child ADD {other}; ALTER TABLE child ADD {THERE}; ALTER TABLE child ADD {THERE};"),
            "ALTER TABLE child DROP CONSTRAINT other;",
        );
        let up = database.up();
        up.says("  3 rows moved from child to child_orphans\n")
            .says("    2 rows break other\n")
            .says("    2 rows break theirs\n")
            .says("    1 row of these breaks more than one key\n");
        assert_eq!(database.rows("SELECT id FROM child"), ["1"]);
    }
}

#[test]
fn rows_that_hang_on_them_follow() {
    let database = adopting(THERE).with(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE);
         INSERT INTO note VALUES (1, 1), (2, 2), (3, 3);",
    );
    database
        .up()
        .says("  2 rows moved from note to note_orphans\n    2 rows go along by note(child_id)\n");
    let blocked = adopting(THERE).with(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child);
         INSERT INTO note VALUES (1, 1), (2, 2);",
    );
    blocked.refuses("up", 1, "1 row of note refers to rows of child");
}

#[test]
fn a_key_that_is_there_and_can_not_work_is_refused_by_name() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER, code TEXT); INSERT INTO parent VALUES (1, 'a'), (1, 'a'), (2, 'b'), (2, 'b'), (2, 'b'), (3, 'c');
         CREATE TABLE child (parent_id INTEGER, CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE);",
    )
    .with_key();
    database.refuses("up", 2, "parent (id) is neither PRIMARY KEY nor UNIQUE");
}

/// A script may declare a key by a statement that SQLite runs itself.
#[test]
fn keys_that_a_script_declares_itself_are_looked_at_too() {
    for script in [
        "ALTER TABLE child ADD COLUMN own INTEGER REFERENCES parent (id); UPDATE child SET own = parent_id;",
        "CREATE TABLE new (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id)); INSERT INTO new SELECT id, parent_id FROM child; DROP TABLE child; ALTER TABLE new RENAME TO child;",
    ] {
        let database = || {
            Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9), (3, 8);")
                .with_migration("V1__keys", script, "SELECT 1;")
        };
        for policy in ["--orphans refuse", "--max-orphans 1"] {
            let database = database();
            let before = database.files();
            let message = "2 rows of child break (";
            let refused = database
                .fkfix(&format!("up {policy}"))
                .status(1)
                .explains(message);
            assert!(
                refused
                    .stderr
                    .contains("which V1__keys.sql declares itself")
            );
            database.fkfix(&format!("up --dry-run {policy}")).status(1);
            assert!(database.files() == before);
        }
        let database = database();
        database
            .fkfix("up --dry-run")
            .status(0)
            .remarks("which V1__keys.sql declares itself");
        database
            .fkfix("up")
            .status(0)
            .remarks("fkfix clean deals with them once it is applied");
        database
            .fkfix("orphans")
            .status(1)
            .says("2 of 3 rows in child have no parent");
        assert_eq!(database.rows("SELECT id FROM child"), ["1", "2", "3"]);
    }
}

/// A rename is no declaration, and what broke the key before is no business of the script.
#[test]
fn a_key_that_is_renamed_is_none_of_the_scripts_own() {
    for script in [
        "ALTER TABLE child RENAME COLUMN parent_id TO p;",
        "ALTER TABLE parent RENAME TO p;",
        "ALTER TABLE child ADD COLUMN more REFERENCES parent;",
    ] {
        let database = Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent); INSERT INTO child VALUES (1, 1), (2, 9);")
            .with_migration("V1__keys", script, "SELECT 1;");
        let up = database.fkfix("up --orphans refuse").status(0);
        assert!(!up.stderr.contains("declares itself"), "{up:#?}");
    }
}
