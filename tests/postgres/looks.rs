//! Seen on a server whose names and rows are hostile; a copy of the shop that the tests of SQLite
//! show.

use std::fs;

use pretty_assertions::assert_eq;

use crate::server;
use crate::site::Site;

const SHOP: &str = "
    CREATE TABLE customers (id int PRIMARY KEY, name text, referred_by int REFERENCES customers (id) ON DELETE SET NULL);
    CREATE TABLE orders (id int PRIMARY KEY, customer_id int);
    ALTER TABLE orders ADD CONSTRAINT fk_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE NOT VALID;
    CREATE TABLE lines (order_id int REFERENCES orders (id) ON DELETE CASCADE, line int, product text, PRIMARY KEY (order_id, line));
    CREATE TABLE parcels (id int PRIMARY KEY, order_id int, line int, FOREIGN KEY (order_id, line) REFERENCES lines ON DELETE CASCADE);
    CREATE TABLE bills (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders (id) ON DELETE RESTRICT);
    INSERT INTO customers VALUES (1, 'Ada', NULL), (2, 'Grace', 1), (3, 'Lin', 1);
    INSERT INTO orders VALUES (10, 1), (11, 1), (12, 2);
    SET session_replication_role = replica; INSERT INTO orders VALUES (13, 99); RESET session_replication_role;
    INSERT INTO lines VALUES (10, 1, 'a'), (10, 2, 'b'), (11, 1, 'c');
    INSERT INTO parcels VALUES (1, 10, 2), (2, 10, 2), (3, 10, NULL);
    INSERT INTO bills VALUES (1, 12)";

#[test]
fn a_row_leads_to_its_relatives_and_to_all_that_would_go_with_it() {
    let Some(site) = Site::of(SHOP) else { return };
    let before = site.picture();
    site.run("show customers 1 --limit 1").status(0).stdout(
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
    site.run("show lines 10 2").status(0).says(
        "
    refers by      to
    order_id   10  orders  id 10, customer_id 1

2 rows of parcels refer to it by parcels(order_id, line) on delete cascade:
",
    );
    site.run("show orders 13")
        .status(0)
        .says("    customer_id  99  customers  no such row: orphan\n")
        .says("\ndeleting it would take no other row\n");
    site.run("show customers 2").status(0).says(
        "deleting it would be refused: 1 row of bills would be left without its parent by bills(order_id) on delete restrict\n",
    );
    let json = site.run("show lines 10 2 --format json").json();
    assert_eq!(json["row"]["product"], "b");
    assert_eq!(json["parents"][0]["state"], "found");
    assert_eq!(site.picture(), before);
}

/// What PostgreSQL does when the row is deleted is what was told.
#[test]
fn what_is_told_of_a_deletion_is_what_postgresql_does() {
    let Some(site) = Site::of(SHOP) else { return };
    site.sql(
        "CREATE TABLE notes (id int PRIMARY KEY, order_id int NOT NULL DEFAULT 11 REFERENCES orders ON DELETE SET DEFAULT,
            bill int NOT NULL REFERENCES bills ON DELETE SET NULL);
         INSERT INTO bills VALUES (2, 10); INSERT INTO notes VALUES (1, 10, 1), (2, 11, 1)",
    );
    for (table, key, refused) in [
        ("customers", "3", false),
        ("customers", "1", true),
        ("orders", "11", true),
        ("bills", "1", true),
        ("bills", "2", false),
        ("lines", "10 2", false),
        ("notes", "1", false),
    ] {
        let told = site
            .run(&format!("show {table} {key} --format json"))
            .json();
        assert_eq!(
            told["deletion"]["refused"], refused,
            "{table} {key}: {told:#}"
        );
        let condition = match key {
            "10 2" => "order_id = 10 AND line = 2".to_owned(),
            key => format!("id = {key}"),
        };
        let deleted = site.database.client("").batch_execute(&format!(
            "BEGIN; DELETE FROM {table} WHERE {condition}; ROLLBACK"
        ));
        assert_eq!(deleted.is_err(), refused, "{table} {key}");
    }
    site.run("show orders 11").says(
        "deleting it would be refused: the default that 1 row of notes would get by notes(order_id) on delete set default has no parent\n",
    );
    site.run("show bills 1").says(
        "2 rows of notes can't have NULL in bill, which notes(bill) on delete set null would set\n",
    );
}

