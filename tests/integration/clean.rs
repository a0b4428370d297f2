//! The orphans of declared keys fare as those of new ones, without a migration, and come back.

use pretty_assertions::assert_eq;

use crate::support::Database;

const SHOW: &str = "CREATE TABLE shows (id INTEGER PRIMARY KEY, t);
     CREATE TABLE seasons (id INTEGER PRIMARY KEY, show_id INTEGER NOT NULL REFERENCES shows ON DELETE CASCADE);
     CREATE TABLE episodes (id INTEGER PRIMARY KEY, season_id INTEGER REFERENCES seasons ON DELETE SET NULL, show_id INTEGER DEFAULT 1 REFERENCES shows ON DELETE SET DEFAULT, t TEXT);
     CREATE TABLE plays (episode_id INTEGER NOT NULL REFERENCES episodes ON DELETE CASCADE, n) ;
     INSERT INTO shows VALUES (1, 'one'), (2, 'two'), (3, 'three');
     INSERT INTO seasons VALUES (10, 1), (20, 2), (30, 3), (31, 3);
     INSERT INTO episodes VALUES (100, 10, 1, 'a'), (200, 20, 2, 'b'), (300, 30, 3, 'c'), (301, NULL, 3, 'd');
     INSERT INTO plays VALUES (100, 1), (200, 2), (300, 3), (300, 4), (NULL, 5);";

const LOST: &str = "PRAGMA foreign_keys = OFF; DELETE FROM shows WHERE id = 3; DELETE FROM episodes WHERE id = 200;";

fn shows() -> Database {
    Database::of(&SHOW.replace(", (NULL, 5)", "")).with(LOST)
}

#[test]
fn declared_keys_are_cleaned_and_restored_where_the_parents_come_back() {
    let database = shows();
    let before = database.picture();
    database
        .fkfix("clean")
        .status(0)
        .says("cleaned 4 declared keys\n")
        .says("  2 rows moved from seasons to seasons_orphans\n")
        .says("  1 row moved from plays to plays_orphans\n")
        .says("  2 rows of episodes kept with show_id and season_id set to NULL or its default");
    assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
    assert_eq!(
        database.rows("SELECT id, season_id, show_id FROM episodes"),
        ["100|10|1", "300|NULL|1", "301|NULL|1"]
    );
    database
        .fkfix("clean")
        .status(0)
        .stdout("nothing to do: no orphans (4 declared keys checked)\n");
    // Nothing goes back as long as its parent is missing.
    database
        .fkfix("restore")
        .status(0)
        .says("  0 rows moved from seasons_orphans back to seasons\n");
    assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
    let back =
        "INSERT INTO shows VALUES (3, 'three'); INSERT INTO episodes VALUES (200, 20, 2, 'b');";
    database.execute(back);
    let files = database.files();
    database
        .fkfix("restore --dry-run")
        .status(0)
        .says("would move back to seasons");
    assert!(database.files() == files, "the dry run has changed a file");
    database
        .fkfix("restore")
        .status(0)
        .says("  2 rows moved from seasons_orphans back to seasons\n");
    assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
    database.execute(LOST);
    assert_eq!(database.picture(), before);
}

#[test]
fn a_dry_run_says_what_a_run_does_and_changes_nothing() {
    let database = shows();
    let files = database.files();
    let dry = database
        .fkfix("clean --dry-run --format json")
        .status(0)
        .json();
    assert!(database.files() == files, "a file has changed");
    let script = database
        .fkfix("clean --dry-run --format sql")
        .status(0)
        .stdout;
    let twin = shows();
    let statements = script.replacen(".bail on\n", "", 1);
    rusqlite::Connection::open(&twin.path)
        .unwrap()
        .execute_batch(&statements)
        .unwrap();
    let done = database.fkfix("clean --format json").status(0).json();
    for part in ["keys", "removed", "set_null", "unusable", "steps"] {
        assert_eq!(dry[part], done[part], "{part}");
    }
    for table in ["seasons", "episodes", "plays"] {
        let rows = format!("SELECT * FROM {table}");
        assert_eq!(twin.rows(&rows), database.rows(&rows));
    }
}

#[test]
fn one_table_is_cleaned_with_what_hangs_on_it() {
    let database = shows();
    database.fkfix("clean --table plays").status(0);
    assert_eq!(
        database.rows("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check ORDER BY 1"),
        ["'episodes'", "'seasons'"]
    );
    database.refuses("clean --table nowhere", 2, "there is no table nowhere");
}

#[test]
fn limits_and_policies_are_heeded() {
    let database = shows();
    database.refuses(
        "clean --orphans refuse",
        1,
        "break keys that are there already",
    );
    database.refuses("clean --max-orphans 0", 1, "and --max-orphans allows 0");
    let empty = shows().with("DELETE FROM shows");
    empty.refuses("clean", 1, "shows holds no row at all");
    let all = Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE c (p INTEGER REFERENCES p ON DELETE CASCADE); PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (8), (9);",
    );
    all.refuses(
        "clean",
        1,
        "all 2 rows of c would leave: their parents are missing",
    );
    all.fkfix("clean --max-orphans 2").status(0);
    for policy in ["archive", "set-null", "delete"] {
        let database = shows();
        database
            .fkfix(&format!("clean --orphans {policy} --max-orphans 100%"))
            .status(0);
        assert_eq!(
            database.rows("PRAGMA foreign_key_check"),
            [""; 0],
            "{policy}"
        );
    }
}

