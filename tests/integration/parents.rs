//! A parent that SQLite could not use is refused by name.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// `child`, whose key refers to the `parent` that `sql` makes.
fn child_of(sql: &str) -> Database {
    Database::of(sql)
        .with("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT); INSERT INTO child VALUES (1, 'x'), (2, 'y');")
        .with_key()
}

#[test]
fn no_parent_table() {
    child_of("").refuses(
        "up",
        2,
        "its parent table parent can't be used: there is no table parent",
    );
    // A table that only the temporary database has is none.
    child_of("CREATE TABLE parents (id)").refuses("up", 2, "there is no table parent");
}

#[test]
fn a_view_or_a_virtual_table_as_parent() {
    child_of("CREATE TABLE t (id TEXT PRIMARY KEY); CREATE VIEW parent AS SELECT * FROM t")
        .refuses("up", 2, "parent is a view");
    child_of("CREATE VIRTUAL TABLE parent USING fts5 (id)").refuses(
        "up",
        2,
        "parent is a virtual table",
    );
    let database = Database::of(
        "CREATE VIRTUAL TABLE f USING fts5 (t); CREATE TABLE child (parent_id INTEGER)",
    );
    let up = "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES f_content (id)";
    let shadow = database.with_migration("V1__shadow", up, "");
    shadow.refuses("up", 2, "f_content is a shadow table");
}

#[test]
fn a_view_or_a_virtual_table_or_nothing_as_child() {
    let parent = "CREATE TABLE parent (id TEXT PRIMARY KEY); CREATE TABLE t (parent_id);";
    let with = |child: &str| Database::of(parent).with(child).with_key();
    with("").refuses("up", 2, "there is no table child");
    with("CREATE VIEW child AS SELECT * FROM t").refuses("up", 2, "child is a view");
    with("CREATE VIRTUAL TABLE child USING fts5 (parent_id)").refuses(
        "up",
        2,
        "child is a virtual table",
    );
}

#[test]
fn the_built_in_migration_without_its_tables() {
    let logs = "CREATE TABLE webhook_logs (id INTEGER PRIMARY KEY, alert_rule_id, event_id);";
    let rules = "CREATE TABLE alert_rules (id INTEGER PRIMARY KEY);";
    // Without the child it is no business of this database.
    Database::of(rules)
        .fkfix("up")
        .status(0)
        .stdout("nothing to do: no migration applies to app.db\n");
    Database::of(
        "CREATE TABLE t (alert_rule_id, event_id); CREATE VIEW webhook_logs AS SELECT * FROM t",
    )
    .refuses("up", 2, "webhook_logs is a view");
    Database::of(logs).refuses("up", 2, "there is no table alert_rules");
    Database::of(logs)
        .with(rules)
        .refuses("up", 2, "there is no table events");
    Database::of("CREATE TABLE webhook_logs (id INTEGER PRIMARY KEY, alert_rule_id)")
        .with(rules)
        .with("CREATE TABLE events (id INTEGER PRIMARY KEY)")
        .refuses("up", 2, "event_id");
}

#[test]
fn a_parent_key_that_is_neither_primary_key_nor_unique() {
    let refused = "parent (id) is neither PRIMARY KEY nor UNIQUE";
    for parent in [
        "CREATE TABLE parent (id TEXT)",
        "CREATE TABLE parent (id TEXT); CREATE INDEX i ON parent (id)",
        "CREATE TABLE parent (id TEXT); CREATE UNIQUE INDEX i ON parent (id) WHERE id > ''",
        "CREATE TABLE parent (id TEXT); CREATE UNIQUE INDEX i ON parent (id COLLATE NOCASE)",
        "CREATE TABLE parent (id TEXT); CREATE UNIQUE INDEX i ON parent (lower(id))",
        "CREATE TABLE parent (id TEXT, b TEXT, PRIMARY KEY (id, b))",
        "CREATE TABLE parent (id TEXT, b TEXT, UNIQUE (b, id))",
    ] {
        let database = child_of(parent).with("INSERT INTO parent (id) VALUES ('x')");
        database
            .refuses("up", 2, refused)
            .remarks("CREATE UNIQUE INDEX \"parent_id\" ON \"parent\" (\"id\")");
    }
}

#[test]
fn the_remedy_that_is_named_works() {
    let database = child_of("CREATE TABLE parent (id TEXT); INSERT INTO parent VALUES ('x')");
    let run = database.refuses("up", 2, "neither PRIMARY KEY nor UNIQUE");
    let (_, remedy) = run.stderr.split_once("first run: ").unwrap();
    database.execute(remedy.split_once(';').unwrap().0);
    assert_eq!(database.goes_up_and_down(), 1);
}

#[test]
fn a_parent_key_that_is_unique_serves() {
    for parent in [
        "CREATE TABLE parent (k INTEGER PRIMARY KEY, id TEXT UNIQUE)",
        "CREATE TABLE parent (id TEXT COLLATE NOCASE); CREATE UNIQUE INDEX i ON parent (id COLLATE nocase)",
        "CREATE TABLE parent (id TEXT); CREATE UNIQUE INDEX i ON parent (id DESC)",
        "CREATE TABLE parent (id TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE parent (id TEXT PRIMARY KEY) STRICT",
        "CREATE TABLE parent (raw TEXT, id TEXT AS (raw) STORED UNIQUE)",
    ] {
        let column = if parent.contains("raw") { "raw" } else { "id" };
        let database =
            child_of(parent).with(&format!("INSERT INTO parent ({column}) VALUES ('x')"));
        assert_eq!(database.goes_up_and_down(), 1, "{parent}");
    }
}

#[test]
fn a_parent_column_that_is_not_there_or_too_many() {
    let parent =
        "CREATE TABLE parent (a TEXT, b TEXT, PRIMARY KEY (a, b)); CREATE TABLE child (x, y);";
    for (clause, message) in [
        (
            "FOREIGN KEY (x) REFERENCES parent (no)",
            "parent has no column no",
        ),
        ("FOREIGN KEY (no) REFERENCES parent (a)", "no"),
        ("FOREIGN KEY (x) REFERENCES parent", "has 2"),
        (
            "FOREIGN KEY (x, y) REFERENCES parent (a)",
            "number of columns",
        ),
    ] {
        let up = format!("ALTER TABLE child ADD CONSTRAINT fk {clause}");
        Database::of(parent)
            .with_migration("V1__x", &up, "")
            .refuses("up", 2, message);
    }
    // The parent's primary key is meant where no column is named.
    let up = "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (y, x) REFERENCES parent";
    let database = Database::of(parent)
        .with(
            "INSERT INTO parent VALUES ('a', 'b'); INSERT INTO child VALUES ('b', 'a'), ('a', 'b')",
        )
        .with_migration("V1__x", up, "ALTER TABLE child DROP CONSTRAINT fk");
    database.up();
    assert_eq!(database.rows("SELECT * FROM child"), ["'b'|'a'"]);
}

/// A row whose rowid has no name left is told by its key alone.
#[test]
fn a_parent_whose_columns_have_taken_the_names_of_its_rowid_serves() {
    for key in ["INTEGER UNIQUE", "TEXT UNIQUE"] {
        let database = Database::of(&format!(
            "CREATE TABLE parent (rowid, _rowid_, oid, id {key}); INSERT INTO parent (id) VALUES (1), (2);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id {}); INSERT INTO child VALUES (1, 1), (2, 9), (3, 2), (4, NULL);",
            key.trim_end_matches("UNIQUE")
        ))
        .with_key();
        assert_eq!(database.goes_up_and_down(), 1, "{key}");
    }
}
