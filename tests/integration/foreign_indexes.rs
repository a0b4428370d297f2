//! What an index says that SQLite could not have kept, or that is damaged, decides about no row.

use pretty_assertions::assert_eq;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::UP_OPTIONS;
use crate::support::Database;

/// What an application has that fkfix does not: a function, and a collation.
fn as_the_application(connection: &Connection) {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("own", 1, flags, |call| call.get::<Option<String>>(0))
        .unwrap();
    connection
        .create_collation("LOCALIZED", |left: &str, right: &str| left.cmp(right))
        .unwrap();
}

impl Database {
    /// This database after the application has run `sql`.
    fn by_the_application(self, sql: &str) -> Self {
        let connection = self.open();
        as_the_application(&connection);
        connection.execute_batch(sql).unwrap();
        self
    }

    /// This database after `sql`, of which the index `name` has not heard. Its text becomes `text`.
    pub fn unheard_by(self, name: &str, text: Option<&str>, sql: &str) -> Self {
        let find = "SELECT tbl_name FROM sqlite_schema WHERE name = ?1";
        let find_text = "SELECT sql FROM sqlite_schema WHERE name = ?1";
        let connection = self.open();
        let table: String = connection
            .query_row(find, [name], |row| row.get(0))
            .unwrap();
        let definition: String = connection
            .query_row(find_text, [&table], |row| row.get(0))
            .unwrap();
        let bare = definition
            .replace(" PRIMARY KEY", "")
            .replace(" UNIQUE", "");
        connection
            .execute_batch(
                "PRAGMA writable_schema = ON;
                 CREATE TEMP TABLE kept AS SELECT * FROM main.sqlite_schema",
            )
            .unwrap();
        if name.starts_with("sqlite_autoindex") {
            let set = "UPDATE sqlite_schema SET sql = ?1 WHERE name = ?2";
            connection.execute(set, [&bare, &table]).unwrap();
        }
        connection
            .execute("DELETE FROM sqlite_schema WHERE name = ?1", [name])
            .unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA writable_schema = RESET; {sql}; PRAGMA writable_schema = ON"
            ))
            .unwrap();
        connection
            .execute(
                "INSERT INTO sqlite_schema SELECT type, name, tbl_name, rootpage, coalesce(?2, sql) FROM temp.kept WHERE name = ?1",
                (name, text),
            )
            .unwrap();
        let set = "UPDATE sqlite_schema SET sql = ?1 WHERE name = ?2";
        connection.execute(set, [&definition, &table]).unwrap();
        self
    }

    /// `up` and its rehearsal are refused alike, and nothing changes.
    pub fn refuses_up(&self, message: &str) {
        let planned = self.refuses("up --dry-run", 2, message);
        assert_eq!(self.refuses("up", 2, message).stderr, planned.stderr);
    }

    /// So is the report of orphans.
    pub fn refuses_to_look(&self, message: &str) {
        self.refuses_up(message);
        let looked = self.refuses("orphans", 2, message);
        assert_eq!(looked.stderr, self.fkfix("up").stderr);
    }
}

const CHILDREN: &str = "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT); INSERT INTO child VALUES (1, 1, 'a'), (2, 2, 'b');";
const ORPHAN: &str = "INSERT INTO child VALUES (3, 9, 'c');";

/// `parent`, whose key is text, with `rows`, and `child`, whose rows refer to a and b.
pub fn text_keys(rows: &str, more: &str) -> Database {
    Database::of("CREATE TABLE parent (id TEXT PRIMARY KEY, n)")
        .with(&format!("INSERT INTO parent VALUES {rows}"))
        .with("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT, t); INSERT INTO child VALUES (1, 'a', 1), (2, 'b', 2);")
        .with(more)
        .with_key()
}

pub const OF_CHILD: &str = "CREATE INDEX of_child ON child (parent_id)";

#[test]
fn an_index_that_another_engine_keeps_hides_no_row_of_the_parent() {
    for (parent, children) in [
        ("CREATE TABLE parent (id INTEGER PRIMARY KEY, v)", ""),
        ("CREATE TABLE parent (id INTEGER PRIMARY KEY, v)", OF_CHILD),
        ("CREATE TABLE parent (id TEXT PRIMARY KEY, v)", ""),
        ("CREATE TABLE parent (id TEXT PRIMARY KEY, v)", OF_CHILD),
        (
            "CREATE TABLE parent (id TEXT PRIMARY KEY, v) WITHOUT ROWID",
            OF_CHILD,
        ),
        ("CREATE TABLE parent (n, id TEXT UNIQUE, v)", OF_CHILD),
    ] {
        let kind = if parent.contains("TEXT") {
            "parent_id TEXT"
        } else {
            "parent_id INTEGER"
        };
        let database = Database::of(parent)
            .with("CREATE INDEX vectors ON parent (length(v))")
            .unheard_by(
                "vectors",
                Some("CREATE INDEX vectors ON parent (libsql_vector_idx(v))"),
                "INSERT INTO parent (id, v) VALUES (1, x'00'), (2, x'01')",
            )
            .with(&CHILDREN.replace("parent_id INTEGER", kind))
            .with("CREATE INDEX more ON child (t)")
            .with(children)
            .with_key();
        database.fkfix("orphans").status(0).says("no orphans");
        assert_eq!(database.goes_up_and_down(), 0, "{parent}");
        database.execute("INSERT INTO child VALUES (3, '9', 'c')");
        assert_eq!(database.goes_up_and_down(), 1, "{parent}");
    }
}

