//! Keys that were meant are found with their reasons, and what only looks like one is not.

use std::path::Path;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::{Database, Finished, finish};

/// Each key that is found with these `options`: `orders.customer_id -> customers.id`.
fn keys(database: &Database, options: &str) -> Vec<String> {
    let report = discover(database, options);
    let keys = report["keys"].as_array().unwrap().iter();
    keys.map(|key| key["add"].as_str().unwrap().to_owned())
        .collect()
}

fn discover(database: &Database, options: &str) -> Value {
    let before = database.files();
    let run = database
        .fkfix(&format!("discover --format json {options}"))
        .status(0);
    assert!(database.files() == before, "discover has changed a file");
    run.json()
}

/// The columns that nothing but names like these could tell, and values that fit.
pub fn family(child: &str) -> Database {
    Database::of(&format!(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO customers SELECT i, 'c' || i FROM n;
         INSERT INTO users SELECT * FROM customers;
         {child}"
    ))
}

/// Makes `table` with `column`, which holds 1 to 30.
fn with_column(table: &str, column: &str) -> Database {
    family(&format!(
        "CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column});
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) INSERT INTO {table} SELECT i, i FROM n;"
    ))
}

#[test]
fn a_key_is_shown_with_its_evidence_its_orphans_and_the_action() {
    let database = family(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, quantity INTEGER);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) INSERT INTO orders SELECT i, nullif(i, 7), i % 5 + 1 FROM n;
         CREATE TABLE order_items (order_id INT NOT NULL, line INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (order_id, line));
         INSERT INTO order_items SELECT id, 1, 3 FROM orders;",
    );
    database.fkfix("discover").status(0).stdout(
        " 83%  orders.customer_id -> customers.id on delete set null
      customer_id is named after customers
      49 of 59 distinct values have a parent
      both are INTEGER
      10 orphans in 60 rows
      set null: 1 row has NULL there already

 99%  order_items.order_id -> orders.id on delete cascade
      order_id is named after orders
      all 60 distinct values have a parent
      types agree: INT and INTEGER
      cascade: order_items is a part of orders by name

 99%  order_items.user_id -> users.id
      user_id is named after users
      the one value has a parent
      both are INTEGER
      no action: user_id can't be NULL, and rows of order_items may be worth keeping

3 keys at 70% confidence or more
",
    )
    .stderr("hint: --write makes a migration of them; fkfix new NAME --add KEY of those you choose\n");
    let report = discover(&database, "");
    assert_eq!(
        report["keys"][0],
        json!({
            "table": "orders", "columns": ["customer_id"], "parent": "customers", "parent_columns": ["id"],
            "on_delete": "SET NULL", "action_reason": "1 row has NULL there already",
            "add": "orders.customer_id -> customers.id on delete set null", "confidence": 83,
            "evidence": ["customer_id is named after customers", "49 of 59 distinct values have a parent", "both are INTEGER"],
            "rows": 60, "sampled": false, "nulls": 1, "distinct": 59, "with_parent": 49, "orphans": 10, "obstacle": null
        })
    );
    assert_eq!(report["min_confidence"], json!(70));
    assert_eq!(report["less_sure"], json!(0));
    assert_eq!(report["written"], json!(null));
}

#[test]
fn the_keys_of_the_built_in_migration_are_found_with_as_many_orphans_as_up_moves() {
    let report = discover(&Database::fixture("app-migrated"), "");
    let found: Vec<_> = report["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            (
                key["add"].as_str().unwrap(),
                key["orphans"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("webhook_logs.alert_rule_id -> alert_rules.id", 40),
            ("webhook_logs.event_id -> events.id", 60)
        ]
    );
}

#[test]
fn numbers_that_only_fit_are_no_keys() {
    for column in [
        "quantity INTEGER",
        "position INTEGER",
        "n INTEGER",
        "ref INTEGER",
        "x_id INTEGER",
        "session_id INTEGER",
        "customers INTEGER",
        "customer_count INTEGER",
        "users_total INTEGER",
        "order_number INTEGER",
        "paid INTEGER",
        "customer_id REAL",
        "customer_id DATETIME",
        "customer_id BOOLEAN",
    ] {
        let found = keys(&with_column("things", column), "");
        assert_eq!(found, [""; 0], "{column}");
    }
    for column in [
        "customer_id INTEGER",
        "customerId INT",
        "CustomerID",
        "billing_customer_id INTEGER",
        "customerid BIGINT",
        "fk_customer INTEGER",
        "cust_id INTEGER",
    ] {
        let found = keys(&with_column("things", column), "");
        let name = column.split(' ').next().unwrap();
        assert_eq!(
            found,
            [format!("things.{name} -> customers.id")],
            "{column}"
        );
    }
    // With no name at all that would tell, nothing is found however small the confidence.
    let database = with_column("things", "amount INTEGER").with("CREATE TABLE others (number INTEGER, size INTEGER); INSERT INTO others SELECT id, id FROM things;");
    assert_eq!(keys(&database, "--min-confidence 0"), [""; 0]);
}

