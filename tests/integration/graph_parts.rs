//! `graph --around` and `--only-orphans`: what is drawn, the same in every format; and lines that can
//! be told apart.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// a <- b <- c <- d, with orphans in c and d, and two tables beside.
fn chain() -> Database {
    Database::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a_id REFERENCES a);
         CREATE TABLE c (id INTEGER PRIMARY KEY, b_id REFERENCES b ON DELETE CASCADE, up_id REFERENCES c);
         CREATE TABLE d (id INTEGER PRIMARY KEY, c_id REFERENCES c, gone_id REFERENCES gone (id));
         CREATE TABLE alone (id INTEGER PRIMARY KEY);
         CREATE VIEW v AS SELECT * FROM a;
         INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1);
         INSERT INTO c VALUES (1, 1, NULL), (2, 9, 2), (3, 9, 1);
         INSERT INTO d VALUES (1, 1, NULL), (2, 7, NULL);",
    )
}

/// The tables that each format draws, which must be the same ones.
fn drawn(database: &Database, options: &str) -> Vec<String> {
    let graph = |format: &str| {
        let finished = database.fkfix(&format!("graph {options} --format {format}"));
        finished.status(0).stdout
    };
    let json: serde_json::Value = serde_json::from_str(&graph("json")).unwrap();
    let tables = json["tables"].as_array().unwrap().iter();
    let names: Vec<_> = tables
        .map(|table| table["name"].as_str().unwrap().to_owned())
        .collect();
    let between = |text: &str, before: &str, behind: &str| -> Vec<String> {
        let parts = text.split(before).skip(1);
        parts
            .map(|part| part.split(behind).next().unwrap().to_owned())
            .collect()
    };
    let mermaid = graph("mermaid");
    let mermaid = mermaid.lines().filter_map(|line| line.strip_suffix("\" {"));
    let mermaid: Vec<_> = mermaid
        .map(|line| line.trim_start_matches([' ', '"']))
        .collect();
    assert_eq!(mermaid, names, "{options}");
    assert_eq!(between(&graph("dot"), "<b>", "</b>"), names);
    assert_eq!(
        between(&graph("svg"), "class=\"name\"", "</text>").len(),
        names.len()
    );
    let text = graph("text");
    let text = text.lines().filter(|line| !line.starts_with(' '));
    let text: Vec<_> = text.map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(text, names);
    names
}

#[test]
fn around_a_table_stand_those_that_keys_connect_it_with() {
    let database = chain();
    assert_eq!(drawn(&database, ""), ["a", "b", "c", "d", "alone", "gone"]);
    assert_eq!(drawn(&database, "--around b"), ["a", "b", "c"]);
    assert_eq!(
        drawn(&database, "--around B --depth 2"),
        ["a", "b", "c", "d"]
    );
    assert_eq!(drawn(&database, "--around c --depth 0"), ["c"]);
    assert_eq!(
        drawn(&database, "--around a --depth 99"),
        ["a", "b", "c", "d", "gone"]
    );
    assert_eq!(drawn(&database, "--around gone"), ["d", "gone"]);
    assert_eq!(drawn(&database, "--around alone"), ["alone"]);
}

#[test]
fn a_table_that_is_not_there_or_not_drawn_is_named() {
    let database = chain();
    database.refuses("graph --around nothing", 2, "there is no table nothing");
    database.refuses("graph --around v", 2, "v is a view");
    let finished = database.fkfix("graph --depth 2");
    finished.status(2).stdout("");
    let applied = Database::fixture("app-migrated");
    applied.up();
    applied.refuses(
        "graph --around fkfix_schema_history",
        2,
        "fkfix_schema_history is one of fkfix's own tables, which are left out",
    );
    let with_all = "graph --all --around fkfix_schema_history --format text";
    applied
        .fkfix(with_all)
        .status(0)
        .stdout("fkfix_schema_history\n");
}

#[test]
fn only_orphans_draws_the_keys_that_rows_break_and_counts_them() {
    let database = chain();
    let gone = "warning: d(gone_id) is not drawn: there is no table gone\n";
    database
        .fkfix("graph --only-orphans --format text")
        .status(0)
        .stderr(gone)
        .stdout(
            "b\nc\n  (b_id) references b (id) on delete cascade: 2 orphans\nd\n  (c_id) references c (id): 1 orphan\n",
        );
    assert_eq!(drawn(&database, "--only-orphans"), ["b", "c", "d"]);
    assert_eq!(drawn(&database, "--only-orphans --around b"), ["b", "c"]);
    let mermaid = database.fkfix("graph --only-orphans").stdout;
    assert!(
        mermaid.contains(r#""b" |o--o{ "c" : "b_id, on delete cascade, 2 orphans""#),
        "{mermaid}"
    );
    let json = database.fkfix("graph --only-orphans --format json").json();
    assert_eq!(json["keys"][0]["orphans"], 2);
    database
        .fkfix("graph --only-orphans --format svg")
        .says(">2 orphans</text>");
    database
        .fkfix("graph --only-orphans --format dot")
        .says("label=\"2 orphans\"");
}

#[test]
fn pending_and_discovered_keys_are_counted_as_orphans_counts_them() {
    let database = Database::fixture("shop").with_migration(
        "V1__items",
        "ALTER TABLE order_items ADD CONSTRAINT i FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE;",
        "",
    );
    database.execute(
        "PRAGMA foreign_keys = OFF;
         UPDATE order_items SET order_id = 999999 WHERE rowid <= 3;
         UPDATE reviews SET customer_id = 888888 WHERE rowid <= 2;",
    );
    let orphans = database.fkfix("orphans --format json").json();
    let json = database
        .fkfix("graph --discover --only-orphans --format json")
        .json();
    let counted = |table: &str, column: &str| {
        let keys = json["keys"].as_array().unwrap().iter();
        let mut keys = keys.filter(|key| key["table"] == table && key["columns"][0] == column);
        keys.next().unwrap()["orphans"].clone()
    };
    assert_eq!(
        counted("order_items", "order_id"),
        orphans["keys"][0]["rows"]
    );
    let broken: i64 = database.value(
        "SELECT count(*) FROM reviews WHERE customer_id NOT NULL AND customer_id NOT IN (SELECT id FROM customers)",
    );
    assert_eq!(counted("reviews", "customer_id"), broken);
}

#[test]
fn without_orphans_nothing_is_drawn_and_that_is_said() {
    Database::of("CREATE TABLE a (id INTEGER PRIMARY KEY, a_id REFERENCES a);")
        .fkfix("graph --only-orphans")
        .status(0)
        .stdout("erDiagram\n")
        .stderr("note: no orphans, so nothing is drawn\n");
}

#[test]
fn a_key_of_a_table_to_itself_has_a_line_of_its_own() {
    let picture = Database::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, up_id REFERENCES a);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a_id REFERENCES a);",
    )
    .fkfix("graph --format svg")
    .status(0)
    .stdout;
    let lines = picture.matches("class=\"line declared\"").count();
    assert_eq!(lines, 2, "{picture}");
    // The pointer finds each key and is told which it is.
    assert!(picture.contains(".key:hover"), "{picture}");
    for key in [
        "<title>a: (up_id) references a (id)</title>",
        "<title>b: (a_id) references a (id)</title>",
    ] {
        assert!(picture.contains(key), "{key}\n{picture}");
    }
}