#[test]
fn rows_are_counted_where_they_lie() {
    let database = Database::family(CHILDREN)
        .with("CREATE INDEX vectors ON child (length(t))")
        .unheard_by(
            "vectors",
            Some("CREATE INDEX vectors ON child (libsql_vector_idx(t))"),
            "INSERT INTO child VALUES (4, 1, 'd'), (5, 2, 'e')",
        );
    if UP_OPTIONS.contains(&"--documented") {
        database.refuses_up("this SQLite can't build the index vectors of child");
        return;
    }
    database.fkfix("up").status(0).says("(4 rows)\n");
    database.down();
}

#[test]
fn a_row_that_leaves_leaves_every_index_or_stays() {
    for index in ["own(t)", "t COLLATE LOCALIZED", "t) WHERE own(t) > (''"] {
        let database = Database::family(CHILDREN)
            .with(ORPHAN)
            .by_the_application(&format!("CREATE INDEX i ON child ({index})"));
        database.fkfix("orphans").status(1);
        database.refuses_up("1 row would leave child, and this SQLite can't keep its index i");
        // The remedies that are named.
        let remedied = database.copy();
        remedied
            .by_the_application("DROP INDEX i")
            .goes_up_and_down();
        let database = database.by_the_application("UPDATE child SET parent_id = 1 WHERE id = 3");
        if UP_OPTIONS.contains(&"--documented") {
            database.refuses_up("this SQLite can't build the index i of child");
        } else {
            assert_eq!(database.goes_up_and_down(), 0, "{index}");
        }
    }
}

#[test]
fn rows_that_hang_on_orphans_leave_every_index_or_stay() {
    let database = Database::family(CHILDREN)
        .with(ORPHAN)
        .with("CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child_id REFERENCES child ON DELETE CASCADE, t); INSERT INTO grandchild VALUES (1, 3, 'x')")
        .by_the_application("CREATE INDEX i ON grandchild (own(t))");
    database.refuses_up("1 row would leave grandchild, and this SQLite can't keep its index i");
}

#[test]
fn the_way_back_is_rehearsed_too() {
    let database = Database::family(CHILDREN).with(ORPHAN);
    database.up();
    let database = database.by_the_application("CREATE INDEX i ON child (own(t))");
    let message = "this SQLite can't keep the index i of child";
    let planned = database.refuses("down --dry-run", 2, message);
    assert_eq!(database.refuses("down", 2, message).stderr, planned.stderr);
    database.fkfix("down --leave-orphans").status(0);
}

#[test]
fn another_tables_index_is_no_obstacle() {
    for index in ["own(a)", "a COLLATE LOCALIZED", "a) WHERE own(a) > (''"] {
        let database = Database::family(CHILDREN)
            .with(ORPHAN)
            .with("CREATE TABLE other (a TEXT)")
            .by_the_application(&format!("CREATE INDEX i ON other ({index})"));
        database.fkfix("up --dry-run").status(0);
        assert_eq!(database.goes_up_and_down(), 1, "{index}");
    }
}

#[test]
fn a_collation_that_no_comparison_needs_is_no_obstacle() {
    let children = CHILDREN.replace("t TEXT", "t TEXT COLLATE LOCALIZED");
    let plain = || {
        Database::missing()
            .by_the_application(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY, n TEXT COLLATE LOCALIZED UNIQUE)",
            )
            .by_the_application("INSERT INTO parent VALUES (1, 'a'), (2, 'b')")
            .by_the_application(&children)
            .with_key()
    };
    let with_orphan = plain().by_the_application(ORPHAN);
    with_orphan.fkfix("orphans").status(1);
    if UP_OPTIONS.contains(&"--documented") {
        plain().refuses_up("this SQLite can't make the table child as it is defined");
        return;
    }
    assert_eq!(plain().goes_up_and_down(), 0);
    assert_eq!(with_orphan.goes_up_and_down(), 1);
}

#[test]
fn a_key_that_is_compared_by_an_unknown_collation_is_refused() {
    let keys = "CREATE TABLE parent (id TEXT COLLATE LOCALIZED PRIMARY KEY); CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT);";
    for sql in [
        keys.to_owned(),
        keys.replace("id TEXT COLLATE LOCALIZED", "id TEXT")
            .replace("parent_id TEXT", "parent_id TEXT COLLATE LOCALIZED"),
    ] {
        let database = Database::missing().by_the_application(&sql).with_key();
        database.refuses_up("is compared by the collation LOCALIZED, which fkfix does not have");
    }
}

