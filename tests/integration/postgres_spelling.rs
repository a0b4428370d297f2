//! `ALTER TABLE` as `PostgreSQL` and `pg_dump` write it is read, or the message says what to
//! leave out.

use pretty_assertions::assert_eq;

use crate::support::{Database, KEY};

fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, other_id INTEGER); INSERT INTO child VALUES (1, 1, 2), (2, 9, 2), (3, 2, 9)",
    )
}

#[test]
fn what_says_nothing_here_is_left_out() {
    for table in [
        "ONLY child",
        "only public.child",
        "\"public\".\"child\"",
        "IF EXISTS child",
        "IF EXISTS ONLY public.child",
        "main.child",
        "ONLY main . child",
    ] {
        let down = format!("ALTER TABLE {table} DROP CONSTRAINT fk;");
        for parent in [
            "parent",
            "public.parent",
            "\"public\" . \"parent\"",
            "main.parent",
        ] {
            let key = KEY.replace("REFERENCES parent", &format!("REFERENCES {parent}"));
            let up = format!("ALTER TABLE {table}\n    ADD {key};");
            let database = family().with_migration("V1__keys", &up, &down);
            let expected = KEY.replace(
                "parent (",
                &format!("{} (", parent.rsplit(['.', ' ']).next().unwrap()),
            );
            let before = database.picture();
            let planned = database.fkfix("orphans").status(1);
            planned.says("1 of 3 rows in child");
            database
                .fkfix("up --dry-run")
                .status(0)
                .says("1 row of child would move");
            database.up();
            let after = database.picture();
            after.must_be_with_keys(&before, "child", &[&expected]);
            database.down();
            assert_eq!(database.picture(), before);
        }
    }
}

#[test]
fn a_table_called_only_is_one() {
    for table in ["only", "main.only", "public.only", "\"only\""] {
        let database = Database::of(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE only (parent_id INTEGER)",
        )
        .with_migration("V1__keys", &format!("ALTER TABLE {table} ADD {KEY}"), "");
        database.up();
        assert_eq!(
            database.rows("SELECT \"table\" FROM pragma_foreign_key_list('only')"),
            ["'parent'"]
        );
    }
}

#[test]
fn several_actions_of_one_statement_are_done_one_after_the_other() {
    let database = family().with_migration(
        "V1__keys",
        "ALTER TABLE ONLY public.child
            ADD COLUMN note TEXT DEFAULT 'a, add b',
            ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES public.parent (id),
            ADD CONSTRAINT other FOREIGN KEY (other_id) REFERENCES parent (id) ON DELETE CASCADE,
            ADD CONSTRAINT positive CHECK (id IN (1, 2, 3));",
        "ALTER TABLE child DROP CONSTRAINT positive, DROP CONSTRAINT other, DROP CONSTRAINT fk, DROP COLUMN note;",
    );
    // A row in the archive would miss the column that goes.
    database.execute("DELETE FROM child WHERE id > 1");
    let before = database.picture();
    database.up();
    assert_eq!(
        database.rows(
            "SELECT \"from\", on_delete FROM pragma_foreign_key_list('child') ORDER BY id DESC"
        ),
        ["'parent_id'|'NO ACTION'", "'other_id'|'CASCADE'"]
    );
    assert_eq!(database.rows("SELECT * FROM child"), ["1|1|2|'a, add b'"]);
    database.execute("UPDATE child SET note = 'kept'");
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn what_sqlite_takes_is_taken() {
    for tail in [
        "MATCH SIMPLE",
        "DEFERRABLE",
        "DEFERRABLE INITIALLY DEFERRED",
        "DEFERRABLE INITIALLY IMMEDIATE",
        "MATCH SIMPLE ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED",
    ] {
        for name in ["CONSTRAINT fk ", ""] {
            let up = format!(
                "ALTER TABLE ONLY public.child ADD {name}FOREIGN KEY (parent_id) REFERENCES public.parent(id) {tail};"
            );
            let database = family().with_migration("V1__keys", &up, "");
            database.up();
            let tail = format!("FOREIGN KEY (parent_id) REFERENCES parent(id) {tail})");
            assert!(
                database.picture().definition("child").ends_with(&tail),
                "{tail}"
            );
        }
    }
}

#[test]
fn what_says_something_is_refused_and_the_hint_says_what_to_leave_out() {
    let reference = "FOREIGN KEY (parent_id) REFERENCES parent (id)";
    for (statement, message, hint) in [
        (
            format!("ALTER TABLE child ADD {KEY} NOT VALID"),
            "SQLite has no NOT VALID",
            "leave NOT VALID out",
        ),
        (
            format!("ALTER TABLE child ADD {KEY} NOT ENFORCED"),
            "SQLite has no ENFORCED",
            "leave ENFORCED or NOT ENFORCED out",
        ),
        (
            "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL (parent_id)".to_owned(),
            "SQLite has no columns after SET NULL or SET DEFAULT",
            "leave the list of columns out",
        ),
        (
            format!("ALTER TABLE child ADD {reference} not valid, ADD COLUMN x"),
            "SQLite has no NOT VALID",
            "leave NOT VALID out",
        ),
        (
            "ALTER TABLE child VALIDATE CONSTRAINT fk".into(),
            "SQLite has no VALIDATE CONSTRAINT",
            "leave the statement out",
        ),
        (
            "ALTER TABLE child DROP CONSTRAINT IF EXISTS fk".into(),
            "SQLite has no DROP CONSTRAINT IF EXISTS",
            "leave IF EXISTS out",
        ),
        (
            "ALTER TABLE child DROP CONSTRAINT fk CASCADE".into(),
            "SQLite has no DROP CONSTRAINT … CASCADE",
            "leave CASCADE out",
        ),
        (
            format!("ALTER TABLE app.child ADD {KEY}"),
            "app.child is in another schema",
            "leave the schema out",
        ),
        (
            "ALTER TABLE app.child ADD COLUMN a, ADD COLUMN b".into(),
            "app.child is in another schema",
            "leave the schema out",
        ),
        (
            format!("ALTER TABLE child ADD CONSTRAINT IF NOT EXISTS fk {reference}"),
            "what it adds can't be read as a foreign key",
            "write ALTER TABLE",
        ),
        (
            format!("ALTER TABLE child ADD CONSTRAINT {reference}"),
            "what it adds can't be read as a foreign key",
            "write ALTER TABLE",
        ),
        (
            format!("ALTER TABLE child ADD COLUMN x, {reference}"),
            "what it adds can't be read as a foreign key",
            "write ALTER TABLE",
        ),
        (
            format!("ALTER TABLE child ADD {KEY} NOT DEFERRABLE INITIALLY IMMEDIATE"),
            "SQLite can't drop a key that says NOT DEFERRABLE",
            "leave NOT DEFERRABLE out",
        ),
        (
            format!("ALTER TABLE child * ADD {KEY}"),
            "what it adds can't be read as a foreign key",
            "write ALTER TABLE",
        ),
        (
            "SET statement_timeout = 0".into(),
            "SET is not allowed in a migration",
            "take the statement out",
        ),
    ] {
        let script = format!("-- one\n{statement};");
        let database = family().with_migration("V1__keys", &script, "");
        for verb in ["up", "up --dry-run", "orphans"] {
            database
                .refuses(verb, 2, message)
                .remarks("V1__keys.sql:2: ")
                .remarks(&format!("hint: {hint}"));
        }
    }
}
