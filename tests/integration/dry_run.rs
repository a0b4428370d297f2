//! A dry run tells what the real run would do, and changes not one byte.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pretty_assertions::assert_eq;

use crate::support::{Database, binary_for_anyone, finish};

#[test]
fn the_plan_of_the_sample_database_reads_well() {
    let database = Database::fixture("app-migrated");
    let plan = database.fkfix("up --dry-run").status(0).stderr("");
    let (plan, space) = plan.stdout.split_once("\ndisk space: about ").unwrap();
    assert_eq!(
        plan,
        "\
dry run: app.db is not changed

would apply V1 webhook_logs_foreign_keys
  would add 2 foreign keys to webhook_logs (keeps 1,000 rows of 1,090)
    fk_webhook_logs_alert_rule (alert_rule_id) references alert_rules (id) on delete cascade
    fk_webhook_logs_event (event_id) references events (id) on delete cascade
  90 rows of webhook_logs would move to webhook_logs_orphans
    40 rows break fk_webhook_logs_alert_rule
    60 rows break fk_webhook_logs_event
    10 rows of these break more than one key
  webhook_logs keeps its place in the file: few of its rows leave
  steps
     1. create webhook_logs_orphans
     2. copy 90 rows into webhook_logs_orphans
     3. check that webhook_logs_orphans holds every row that leaves webhook_logs
     4. delete 90 rows from webhook_logs
     5. write the new keys into the definition of webhook_logs
     6. check that alert_rules has 10 rows
     7. check that events has 200 rows
     8. check that webhook_logs has 1,000 rows
     9. check that no row breaks fk_webhook_logs_alert_rule
    10. check that no row breaks fk_webhook_logs_event
    11. drop the temporary list of orphans of webhook_logs
"
    );
    assert!(space.contains(" beside the database ("), "{space}");
    assert!(space.contains("\ntime: about "), "{space}");
}

#[test]
fn the_steps_that_are_shown_are_the_steps_that_are_taken() {
    for name in ["app-migrated", "app-orm", "nasty"] {
        let database = Database::fixture(name);
        let plan = database
            .fkfix("up --dry-run --format json")
            .status(0)
            .json();
        let shown: Vec<_> = plan["migrations"][0]["steps"].as_array().unwrap().clone();
        let log = database.fkfix("up -v").status(0).stderr;
        let lines = log
            .lines()
            .filter_map(|line| line.trim().strip_prefix("INFO "));
        let taken: Vec<_> = lines
            .skip_while(|line| line.starts_with("search "))
            .collect();
        let (taken, commit) = taken.split_at(shown.len());
        assert_eq!(shown, taken, "{name}");
        assert_eq!(commit, ["commit"], "{name}");

        let plan = database
            .fkfix("down --dry-run --format json")
            .status(0)
            .json();
        let shown = plan["migrations"][0]["steps"].as_array().unwrap().clone();
        let log = database.fkfix("down -v").status(0).stderr;
        let taken: Vec<_> = log
            .lines()
            .filter_map(|line| line.trim().strip_prefix("INFO "))
            .collect();
        assert_eq!(shown, taken[..shown.len()], "{name}");
    }
}

#[test]
fn a_file_that_nobody_may_write_is_read_and_stays_as_it_is() {
    for mode in ["DELETE", "WAL"] {
        for verb in [
            "up --dry-run",
            "up --dry-run --format sql",
            "down --dry-run",
            "orphans",
            "status",
        ] {
            let database = Database::fixture("app-migrated");
            database.execute(&format!("PRAGMA journal_mode = {mode}"));
            if verb.starts_with("down") {
                database.up();
            }
            let before = database.files();
            let command = &mut binary_for_anyone(&database);
            lock(&database.home);
            let output = command.args(verb.split(' ')).output().unwrap();
            unlock(&database.home);
            let expected = i32::from(verb == "orphans");
            assert_eq!(
                output.status.code(),
                Some(expected),
                "{mode} {verb}: {output:?}"
            );
            assert!(
                database.files() == before,
                "{mode} {verb} has changed a file"
            );
        }
    }
}

/// Nobody may write the folder or what is in it.
fn lock(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
}

