//! A UNIQUE index is advised where it can be made; else it is said what stands in its way.

use pretty_assertions::assert_eq;

use crate::support::Database;

fn family(parent: &str) -> Database {
    Database::of(&format!(
        "CREATE TABLE parent (id INTEGER, code TEXT); {parent};
         CREATE TABLE child (parent_id INTEGER);"
    ))
    .with_key()
}

#[test]
fn duplicates_are_counted_and_listed() {
    let database = family(
        "INSERT INTO parent VALUES (1, 'a'), (1, 'b'), (2, 'b'), (2, 'c'), (2, 'd'), (3, 'e'), (NULL, 'f'), (NULL, 'g')",
    );
    let remedy = "no UNIQUE index can be made as long as 5 rows share 2 values: give each row a value of its own (SELECT \"id\", count(*) FROM \"parent\" WHERE \"id\" IS NOT NULL GROUP BY \"id\" HAVING count(*) > 1 lists them), then run CREATE UNIQUE INDEX \"parent_id\" ON \"parent\" (\"id\")\n";
    let run = database.refuses("up", 2, "parent (id) is neither PRIMARY KEY nor UNIQUE");
    run.remarks(&format!("hint: {remedy}"));
    let (_, query) = remedy.split_once('(').unwrap();
    let (query, _) = query.split_once(" lists them").unwrap();
    assert_eq!(database.rows(query), ["1|2", "2|3"]);
    // What is advised works.
    database.execute("UPDATE parent SET id = rowid WHERE id IS NOT NULL");
    database.execute(remedy.split_once("then run ").unwrap().1);
    database.up();
}

#[test]
fn the_index_that_is_advised_has_a_name_that_is_free() {
    let database = family("CREATE INDEX parent_id ON parent (id); CREATE TABLE parent_id_2 (x)");
    let run = database.refuses("up", 2, "neither PRIMARY KEY nor UNIQUE");
    let (_, remedy) = run.stderr.split_once("first run: ").unwrap();
    database.execute(remedy.split_once(';').unwrap().0);
    database.up();
}
