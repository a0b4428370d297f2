//! A new migration is a pair of files: named as the next one, with the keys that were asked for,
//! overwriting nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::support::{Database, Finished, binary, finish};

/// Parents and children of every kind of name.
const SHOP: &str = "CREATE TABLE customers (id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, parent_id INTEGER, \"group\" INTEGER);
    CREATE TABLE \"Order Lines\" (\"order id\" INTEGER NOT NULL, line_no INTEGER NOT NULL, PRIMARY KEY (\"order id\", line_no));
    CREATE TABLE shipments (id INTEGER PRIMARY KEY, order_id INTEGER, line_no INTEGER, \"user\" TEXT);
    CREATE TABLE \"group\" (id INTEGER PRIMARY KEY);
    INSERT INTO customers VALUES (1, 'a', 'A'), (2, 'b', 'B');
    INSERT INTO orders VALUES (1, 1, NULL, 7), (2, 2, 1, NULL);
    INSERT INTO \"group\" VALUES (7);
    INSERT INTO \"Order Lines\" VALUES (1, 1), (2, 1);
    INSERT INTO shipments VALUES (1, 1, 1, 'a'), (2, 2, NULL, NULL);";

const KEYS: [&str; 6] = [
    "orders.customer_id -> customers.id on update cascade on delete restrict",
    "orders.parent_id->orders.id on delete set null",
    "orders.group -> \"group\".id",
    "\"Order Lines\".\"order id\" -> orders.id on delete cascade",
    "shipments.(order_id, line_no) -> \"Order Lines\"([order id], line_no) on delete set null",
    "shipments(user) -> customers(code) on delete no action",
];

const UP: &str = r#"ALTER TABLE orders
    ADD CONSTRAINT fk_orders_customer
    FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE orders
    ADD CONSTRAINT fk_orders_parent
    FOREIGN KEY (parent_id) REFERENCES orders (id) ON DELETE SET NULL;

ALTER TABLE orders
    ADD CONSTRAINT fk_orders_group
    FOREIGN KEY ("group") REFERENCES "group" (id);

ALTER TABLE "Order Lines"
    ADD CONSTRAINT fk_order_lines_order
    FOREIGN KEY ("order id") REFERENCES orders (id) ON DELETE CASCADE;

ALTER TABLE shipments
    ADD CONSTRAINT fk_shipments_order_line_no
    FOREIGN KEY (order_id, line_no) REFERENCES "Order Lines" ("order id", line_no) ON DELETE SET NULL;

ALTER TABLE shipments
    ADD CONSTRAINT fk_shipments_user
    FOREIGN KEY ("user") REFERENCES customers (code);
"#;

const DOWN: &str = r#"ALTER TABLE shipments DROP CONSTRAINT fk_shipments_user;

ALTER TABLE shipments DROP CONSTRAINT fk_shipments_order_line_no;

ALTER TABLE "Order Lines" DROP CONSTRAINT fk_order_lines_order;

ALTER TABLE orders DROP CONSTRAINT fk_orders_group;

ALTER TABLE orders DROP CONSTRAINT fk_orders_parent;

ALTER TABLE orders DROP CONSTRAINT fk_orders_customer;
"#;

/// `fkfix new` in `home`, where it may make the folder `migrations`.
fn new(home: &Path) -> Command {
    let mut command = binary();
    command.arg("new").current_dir(home);
    command
}

fn run(command: &mut Command) -> Finished {
    finish(command, Path::new("no database"))
}

/// The names of the files in `folder`, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_next_pair_is_written_and_its_paths_are_the_result() {
    let home = tempfile::tempdir().unwrap();
    run(new(home.path()).arg("first"))
        .status(0)
        .stdout("migrations/V1__first.sql\nmigrations/V1__first.down.sql\n")
        .stderr("hint: fkfix up --migrations migrations --dry-run shows what it would do\n");
    let folder = home.path().join("my migrations");
    for (number, name) in [(1, "one"), (2, "one"), (3, "three")] {
        let mut command = new(home.path());
        command
            .args([name, "--format", "json"])
            .env("FKFIX_MIGRATIONS", "my migrations");
        let run = run(&mut command).status(0);
        let up = format!("my migrations/V{number}__{name}.sql");
        let down = format!("my migrations/V{number}__{name}.down.sql");
        assert_eq!(run.json(), json!({"up": up, "down": down}));
        run.stderr(
            "hint: fkfix up --migrations 'my migrations' --dry-run shows what it would do\n",
        );
    }
    fs::rename(folder.join("V3__three.sql"), folder.join("V41__three.sql")).unwrap();
    fs::rename(
        folder.join("V3__three.down.sql"),
        folder.join("V41__three.down.sql"),
    )
    .unwrap();
    run(new(home.path()).args(["next", "--migrations", "my migrations"]))
        .status(0)
        .says("my migrations/V42__next.sql\n");
}

