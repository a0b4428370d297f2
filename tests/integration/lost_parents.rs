//! A key to a table that is gone gets the parent that was meant, and comes back to the byte.

use std::fs;
use std::path::PathBuf;

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::support::{Database, Finished, finish};

/// `track`, and `plays`, whose `columns` refer to what it was called while it was made again.
fn plays(columns: &str) -> Database {
    Database::of(&format!(
        "CREATE TABLE track (trackid INTEGER PRIMARY KEY, t); INSERT INTO track VALUES (1, 'a'), (2, 'b');
         CREATE TABLE plays ({columns});
         CREATE INDEX i ON plays (trackid); INSERT INTO plays (id, trackid) VALUES (1, 1), (2, 2), (3, NULL), (4, 1);"
    ))
}

fn folder(database: &Database) -> PathBuf {
    database.home.parent().unwrap().join("migrations")
}

fn write(database: &Database) -> Finished {
    let mut command = database.command("discover --write");
    command.arg("--migrations").arg(folder(database));
    finish(&mut command, &database.path).status(0)
}

const COLUMNS: &str = "id INTEGER PRIMARY KEY, trackid INTEGER REFERENCES \"track_old\"(trackid) ON DELETE CASCADE -- the track\n, n";

#[test]
fn the_likely_parent_is_proposed_with_the_migration_of_two_lines() {
    let database = plays(COLUMNS);
    let found = database.fkfix("discover --format json").status(0).json();
    let key = &found["keys"][0];
    assert_eq!(key["parent"], json!("track"));
    assert_eq!(key["on_delete"], json!("CASCADE"));
    assert_eq!(
        key["replaces"],
        json!(["(trackid) references track_old (trackid) on delete cascade"])
    );
    database
        .fkfix("discover")
        .status(0)
        .says(" 97%  plays.trackid -> track.trackid on delete cascade\n      its key refers to track_old, and there is no such table\n")
        .says("      cascade: so says the key to track_old\n      replaces (trackid) references track_old (trackid) on delete cascade\n");
    write(&database);
    let file = |name: &str| fs::read_to_string(folder(&database).join(name)).unwrap();
    let up = file("V1__discovered_keys.sql");
    assert_eq!(
        up,
        "ALTER TABLE plays DROP CONSTRAINT plays_trackid_fkey;\n\nALTER TABLE plays\n    ADD CONSTRAINT fk_plays_trackid\n    FOREIGN KEY (trackid) REFERENCES track (trackid) ON DELETE CASCADE;\n"
    );
    assert_eq!(
        file("V1__discovered_keys.down.sql"),
        "ALTER TABLE plays DROP CONSTRAINT fk_plays_trackid;\n\nALTER TABLE plays\n    ADD CONSTRAINT plays_trackid_fkey\n    FOREIGN KEY (trackid) REFERENCES track_old (trackid) ON DELETE CASCADE;\n"
    );
}

#[test]
fn what_is_written_runs_and_the_way_back_is_exact() {
    for columns in [
        COLUMNS,
        "id INTEGER PRIMARY KEY, trackid INTEGER, n, CONSTRAINT own FOREIGN KEY (trackid) REFERENCES track_old ON DELETE SET NULL",
        "id INTEGER PRIMARY KEY, trackid INTEGER, n, CONSTRAINT \"its own\" FOREIGN KEY (trackid) REFERENCES track_old (trackid) ON DELETE SET DEFAULT /* , */",
        "id INTEGER PRIMARY KEY, trackid INTEGER CONSTRAINT own REFERENCES track_old ON DELETE CASCADE NOT DEFERRABLE, n",
        "id INTEGER PRIMARY KEY, trackid INTEGER CONSTRAINT plays_trackid_fkey REFERENCES _alembic_tmp_track(trackid), n",
        "id INTEGER PRIMARY KEY, trackid INTEGER REFERENCES track_old REFERENCES track_old2 (trackid) ON DELETE RESTRICT, n",
        "id INTEGER PRIMARY KEY, trackid INTEGER, n INTEGER REFERENCES plays_old (id), FOREIGN KEY (trackid) REFERENCES \"Track_OLD\" (TrackID) DEFERRABLE INITIALLY DEFERRED",
    ] {
        for options in ["", " --documented"] {
            let database = plays(columns);
            let before = database.picture();
            write(&database);
            database.fkfix(&format!("up{options}")).status(0);
            let lost = "SELECT count(*) FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS k WHERE m.type = 'table' AND k.\"table\" NOT IN (SELECT name FROM sqlite_schema)";
            assert_eq!(database.value::<i64>(lost), 0, "{columns}");
            assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
            let after = database.picture();
            database.down();
            assert_eq!(database.picture().schema, before.schema, "{columns}");
            assert_eq!(database.picture(), before, "{columns}");
            database.fkfix(&format!("up{options}")).status(0);
            assert_eq!(database.picture().schema, after.schema, "{columns}");
        }
    }
}

