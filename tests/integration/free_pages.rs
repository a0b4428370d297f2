//! A damaged file in which a page has two users, or is free and in use, is not written to.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::Database;

const VERBS: [&str; 7] = [
    "up",
    "up --documented",
    "up --dry-run",
    "clean",
    "clean --dry-run",
    "enforce",
    "enforce --dry-run",
];

/// Free pages, and three tables around them; rows that break the key.
fn with_free_pages(more: &str) -> Database {
    Database::family(&format!(
        "PRAGMA page_size = 1024;
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, note TEXT REFERENCES parent (id));
         CREATE TABLE other (x TEXT); CREATE TABLE gone (x TEXT);
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
         INSERT INTO gone SELECT hex(zeroblob(300)) FROM n;
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
         INSERT INTO other SELECT 'other ' || i || hex(zeroblob(200)) FROM n;
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
         INSERT INTO child SELECT i, 1 + i % 3, 2 FROM n;
         {more};
         DROP TABLE gone;"
    ))
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Has the list of free pages name `page` in the place of another.
fn name_as_free(database: &Database, page: u32) {
    let mut bytes = fs::read(&database.path).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let trunk = (number(&bytes, 32) - 1) * size;
    assert!(number(&bytes, trunk + 4) > 3, "leaves of the first trunk");
    let last = trunk + 8 + (number(&bytes, trunk + 4) - 1) * 4;
    bytes[last..last + 4].copy_from_slice(&page.to_be_bytes());
    fs::write(&database.path, bytes).unwrap();
}

/// A page of the table or index `name` that is not its root.
fn page_of(database: &Database, name: &str) -> u32 {
    database.value(&format!(
        "SELECT max(pageno) FROM dbstat WHERE name = '{name}'"
    ))
}

fn is_refused(database: &Database, name: &str, page: u32) {
    let rows = database.rows("SELECT * FROM other");
    let why = format!(
        "app.db is damaged, and to write to it could destroy rows: {name} uses page {page}, and so does the list of free pages or another table"
    );
    for verb in VERBS {
        let finished = database.refuses(verb, 2, &why);
        finished.explains("hint: VACUUM makes the list anew");
    }
    database.refuses("up --backup copy.db", 2, &why);
    assert!(!database.path.with_file_name("copy.db").exists());
    database.fkfix("check --integrity").status(1);
    database.execute("VACUUM");
    assert_eq!(database.rows("SELECT * FROM other"), rows);
    database.goes_up_and_down();
}

#[test]
fn a_page_of_any_table_or_index_is_not_free() {
    for name in ["other", "child", "parent", "sqlite_schema"] {
        let database = with_free_pages("");
        let page = page_of(&database, name);
        name_as_free(&database, page);
        is_refused(&database, name, page);
    }
    let database = with_free_pages("CREATE INDEX by_x ON other (x)");
    let page = page_of(&database, "by_x");
    name_as_free(&database, page);
    is_refused(&database, "by_x", page);
}

#[test]
fn a_page_of_a_long_value_is_not_free() {
    let database =
        with_free_pages("CREATE TABLE long (x); INSERT INTO long VALUES (zeroblob(9000))");
    let page = page_of(&database, "long");
    name_as_free(&database, page);
    is_refused(&database, "long", page);
}

#[test]
fn a_list_that_is_not_as_long_as_it_says_or_leaves_the_file_is_not_used() {
    let fails = |database: &Database, why: &str| {
        for verb in VERBS {
            database.refuses(verb, 2, why);
        }
        database.execute("VACUUM");
        database.goes_up_and_down();
    };
    let database = with_free_pages("");
    let mut bytes = fs::read(&database.path).unwrap();
    let count = number(&bytes, 36);
    bytes[36..40].copy_from_slice(&u32::try_from(count + 3).unwrap().to_be_bytes());
    fs::write(&database.path, bytes).unwrap();
    fails(&database, "could destroy rows: Freelist: size is");
    let database = with_free_pages("");
    name_as_free(&database, 1_000_000);
    fails(
        &database,
        "could destroy rows: Freelist: invalid page number 1000000",
    );
}