#[test]
fn what_a_damaged_index_of_the_parent_lacks_makes_no_orphan() {
    let lacking = |more: &str, rows: &str| {
        text_keys("('x', 0)", more).unheard_by(
            "sqlite_autoindex_parent_1",
            None,
            &format!("INSERT INTO parent VALUES {rows}"),
        )
    };
    for more in ["", OF_CHILD] {
        let database = lacking(more, "('a', 1), ('b', 2)");
        database.refuses_to_look("the index sqlite_autoindex_parent_1 of parent is damaged");
        database.execute("REINDEX parent");
        assert_eq!(database.goes_up_and_down(), 0, "{more}");
        // As many entries as rows, of other keys.
        let database = text_keys("('a', 1), ('b', 2)", more).unheard_by(
            "sqlite_autoindex_parent_1",
            None,
            "UPDATE parent SET id = 'c' || id; INSERT INTO child VALUES (3, 'ca', 3)",
        );
        let run = database.fkfix("up");
        run.status(0).says("2 rows moved from child");
        database.execute("REINDEX parent");
        assert_eq!(database.rows("SELECT id FROM child"), ["3"], "{more}");
        assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0], "{more}");
    }
}

#[test]
fn what_a_damaged_index_of_the_parent_has_too_much_is_no_parent() {
    for more in ["", OF_CHILD] {
        let database = text_keys("('a', 1), ('b', 2)", more).unheard_by(
            "sqlite_autoindex_parent_1",
            None,
            "DELETE FROM parent WHERE id = 'b'",
        );
        database.refuses_up("the index sqlite_autoindex_parent_1 of parent is damaged");
        database
            .fkfix("orphans")
            .status(1)
            .says("1 of 2 rows in child has no parent");
        database.execute("REINDEX parent");
        assert_eq!(database.goes_up_and_down(), 1, "{more}");
    }
}

#[test]
fn a_damaged_index_of_the_child_hides_no_orphan() {
    for (sql, found) in [
        (
            "INSERT INTO child VALUES (3, 'x', 3)",
            "1 of 3 rows in child has no parent",
        ),
        ("DELETE FROM child WHERE id = 2", "of child is damaged"),
    ] {
        let database = text_keys("('a', 1), ('b', 2)", OF_CHILD).unheard_by("of_child", None, sql);
        database.refuses_up("is damaged");
        let looked = database.fkfix("orphans");
        let told = looked.stdout + &looked.stderr;
        assert!(told.contains(found), "{told}");
        database.execute("REINDEX child");
        database.goes_up_and_down();
    }
    // As many entries as rows, of other values: the rows tell.
    let database = text_keys("('a', 1), ('b', 2)", OF_CHILD).unheard_by(
        "of_child",
        None,
        "UPDATE child SET parent_id = 'x' WHERE id = 2",
    );
    database
        .fkfix("orphans")
        .status(1)
        .says("1 of 2 rows in child has no parent");
    assert_eq!(database.goes_up_and_down(), 1);
    assert_eq!(database.rows("PRAGMA integrity_check"), ["'ok'"]);
}

#[test]
fn a_damaged_index_hides_no_row_that_hangs_on_an_orphan() {
    let database = Database::family(CHILDREN)
        .with(ORPHAN)
        .with("CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE); CREATE INDEX i ON grandchild (child_id)")
        .unheard_by("i", None, "INSERT INTO grandchild VALUES (1, 3), (2, 1)");
    database.refuses_to_look("the index i of grandchild is damaged");
    database.execute("REINDEX grandchild");
    assert_eq!(database.goes_up_and_down(), 2);
}

#[test]
fn a_stale_index_of_the_parent_tells_no_parent_that_its_rows_do_not_have() {
    for (collation, more) in [
        ("COLLATE NOCASE", ""),
        ("COLLATE NOCASE", OF_CHILD),
        // More keys than the child has rows are not read.
        (
            "",
            "INSERT INTO parent SELECT 'y' || id || t, 0 FROM (SELECT id FROM child), (SELECT t FROM child)",
        ),
    ] {
        let database = Database::of(&format!("CREATE TABLE parent (id TEXT {collation} PRIMARY KEY, n)"))
            .with("INSERT INTO parent VALUES ('a', 1), ('b', 2)")
            .with(&format!("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT {collation}, t); INSERT INTO child VALUES (1, 'a', 1), (2, 'b', 2);"))
            .with(more)
            .with_key()
            .unheard_by(
                "sqlite_autoindex_parent_1",
                None,
                "UPDATE parent SET id = 'c' || id",
            );
        let orphans = 2 + database.value::<i64>("SELECT count(*) FROM child WHERE id > 2");
        database.fkfix("orphans").status(1).says(&format!(
            "{orphans} of {orphans} rows in child have no parent"
        ));
        database
            .fkfix("up --max-orphans 100%")
            .status(0)
            .says(&format!("{orphans} rows moved from child"));
        database.execute("REINDEX parent");
        let had_one = "SELECT parent_id FROM child_orphans JOIN parent ON parent.id = parent_id";
        assert_eq!(database.rows(had_one), [""; 0]);
        assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
    }
}

#[test]
fn two_tables_in_the_same_pages_are_not_touched() {
    let database = Database::family(CHILDREN).with(
        "CREATE TABLE other (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'child') WHERE name = 'other';",
    );
    database.refuses_to_look("the database is damaged: child and other lie in the same pages");
}