#[test]
fn keys_of_every_form_go_up_and_down_again() {
    let database = Database::of(SHOP);
    let before = database.picture();
    let mut written = Vec::new();
    for is_checked in [true, false] {
        let folder = database.home.join(format!("migrations {is_checked}"));
        let mut command = new(&database.home);
        command.arg("all keys").arg("--migrations").arg(&folder);
        for key in KEYS {
            command.args(["--add", key]);
        }
        if is_checked {
            command.arg("-d").arg(&database.path);
        }
        run(&mut command).status(0);
        written.push((
            fs::read_to_string(folder.join("V1__all_keys.sql")).unwrap(),
            fs::read_to_string(folder.join("V1__all_keys.down.sql")).unwrap(),
        ));
        let mut up = database.command("up --orphans refuse");
        finish(up.arg("--migrations").arg(&folder), &database.path).status(0);
        assert_eq!(
            database.rows("SELECT m.name, count(DISTINCT k.id) FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS k GROUP BY 1 ORDER BY 1"),
            ["'Order Lines'|1", "'orders'|3", "'shipments'|2"]
        );
        assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
        let mut down = database.command("down");
        finish(down.arg("--migrations").arg(&folder), &database.path).status(0);
        assert_eq!(database.picture(), before);
    }
    let expected = (UP.to_owned(), DOWN.to_owned());
    assert_eq!(written, [expected.clone(), expected]);
}

#[test]
fn a_key_that_the_database_could_not_take_is_refused_and_nothing_written() {
    let database = Database::of(SHOP).with(
        "CREATE TABLE declared (customer_id INTEGER REFERENCES customers (id)); CREATE VIEW v AS SELECT 1 AS id;
         CREATE TABLE named (customer_id INTEGER, CONSTRAINT fk_named_customer CHECK (customer_id > 0));",
    );
    let folder = database.home.join("migrations");
    let refused = |key: &str, twice: bool| {
        let mut command = new(&database.home);
        command
            .args(["keys", "--add", key, "-d"])
            .arg(&database.path);
        if twice {
            command.args(["--add", key]);
        }
        let run = run(&mut command).status(2).stdout("");
        assert!(!folder.exists(), "{run:#?}");
        run
    };
    for (key, message) in [
        ("nothing.a -> customers.id", "there is no table nothing"),
        (
            "orders.nothing -> customers.id",
            "unknown column \"nothing\" in foreign key definition",
        ),
        (
            "orders.customer_id -> nothing.id",
            "there is no table nothing",
        ),
        (
            "orders.customer_id -> customers.nothing",
            "customers has no column nothing",
        ),
        (
            "orders.customer_id -> customers.name",
            "customers (name) is neither PRIMARY KEY nor UNIQUE",
        ),
        ("orders.customer_id -> v.id", "v is a view"),
        ("v.id -> customers.id", "v is a view"),
        (
            "declared.customer_id -> customers.id",
            "declared has the key (customer_id) references customers (id) already",
        ),
        (
            "declared.customer_id -> customers.id on delete cascade",
            "declared has another key on the same columns",
        ),
    ] {
        refused(key, false).explains(message);
    }
    refused("orders.customer_id -> customers.id", true).explains("or is to get it twice");
    // A name that another constraint has is not taken again.
    let mut command = new(&database.home);
    command.args(["keys", "--add", "named.customer_id -> customers.id", "-d"]);
    run(command.arg(&database.path)).status(0);
    let script = fs::read_to_string(folder.join("V1__keys.sql")).unwrap();
    assert!(
        script.contains("ADD CONSTRAINT fk_named_customer_2\n"),
        "{script}"
    );
}

