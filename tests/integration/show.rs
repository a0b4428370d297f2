//! A row is shown with its parents, its children and what would go with it, and nothing changes.

use pretty_assertions::assert_eq;

use crate::support::Database;

fn shop() -> Database {
    Database::of(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, referred_by INTEGER REFERENCES customers (id) ON DELETE SET NULL);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER CONSTRAINT fk_customer REFERENCES customers (id) ON DELETE CASCADE);
         CREATE TABLE lines (order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE, line INTEGER, product TEXT, PRIMARY KEY (order_id, line));
         CREATE TABLE parcels (id INTEGER PRIMARY KEY, order_id INTEGER, line INTEGER, FOREIGN KEY (order_id, line) REFERENCES lines ON DELETE CASCADE);
         CREATE TABLE bills (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE RESTRICT, paid_by INTEGER REFERENCES missing (id));
         INSERT INTO customers VALUES (1, 'Ada', NULL), (2, 'Grace', 1), (3, 'Lin', 1);
         INSERT INTO orders VALUES (10, 1), (11, 1), (12, 2), (13, 99);
         INSERT INTO lines VALUES (10, 1, 'a'), (10, 2, 'b'), (11, 1, 'c');
         INSERT INTO parcels VALUES (1, 10, 2), (2, 10, 2), (3, 10, NULL);
         INSERT INTO bills VALUES (1, 12, 7);",
    )
}

#[test]
fn a_row_leads_to_its_relatives_and_to_all_that_would_go_with_it() {
    let database = shop();
    let before = database.files();
    database
        .fkfix("show customers 1 --limit 1")
        .status(0)
        .stderr("")
        .stdout(
            "\
a row of customers

    id           1
    name         Ada
    referred_by  NULL

    refers by          to
    referred_by  NULL  customers  none: the key is NULL

2 rows of customers refer to it by customers(referred_by) on delete set null; the first 1:

    id  name   referred_by
    2   Grace  1

2 rows of orders refer to it by orders(customer_id) on delete cascade; the first 1:

    id  customer_id
    10  1

deleting it would take with it

    table      rows            by
    orders        2  deleted   orders(customer_id)
    lines         3  deleted   lines(order_id)
    parcels       2  deleted   parcels(order_id, line)
    customers     2  set null  customers(referred_by)
",
        );
    assert!(database.files() == before, "show has changed a file");
}

#[test]
fn a_row_with_a_key_of_two_columns_has_parents_and_children_too() {
    shop().fkfix("show lines 10 2").status(0).stderr("").stdout(
        "\
a row of lines

    order_id  10
    line      2
    product   b

    refers by      to
    order_id   10  orders  id 10, customer_id 1

2 rows of parcels refer to it by parcels(order_id, line) on delete cascade:

    id  order_id  line
    1   10        2
    2   10        2

deleting it would take with it

    table    rows           by
    parcels     2  deleted  parcels(order_id, line)
",
    );
}

#[test]
fn an_orphan_and_a_parent_that_cannot_be_looked_at_are_told() {
    let database = shop();
    database.fkfix("show orders 13").status(0).says(
        "
    refers by        to
    customer_id  99  customers  no such row: orphan

no row of lines refers to it by lines(order_id) on delete cascade
",
    );
    database.fkfix("show bills 1").status(0).says(
        "
    refers by      to
    order_id   12  orders   id 12, customer_id 2
    paid_by    7   missing  there is no table missing

deleting it would take no other row
",
    );
}

