//! A migration is marked and nothing is run, or run again in one transaction.

use pretty_assertions::assert_eq;

use crate::support::{Database, KEY};

fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id); INSERT INTO child VALUES (1, 1), (2, 9);",
    )
}

/// All but the times.
fn history(database: &Database) -> Vec<String> {
    database.rows("SELECT version, name, adopted FROM fkfix_schema_history")
}

#[test]
fn one_that_was_carried_out_by_hand_counts_as_applied() {
    let database = Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, {KEY})"
    ));
    let before = database.files();
    database
        .fkfix("resolve V1 --applied --reason by-hand --dry-run")
        .status(0)
        .stdout("dry run: app.db is not changed\nwould mark V1 keys as applied, and run nothing\n  by-hand\n")
        .stderr("");
    assert!(database.files() == before);
    database
        .fkfix("resolve V1 --applied --reason by-hand")
        .status(0)
        .stdout("marked V1 keys as applied; nothing was run\n  by-hand\n")
        .stderr("");
    assert_eq!(history(&database), ["1|'keys'|NULL"]);
    let status = database.fkfix("status").status(0);
    assert!(
        status.stdout.starts_with("V1 keys  applied, 20"),
        "{status:?}"
    );
    assert!(
        status.stdout.ends_with(", by fkfix resolve: by-hand\n"),
        "{status:?}"
    );
    let json = database.fkfix("status --format json").json();
    assert_eq!(json["migrations"][0]["resolved"]["reason"], "by-hand");
    database.fkfix("up").status(0).says("nothing to do");
    database.fkfix("check").status(0);
    database
        .fkfix("resolve 1 --applied")
        .status(0)
        .stdout("nothing to do: V1 keys is applied\n");
    // It goes back by its down script, as any.
    database.down();
    assert_eq!(database.rows("PRAGMA foreign_key_list(child)"), [""; 0]);
    assert_eq!(
        database.value::<i64>("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'fkfix%'"),
        0
    );
}

#[test]
fn what_does_not_fit_the_mark_is_told() {
    let database = family();
    let schema = database.rows("SELECT name, sql FROM sqlite_schema");
    database
        .fkfix("resolve V1 --applied")
        .status(0)
        .stderr("warning: fk of child is not there\n");
    let json = database
        .fkfix("resolve V1 --reverted --dry-run --format json")
        .status(0)
        .json();
    assert_eq!(json["keys"][0]["is_there"], false);
    assert_eq!(json["warnings"], serde_json::json!([]));
    database.fkfix("resolve V1 --reverted").status(0).stderr("");
    assert_eq!(database.rows("SELECT name, sql FROM sqlite_schema"), schema);
    database.up();
    database.fkfix("resolve V1 --reverted --reason why").status(0).stderr(
        "warning: fk of child is still there\nwarning: child_orphans still holds 1 row that left by it; fkfix restore puts them back where their parents exist\nnote: the reason stands in this report alone: the history keeps nothing of a migration that is reverted\n",
    );
    database
        .fkfix("status")
        .status(0)
        .says("V1 keys  pending\n");
    database
        .fkfix("resolve V1 --reverted")
        .status(0)
        .says("nothing to do: V1 keys is not applied\n");
    // The key is there, so that up adopts it.
    database.up().says("child had this key already");
    let gone = family();
    gone.execute("DROP TABLE child");
    gone.fkfix("resolve V1 --applied")
        .status(0)
        .remarks("warning: fk of child is not there: ");
}

#[test]
fn a_file_that_has_changed_is_taken_as_it_is() {
    for name in ["V1__keys", "V1__other_name"] {
        let database = family();
        database.up();
        std::fs::remove_file(database.migration("V1__keys.sql")).unwrap();
        std::fs::remove_file(database.migration("V1__keys.down.sql")).unwrap();
        database.write_migration(
            &format!("{name}.sql"),
            &format!("-- Why.\nALTER TABLE child ADD {KEY};"),
        );
        database.write_migration(
            &format!("{name}.down.sql"),
            "ALTER TABLE child DROP CONSTRAINT fk;",
        );
        let at = database.rows("SELECT applied_on FROM fkfix_schema_history");
        let refused = database.refuses("up", 2, "V1__keys");
        if name == "V1__keys" {
            refused.remarks("fkfix resolve V1 --applied");
        }
        database
            .fkfix("resolve V1__keys --applied --reason comment")
            .status(0)
            .stderr("");
        assert_eq!(
            database.rows("SELECT applied_on FROM fkfix_schema_history"),
            at
        );
        database.fkfix("up").status(0).says("nothing to do");
        database
            .fkfix("status")
            .status(0)
            .says("by fkfix resolve: comment");
        database
            .down()
            .says("1 row moved from child_orphans back to child");
    }
}

