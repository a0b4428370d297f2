//! Rows that break a key are found as SQLite itself would find them, and go where they should.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// Three of four rows have no parent.
fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         INSERT INTO child VALUES (1, 1), (2, 7), (3, 8), (4, 9);",
    )
}

#[test]
fn refuse_reports_them_and_changes_nothing() {
    family().refuses("up --orphans refuse", 1, "3 rows break the new keys");
    let database = family().with("DELETE FROM child WHERE id > 1");
    database.fkfix("up --orphans refuse").status(0);
}

#[test]
fn a_limit_in_rows_or_in_percent_is_held() {
    for limit in ["0", "2", "74.9%", "0%"] {
        family().refuses(
            &format!("up --max-orphans {limit}"),
            1,
            "3 of 4 rows would leave child",
        );
        family().refuses(
            &format!("up --orphans delete --max-orphans {limit}"),
            1,
            "3 of 4 rows",
        );
    }
    for limit in ["3", "75%", "100%", "1000000"] {
        family()
            .fkfix(&format!("up --max-orphans {limit}"))
            .status(0)
            .says("3 rows moved");
    }
    for wrong in ["-1", "101%", "many", "1.5", "%"] {
        let run = family()
            .fkfix(&format!("up --max-orphans={wrong}"))
            .status(2)
            .stdout("");
        run.remarks("a number of rows such as 1000, or a share such as 5%");
    }
}

#[test]
fn an_empty_parent_table_is_refused_unless_a_limit_allows_it() {
    let empty = || family().with("DELETE FROM parent");
    empty().refuses("up", 1, "parent holds no row at all");
    empty().refuses("up --orphans delete", 1, "parent holds no row at all");
    empty().refuses("up --max-orphans 3", 1, "4 of 4 rows");
    empty()
        .fkfix("up --max-orphans 100%")
        .status(0)
        .says("4 rows moved");
    // Where no row has a parent to miss, an empty parent table is no sign of anything.
    empty().with("UPDATE child SET parent_id = NULL").up();
    empty().with("DELETE FROM child").up();
}

#[test]
fn a_null_in_the_key_is_no_orphan_and_a_null_among_the_parents_hides_none() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER UNIQUE, name TEXT); INSERT INTO parent VALUES (1, 'a'), (NULL, 'b'), (NULL, 'c');
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         INSERT INTO child VALUES (1, 1), (2, NULL), (3, 9);",
    )
    .with_key();
    assert_eq!(database.goes_up_and_down(), 1);
    database.up();
    assert_eq!(database.rows("SELECT id FROM child"), ["1", "2"]);
    // An index on the child's column is another way to the same rows.
    database.down();
    let database = database.with("CREATE INDEX i ON child (parent_id)");
    database.up();
    assert_eq!(database.rows("SELECT id FROM child"), ["1", "2"]);
}

/// Values that compare in different ways under different affinities and collations.
const VALUES: &str = "(1), (2), ('1'), ('1.0'), (1.0), (1.5), ('1.5'), (x'31'), ('a'), ('A'), ('a '), (' 1'), ('+1'), (NULL), ('')
    , (9007199254740993), ('9007199254740993'), (9007199254740992.0), (1e3), ('1e3'), (1000), ('b'), ('B '), (x''), (-0.0), (0)
    , (1e20), ('100000000000000000000'), ('ä'), ('Ä')";

const TYPES: [&str; 10] = [
    "INTEGER",
    "TEXT",
    "TEXT COLLATE NOCASE",
    "TEXT COLLATE RTRIM",
    "REAL",
    "NUMERIC",
    "BLOB",
    "",
    "COLLATE NOCASE",
    "VARCHAR(10)",
];

/// `child` with one column of each type, all with the same values, and `parent`, which has half
/// of them.
fn family_of_types(parent: &str, odd: usize, keys: &[String]) -> String {
    let columns = TYPES.iter().enumerate();
    let columns: Vec<_> = columns
        .map(|(at, declared)| format!("c{at} {declared}"))
        .collect();
    format!(
        "CREATE TABLE parent (id {parent} UNIQUE);
         WITH v (v) AS (VALUES {VALUES}), n AS (SELECT v, row_number() OVER () AS i FROM v)
         INSERT OR IGNORE INTO parent SELECT v FROM n WHERE (i + {odd}) % 2;
         CREATE TABLE child ({});
         WITH v (v) AS (VALUES {VALUES}) INSERT INTO child SELECT v, v, v, v, v, v, v, v, v, v FROM v;",
        [&columns, keys].concat().join(", ")
    )
}

#[test]
fn they_are_the_rows_that_sqlite_would_report_whatever_the_types() {
    let keys: Vec<_> = (0..TYPES.len())
        .map(|at| format!("CONSTRAINT c{at} FOREIGN KEY (c{at}) REFERENCES parent (id)"))
        .collect();
    let script = format!(
        "ALTER TABLE child ADD {};",
        keys.join("; ALTER TABLE child ADD ")
    );
    let indexes: Vec<_> = (0..TYPES.len())
        .map(|at| format!("CREATE INDEX i{at} ON child (c{at});"))
        .collect();
    let indexes = indexes.concat();
    let mut found = 0;
    for (odd, parent) in TYPES.iter().enumerate() {
        let twin = Database::of(&family_of_types(parent, odd, &keys));
        let expected = twin.rows(
            "SELECT c.rowid, k.\"from\" FROM pragma_foreign_key_check('child') AS c, pragma_foreign_key_list('child') AS k
             WHERE k.id = c.fkid ORDER BY 1, 2",
        );
        for index in ["", &indexes] {
            let database = Database::of(&family_of_types(parent, odd, &[]))
                .with(index)
                .with_migration("V1__keys", &script, "");
            database.up();
            let broken = database.rows(
                "SELECT fkfix_rowid, name FROM child_orphans, pragma_table_info('child')
                 WHERE fkfix_constraints || ',' LIKE '%' || name || ',%' ORDER BY 1, 2",
            );
            assert_eq!(broken, expected, "parent {parent}, index {index}");
        }
        found += expected.len();
    }
    assert!(
        found > 1000,
        "{found} broken keys are too few to tell anything"
    );
}