#[test]
fn what_misleads_is_not_followed() {
    let database = family(
        "CREATE TABLE comments (id INTEGER PRIMARY KEY, customer_type TEXT, customer_id INTEGER, owner_type TEXT, owner_id INTEGER);
         INSERT INTO comments SELECT id, CASE id % 2 WHEN 0 THEN 'Customer' ELSE 'App\\Models\\User' END, id, 'User', id FROM users;
         CREATE TABLE payments (id INTEGER PRIMARY KEY, stripe_customer_id TEXT, github_user_id INTEGER, legacy_customer_id INTEGER, user_id INTEGER);
         INSERT INTO payments SELECT id, 'cus_' || id, 1000000 + id, 5000 + id, 90000 + id FROM users;
         CREATE TABLE empty (stripe_customer_id TEXT, attachable_type TEXT, attachable_id INTEGER);
         CREATE VIEW customer_names AS SELECT id AS customer_id, name FROM customers;
         CREATE VIRTUAL TABLE notes USING fts5(customer_id, body);
         INSERT INTO notes SELECT id, 'x' FROM customers;
         CREATE TABLE counters (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER); INSERT INTO counters (n) VALUES (1);
         ANALYZE;",
    );
    assert_eq!(keys(&database, ""), [""; 0]);
}

#[test]
fn a_table_of_fkfix_itself_is_neither_child_nor_parent() {
    let database = Database::fixture("app-migrated");
    database.up();
    assert_eq!(
        database.value::<i64>("SELECT count(*) FROM webhook_logs_orphans"),
        90
    );
    assert_eq!(keys(&database, "--min-confidence 0"), [""; 0]);
    database
        .fkfix("discover")
        .status(0)
        .stdout("")
        .stderr("note: no key was found that is not declared\n");
}

#[test]
fn values_that_no_two_tables_share_by_chance_tell_without_a_name() {
    let database = Database::of(
        "CREATE TABLE documents (id TEXT PRIMARY KEY, body TEXT); CREATE TABLE people (id TEXT PRIMARY KEY);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) INSERT INTO documents SELECT printf('%08x-0000-4000-8000-%012x', i * 7919, i), 'x' FROM n;
         INSERT INTO people SELECT 'p' || id FROM documents;
         CREATE TABLE shares (what TEXT, token TEXT, short TEXT);
         INSERT INTO shares SELECT id, 'p' || substr(id, 2), substr(id, 1, 4) FROM documents;",
    );
    assert_eq!(keys(&database, ""), ["shares.what -> documents.id"]);
    // Tables that share their keys leave it open which of them is meant.
    let database = database.with(
        "CREATE TABLE drafts (id TEXT PRIMARY KEY); INSERT INTO drafts SELECT id FROM documents;",
    );
    assert_eq!(keys(&database, ""), [""; 0]);
}

#[test]
fn the_action_follows_from_what_the_table_is_and_holds() {
    let action = |sql: &str| {
        let report = discover(&family(sql), "");
        let key = &report["keys"][0];
        format!(
            "{}: {}",
            key["on_delete"].as_str().unwrap(),
            key["action_reason"].as_str().unwrap()
        )
    };
    for (sql, expected) in [
        (
            "CREATE TABLE customer_addresses (customer_id INTEGER NOT NULL)",
            "CASCADE: customer_addresses is a part of customers by name",
        ),
        (
            "CREATE TABLE customer_payments (customer_id INTEGER NOT NULL)",
            "NO ACTION: customer_id can't be NULL, and rows of customer_payments may be worth keeping",
        ),
        (
            "CREATE TABLE things (customer_id INTEGER NOT NULL)",
            "NO ACTION: customer_id can't be NULL, and rows of things may be worth keeping",
        ),
        (
            "CREATE TABLE favourites (customer_id INTEGER, user_id INTEGER, PRIMARY KEY (customer_id, user_id))",
            "CASCADE: a row of favourites only links others",
        ),
        (
            "CREATE TABLE things (customer_id INTEGER)",
            "NO ACTION: it may be NULL, but no row tells whether that is meant",
        ),
        (
            "CREATE TABLE things (customer_id INTEGER); INSERT INTO things VALUES (1)",
            "NO ACTION: it may be NULL, but is in no row",
        ),
        (
            "CREATE TABLE things (customer_id INTEGER); INSERT INTO things VALUES (1), (NULL), (NULL)",
            "SET NULL: 2 rows have NULL there already",
        ),
    ] {
        assert_eq!(action(sql), expected, "{sql}");
    }
}

