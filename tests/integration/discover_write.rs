//! Keys that were found become a migration that holds.

use std::fs;

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::discover::family;
use crate::support::finish;

#[test]
fn found_keys_are_written_and_hold_and_are_not_found_again() {
    let database = family(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, parent_id INTEGER); INSERT INTO orders SELECT id, id + 5, NULL FROM customers;
         CREATE TABLE \"order lines\" (order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, PRIMARY KEY (order_id, line_no)); INSERT INTO \"order lines\" SELECT id, 1 FROM orders;
         CREATE TABLE shipments (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, line_no INTEGER NOT NULL); INSERT INTO shipments SELECT id, id, 1 FROM orders;
         CREATE TABLE labels (id INTEGER, name TEXT); INSERT INTO labels VALUES (1, 'a');
         CREATE TABLE parcels (id INTEGER PRIMARY KEY, label_id INTEGER); INSERT INTO parcels VALUES (1, 1);",
    );
    let before = database.picture();
    let folder = database.home.parent().unwrap().join("migrations");
    let write = |name: &str| {
        let mut command = database.command(&format!("discover --write {name}"));
        if !folder.exists() {
            command.arg("--migrations").arg(&folder);
        }
        finish(&mut command, &database.path).status(0)
    };
    let run = write("found");
    run.says("/migrations/V1__found.sql\n").remarks(
        "warning: left out of the migration: labels (id) is neither PRIMARY KEY nor UNIQUE\n",
    );
    let script = fs::read_to_string(folder.join("V1__found.sql")).unwrap();
    assert_eq!(script.matches("ADD CONSTRAINT").count(), 4, "{script}");
    assert!(
        script.contains(
            "FOREIGN KEY (order_id, line_no) REFERENCES \"order lines\" (order_id, line_no);"
        ),
        "{script}"
    );
    database
        .fkfix("up --orphans archive --max-orphans 100%")
        .status(0)
        .says("5 rows moved");
    assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
    write("again").says("parcels.label_id -> labels.id");
    database.down();
    assert_eq!(database.picture(), before);
    // They are in the migration, pending again, so they are not found anew.
    write("again").remarks("note: 4 keys left out, which the migrations ask for already\n");
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, 2);
}

#[test]
fn without_a_folder_they_are_written_to_migrations() {
    let database = family("CREATE TABLE things (customer_id INTEGER)");
    let write = |options: &[&str]| {
        let mut command = database.command("discover");
        finish(
            command.args(options).current_dir(&database.home),
            &database.path,
        )
        .status(0)
    };
    write(&["--write"])
        .says("1 key at 70% confidence or more\nmigrations/V1__discovered_keys.sql\nmigrations/V1__discovered_keys.down.sql\n")
        .stderr("hint: fkfix up -d app.db --migrations migrations --dry-run shows what it would do\n");
    write(&["--write", "--min-confidence", "0"])
        .stdout("")
        .remarks("note: 1 key left out");
    fs::remove_file(
        database
            .home
            .join("migrations/V1__discovered_keys.down.sql"),
    )
    .unwrap();
    fs::remove_file(database.home.join("migrations/V1__discovered_keys.sql")).unwrap();
    let run = write(&["--write", "my_keys", "--format", "json"]);
    assert_eq!(
        run.json()["written"]["up"],
        json!("migrations/V1__my_keys.sql")
    );
}