#[test]
fn keys_are_read_as_their_types_and_what_is_none_is_no_row() {
    let Some(site) = Site::of(
        "CREATE SCHEMA app; CREATE DOMAIN app.code AS varchar(4);
         CREATE TABLE u (id uuid PRIMARY KEY, n numeric UNIQUE); CREATE TABLE d (id app.code PRIMARY KEY);
         CREATE TABLE t (id timestamptz PRIMARY KEY); CREATE TABLE c (id char(4) PRIMARY KEY);
         CREATE TABLE keyless (a int); CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE VIEW v AS SELECT 1 AS id;
         CREATE TABLE app.\"Odd \"\"t\" (\"i d\" text PRIMARY KEY, \"ctid'\" text);
         CREATE TABLE of_p (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE);
         INSERT INTO u VALUES ('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 1); INSERT INTO d VALUES ('abcd');
         INSERT INTO t VALUES ('2026-01-01 00:00+00'); INSERT INTO c VALUES ('ab'); INSERT INTO keyless VALUES (7), (8);
         INSERT INTO p VALUES (3); INSERT INTO of_p VALUES (1, 3); INSERT INTO app.\"Odd \"\"t\" VALUES ('it''s', E'\\033[31m\\nforged: line')",
    ) else {
        return;
    };
    site.run("show u 6F9619FF8B86D011B42D00CF4FC964FF")
        .status(0);
    site.run("show u nonsense")
        .status(1)
        .explains("u has no row with id = nonsense");
    site.run("show d abcd").status(0);
    // Cut to its length it would be another row's.
    site.run("show d abcdefgh").status(1);
    site.run("show c ab").status(0);
    site.run("show c abcdefgh").status(1);
    site.run("show t 2026-01-01T01:00+01").status(0);
    site.run("show keyless (0,2)").status(0).says("    a  8\n");
    site.run("show keyless 2").status(1);
    site.run("show d (0,1) --rowid")
        .status(0)
        .says("    id  abcd\n");
    site.run("show v 1").status(2).explains("v is a view");
    site.run("show nothing 1")
        .status(2)
        .explains("there is no table nothing");
    // The keys of a partitioned table are those of its partitions.
    for table in ["p", "p1"] {
        site.run(&format!("show {table} 3"))
            .status(0)
            .says("1 row of of_p refers to it by of_p(p) on delete cascade:\n");
    }
    let mut command = site.command("show");
    let output = command.arg("app.Odd \"t").arg("it's").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.starts_with("a row of app.Odd \"t\n"), "{told}");
    assert!(
        !told.contains('\u{1b}') && !told.contains("\nforged"),
        "{told}"
    );
}

#[test]
fn the_picture_has_the_tables_and_keys_of_the_server() {
    let Some(site) = Site::fixture("app-postgres") else {
        return;
    };
    let before = site.picture();
    site.run("graph").status(0).says("erDiagram");
    let json = site.run("graph --format json").json();
    let states = json["keys"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|it| **it == "pending").count(), 2);
    assert_eq!(states.iter().filter(|it| **it == "declared").count(), 3);
    for format in ["svg", "dot", "mermaid"] {
        let picture = site.run(&format!("graph --format {format}")).status(0);
        assert!(picture.stdout.contains("webhook_logs"), "{picture:#?}");
    }
    assert_eq!(site.picture(), before);
    site.run("up").status(0);
    let picture = site.run("graph").status(0).stdout;
    assert!(
        !picture.contains("fkfix") && !picture.contains("webhook_logs_orphans"),
        "{picture}"
    );
    let all = site.run("graph --all").status(0).stdout;
    assert!(
        all.contains("fkfix_schema_history") && all.contains("webhook_logs_orphans"),
        "{all}"
    );
}