#[test]
fn differing_affinity_or_collation_is_warned_of() {
    let up = |parent: &str, child: &str| {
        let database = Database::of(&format!(
            "CREATE TABLE parent (id {parent} PRIMARY KEY) WITHOUT ROWID; INSERT INTO parent VALUES (1);
             CREATE TABLE child (parent_id {child}); INSERT INTO child VALUES ('1');"
        ));
        database.with_key().up().stderr
    };
    let warning = up("INTEGER", "TEXT");
    assert!(
        warning.starts_with("warning: child.parent_id has affinity TEXT and parent.id NUMERIC"),
        "{warning}"
    );
    let warning = up("TEXT", "TEXT COLLATE NOCASE");
    assert!(
        warning.starts_with("warning: child.parent_id has collation NOCASE and parent.id BINARY"),
        "{warning}"
    );
    for (parent, child) in [
        ("INTEGER", "INT"),
        ("VARCHAR(36)", "TEXT"),
        ("TEXT COLLATE nocase", "CHAR COLLATE NOCASE"),
    ] {
        assert!(!up(parent, child).contains("warning"), "{parent}, {child}");
    }
}

#[test]
fn a_composite_key_is_broken_as_a_whole() {
    let make = |key: &str| {
        format!(
            "CREATE TABLE parent (a TEXT COLLATE NOCASE, b INTEGER, PRIMARY KEY (b, a));
             INSERT INTO parent VALUES ('x', 1), ('y', 2), ('z', NULL), (NULL, 5);
             CREATE TABLE child (id INTEGER PRIMARY KEY, a TEXT, b TEXT{key});
             INSERT INTO child VALUES (1, 'x', 1), (2, 'X', '1'), (3, 'x', 2), (4, NULL, 9), (5, 'w', NULL), (6, 'z', 0), (7, 'w', 5), (8, NULL, NULL);"
        )
    };
    let key = "CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES parent (a, b)";
    let twin = Database::of(&make(&format!(", {key}")));
    let expected = twin.rows("SELECT rowid FROM pragma_foreign_key_check('child') ORDER BY 1");
    let database = Database::of(&make("")).with_migration(
        "V1__keys",
        &format!("ALTER TABLE child ADD {key}"),
        "ALTER TABLE child DROP CONSTRAINT fk",
    );
    let before = database.picture();
    database.up();
    assert_eq!(
        database.rows("SELECT fkfix_rowid FROM child_orphans ORDER BY 1"),
        expected
    );
    assert_eq!(expected, ["3", "6", "7"]);
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn the_archive_of_the_application_is_not_written_over() {
    let own =
        "CREATE TABLE child_orphans (id, note); INSERT INTO child_orphans VALUES (1, 'mine');";
    let database = family().with(own);
    database.refuses(
        "up",
        2,
        "child_orphans exists already and is not an archive that fkfix made",
    );
    for object in [
        "CREATE VIEW Child_Orphans AS SELECT 1",
        "CREATE INDEX CHILD_orphans ON child (id)",
    ] {
        family().with(object).refuses("up", 2, "exists already");
    }
    database.fkfix("up --orphans delete").status(0);
    assert_eq!(database.rows("SELECT * FROM child_orphans"), ["1|'mine'"]);
    database.down();
    assert_eq!(database.rows("SELECT * FROM child_orphans"), ["1|'mine'"]);
    // Where nothing is archived, the name is nobody's concern.
    family()
        .with("DELETE FROM child WHERE id > 1")
        .with(own)
        .goes_up_and_down();
}

#[test]
fn a_second_migration_adds_to_the_archive_and_each_takes_back_its_own() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, other_id INTEGER);
         INSERT INTO child VALUES (1, 1, 1), (2, 9, 1), (3, 1, 9), (4, 9, 9);",
    )
    .with_key()
    .with_migration(
        "V2__other",
        "ALTER TABLE child ADD COLUMN late TEXT; ALTER TABLE child ADD CONSTRAINT other FOREIGN KEY (other_id) REFERENCES parent (id)",
        "ALTER TABLE child DROP CONSTRAINT other; ALTER TABLE child DROP COLUMN late;",
    );
    let before = database.picture();
    database.fkfix("up --to 1").status(0);
    let between = database.picture();
    database.up();
    assert_eq!(
        database
            .rows("SELECT fkfix_rowid, fkfix_constraints, fkfix_version, late FROM child_orphans"),
        ["2|'fk'|1|NULL", "4|'fk'|1|NULL", "3|'other'|2|NULL"]
    );
    database.down().says("1 row moved");
    let child = "SELECT * FROM child";
    assert_eq!(database.rows(child), ["1|1|1", "3|1|9"]);
    assert_eq!(
        database.picture().definition("child"),
        between.definition("child")
    );
    database.down().says("2 rows moved");
    assert_eq!(database.picture(), before);
}
