//! What stands out on a terminal, how tables narrow down, and what a large change took.

use pretty_assertions::assert_eq;
use unicode_width::UnicodeWidthStr as _;

use crate::support::Database;
use crate::wording::on_a_terminal;

const BOLD_YELLOW: &str = "\u{1b}[1m\u{1b}[33m";
const RESET: &str = "\u{1b}[0m";

/// Two orphans of a table with a long name, archived.
fn archived() -> Database {
    let database = Database::of(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY); INSERT INTO customers VALUES (1);
         CREATE TABLE customer_addresses (id INTEGER PRIMARY KEY, customer_id INTEGER);
         INSERT INTO customer_addresses VALUES (1, 1), (2, 8), (3, 9);",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE customer_addresses ADD CONSTRAINT fk_customer_addresses_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE;",
        "ALTER TABLE customer_addresses DROP CONSTRAINT fk_customer_addresses_customer;",
    );
    database.up();
    database
}

#[test]
fn a_table_that_is_too_wide_becomes_paragraphs_and_breaks_no_word() {
    let database = archived();
    let shown = on_a_terminal(&database, 50, "--color never orphans --archived");
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "    archive  customer_addresses_orphans");
    assert_eq!(lines[1], "    key      fk_customer_addresses_customer");
    assert_eq!(lines[2], "    by       V1");
    assert!(lines[3].starts_with("    at       20"), "{shown}");
    assert_eq!(lines[4..], ["    what     moved", "    rows     2"]);
    // Where there is room it is a table, the same as in a pipe.
    let wide = on_a_terminal(&database, 120, "--color never orphans --archived");
    assert_eq!(wide, database.fkfix("orphans --archived").stdout);
}

#[test]
fn columns_of_rows_fit_or_are_left_out_and_counted() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent, placed_at TEXT, note TEXT);
         INSERT INTO child VALUES (5080, 1, '2026-03-31 00:00:00', 'as described');",
    );
    let title = "1 row of child refers to it by child(parent_id) on delete no action";
    for (width, columns) in [
        (120, ""),
        (50, "; 3 of 4 columns"),
        (30, "; 2 of 4 columns"),
    ] {
        let shown = on_a_terminal(&database, width, "--color never show parent 1");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = format!("{title}{columns}:");
        assert!(words(&shown).contains(&said), "{said}\n{shown}");
        for line in shown.lines().filter(|line| !line.contains("/tmp/")) {
            assert!(line.width() <= usize::from(width), "{line:?}");
        }
    }
    // Nor does a parent show all that it has.
    let wide = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, b, c, d, e, f, g); INSERT INTO parent VALUES (1, 2, 3, 4, 5, 6, NULL);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id REFERENCES parent); INSERT INTO child VALUES (1, 1);",
    );
    wide.fkfix("show child 1")
        .status(0)
        .says("id 1, b 2, c 3, d 4, e 5 and 1 more");
}

#[test]
fn what_matters_stands_out_on_a_terminal_and_nowhere_else() {
    let database = archived();
    database.down();
    let folder = database.migration("V1__keys.sql");
    let folder = folder.parent().unwrap().display().to_string();
    let line = |verb: &str| format!("{verb} --migrations {folder}");
    let orphans = on_a_terminal(&database, 80, &line("--color always orphans"));
    let leaving = format!("{BOLD_YELLOW}2 of 3 rows{RESET} in customer_addresses have no parent");
    assert!(orphans.contains(&leaving), "{orphans:?}");
    let plan = on_a_terminal(&database, 80, &line("--color always up --dry-run"));
    let leaving = format!("  {BOLD_YELLOW}2 rows{RESET} of customer_addresses would move to");
    assert!(plan.contains(&leaving), "{plan:?}");
    database.up();
    let check = on_a_terminal(&database, 80, &line("--color always check"));
    let warning = format!("{BOLD_YELLOW}warning{RESET}[archive-not-empty]");
    assert!(check.contains(&warning), "{check:?}");
    for verb in ["orphans", "check", "status"] {
        let piped = database.fkfix(verb).stdout;
        assert!(!piped.contains('\u{1b}'), "{piped:?}");
        let never = on_a_terminal(&database, 80, &line(&format!("--color never {verb}")));
        assert!(!never.contains('\u{1b}'), "{never:?}");
    }
    // What programs read has no colour even where it is asked for.
    for format in [
        "orphans --format csv",
        "check --format json",
        "check --format github",
    ] {
        let written = database.fkfix(&format!("{format} --color always")).stdout;
        assert!(!written.contains('\u{1b}'), "{written:?}");
    }
}

#[test]
fn a_large_change_tells_what_it_took() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, body BLOB);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
         INSERT INTO child SELECT i, 1, zeroblob(1000000) FROM n;",
    );
    let finished = database.fkfix("up --documented").status(0);
    let note = finished
        .stderr
        .lines()
        .find(|line| line.starts_with("note: it took "));
    let note = note.unwrap_or_else(|| panic!("{}", finished.stderr));
    let size = note.split_once("; ").unwrap().1;
    assert!(size.starts_with("app.db has grown from 19."), "{note}");
    assert!(
        size.ends_with(" are free for later rows; VACUUM makes the file smaller"),
        "{note}"
    );
    // Of a small one nobody asks.
    let small = Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);");
    let finished = small.fkfix("up").status(0);
    assert!(!finished.stderr.contains("it took"), "{}", finished.stderr);
}
