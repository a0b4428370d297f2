//! Where no folder is named, ./migrations counts where it holds migrations, and else the built-in
//! one, where its table is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{Database, Finished, KEY, binary, finish};

const NOTE: &str = "note: the migrations are those in ./migrations\n";
const NONE: &str = "note: no migration applies: there is none in ./migrations, and the built-in one is for a table that is not here\n";

fn bare() -> Database {
    Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9)",
    )
}

/// The binary on `database`, in its folder, with no folder of migrations named.
fn there(database: &Database, arguments: &str) -> Finished {
    let mut command = command(arguments);
    command
        .arg("--database")
        .arg(&database.path)
        .current_dir(&database.home);
    finish(&mut command, &database.path)
}

fn command(arguments: &str) -> Command {
    let mut command = binary();
    command.args(arguments.split_whitespace());
    command
}

fn write(database: &Database, file: &str, text: &str) {
    let folder = database.home.join("migrations");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(file), text).unwrap();
}

#[test]
fn what_new_writes_up_finds() {
    let database = bare();
    there(&database, "new keys --add child.parent_id->parent.id").status(0);
    there(&database, "orphans").status(1).remarks(NOTE);
    there(&database, "up --dry-run")
        .status(0)
        .remarks(NOTE)
        .says("would apply V1 keys");
    there(&database, "status")
        .status(0)
        .remarks(NOTE)
        .says("V1 keys  pending");
    there(&database, "up")
        .status(0)
        .remarks(NOTE)
        .says("applied V1 keys");
    there(
        &database,
        "check --ignore no-child-index --ignore archive-not-empty",
    )
    .status(0)
    .remarks(NOTE);
    there(&database, "graph").status(0).stderr(NOTE);
    there(&database, "down -q")
        .status(0)
        .stderr("")
        .says("reverted V1 keys");
}

#[test]
fn what_discover_writes_up_finds_and_discover_leaves_out() {
    let shop = Database::fixture("shop");
    there(&shop, "discover --write").status(0);
    let left = there(&shop, "discover --format json").status(0).json();
    assert_eq!(left["keys"].as_array().unwrap().len(), 0, "{left}");
    there(&shop, "up")
        .status(0)
        .says("applied V1 discovered_keys");
}

#[test]
fn a_folder_of_another_tool_is_left_alone() {
    for file in [
        "20260101000000_users.sql",
        "0001_users.up.sql",
        "env.py",
        "V1__users.down.sql.bak",
    ] {
        let database = bare();
        write(&database, file, "CREATE TABLE users (id)");
        there(&database, "up")
            .status(0)
            .stdout("nothing to do: no migration applies to app.db\n")
            .remarks(NONE);
        // Into it nothing is written either.
        if file.contains("users.sql") || file.contains("up.sql") {
            let run = there(&database, "new keys").status(2);
            run.explains(&format!("{file} can't be a migration"))
                .remarks("another folder");
        }
    }
    // One that has both is asked about.
    let database = bare();
    write(&database, "V1__keys.sql", "SELECT 1");
    write(&database, "20260101000000_users.sql", "SELECT 1");
    there(&database, "up")
        .status(2)
        .remarks(NOTE)
        .remarks("20260101000000_users.sql can't be a migration");
}

