use pretty_assertions::assert_eq;

use crate::server::{self, Workers};
use crate::site::Site;

/// A shop of tenants: orders and items lie side by side, kinds lie everywhere, notes on the
/// coordinator. Item 101 and those after it have no order, kinds 0 and 6 do not exist.
const SHOP: &str = "
    SET client_min_messages = warning;
    SET citus.shard_count = 8;
    CREATE TABLE orders (id int, tenant int NOT NULL, note text, PRIMARY KEY (tenant, id));
    CREATE TABLE items (id bigint, tenant int NOT NULL, order_id int, kind int, q text, PRIMARY KEY (tenant, id));
    CREATE TABLE parts (id uuid, tenant int NOT NULL, item_id bigint, PRIMARY KEY (id, tenant),
        CONSTRAINT fk_parts_item FOREIGN KEY (tenant, item_id) REFERENCES items (tenant, id) ON DELETE CASCADE);
    CREATE TABLE kinds (id int PRIMARY KEY, name text, parent int);
    CREATE TABLE others (id int PRIMARY KEY);
    CREATE TABLE notes (id int PRIMARY KEY, kind int, tenant int, order_id int);
    SELECT create_distributed_table('orders', 'tenant');
    SELECT create_distributed_table('items', 'tenant', colocate_with => 'orders');
    SELECT create_distributed_table('parts', 'tenant', colocate_with => 'orders');
    SELECT create_distributed_table('others', 'id', colocate_with => 'none');
    SELECT create_reference_table('kinds');
    INSERT INTO kinds SELECT g, 'k' || g, NULLIF(g - 1, 0) FROM generate_series(1, 5) AS g;
    INSERT INTO orders SELECT g, g % 10 + 1, 'n' FROM generate_series(1, 100) AS g;
    INSERT INTO items SELECT g, g % 10 + 1, g, g % 7, 'it''s \"' || g FROM generate_series(1, 120) AS g;
    INSERT INTO parts SELECT md5(g::text)::uuid, g % 10 + 1, g FROM generate_series(1, 120) AS g;
    INSERT INTO notes VALUES (1, 1, 1, 9), (2, 6, 2, 1);";

pub const TO_ORDER: &str = "ALTER TABLE items ADD CONSTRAINT fk_items_order FOREIGN KEY (tenant, order_id) REFERENCES orders (tenant, id) ON DELETE CASCADE;";
pub const NOT_TO_ORDER: &str = "ALTER TABLE items DROP CONSTRAINT fk_items_order;";
const TO_KIND: &str = "ALTER TABLE items ADD CONSTRAINT fk_items_kind FOREIGN KEY (kind) REFERENCES kinds (id) ON DELETE SET NULL;";
const NOT_TO_KIND: &str = "ALTER TABLE items DROP CONSTRAINT fk_items_kind;";

pub struct Shop {
    pub site: Site,
    pub workers: Workers,
}

/// One with the migration that adds `up`.
pub fn shop(up: &str, down: &str) -> Option<Shop> {
    let (database, workers) = server::citus()?;
    let site = Site::on(database, SHOP).with("V1__key", up, down);
    Some(Shop { site, workers })
}

/// Every row of every table, and what Citus knows of them; the numbers of tables aside.
pub fn picture(site: &Site) -> Vec<String> {
    let mut all = site.ask(
        "SELECT concat_ws(' ', p.logicalrelid, p.partmethod, p.repmodel, p.colocationid) FROM pg_dist_partition p ORDER BY 1",
    );
    all.extend(site.ask(
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1",
    ));
    let tables = site.ask(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
    );
    for table in tables {
        let rows = site.ask(&format!("SELECT t::text FROM {table} AS t ORDER BY 1"));
        all.extend(rows.into_iter().map(|row| format!("{table} {row}")));
    }
    all
}

/// The archive of a distributed table is distributed with it, and what hangs on orphans goes along.
#[test]
fn orphans_of_a_distributed_table_leave_and_come_back() {
    for mode in ["transaction", "online --batch 7"] {
        let Some(shop) = shop(TO_ORDER, NOT_TO_ORDER) else {
            return;
        };
        let site = &shop.site;
        let before = picture(site);
        site.run("orphans").status(1).says("20 rows");
        site.run(&format!("up --mode {mode} --dry-run"))
            .status(0)
            .says("move 20 rows of items to items_orphans");
        assert_eq!(picture(site), before);
        site.run(&format!("up --mode {mode}"))
            .status(0)
            .says("items_orphans");
        assert_eq!(site.ask("SELECT count(*)::text FROM items"), ["100"]);
        assert_eq!(site.ask("SELECT count(*)::text FROM parts"), ["100"]);
        let spread = "SELECT (a.colocationid = t.colocationid)::text FROM pg_dist_partition a, pg_dist_partition t
            WHERE a.logicalrelid = 'items_orphans'::regclass AND t.logicalrelid = 'items'::regclass";
        assert_eq!(site.ask(spread), ["true"]);
        assert_eq!(
            site.ask(
                "SELECT convalidated::text FROM pg_constraint WHERE conname = 'fk_items_order'"
            ),
            ["true"]
        );
        site.run("status").status(0);
        site.run("orphans").status(0).says("no orphans");
        site.run("orphans --archived")
            .status(0)
            .says("items_orphans");
        site.run("check").status(0).says("archive-not-empty");
        site.run(&format!("down --mode {mode} --dry-run")).status(0);
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(picture(site), before);
    }
}