fn unlock(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_log_that_another_connection_is_writing_is_read_and_stays_as_it_is() {
    let database = Database::fixture("app-orm");
    let writer = database.open();
    let sql = "PRAGMA journal_mode = WAL; DELETE FROM events WHERE id = 'e2'";
    writer.execute_batch(sql).unwrap();
    let before = database.files();
    assert!(
        !before["app.db-wal"].is_empty(),
        "the deletion stands in the log alone"
    );
    database
        .fkfix("up --dry-run")
        .status(0)
        .says("keeps 2 rows of 3");
    assert!(database.files() == before, "a file has changed");
    drop(writer);
}

#[test]
fn it_exits_as_the_real_run_would() {
    let database = Database::fixture("app-migrated");
    for (options, status) in [
        ("--orphans refuse", 1),
        ("--max-orphans 89", 1),
        ("--max-orphans 5%", 1),
        ("--max-orphans 90", 0),
    ] {
        let dry = database
            .fkfix(&format!("up --dry-run {options}"))
            .status(status);
        let before = database.picture();
        let real = database.fkfix(&format!("up {options}")).status(status);
        if status == 1 {
            assert_eq!(database.picture(), before, "{options}");
            let reason = dry.stderr.strip_prefix("error: ").unwrap();
            assert!(
                real.stderr.contains(reason),
                "{} / {}",
                dry.stderr,
                real.stderr
            );
        }
    }
    let empty = Database::fixture("app-migrated").with("DELETE FROM alert_rules");
    empty
        .fkfix("up --dry-run")
        .status(1)
        .remarks("alert_rules holds no row at all");
    let missing = Database::fixture("app-migrated").with("DROP TABLE webhook_logs");
    missing
        .fkfix("up --dry-run")
        .status(0)
        .stdout("nothing to do: no migration applies to app.db\n");
}

#[test]
fn what_depends_on_the_script_itself_is_rehearsed_elsewhere() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         INSERT INTO child VALUES (1, 1), (2, 3), (3, 4);",
    )
    .with_migration("V1__repair", "UPDATE child SET parent_id = 2 WHERE parent_id = 3; ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id)", "ALTER TABLE child DROP CONSTRAINT fk; UPDATE child SET parent_id = 3 WHERE id = 2")
    .with_migration("V2__more", "CREATE TABLE grandchild (id INTEGER, child_id INTEGER); INSERT INTO grandchild VALUES (1, 9); ALTER TABLE grandchild ADD CONSTRAINT fk_child FOREIGN KEY (child_id) REFERENCES child (id)", "DROP TABLE grandchild");
    let files = database.files();
    let plan = database
        .fkfix("up --dry-run --max-orphans 100% --format json")
        .status(0)
        .json();
    assert!(database.files() == files, "a file has changed");
    let removed = |at: usize| plan["migrations"][at]["removed"][0]["rows"].clone();
    assert_eq!((removed(0), removed(1)), (1.into(), 1.into()));
    let done = database
        .fkfix("up --max-orphans 100% --format json")
        .status(0)
        .json();
    for at in [0, 1] {
        for part in ["tables", "removed"] {
            assert_eq!(plan["migrations"][at][part], done["migrations"][at][part]);
        }
    }
    let files = database.files();
    let plan = database
        .fkfix("down --to 0 --dry-run --format json")
        .status(0)
        .json();
    assert!(database.files() == files, "a file has changed");
    let done = database.fkfix("down --to 0 --format json").status(0).json();
    for at in [0, 1] {
        assert_eq!(
            plan["migrations"][at]["restored"],
            done["migrations"][at]["restored"]
        );
    }
}

#[test]
fn the_way_back_foretells_which_rows_can_not_return() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT UNIQUE);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, 9, 'd');",
    );
    database.up();
    database.execute("INSERT INTO child VALUES (2, 1, 'x'), (7, 1, 'c')");
    let files = database.files();
    database
        .fkfix("down --dry-run")
        .status(0)
        .stderr("")
        .stdout(
            "\
dry run: app.db is not changed

would revert V1 keys
  1 row of child_orphans would move back to child
  2 rows kept in child_orphans
    1 row: id is taken in child
    1 row: t is taken in child
  steps
    1. run V1__keys.down.sql:1
    2. put the rows of child_orphans back into child
    3. take what is back out of child_orphans, and drop it if nothing is left
    4. take V1 out of fkfix_schema_history, and drop it if nothing is left
",
        );
    assert!(database.files() == files, "a file has changed");
    let down = database.down();
    assert!(
        down.stdout.contains("2 rows kept in child_orphans"),
        "{}",
        down.stdout
    );
}

#[test]
fn with_nothing_to_do_it_says_so() {
    let database = Database::fixture("app-orm");
    let nothing = database.fkfix("down --dry-run").status(0);
    assert_eq!(
        nothing.stdout,
        "nothing to do: no migration is applied to app.db\n"
    );
    database.up();
    let nothing = database.fkfix("up --dry-run").status(0);
    assert_eq!(
        nothing.stdout,
        "nothing to do: app.db has every migration\n"
    );
    database
        .fkfix("up --dry-run --format sql")
        .status(0)
        .stdout("");
    database
        .fkfix("up --format sql")
        .status(2)
        .explains("--format sql goes with --dry-run");
}

#[test]
fn no_estimate_is_shorter_than_what_any_run_takes() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9);",
    );
    let report = database
        .fkfix("up --dry-run --max-orphans 100% --format json")
        .json();
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((0.01..10.0).contains(&seconds), "{seconds}");
}

/// SQLite looks at its own variable first, then at the one that all programs know.
#[test]
#[cfg(target_os = "linux")]
fn room_for_sorting_is_sought_where_sqlite_sorts() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1);",
    );
    // Nothing can be written to /proc, and so it is said to be full.
    for (own, common, is_full) in [
        ("/proc", "/tmp", true),
        ("/tmp", "/proc", false),
        ("/nowhere", "/proc", true),
    ] {
        let mut command = database.command("up --dry-run --format json");
        command.env("SQLITE_TMPDIR", own).env("TMPDIR", common);
        let report = finish(&mut command, &database.path).json();
        let free = report["space"]["free_in_temporary_folder"].as_u64();
        assert_eq!(free == Some(0), is_full, "{own}, {common}");
    }
}