#[test]
fn the_built_in_one_counts_only_where_its_table_is() {
    let database = bare();
    let before = database.files();
    there(&database, "orphans")
        .status(0)
        .stderr(NONE)
        .stdout("no orphans (0 keys checked)\n");
    there(&database, "status").status(0).stderr(NONE).stdout("");
    there(&database, "check").status(0).remarks(NONE);
    let hint = "hint: fkfix discover finds keys that were meant, and fkfix new writes the migration that adds them\n";
    for verb in ["up", "up --dry-run", "up --migrations built-in"] {
        there(&database, verb)
            .status(0)
            .stderr(&format!("{NONE}{hint}"))
            .stdout("nothing to do: no migration applies to app.db\n");
    }
    there(&database, "up --format json").status(0).stdout(
        "{\n  \"database\": \"app.db\",\n  \"to\": null,\n  \"dry_run\": false,\n  \"backup\": null,\n  \"migrations\": [],\n  \"refused\": null,\n  \"space\": null,\n  \"seconds\": null\n}\n",
    );
    there(&database, "down")
        .status(0)
        .stdout("nothing to do: no migration is applied to app.db\n");
    assert!(database.files() == before);
    // Declared keys are looked at all the same.
    database.execute("CREATE TABLE kid (x REFERENCES parent (id)); INSERT INTO kid VALUES (77)");
    there(&database, "orphans")
        .status(1)
        .stderr(NONE)
        .says("kid");
    there(&database, "check")
        .status(0)
        .says("1 row of kid breaks the key");
    // A dump is judged like the database that it is made of.
    let dump = database.home.join("dump.sql");
    fs::write(&dump, "CREATE TABLE t (x);").unwrap();
    let mut check = command("check --schema");
    check.arg(&dump).current_dir(&database.home);
    finish(&mut check, &database.path).status(0).remarks(NONE);
}

#[test]
fn the_built_in_one_is_had_by_its_name_beside_a_folder() {
    let logs = Database::fixture("app-migrated");
    write(&logs, "V1__keys.sql", "SELECT 1");
    there(&logs, "up --migrations built-in")
        .status(0)
        .says("applied V1 webhook_logs_foreign_keys");
    let run = there(&logs, "status --migrations built-in").status(0);
    run.says("V1 webhook_logs_foreign_keys  applied");
    // By the folder alone it is said what is wrong, and the remedy works.
    for verb in ["up", "down", "up --dry-run"] {
        there(&logs, verb)
            .status(2)
            .remarks("V1__webhook_logs_foreign_keys was applied to this database from another folder: here V1 is V1__keys")
            .remarks("run it with --migrations built-in");
    }
    there(&logs, "down --migrations built-in").status(0);
}

#[test]
fn a_history_of_another_folder_names_it() {
    let database = bare().with_migration(
        "V1__keys",
        &format!("ALTER TABLE child ADD {KEY}"),
        "ALTER TABLE child DROP CONSTRAINT fk",
    );
    database.up();
    // The flag is forgotten: there is no ./migrations.
    for verb in ["up", "down"] {
        there(&database, verb)
            .status(2)
            .remarks("V1__keys was applied to this database from another folder: here V1 is V1__webhook_logs_foreign_keys")
            .remarks("name the folder that holds V1__keys.sql with --migrations");
    }
    there(&database, "check")
        .status(1)
        .says("from another folder");
    database.down();
}

#[test]
fn the_demo_shows_the_built_in_one_wherever_it_runs() {
    let database = bare();
    write(&database, "V1__keys.sql", "SELECT 1");
    let mut demo = command("demo demo.db");
    demo.current_dir(&database.home);
    finish(&mut demo, Path::new("demo.db"))
        .status(0)
        .says("30 rows moved from webhook_logs to webhook_logs_orphans");
}

#[test]
fn a_folder_that_may_be_another_tool_s_is_asked_about() {
    for table in ["refinery_schema_history", "flyway_schema_history"] {
        let database = bare().with(&format!("CREATE TABLE {table} (version)"));
        write(&database, "V1__users.sql", "INSERT INTO parent VALUES (3)");
        for verb in ["up", "up --dry-run", "orphans", "status", "check"] {
            there(&database, verb).status(2).stdout("").remarks(&format!(
                "the database has the table {table}\nhint: name the folder of fkfix's own with --migrations"
            ));
        }
        there(&database, "up --migrations migrations")
            .status(0)
            .says("applied V1 users");
        there(&database, "status")
            .status(0)
            .says("V1 users  applied");
    }
}