#[test]
fn a_deletion_that_would_fail_says_by_which_rows() {
    let database = shop();
    database.fkfix("show customers 2").status(0).says(
        "
deleting it would be refused: 1 row of bills would be left without its parent by bills(order_id) on delete restrict
deleting it would otherwise take with it

    table   rows           by
    orders     1  deleted  orders(customer_id)
",
    );
    let sql = "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT); INSERT INTO parent VALUES (1, 'a'), (2, 'b');";
    let refused = |child: &str, reason: &str| {
        let database = Database::of(sql).with(child);
        let line = format!("\ndeleting it would be refused: {reason}\n");
        database.fkfix("show parent 1").status(0).says(&line);
        let error = database
            .open_enforcing()
            .execute_batch("DELETE FROM parent WHERE id = 1");
        assert!(error.is_err(), "{child}");
    };
    refused(
        "CREATE TABLE child (p INTEGER NOT NULL REFERENCES parent ON DELETE SET NULL); INSERT INTO child VALUES (1), (1);",
        "2 rows of child can't have NULL in p, which child(p) on delete set null would set",
    );
    refused(
        "CREATE TABLE child (p INTEGER DEFAULT (1 -- the first\n) REFERENCES parent ON DELETE SET DEFAULT); INSERT INTO child VALUES (1);",
        "the default that 1 row of child would get by child(p) on delete set default has no parent",
    );
    refused(
        "CREATE TABLE child (p INTEGER REFERENCES parent); INSERT INTO child VALUES (1);",
        "1 row of child would be left without its parent by child(p) on delete no action",
    );
    refused(
        "CREATE TABLE child (c TEXT REFERENCES parent (code)); INSERT INTO child VALUES ('b');",
        "child(c) refers to parent (code), which is neither PRIMARY KEY nor UNIQUE: no row of parent can be deleted",
    );
    // A default that has a parent is taken.
    Database::of(sql)
        .with("CREATE TABLE child (p INTEGER DEFAULT 2 REFERENCES parent ON DELETE SET DEFAULT); INSERT INTO child VALUES (1);")
        .fkfix("show parent 1")
        .status(0)
        .says("    child     1  set default  child(p)\n");
}

#[test]
fn a_default_is_read_as_sqlite_reads_it() {
    for (default, has_parent) in [
        ("abc", true),
        ("\"abc\"", true),
        ("'abc'", true),
        ("('a' || 'bc')", true),
        ("true", false),
        ("-1", false),
        ("CURRENT_DATE", false),
        ("NULL", true),
    ] {
        let database = Database::of(&format!(
            "CREATE TABLE parent (id TEXT PRIMARY KEY); INSERT INTO parent VALUES ('abc'), ('x');
             CREATE TABLE child (p TEXT DEFAULT {default} REFERENCES parent ON DELETE SET DEFAULT); INSERT INTO child VALUES ('x');"
        ));
        let told = database
            .fkfix("show parent x --format json")
            .status(0)
            .json();
        assert_eq!(told["deletion"]["refused"], !has_parent, "{default}");
        let connection = database.open_enforcing();
        let deleted = connection.execute_batch("DELETE FROM parent WHERE id = 'x'");
        assert_eq!(deleted.is_ok(), has_parent, "{default}");
    }
}

#[test]
fn rows_in_a_ring_are_counted_once() {
    let database = Database::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b ON DELETE CASCADE);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a ON DELETE CASCADE);
         INSERT INTO a VALUES (1, 1), (2, 2), (3, 2); INSERT INTO b VALUES (1, 3), (2, 1);
         CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree ON DELETE CASCADE);
         INSERT INTO tree VALUES (1, 1), (2, 1), (3, 2), (4, 3), (5, 5);",
    );
    database.fkfix("show a 1").status(0).says(
        "take with it

    table  rows           by
    a         2  deleted  a(b)
    b         2  deleted  b(a)
",
    );
    database.fkfix("show tree 1").status(0).says(
        "take with it

    table  rows           by
    tree      3  deleted  tree(parent_id)
",
    );
}

#[test]
fn a_log_leads_to_its_rule_and_event_once_the_keys_are_there() {
    let database = Database::fixture("app-migrated");
    database.up();
    let log = database
        .fkfix("show webhook_logs 1 --format json")
        .status(0)
        .json();
    let parents = log["parents"].as_array().unwrap();
    let parents: Vec<_> = parents
        .iter()
        .map(|it| (it["constraint"].as_str(), it["state"].as_str()))
        .collect();
    assert_eq!(
        parents,
        [
            (Some("fk_webhook_logs_alert_rule"), Some("found")),
            (Some("fk_webhook_logs_event"), Some("found"))
        ]
    );
    let event = log["row"]["event_id"].as_str().unwrap();
    let event = database
        .fkfix(&format!("show events {event} --format json"))
        .status(0)
        .json();
    let logs = event["children"].as_array().unwrap();
    let logs = logs
        .iter()
        .find(|it| it["table"] == "webhook_logs")
        .unwrap();
    let ids: Vec<_> = logs["rows"].as_array().unwrap().iter().collect();
    assert!(ids.iter().any(|row| row["id"] == 1), "{logs:#}");
    let deleted = event["deletion"]["deleted"].as_array().unwrap();
    assert!(
        deleted
            .iter()
            .any(|it| it["table"] == "webhook_logs" && it["rows"] == logs["total"]),
        "{event:#}"
    );
}

