//! A definition that SQLite takes is taken, or refused in one clear line.

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::Database;

const CHILDREN: &str =
    "INSERT INTO child (id, parent_id, t) VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 9, 'c');";

/// The definition of `child` with `end` behind its columns.
fn child(end: &str) -> String {
    format!("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT{end}")
}

#[test]
fn a_definition_may_name_its_own_table() {
    for definition in [
        child(", CHECK (child.parent_id <> 7))"),
        child(", CHECK (\"child\".[parent_id] <> 7))"),
        child(", CHECK (main.Child.parent_id <> 7), g AS (parent_id + 1))"),
        child(", CHECK (child.parent_id <> 7)) WITHOUT ROWID"),
        child(", CHECK (child.parent_id <> 7)) STRICT"),
        child(", CHECK (child.t <> ''))").replace("id INTEGER PRIMARY KEY", "id INTEGER"),
        child(", CHECK (child.t <> ''))").replace("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT"),
        format!(
            "{}; CREATE INDEX i ON child (parent_id) WHERE child.parent_id > 0",
            child(")")
        ),
        format!(
            "{}; CREATE UNIQUE INDEX i ON child (id DESC, lower(t)) WHERE \"child\".\"t\" IS NOT NULL; CREATE VIEW v AS SELECT child.t FROM child; CREATE TRIGGER fires AFTER UPDATE ON child BEGIN DELETE FROM child WHERE child.id = -1; END",
            child(")")
        ),
    ] {
        // A CHECK comes behind the columns.
        let definition = definition.replace(
            "CHECK (main.Child.parent_id <> 7), g AS (parent_id + 1)",
            "g AS (parent_id + 1), CHECK (main.Child.parent_id <> 7)",
        );
        for more in ["", "CREATE INDEX by_parent ON child (parent_id); ANALYZE;"] {
            let database = Database::family(&format!("{definition};{CHILDREN}{more}"));
            database.fkfix("up --dry-run").status(0);
            assert_eq!(database.goes_up_and_down(), 1, "{definition}");
        }
    }
}

#[test]
fn a_definition_that_names_its_own_table_loses_no_row_where_most_leave() {
    let database = Database::family(&child(", CHECK (child.parent_id <> 7));"))
        .with(CHILDREN)
        .with("UPDATE child SET parent_id = 9 WHERE id <> 1");
    assert_eq!(database.goes_up_and_down(), 2);
}

#[test]
fn a_comment_may_end_a_definition() {
    for (definition, index) in [
        (
            child(") WITHOUT ROWID -- note"),
            "CREATE INDEX i ON child (t) -- note",
        ),
        (
            child(") STRICT /* note */"),
            "CREATE INDEX i ON child (t) /* open",
        ),
        (
            child(") /* open"),
            "CREATE INDEX i ON child (t, parent_id) -- a\n-- b",
        ),
        (
            child(", CHECK (child.t <> '')) -- note"),
            "CREATE INDEX i ON child (parent_id) /* open",
        ),
    ] {
        let database = Database::family(&definition);
        database.execute(CHILDREN);
        database.execute(index);
        assert_eq!(database.goes_up_and_down(), 1, "{definition}");
    }
}

#[test]
fn bytes_that_are_no_text_may_stand_in_a_comment() {
    let latin = |connection: &Connection, name: &str| {
        connection
            .execute_batch("PRAGMA writable_schema = ON")
            .unwrap();
        let set = "UPDATE sqlite_schema SET sql = CAST(CAST(sql || ' -- caf' AS BLOB) || x'e9' AS TEXT) WHERE name = ?1";
        connection.execute(set, [name]).unwrap();
    };
    let schema = "SELECT type, name, hex(sql) FROM sqlite_schema ORDER BY name";
    let family = || {
        Database::family(&child(");"))
            .with(CHILDREN)
            .with("CREATE TABLE other (a); CREATE INDEX of_other ON other (a); CREATE VIEW v AS SELECT 1; CREATE INDEX of_child ON child (t)")
    };
    for name in ["other", "of_other", "v", "parent"] {
        let database = family();
        latin(&database.open(), name);
        let before = database.rows(schema);
        database.fkfix("orphans").status(1);
        database.fkfix("up --dry-run").status(0);
        database.up();
        database.down();
        assert_eq!(database.rows(schema), before, "{name}");
    }
    for name in ["child", "of_child"] {
        let database = family();
        latin(&database.open(), name);
        database.fkfix("orphans").status(1);
        let message = format!("the definition of {name} holds bytes that are not UTF-8");
        database.refuses("up --dry-run", 2, &message);
        database.refuses("up", 2, &message);
    }
}