#[test]
fn without_a_database_a_key_is_still_checked_as_far_as_it_can_be() {
    let home = tempfile::tempdir().unwrap();
    run(new(home.path()).args(["keys", "--add", "sqlite_a.x -> b.y"]))
        .status(2)
        .stdout("")
        .remarks("there can be no table sqlite_a");
    run(new(home.path()).args(["keys", "--add", "orders -> customers"]))
        .status(2)
        .stdout("")
        .remarks("no column stands behind orders; the form is: orders.customer_id -> customers.id on delete cascade");
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn what_a_key_will_cost_is_warned_of() {
    let database = Database::of(SHOP).with("CREATE TABLE notes (customer TEXT);");
    let mut command = new(&database.home);
    command.args([
        "k",
        "--add",
        "orders.customer_id -> customers.id on delete set null",
    ]);
    command
        .args(["--add", "notes.customer -> customers.id", "-d"])
        .arg(&database.path);
    run(&mut command)
        .status(0)
        .remarks("warning: orders.customer_id is NOT NULL, so that SET NULL can only fail")
        .remarks("warning: notes.customer has affinity TEXT and customers.id NUMERIC");
}

#[test]
fn the_database_is_only_read() {
    let database = Database::of(SHOP);
    let before = database.files();
    let mut command = new(database.home.parent().unwrap());
    command
        .args(["k", "--add", KEYS[0]])
        .env("DATABASE_URL", &database.path);
    run(&mut command).status(0);
    assert!(database.files() == before);
}

#[test]
fn names_are_brought_into_form_or_refused() {
    let home = tempfile::tempdir().unwrap();
    for (number, (name, file)) in [
        ("add_order_keys", "add_order_keys"),
        ("Add order keys", "add_order_keys"),
        ("addOrderKeys", "add_order_keys"),
        ("  Add--ORDER__keys ", "add_order_keys"),
        ("2fa", "2fa"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = number + 1;
        run(new(home.path()).arg(name))
            .status(0)
            .says(&format!("migrations/V{number}__{file}.sql\n"));
    }
    let before = names(&home.path().join("migrations"));
    for name in [
        "",
        " ",
        "__",
        "a/b",
        "../a",
        "a.sql",
        "ä",
        "a\nb",
        "a\u{1b}[2Jb",
    ] {
        let run = run(new(home.path()).arg(name))
            .status(2)
            .stdout("")
            .explains("can't be the name of a migration");
        assert!(!run.stderr.contains('\u{1b}'), "{run:#?}");
    }
    assert_eq!(names(&home.path().join("migrations")), before);
}

#[test]
fn a_pair_without_keys_is_a_template_that_does_nothing_yet() {
    let database = Database::of(SHOP);
    let before = database.picture();
    run(new(&database.home).arg("later")).status(0);
    let folder = database.home.join("migrations");
    let up = fs::read_to_string(folder.join("V1__later.sql")).unwrap();
    let down = fs::read_to_string(folder.join("V1__later.down.sql")).unwrap();
    assert!(
        up.lines()
            .chain(down.lines())
            .all(|line| line.starts_with("--")),
        "{up}{down}"
    );
    for verb in ["up", "down"] {
        let mut command = database.command(verb);
        finish(command.arg("--migrations").arg(&folder), &database.path).status(0);
    }
    assert_eq!(database.picture(), before);
}

#[test]
fn there_is_a_pair_or_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("migrations");
    // The name of the way up fits into 255 bytes, that of the way back does not.
    let name = "x".repeat(245);
    run(new(home.path()).arg(name))
        .status(2)
        .stdout("")
        .remarks("could not write migrations/V1__x");
    assert_eq!(names(&folder), [""; 0]);
    // A folder that is no set of migrations is not added to.
    fs::write(folder.join("V01__a.sql"), "").unwrap();
    run(new(home.path()).arg("b"))
        .status(2)
        .explains("V01__a.sql can't be a migration");
    assert_eq!(names(&folder), ["V01__a.sql"]);
    fs::rename(
        folder.join("V01__a.sql"),
        folder.join("V9223372036854775807__a.sql"),
    )
    .unwrap();
    run(new(home.path()).arg("b"))
        .status(2)
        .explains("there is no number after 9223372036854775807");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "a file").unwrap();
    run(new(home.path()).arg("b"))
        .status(2)
        .stdout("")
        .remarks("could not make the folder migrations");
    assert_eq!(fs::read_to_string(&folder).unwrap(), "a file");
}