#[test]
fn a_key_is_compared_as_its_column_compares() {
    let database = Database::of(
        "CREATE TABLE texts (id TEXT PRIMARY KEY); INSERT INTO texts VALUES ('5'), ('007'), ('it''s'), ('X''00'''), (x'00ff');
         CREATE TABLE anything (id PRIMARY KEY); INSERT INTO anything VALUES (5), ('6'), (7), ('7'), (1.5);
         CREATE TABLE nocase (id TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID; INSERT INTO nocase VALUES ('Ab');
         CREATE TABLE none (a); INSERT INTO none VALUES ('first'), ('second');",
    );
    let show = |table: &str, key: &str| {
        let mut command = database.command("show");
        command.args([table, key, "--format", "json"]);
        crate::support::finish(&mut command, &database.path)
    };
    for (table, key, id) in [
        ("texts", "5", serde_json::json!("5")),
        ("texts", "007", serde_json::json!("007")),
        ("texts", "it's", serde_json::json!("it's")),
        ("texts", "X'00'", serde_json::json!("X'00'")),
        ("texts", "x'00FF'", serde_json::json!({"blob": "00ff"})),
        ("anything", "5", serde_json::json!(5)),
        ("anything", "6", serde_json::json!("6")),
        ("anything", "1.5", serde_json::json!(1.5)),
        ("nocase", "aB", serde_json::json!("Ab")),
    ] {
        assert_eq!(
            show(table, key).status(0).json()["row"]["id"],
            id,
            "{table} {key}"
        );
    }
    show("anything", "7")
        .status(2)
        .remarks("several rows of anything have id = 7");
    assert_eq!(show("none", "2").status(0).json()["row"]["a"], "second");
    database
        .fkfix("show texts 2 --rowid --format json")
        .status(0)
        .says("\"id\": \"007\"");
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let database = shop();
    database
        .refuses("show order 1", 2, "there is no table order")
        .remarks("hint: there is orders; or is this the wrong database?");
    database
        .refuses("show nowhere 1", 2, "there is no table nowhere")
        .remarks("hint: check that this is the right database");
    database
        .refuses("show customers 9", 1, "customers has no row with id = 9")
        .remarks("hint: see which there are: SELECT \"id\" FROM \"customers\" LIMIT 10");
    database
        .refuses(
            "show lines 10",
            2,
            "the key of lines is (order_id, line): it takes 2 values, not 1",
        )
        .remarks("hint: give one value for each column of the key, in this order");
    database
        .with("CREATE VIEW seen AS SELECT 1 AS id")
        .refuses("show seen 1", 2, "seen is a view");
    let hidden = Database::of(
        "CREATE TABLE hidden (rowid TEXT PRIMARY KEY, _rowid_, oid); INSERT INTO hidden VALUES ('a', 1, 2);
         CREATE TABLE flat (id PRIMARY KEY) WITHOUT ROWID;",
    );
    hidden.refuses("show hidden a", 2, "the rows of hidden can't be told apart");
    hidden.refuses("show flat 1 --rowid", 2, "flat has no rowid to be found by");
    let missing = shop().fkfix("show orders 99 --format json").status(1);
    assert_eq!(
        missing.json()["error"]["message"],
        "orders has no row with id = 99"
    );
}

#[test]
fn what_a_row_holds_does_not_reach_the_terminal_as_commands() {
    let database = Database::of(
        "CREATE TABLE p (id TEXT PRIMARY KEY, note TEXT); INSERT INTO p VALUES ('a', char(27) || '[31mred' || char(10) || 'x' || char(8238));
         CREATE TABLE c (id INTEGER PRIMARY KEY, p TEXT REFERENCES p, \"n\u{1b}[2J\" BLOB); INSERT INTO c VALUES (1, 'a', x'1b5b');",
    );
    for arguments in ["show p a", "show c 1", "show c 2"] {
        let run = database.fkfix(arguments);
        let told = run.stdout + &run.stderr;
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    }
    database.fkfix("show c 1").status(0).stdout(
        "\
a row of c

    id          1
    p           a
    n\\u{1b}[2J  x'1b5b'

    refers by     to
    p          a  p   id a, note \\u{1b}[31mred x\\u{202e}

deleting it would take no other row
",
    );
}