#[test]
fn pages_that_nobody_uses_harm_nobody() {
    let database = with_free_pages("");
    let mut bytes = fs::read(&database.path).unwrap();
    // The list ends before it begins: what was on it is neither free nor in use.
    bytes[32..40].fill(0);
    fs::write(&database.path, bytes).unwrap();
    database.execute("CREATE TABLE further (x); DROP TABLE further");
    assert!(database.value::<i64>("PRAGMA freelist_count") > 0);
    database.fkfix("check --integrity").status(1);
    database.goes_up_and_down();
}

#[test]
fn the_list_is_that_of_the_log() {
    let database = with_free_pages("");
    let page = page_of(&database, "other");
    let open = database.open();
    open.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; DELETE FROM other WHERE rowid < 3; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    name_as_free(&database, page);
    // The damaged list goes on in the log.
    open.execute_batch("INSERT INTO other VALUES ('a'); DELETE FROM child WHERE id = 1")
        .unwrap();
    let why = "could destroy rows: other uses page";
    for verb in VERBS {
        database.fkfix(verb).status(2).stdout("").explains(why);
    }
}

#[test]
fn what_only_the_application_has_is_no_fault_of_the_pages() {
    let database = with_free_pages(
        "CREATE TABLE foreign_ones (a TEXT, b TEXT, CHECK (a <> ''));
         INSERT INTO foreign_ones VALUES ('a', 'b');
         CREATE INDEX localized ON foreign_ones (a);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE foreign_ones (a TEXT COLLATE LOCALIZED, b TEXT, CHECK (of_the_application(a)))' WHERE name = 'foreign_ones';
         PRAGMA writable_schema = RESET",
    );
    database.goes_up_and_down();
}

#[test]
fn a_collation_of_the_applications_own_is_none_in_any_encoding() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let database = Database::of(&format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9);
             CREATE TABLE o (a TEXT, b TEXT); CREATE INDEX o_a ON o (a); CREATE INDEX o_b ON o (b); INSERT INTO o VALUES ('x', 'y');
             CREATE TABLE gone (x); DROP TABLE gone;
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE INDEX o_a ON o (a COLLATE LOCALIZED)' WHERE name = 'o_a';
             UPDATE sqlite_schema SET sql = 'CREATE INDEX o_b ON o (b COLLATE unicase)' WHERE name = 'o_b';"
        ))
        .with_key();
        assert_eq!(database.goes_up_and_down(), 1, "{encoding}");
        database
            .fkfix("check --integrity --ignore migration-pending")
            .status(0);
    }
}

#[test]
fn an_unknown_tokenizer_keeps_nobody_from_looking() {
    let database = with_free_pages(
        "PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema VALUES ('table', 'texts', 'texts', 0, 'CREATE VIRTUAL TABLE texts USING fts5 (x, tokenize = of_the_application)');
         PRAGMA writable_schema = RESET",
    );
    database.goes_up_and_down();
    let page = page_of(&database, "other");
    name_as_free(&database, page);
    is_refused(&database, "other", page);
}

#[test]
fn a_page_of_two_tables_is_not_written_to_where_none_is_free() {
    let database = with_free_pages("CREATE TABLE third AS SELECT 'third ' || x AS x FROM other");
    database.execute("VACUUM");
    assert_eq!(database.value::<i64>("PRAGMA freelist_count"), 0);
    let whole = database.copy();
    let root = |name: &str| {
        let query = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{name}'");
        usize::try_from(database.value::<i64>(&query)).unwrap()
    };
    // The last child of the root of one is now that of the other's.
    let (into, from) = (root("third"), root("other"));
    let mut bytes = fs::read(&database.path).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let (into, from) = ((into - 1) * size, (from - 1) * size);
    assert_eq!((bytes[into], bytes[from]), (5, 5), "roots with children");
    let page = number(&bytes, from + 8);
    let last = into + 8;
    bytes[last..last + 4].copy_from_slice(&u32::try_from(page).unwrap().to_be_bytes());
    fs::write(&database.path, bytes).unwrap();
    let before = database.files();
    for verb in VERBS {
        let message = format!(
            "app.db is damaged, and to write to it could destroy rows: other and third use page {page}"
        );
        let run = database.fkfix(verb).status(2);
        assert!(run.stderr.contains(&message), "{verb}: {}", run.stderr);
        assert!(database.files() == before, "{verb} has changed the file");
    }
    whole.fkfix("clean --dry-run").status(0);
}
