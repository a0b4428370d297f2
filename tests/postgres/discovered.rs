use std::fs;

use pretty_assertions::assert_eq;

use crate::site::Site;

/// The shop that the tests of SQLite know, on PostgreSQL, without a key.
const SHOP: &str = "
    CREATE SCHEMA app;
    CREATE TABLE app.customers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text UNIQUE, country_code char(2));
    CREATE TABLE countries (code char(2) PRIMARY KEY, name text);
    CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id uuid, placed_at timestamptz DEFAULT now());
    CREATE TABLE order_items (order_id bigint NOT NULL, line int, sku text, PRIMARY KEY (order_id, line));
    CREATE TABLE products (sku text PRIMARY KEY, title text);
    CREATE TABLE shipments (id int PRIMARY KEY, order_id bigint, line int, customer_id text);
    INSERT INTO countries VALUES ('AT', 'Austria'), ('CH', 'Switzerland'), ('DE', 'Germany');
    INSERT INTO app.customers (email, country_code) SELECT i || '@example.org', (ARRAY['AT', 'CH', 'DE'])[1 + i % 3] FROM generate_series(1, 50) i;
    INSERT INTO products SELECT 'sku-' || i, 'Product ' || i FROM generate_series(1, 40) i;
    INSERT INTO orders (customer_id) SELECT id FROM app.customers, generate_series(1, 4);
    UPDATE orders SET customer_id = NULL WHERE id = 1;
    UPDATE orders SET customer_id = gen_random_uuid() WHERE id IN (2, 3);
    INSERT INTO order_items SELECT o.id, l, 'sku-' || 1 + (o.id + l) % 40 FROM orders o, generate_series(1, 2) l;
    INSERT INTO shipments SELECT row_number() OVER (), order_id, line, (SELECT customer_id::text FROM orders o WHERE o.id = i.order_id)
        FROM order_items i WHERE order_id > 3";

fn found(site: &Site, options: &str) -> Vec<String> {
    let json = site
        .run(&format!("discover --format json {options}"))
        .status(0)
        .json();
    let keys = json["keys"].as_array().unwrap().iter();
    let mut keys: Vec<_> = keys
        .map(|it| it["add"].as_str().unwrap().to_owned())
        .collect();
    keys.sort();
    keys
}

#[test]
fn keys_that_were_meant_are_found_and_written() {
    let Some(site) = Site::of(SHOP) else { return };
    let before = site.picture();
    assert_eq!(
        found(&site, ""),
        [
            "\"app.customers\".country_code -> countries.code",
            "order_items.order_id -> orders.id on delete cascade",
            "order_items.sku -> products.sku",
            "orders.customer_id -> \"app.customers\".id on delete set null",
            "shipments(order_id, line) -> order_items(order_id, line)",
            "shipments.customer_id -> \"app.customers\".id",
            "shipments.order_id -> orders.id",
        ]
    );
    let text = site.run("discover").status(0);
    // What PostgreSQL would refuse is told, and left out of the migration.
    assert!(
        text.stdout.contains("\n      but shipments.customer_id is text and app.customers.id is uuid; PostgreSQL can't compare them in a key\n"),
        "{text:#?}"
    );
    assert!(
        text.stdout.contains(
            "\n      2 orphans in 200 rows\n      set null: 1 row has NULL there already\n"
        ),
        "{text:#?}"
    );
    assert_eq!(site.picture(), before);
    let mut command = site.command("discover --write");
    let output = command
        .arg("--migrations")
        .arg(site.migrations())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("left out of the migration: shipments.customer_id is text"),
        "{told}"
    );
    let up = fs::read_to_string(site.migrations().join("V1__discovered_keys.sql")).unwrap();
    assert!(
        up.contains("REFERENCES app.customers (id) ON DELETE SET NULL"),
        "{up}"
    );
    // They are asked for now, and are not shown again.
    assert_eq!(found(&site, "").len(), 1, "{:#?}", site.run("discover"));
    site.run("up --orphans archive").status(0);
    site.run("check").status(0);
    let picture = site.run("graph --discover --format json").status(0).json();
    let states = picture["keys"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|it| **it == "declared").count(), 6);
    assert_eq!(states.iter().filter(|it| **it == "discovered").count(), 1);
    site.run("down").status(0);
    assert_eq!(site.picture(), before);
}