#[test]
fn a_mark_that_goes_is_told_by_the_name_that_it_had() {
    let database = family()
        .with_migration("V2__second", "CREATE TABLE t (x)", "DROP TABLE t")
        .with_migration("V3__third", "CREATE TABLE u (x)", "DROP TABLE u");
    database.up();
    for end in ["sql", "down.sql"] {
        let [old, new] =
            ["second", "other"].map(|it| database.migration(&format!("V2__{it}.{end}")));
        std::fs::rename(old, new).unwrap();
    }
    database
        .fkfix("resolve V2 --reverted")
        .status(0)
        .says("marked V2 second as ");
    let versions = database.rows("SELECT version FROM fkfix_schema_history");
    assert_eq!(versions, ["1", "3"]);
}

#[test]
fn what_it_can_t_mark_is_refused() {
    let database = family();
    database.refuses("resolve V7 --applied", 2, "there is no migration 7");
    database.refuses("resolve V7 --reverted", 2, "there is no migration 7");
    for line in [
        "resolve V1",
        "resolve V1 --applied --reverted",
        "resolve x --applied",
        "resolve V-1 --applied",
    ] {
        database.fkfix(line).status(2).stdout("");
    }
    // One that is known to the history alone can be forgotten.
    database.up();
    database.execute("INSERT INTO fkfix_schema_history SELECT 2, 'gone', applied_on, '77', NULL FROM fkfix_schema_history");
    database.refuses(
        "up",
        2,
        "V2__gone was applied to this database and is not known here",
    );
    database.fkfix("resolve V2 --reverted").status(0);
    assert_eq!(history(&database), ["1|'keys'|NULL"]);
    database.fkfix("resolve V1 --applied").status(0);
    database.execute("UPDATE fkfix_schema_history SET name = 'x'");
    database.fkfix("resolve V1 --applied").status(0);
    database.execute("UPDATE fkfix_schema_history SET resolved = '{'");
    database.refuses(
        "status",
        2,
        "the history in fkfix_schema_history is damaged",
    );
}

#[test]
fn redo_reverts_and_applies_in_one_transaction() {
    for fixture in ["app-orm", "family"] {
        let database = match fixture {
            "family" => family(),
            fixture => Database::fixture(fixture),
        };
        database
            .fkfix("redo")
            .status(0)
            .stdout("nothing to do: no migration is applied to app.db\n");
        database.up();
        let state = || {
            let schema = database.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema");
            let archives =
                database.rows("SELECT name FROM sqlite_schema WHERE name LIKE '%_orphans'");
            let rows = database.rows("SELECT count(*) FROM sqlite_schema");
            (schema, archives, rows, history(&database))
        };
        let before = state();
        let bytes = database.files();
        let planned = database
            .fkfix("redo --dry-run --max-orphans 100%")
            .status(0);
        assert!(
            planned.stdout.contains("would revert V1") && planned.stdout.contains("would apply V1"),
            "{planned:?}"
        );
        assert!(database.files() == bytes, "{fixture}");
        database
            .fkfix("redo --max-orphans 100%")
            .status(0)
            .says("reverted V1")
            .says("applied V1");
        assert_eq!(state(), before, "{fixture}");
    }
}

#[test]
fn redo_changes_nothing_where_the_way_up_is_refused() {
    let database = family();
    database.up();
    let before = database.files();
    database
        .fkfix("redo --orphans refuse")
        .status(1)
        .explains("could not apply V1__keys");
    assert_eq!(database.picture(), {
        let copy = Database::missing();
        std::fs::write(&copy.path, &before["app.db"]).unwrap();
        copy.picture()
    });
    let list = database
        .fkfix("redo --max-orphans 100% --format json")
        .status(0)
        .json();
    assert_eq!(list["down"]["migrations"][0]["version"], 1);
    assert_eq!(list["up"]["migrations"][0]["version"], 1);
    // What is pending stays so.
    database.write_migration("V2__more.sql", "CREATE TABLE more (x)");
    database.fkfix("redo --max-orphans 100%").status(0);
    assert_eq!(history(&database), ["1|'keys'|NULL"]);
}