#[test]
fn less_sure_ones_are_counted_and_shown_on_request() {
    let database = family("CREATE TABLE things (stripe_customer_id INTEGER, user_id INTEGER)");
    assert_eq!(keys(&database, ""), ["things.user_id -> users.id"]);
    assert_eq!(discover(&database, "")["less_sure"], json!(1));
    assert_eq!(
        keys(&database, "--min-confidence 0"),
        [
            "things.stripe_customer_id -> customers.id",
            "things.user_id -> users.id"
        ]
    );
    database
        .fkfix("discover --min-confidence 100")
        .status(0)
        .stdout("")
        .stderr("note: no key was found at 100% confidence or more\nhint: --min-confidence 0 shows 2 keys less sure\n");
    database
        .fkfix("discover --min-confidence 101")
        .status(2)
        .stdout("");
}

#[test]
fn of_a_large_table_a_sample_is_looked_at_and_its_size_told() {
    let large = "CREATE TABLE things (id INTEGER PRIMARY KEY, customer_id INTEGER, user_id INTEGER);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) INSERT INTO things SELECT i, i % 50 + 1, i % 60 + 1 FROM n;
         CREATE INDEX by_user ON things (user_id);";
    let report = discover(&family(large), "");
    let told = |at: usize| {
        let key = &report["keys"][at];
        ["rows", "sampled", "distinct", "with_parent", "orphans"].map(|name| key[name].clone())
    };
    assert_eq!(
        told(0),
        [json!(50000), json!(true), json!(50), json!(50), json!(0)]
    );
    // Over an index, all.
    assert_eq!(
        told(1),
        [
            json!(150_000),
            json!(false),
            json!(60),
            json!(50),
            json!(25000)
        ]
    );
    family(large)
        .fkfix("discover")
        .status(0)
        .says("all 50 distinct values have a parent, in a sample of 50,000 rows");
    // Rowids far apart, or none at all.
    let sparse = large.replace("SELECT i, i % 50", "SELECT i * 1000000007, i % 50");
    assert_eq!(
        discover(&family(&sparse), "")["keys"][0]["rows"],
        json!(50000)
    );
    let without = large.replace("user_id INTEGER);", "user_id INTEGER) WITHOUT ROWID;");
    assert_eq!(
        discover(
            &family(&without.replace("id INTEGER PRIMARY KEY", "id INTEGER NOT NULL PRIMARY KEY")),
            ""
        )["keys"][0]["rows"],
        json!(100_000)
    );
}

#[test]
fn declared_keys_are_not_found_and_their_parts_neither() {
    let database = family(
        "CREATE TABLE orders (tenant_id INTEGER NOT NULL, id INTEGER NOT NULL, customer_id INTEGER REFERENCES customers (id), PRIMARY KEY (tenant_id, id));
         CREATE TABLE tenants (id INTEGER PRIMARY KEY);
         CREATE TABLE lines (tenant_id INTEGER NOT NULL, order_id INTEGER NOT NULL, FOREIGN KEY (order_id, tenant_id) REFERENCES orders (id, tenant_id));",
    );
    assert_eq!(
        keys(&database, "--min-confidence 0"),
        ["orders.tenant_id -> tenants.id"]
    );
}

#[test]
fn names_of_any_characters_are_written_and_do_not_reach_the_terminal_raw() {
    let database = family(
        "CREATE TABLE \"a\"\"b\u{1b}[2J\" (\"customer id\" INTEGER NOT NULL); INSERT INTO \"a\"\"b\u{1b}[2J\" VALUES (1), (2);",
    );
    let run: Finished = database.fkfix("discover").status(0);
    assert!(!run.stdout.contains('\u{1b}'), "{run:#?}");
    run.says("\\u{1b}[2J\".\"customer id\" -> customers.id");
    let before = database.picture();
    let folder = database.home.parent().unwrap().join("migrations");
    let mut command = database.command("discover --write odd");
    finish(command.arg("--migrations").arg(&folder), &database.path).status(0);
    database.up();
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn a_collation_of_the_application_is_no_obstacle_to_the_rest() {
    let database = family("CREATE TABLE things (customer_id TEXT, user_id INTEGER); INSERT INTO things VALUES ('1', 1);").with(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'customer_id TEXT', 'customer_id TEXT COLLATE own') WHERE name = 'things';",
    );
    assert_eq!(keys(&database, ""), ["things.user_id -> users.id"]);
}

#[test]
fn what_is_no_database_is_an_error() {
    let run = Database::missing()
        .fkfix("discover --format json")
        .status(2);
    assert_eq!(
        run.json()["error"]["message"],
        json!("app.db does not exist")
    );
    let database = Database::of("PRAGMA user_version = 1");
    database
        .fkfix("discover")
        .status(0)
        .stdout("")
        .stderr("note: no key was found that is not declared\n");
    assert!(!Path::new("migrations/V1__discovered_keys.sql").exists());
}