#[test]
fn of_a_large_table_a_sample_is_looked_at_and_that_is_said() {
    let Some(site) = Site::of(
        "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE events (id bigint PRIMARY KEY, user_id int, at timestamptz);
         INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 500) i;
         INSERT INTO events SELECT i, 1 + i % 500, now() FROM generate_series(1, 150000) i;
         CREATE TABLE parts (id bigint, user_id int) PARTITION BY RANGE (id);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (80000);
         CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (80000) TO (200000);
         INSERT INTO parts SELECT i, 1 + i % 500 FROM generate_series(1, 150000) i",
    ) else {
        return;
    };
    for analyse in ["SELECT 1", "ANALYZE"] {
        site.sql(analyse);
        let json = site.run("discover --format json").status(0).json();
        for key in json["keys"].as_array().unwrap() {
            assert_eq!(key["sampled"], true, "{key:#}");
            let rows = key["rows"].as_i64().unwrap();
            assert!((5_000..150_000).contains(&rows), "{rows}");
        }
        let keys = found(&site, "");
        assert!(
            keys.contains(&"events.user_id -> users.id".to_owned()),
            "{keys:?}"
        );
        assert!(
            keys.contains(&"parts.user_id -> users.id".to_owned()),
            "{keys:?}"
        );
        assert_eq!(keys.len(), 2, "{keys:?}");
    }
    site.run("discover")
        .status(0)
        .says("distinct values have a parent, in a sample of ");
}

#[test]
fn what_cannot_be_looked_at_is_left_out_and_nothing_fails() {
    let Some(site) = Site::of(
        "CREATE TABLE \"T\" (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, j json, p point, x xml, t_id int, e int[]);
         CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE moods (mood mood PRIMARY KEY, text text);
         CREATE TABLE days (id int PRIMARY KEY, mood mood, commentable_id int, commentable_type text);
         CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'no'; END $$;
         CREATE DOMAIN odd AS text CHECK (VALUE <> 'x'); CREATE TABLE \"q\"\"; DROP TABLE t; --\" (id odd PRIMARY KEY, \"a\"\"b_id\" odd);
         INSERT INTO moods VALUES ('sad'), ('ok'); INSERT INTO days SELECT i, (ARRAY['sad', 'ok'])[1 + i % 2]::mood, 1, 't' FROM generate_series(1, 20) i;
         INSERT INTO t SELECT i, '{}', '(1,1)', NULL, i FROM generate_series(1, 20) i; INSERT INTO \"T\" SELECT generate_series(1, 20);
         CREATE TABLE hidden (id int PRIMARY KEY, t_id int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
    ) else {
        return;
    };
    let before = site.picture();
    let keys = found(&site, "--min-confidence 0");
    assert!(
        keys.iter()
            .any(|it| it.starts_with("days.mood -> moods.mood")),
        "{keys:?}"
    );
    assert!(
        !keys.iter().any(|it| it.contains("commentable")),
        "{keys:?}"
    );
    // A role that may read little finds what it may read.
    let role = format!("little_{}", site.database.name);
    site.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON days, hidden TO {role}"
    ));
    let url = site.database.url();
    let sign = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{sign}options=-crole%3D{role}");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(["discover", "-d", &url])
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("warning: this role may not read all rows of T, hidden, moods, "),
        "{told}"
    );
    // One that may read nothing is told so, instead of that there is nothing.
    site.sql(&format!("REVOKE SELECT ON days, hidden FROM {role}"));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(["discover", "-d", &url, "--format", "json"])
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    site.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["error"]["code"], "no-permission", "{told}");
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(site.picture(), before);
}