#[test]
fn names_of_fkfixs_own_are_given_way_to() {
    for table in [
        "fkfix_leaving_1",
        "fkfix_dead_keys_1",
        "Fkfix_Leaving_1_",
        "fkfix_old",
    ] {
        for index in [
            "",
            "CREATE INDEX i ON {} (parent_id);",
            "CREATE INDEX i ON {} (t);",
        ] {
            let sql = child(");").replace("child", table) + &CHILDREN.replace("child", table);
            let database = Database::of(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);",
            )
            .with(&sql)
            .with(&index.replace("{}", table))
            .with_migration(
                "V1__keys",
                &format!("ALTER TABLE {table} ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id);"),
                &format!("ALTER TABLE {table} DROP CONSTRAINT fk;"),
            );
            let before = database.picture();
            database.up().says("1 row moved");
            database.down();
            assert_eq!(database.picture(), before, "{table} {index}");
        }
    }
    let database = Database::family(&child(");"))
        .with(CHILDREN)
        .with("CREATE TRIGGER child_orphans AFTER INSERT ON parent BEGIN SELECT 1; END");
    assert_eq!(database.goes_up_and_down(), 1);
}

#[test]
fn an_archive_that_can_not_be_made_is_refused_with_its_reason() {
    let database = Database::family(&child(", fkfix_rowid);")).with(CHILDREN);
    let message = "child_orphans can't be made: it has a column fkfix_rowid of its own";
    database.refuses("up --dry-run", 2, message);
    database.refuses("up", 2, message);
    database.fkfix("up --orphans delete").status(0);

    let sql = child(");").replace("child", "SQLite") + &CHILDREN.replace("child", "SQLite");
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);",
    )
    .with(&sql)
    .with_migration(
        "V1__keys",
        "ALTER TABLE SQLite ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id);",
        "ALTER TABLE SQLite DROP CONSTRAINT fk;",
    );
    let message = "SQLite_orphans can't be made: SQLite keeps names that begin with sqlite_";
    database.refuses("up --dry-run", 2, message);
    database.refuses("up", 2, message);
    database.execute("UPDATE SQLite SET parent_id = 1");
    let before = database.picture();
    database.up();
    database.down();
    assert_eq!(database.picture(), before);
}

/// SQLite allows 2,000 columns, and an archive has all that its table ever had.
#[test]
fn an_archive_that_would_grow_too_wide_is_refused_in_one_line() {
    let names: Vec<_> = (3..=1990).map(|at| format!("c{at}")).collect();
    let database = Database::of(&format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, a, {});
         INSERT INTO child (id, a, c3) VALUES (1, 9, 1), (2, 1, 9);",
        names.join(", ")
    ))
    .with_migration(
        "V1__a",
        "ALTER TABLE child ADD CONSTRAINT a FOREIGN KEY (a) REFERENCES parent (id);",
        "ALTER TABLE child DROP CONSTRAINT a;",
    );
    database.up();
    for at in 1991..=1996 {
        database.execute(&format!("ALTER TABLE child ADD COLUMN c{at}"));
    }
    let database = database.with_migration(
        "V2__b",
        "ALTER TABLE child ADD CONSTRAINT b FOREIGN KEY (c3) REFERENCES parent (id);",
        "ALTER TABLE child DROP CONSTRAINT b;",
    );
    database.refuses(
        "up --max-orphans 100%",
        2,
        "child_orphans would have 2001 columns, and SQLite allows 2000",
    );
}
