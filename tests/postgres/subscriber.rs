use std::time::{Duration, Instant};

use crate::server::{self, Database, Own, Server};
use crate::site::Site;

const TABLES: &str =
    "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, pid int);";

/// A publisher, and a subscriber to it on a server of its own.
struct Pair {
    publisher: Site,
    subscriber: Site,
    _servers: [Server; 2],
}

impl Drop for Pair {
    fn drop(&mut self) {
        // Its slot keeps the database of the publisher from going.
        self.subscriber.sql("DROP SUBSCRIPTION s");
    }
}

/// Rows 2 and 3 of `c` are orphans; `tables` is what stands behind CREATE PUBLICATION.
fn pair(tables: &str) -> Option<Pair> {
    let servers = [server::own(&Own::default())?, server::own(&Own::default())?];
    let site = |server: &Server| {
        let database = Database::of(&server.url("postgres", "postgres"));
        Site::on(database, TABLES).with(
            "V1__key",
            "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE",
            "ALTER TABLE c DROP CONSTRAINT c_p",
        )
    };
    let (publisher, subscriber) = (site(&servers[0]), site(&servers[1]));
    publisher.sql(&format!(
        "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1), (2, 9), (3, 9); CREATE PUBLICATION shop {tables}"
    ));
    subscriber.sql(&format!(
        "CREATE SUBSCRIPTION s CONNECTION 'host={} port={} user=postgres dbname={}' PUBLICATION shop",
        servers[0].folder.display(),
        servers[0].port,
        publisher.database.name
    ));
    has(&subscriber, "c", "1 2 3");
    Some(Pair {
        publisher,
        subscriber,
        _servers: servers,
    })
}

/// Asks until the table has these rows.
#[track_caller]
fn has(site: &Site, table: &str, ids: &str) {
    let started = Instant::now();
    let query = format!("SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM {table}");
    loop {
        let now = site.ask(&query).remove(0);
        if now == ids {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "{table} has {now}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_subscriber_sees_rows_leave_and_come_back() {
    for mode in ["transaction", "online"] {
        let Some(pair) = pair("FOR TABLE p, c") else {
            return;
        };
        let (publisher, subscriber) = (&pair.publisher, &pair.subscriber);
        publisher
            .run(&format!("up --mode {mode} --max-orphans 2"))
            .status(0);
        has(subscriber, "c", "1");
        publisher.run(&format!("down --mode {mode}")).status(0);
        has(subscriber, "c", "1 2 3");
    }
}

/// A subscriber stops at a table that it lacks, and goes on once it has it: that is said beforehand.
#[test]
fn tables_that_are_published_as_they_are_made_are_told() {
    let Some(pair) = pair("FOR ALL TABLES") else {
        return;
    };
    let (publisher, subscriber) = (&pair.publisher, &pair.subscriber);
    publisher
        .run("up --dry-run --max-orphans 2")
        .status(0)
        .remarks("shop publishes tables as they are made, and a subscriber that lacks one of them stops: make \"public\".\"fkfix_schema_history\" and c_orphans there too, and refresh the subscription");
    publisher.run("up --max-orphans 2").status(0);
    for table in ["c_orphans", "fkfix_schema_history"] {
        let columns = publisher.ask(&format!(
            "SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0"
        ));
        subscriber.sql(&format!("CREATE TABLE {table} ({})", columns[0]));
    }
    has(subscriber, "c", "1");
    // Once the worker has begun again, the slot is free for it.
    publisher.run("down").status(0);
    has(subscriber, "c", "1 2 3");
}

/// On a subscriber keys do not stop what the publisher sends: `check` counts the rows all the same.
#[test]
fn on_a_subscriber_check_finds_what_its_keys_let_pass() {
    let Some(pair) = pair("FOR TABLE p, c") else {
        return;
    };
    let (publisher, subscriber) = (&pair.publisher, &pair.subscriber);
    subscriber.run("up --max-orphans 2").status(0);
    has(subscriber, "c", "1");
    subscriber.run("check").status(0);
    publisher.sql("INSERT INTO c VALUES (4, 9)");
    has(subscriber, "c", "1 4");
    subscriber.run("check").status(1).says("c_p");
    subscriber.run("clean --max-orphans 5").status(0);
    has(subscriber, "c", "1");
    // Rows that are gone there are no obstacle to the subscription.
    publisher.sql("DELETE FROM c WHERE id = 4; INSERT INTO c VALUES (5, 1)");
    has(subscriber, "c", "1 5");
}