#[test]
fn tables_of_one_name_and_partitions_are_drawn_as_they_are() {
    let Some(site) = Site::of(
        "CREATE SCHEMA app; CREATE TABLE \"T\" (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES \"T\");
         CREATE TABLE app.t (id int PRIMARY KEY, t int UNIQUE REFERENCES public.t);
         CREATE TABLE m (id int, at date, t int NOT NULL REFERENCES t) PARTITION BY RANGE (at);
         CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    ) else {
        return;
    };
    let json = site.run("graph --format json").json();
    let tables = json["tables"].as_array().unwrap().iter();
    let tables: Vec<_> = tables.map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(tables, ["app.t", "T", "m", "t"]);
    let keys = json["keys"].as_array().unwrap().iter();
    let keys: Vec<_> = keys
        .map(|it| format!("{} {} {}", it["table"], it["parent"], it["unique"]).replace('"', ""))
        .collect();
    assert_eq!(keys, ["app.t t true", "m t false", "t T false"]);
    let names = |line: &str| {
        let json = site.run(line).status(0).json();
        let tables = json["tables"].as_array().unwrap().iter();
        let names = tables.map(|it| it["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("graph --around m1 --format json"), ["m", "t"]);
    assert_eq!(
        names("graph --around t --format json"),
        ["app.t", "T", "m", "t"]
    );
    assert_eq!(names("graph --only-orphans --format json"), [""; 0]);
    site.sql("SET session_replication_role = replica; INSERT INTO app.t VALUES (1, 9); INSERT INTO m VALUES (1, '2026-02-02', 8)");
    assert_eq!(
        names("graph --only-orphans --format json"),
        ["app.t", "m", "t"]
    );
}

#[test]
fn the_next_migration_is_written_for_the_server() {
    let Some(site) = Site::of(
        "CREATE SCHEMA app; CREATE TABLE app.customers (id int PRIMARY KEY, \"Login\" text UNIQUE);
         CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, who text, n bigint, CONSTRAINT fk_orders_customer CHECK (id > 0));
         INSERT INTO app.customers VALUES (1, 'ada'), (2, 'bob'); INSERT INTO orders VALUES (1, 1, 'ada'), (2, 2, NULL)",
    ) else {
        return;
    };
    let before = site.picture();
    let new = |keys: &[&str]| {
        let mut command = site.command("new add_keys");
        for key in keys {
            command.arg("--add").arg(key);
        }
        command.arg("--migrations").arg(site.migrations());
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), stderr)
    };
    for (key, message) in [
        (
            "orders.customer_id -> customers.id",
            "there is no table customers",
        ),
        (
            "orders.customer -> \"app.customers\".id",
            "orders has no column customer",
        ),
        (
            "orders.who -> \"app.customers\".id",
            "can't compare them in a key",
        ),
        ("orders.who -> \"app.customers\".login", "login"),
        (
            "orders.customer_id -> orders.n",
            "neither PRIMARY KEY nor UNIQUE",
        ),
    ] {
        let (status, told) = new(&[key]);
        assert_eq!(status, Some(2), "{key}: {told}");
        assert!(told.contains(message) && told.contains("hint: "), "{told}");
    }
    assert_eq!(fs::read_dir(site.migrations()).unwrap().count(), 0);
    let (status, told) = new(&[
        "orders.customer_id -> \"app.customers\".id on delete set null",
        "orders.who -> app.customers.Login",
    ]);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("orders.customer_id is NOT NULL"), "{told}");
    let text = |name: &str| fs::read_to_string(site.migrations().join(name)).unwrap();
    assert_eq!(
        text("V1__add_keys.sql"),
        "\
ALTER TABLE orders
    ADD CONSTRAINT fk_orders_customer_2
    FOREIGN KEY (customer_id) REFERENCES app.customers (id) ON DELETE SET NULL;

ALTER TABLE orders
    ADD CONSTRAINT fk_orders_who
    FOREIGN KEY (who) REFERENCES app.customers (\"Login\");
"
    );
    site.run("up").status(0);
    site.run("down").status(0);
    assert_eq!(site.picture(), before);
}

#[test]
fn enforce_says_that_there_is_nothing_to_do() {
    let Some(site) = Site::of(SHOP) else { return };
    let before = site.picture();
    for line in ["enforce", "enforce --remove", "enforce --dry-run"] {
        site.run(line)
            .status(0)
            .stdout("")
            .remarks("PostgreSQL enforces every key by itself");
    }
    assert_eq!(site.picture(), before);
}

#[test]
fn a_standby_shows_draws_and_writes_the_next_migration() {
    let Some((primary, standby)) = server::primary().zip(server::standby()) else {
        return;
    };
    if server::shared().and_then(server::Shared::own).is_none() {
        return;
    }
    let Some(site) = Site::of(SHOP) else { return };
    server::caught_up(primary, standby);
    let url = standby.url("postgres", &site.database.name);
    for line in [
        "show customers 1",
        "graph",
        "enforce",
        "new more --add bills.id->customers.id",
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fkfix"));
        command.args(line.split_whitespace()).arg("-d").arg(&url);
        if line.starts_with("new") {
            command.arg("--migrations").arg(site.migrations());
        }
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {told}");
    }
}