/// A key to a reference table; rows that stay forget it, and have it again.
#[test]
fn rows_forget_a_key_to_a_reference_table_and_have_it_again() {
    for mode in ["transaction", "online --batch 7"] {
        let Some(shop) = shop(TO_KIND, NOT_TO_KIND) else {
            return;
        };
        let site = &shop.site;
        let before = picture(site);
        site.run(&format!("up --mode {mode}")).status(0);
        assert_eq!(site.ask("SELECT count(*)::text FROM items"), ["120"]);
        assert_eq!(
            site.ask("SELECT count(*)::text FROM items WHERE kind IS NULL"),
            ["34"]
        );
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(picture(site), before);
    }
}

#[test]
fn a_reference_table_has_its_archive_everywhere() {
    for mode in ["transaction", "online --batch 1"] {
        let Some(shop) = shop(
            "ALTER TABLE kinds ADD CONSTRAINT fk_kinds_parent FOREIGN KEY (parent) REFERENCES kinds (id);",
            "ALTER TABLE kinds DROP CONSTRAINT fk_kinds_parent;",
        ) else {
            return;
        };
        let site = &shop.site;
        site.sql("INSERT INTO kinds VALUES (7, 'seven', 70), (8, 'eight', 7)");
        let before = picture(site);
        site.run(&format!(
            "up --mode {mode} --orphans archive --max-orphans 2"
        ))
        .status(0);
        assert_eq!(
            site.ask("SELECT string_agg(id::text, ' ' ORDER BY id) FROM kinds"),
            ["1 2 3 4 5"]
        );
        assert_eq!(
            site.ask("SELECT repmodel::text FROM pg_dist_partition WHERE logicalrelid = 'kinds_orphans'::regclass"),
            ["t"]
        );
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(picture(site), before);
    }
}

#[test]
fn declared_keys_are_cleaned_and_archived_rows_restored() {
    for mode in ["transaction", "online --batch 7"] {
        let Some(shop) = shop(TO_ORDER, NOT_TO_ORDER) else {
            return;
        };
        let site = &shop.site;
        let before = site.ask("SELECT t::text FROM items AS t ORDER BY 1");
        site.sql(&TO_ORDER.replace("CASCADE;", "CASCADE NOT VALID"));
        site.run("check").says("not-valid");
        site.run(&format!("clean --mode {mode} --dry-run"))
            .status(0)
            .says("20 rows");
        site.run(&format!("clean --mode {mode}")).status(0);
        site.run("orphans").status(0).says("no orphans");
        assert_eq!(site.ask("SELECT count(*)::text FROM items"), ["100"]);
        site.sql(
            "INSERT INTO orders SELECT g, g % 10 + 1, 'back' FROM generate_series(101, 119) AS g",
        );
        site.run(&format!("restore --mode {mode}"))
            .status(0)
            .says("19 rows");
        assert_eq!(site.ask("SELECT count(*)::text FROM items"), ["119"]);
        site.sql("INSERT INTO orders VALUES (120, 1, 'back')");
        site.run("restore").status(0);
        assert_eq!(
            site.ask("SELECT t::text FROM items AS t ORDER BY 1"),
            before
        );
        assert_eq!(
            site.ask("SELECT to_regclass('items_orphans')::text"),
            ["NULL"]
        );
    }
}

#[test]
fn rows_are_shown_and_meant_keys_found() {
    let Some(shop) = shop(TO_ORDER, NOT_TO_ORDER) else {
        return;
    };
    let site = &shop.site;
    for file in ["V1__key.sql", "V1__key.down.sql"] {
        std::fs::remove_file(site.migrations().join(file)).unwrap();
    }
    site.run("show items 2 101").status(0).says("101");
    site.run("show kinds 3").status(0);
    site.run("show parts x").status(2);
    site.run("graph").status(0).says("items");
    // Of the keys that can't be, it says why.
    site.run("discover")
        .says("items.kind -> kinds.id")
        .says("5 of 7 distinct values have a parent")
        .says("but notes is a table of the coordinator alone");
    site.sql(&TO_KIND.replace(';', " NOT VALID"));
    site.run("show items 3 2").says("kinds");
}

/// An application that repairs rows while batches leave loses none.
#[test]
fn nothing_is_lost_while_rows_are_repaired() {
    let Some(shop) = shop(TO_ORDER, NOT_TO_ORDER) else {
        return;
    };
    let site = &shop.site;
    site.sql("INSERT INTO items SELECT g, g % 10 + 1, g, NULL, 'more' FROM generate_series(1001, 2000) AS g");
    let url = site.database.url();
    let writer = std::thread::spawn(move || {
        let mut client = server::open(&url).client;
        let mut repaired = Vec::new();
        for id in (1001..2000).step_by(9) {
            let sql = format!(
                "UPDATE items SET order_id = 10 + {id} % 10 WHERE id = {id} AND tenant = {id} % 10 + 1"
            );
            if matches!(client.execute(&sql, &[]), Ok(1)) {
                repaired.push(id);
            }
        }
        repaired
    });
    site.run("up --mode online --batch 50 --pause 10ms --max-orphans 100000")
        .status(0);
    let repaired = writer.join().unwrap();
    let count = |query: &str| -> i64 { site.ask(query)[0].parse().unwrap() };
    let there = count("SELECT count(*)::text FROM items");
    assert_eq!(
        there + count("SELECT count(*)::text FROM items_orphans"),
        1120
    );
    for id in repaired {
        assert_eq!(
            count(&format!("SELECT count(*)::text FROM items WHERE id = {id}")),
            1
        );
        assert_eq!(
            count(&format!(
                "SELECT count(*)::text FROM items_orphans WHERE id = {id}"
            )),
            0
        );
    }
    site.run("down").status(0);
    assert_eq!(count("SELECT count(*)::text FROM items"), 1120);
}