#[test]
fn a_key_that_can_not_be_looked_at_is_named_and_left() {
    let database = shows().with(
        "CREATE TABLE loose (id INTEGER REFERENCES track_old (id)); INSERT INTO loose VALUES (1);",
    );
    database
        .fkfix("clean")
        .status(0)
        .remarks("warning: loose(id) was not looked at: there is no table track_old");
    assert_eq!(database.value::<i64>("SELECT count(*) FROM loose"), 1);
}

#[test]
fn a_copy_is_taken_first() {
    let database = shows();
    let before = database.rows("SELECT * FROM seasons");
    let copy = database.path.with_file_name("before.db");
    database
        .fkfix(&format!("clean --backup {}", copy.display()))
        .status(0);
    let copy = rusqlite::Connection::open(copy).unwrap();
    let rows: i64 = copy
        .query_row("SELECT count(*) FROM seasons", [], |row| row.get(0))
        .unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), before.len());
}

#[test]
fn old_rows_are_deleted_for_good_when_that_is_confirmed() {
    let database = shows();
    database.fkfix("clean").status(0);
    database.refuses(
        "restore --purge --older-than 0",
        2,
        "would be deleted for good, and nobody is there to confirm it",
    );
    database
        .fkfix("restore --purge --older-than 90d --yes")
        .status(0)
        .stdout("nothing to do: no archived row is so old\n");
    database.execute(
        "UPDATE seasons_orphans SET fkfix_archived_at = '2020-01-01T00:00:00Z' WHERE id = 30; UPDATE plays_orphans SET fkfix_archived_at = '2020-01-01T00:00:00Z'",
    );
    database
        .fkfix("restore --purge --older-than 90d --dry-run")
        .status(0)
        .says("  1 row of seasons_orphans would be deleted for good; 1 row would stay\n");
    database
        .fkfix("restore --purge --older-than 90d --yes")
        .status(0)
        .says("  1 row deleted from seasons_orphans for good; 1 row left\n");
    assert_eq!(database.rows("SELECT id FROM seasons_orphans"), ["31"]);
    assert_eq!(
        database.rows(
            "SELECT name FROM sqlite_schema WHERE name LIKE '%\\_orphans' ESCAPE '\\' ORDER BY 1"
        ),
        ["'episodes_orphans'", "'seasons_orphans'"]
    );
}

#[test]
fn what_the_archives_hold_is_listed() {
    let database = shows();
    database
        .fkfix("orphans --archived")
        .status(0)
        .stdout("no archived rows\n");
    database.fkfix("clean").status(0);
    database.execute("UPDATE seasons_orphans SET fkfix_archived_at = 'then'");
    let text = database
        .fkfix("orphans --archived --table seasons")
        .status(0);
    text.says("seasons_orphans").says("clean").says("moved");
    let json = database
        .fkfix("orphans --archived --format json")
        .status(0)
        .json();
    let stayed = |it: &&serde_json::Value| it["stayed"] == true;
    let archived = json["archived"].as_array().unwrap();
    let kept = archived.iter().filter(stayed);
    let kept: i64 = kept.map(|it| it["rows"].as_i64().unwrap()).sum();
    assert_eq!(kept, 2);
    database
        .fkfix("orphans --archived --table seasons --format csv")
        .status(0)
        .stdout("\"table\",\"archive\",\"keys\",\"version\",\"archived_at\",\"stayed\",\"rows\"\n\"seasons\",\"seasons_orphans\",\"seasons(show_id)\",\"\",\"then\",\"false\",\"2\"\n");
    database.refuses(
        "orphans --archived --table shows",
        2,
        "shows has no archive",
    );
}

/// SQLite can't be asked about a table of which one key has no parent that it could use.
#[test]
fn each_table_that_is_cleaned_is_held_against_the_check_of_sqlite_itself() {
    let database = shows().with(
        "CREATE TABLE tags (name); CREATE TABLE uses (id INTEGER PRIMARY KEY, tag REFERENCES tags (name), show_id REFERENCES shows);
         INSERT INTO uses VALUES (1, 'x', 3), (2, NULL, 1);",
    );
    let planned = database.fkfix("clean --dry-run --format json").json();
    let steps = planned["steps"].as_array().unwrap();
    let held = |table: &str| {
        let check = format!("check that foreign_key_check finds nothing in {table}");
        steps.iter().any(|step| *step == *check)
    };
    assert_eq!(
        ["seasons", "episodes", "plays", "uses"].map(held),
        [true, true, true, false]
    );
    database.fkfix("clean").says("from uses to uses_orphans\n");
    assert_eq!(database.rows("SELECT id FROM uses"), ["2"]);
}