#[test]
fn orphans_fare_as_the_key_says() {
    let database = plays(COLUMNS).with("INSERT INTO plays (id, trackid) VALUES (5, 9)");
    let before = database.picture();
    write(&database);
    database
        .fkfix("up")
        .status(0)
        .says("  1 row moved from plays to plays_orphans\n");
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn a_key_of_several_columns_is_redirected_whole() {
    let database = Database::of(
        "CREATE TABLE lines (a, b, PRIMARY KEY (a, b)); INSERT INTO lines VALUES (1, 1);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, x, y, FOREIGN KEY (x, y) REFERENCES lines_old (a, b)); INSERT INTO notes VALUES (1, 1, 1);",
    );
    let before = database.picture();
    write(&database);
    database.fkfix("up").status(0);
    assert_eq!(
        database.rows("SELECT \"table\", \"from\", \"to\" FROM pragma_foreign_key_list('notes')"),
        ["'lines'|'x'|'a'", "'lines'|'y'|'b'"]
    );
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn a_key_can_be_named_by_hand_too() {
    let database = plays(COLUMNS.replace("track_old", "gone").as_str());
    let mut command = database.command("new fix");
    command
        .args(["--add", "plays.trackid -> track.trackid"])
        .arg("--migrations")
        .arg(folder(&database));
    finish(&mut command, &database.path).status(0);
    let before = database.picture();
    database.fkfix("up").status(0);
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn check_and_up_name_a_remedy_that_works() {
    let database = plays(COLUMNS);
    let hint = "hint: with foreign_keys = ON, each write to the child fails; fkfix discover --write -d DATABASE writes the migration that has it refer to track\n";
    let check = database.fkfix("check").status(1);
    assert!(
        check
            .stdout
            .contains(hint.trim_start_matches("hint: ").trim_end()),
        "{check:#?}"
    );
    // Where no table seems to be meant, the line that drops the key.
    let other = plays(
        &COLUMNS
            .replace("track_old", "elsewhere")
            .replace("trackid)", "x)"),
    );
    let line = "ALTER TABLE plays DROP CONSTRAINT plays_trackid_fkey;";
    let check = other.fkfix("check").status(1);
    assert!(check.stdout.contains(line), "{check:#?}");
    let other = other.with_migration("V1__drop", line, "SELECT 1");
    other.fkfix("up").status(0);
    other.fkfix("check").status(0);
    assert_eq!(other.rows("PRAGMA foreign_key_list(plays)"), [""; 0]);
    // A migration that adds the right key beside the wrong one is told of the same line.
    let add =
        "ALTER TABLE plays ADD CONSTRAINT fk FOREIGN KEY (trackid) REFERENCES track (trackid);";
    let beside =
        plays(COLUMNS).with_migration("V1__add", add, "ALTER TABLE plays DROP CONSTRAINT fk");
    beside
        .refuses("up", 2, "plays has another key on the same columns")
        .remarks(line);
    beside.write_migration("V1__add.sql", &format!("{line}\n{add}"));
    beside.fkfix("up").status(0);
}

#[test]
fn the_files_for_other_runners_do_the_same() {
    for target in ["transaction", "d1"] {
        let database = plays(COLUMNS);
        write(&database);
        let before = database.picture();
        let script = |verb: &str| {
            let run = format!("{verb} --dry-run --format sql --for {target}");
            database.fkfix(&run).status(0).stdout
        };
        let run = |sql: &str| {
            let connection = database.open();
            connection.execute_batch("BEGIN").unwrap();
            connection.execute_batch(sql).unwrap();
            connection.execute_batch("COMMIT").unwrap();
        };
        run(&script("up"));
        assert_eq!(
            database.rows("SELECT \"table\" FROM pragma_foreign_key_list('plays')"),
            ["'track'"]
        );
        run(&script("down"));
        assert_eq!(
            database.picture().definition("plays"),
            before.definition("plays")
        );
        assert_eq!(database.picture().tables["plays"], before.tables["plays"]);
    }
}
