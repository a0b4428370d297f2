//! `--for postgres`: what PostgreSQL would refuse of what SQLite takes.

use crate::database::{Database, told};

const SCHEMA: &str = "
    CREATE TABLE users (id UUID PRIMARY KEY, \"createdAt\" TIMESTAMP);
    CREATE TABLE Orders (id INTEGER PRIMARY KEY, user_id TEXT REFERENCES users (id), total NUMERIC);
    CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id BIGINT REFERENCES Orders (id));
    CREATE INDEX a ON Orders (user_id); CREATE INDEX b ON lines (order_id)";

#[test]
fn it_is_told_on_request_alone_and_decides_nothing_but_with_strict() {
    let database = Database::empty();
    database.run(SCHEMA);
    let plain = database.check(&["--ignore", "table-missing"]);
    assert!(!plain.found().iter().any(|it| it.starts_with("postgres-")));
    let options = [
        "--for",
        "postgres",
        "--ignore",
        "table-missing",
        "--ignore",
        "affinity-differs",
    ];
    let checked = database.check(&options);
    assert_eq!(checked.status, 0);
    let types = "postgres-types Orders (user_id)";
    assert_eq!(
        checked.found(),
        [types, "postgres-names users", "postgres-names Orders"]
    );
    assert_eq!(
        checked.message(types),
        "Orders.user_id is TEXT and users.id is UUID; PostgreSQL can't compare them in a key"
    );
    assert_eq!(
        checked.message("postgres-names users"),
        "PostgreSQL reads these names in lower case where they stand without quotes: createdAt"
    );
    let strict = database.check(&[&options[..], &["--strict"]].concat());
    assert_eq!(strict.status, 1);
    let file = database.file("schema.sql", SCHEMA);
    let (status, told, _) = told(&[
        "check",
        "--schema",
        file.to_str().unwrap(),
        "--for",
        "postgres",
        "--ignore",
        "table-missing",
    ]);
    assert_eq!(status, 0);
    assert!(
        told.contains("warning[postgres-types] Orders (user_id)"),
        "{told}"
    );
}
