//! Indexes come with the keys where they are asked for, and go with them; a dry run says which are missing.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::{Database, Finished, binary, finish};

const SHOP: &str = "
    CREATE TABLE products (id INTEGER PRIMARY KEY);
    CREATE TABLE orders (id INTEGER PRIMARY KEY);
    CREATE TABLE order_items (id INTEGER PRIMARY KEY, order_id INTEGER, product_id INTEGER, Note TEXT);
    CREATE INDEX items_by_order ON order_items (order_id, id);
    CREATE TABLE idx_order_items_product_id (x);
    INSERT INTO products VALUES (1), (2);
    INSERT INTO orders VALUES (1);
    INSERT INTO order_items VALUES (1, 1, 1, 'a'), (2, 1, 2, 'b'), (3, 1, 9, 'c');";

const KEYS: [&str; 2] = [
    "order_items.order_id -> orders.id",
    "order_items.product_id -> products.id on delete cascade",
];

fn new(database: &Database, more: &[&str]) -> Finished {
    let mut command = binary();
    command.args(["new", "keys", "-d"]).arg(&database.path);
    for key in KEYS {
        command.args(["--add", key]);
    }
    command.args(more);
    finish(command.current_dir(&database.home), &database.path)
}

fn up(database: &Database, line: &str) -> Finished {
    let mut command = binary();
    command.args(line.split(' ')).arg("-d").arg(&database.path);
    finish(command.current_dir(&database.home), &database.path)
}

fn read(database: &Database, file: &str) -> String {
    fs::read_to_string(database.home.join("migrations").join(file)).unwrap()
}

#[test]
fn an_index_is_written_for_each_key_that_has_none() {
    let database = Database::of(SHOP);
    let before = database.picture();
    new(&database, &["--with-indexes"]).status(0);
    assert_eq!(
        read(&database, "V1__keys.sql"),
        "ALTER TABLE order_items\n    ADD CONSTRAINT fk_order_items_order\n    FOREIGN KEY (order_id) REFERENCES orders (id);\n\nALTER TABLE order_items\n    ADD CONSTRAINT fk_order_items_product\n    FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE;\n\nCREATE INDEX idx_order_items_product_id_2 ON order_items (product_id);\n"
    );
    assert_eq!(
        read(&database, "V1__keys.down.sql"),
        "DROP INDEX idx_order_items_product_id_2;\n\nALTER TABLE order_items DROP CONSTRAINT fk_order_items_product;\n\nALTER TABLE order_items DROP CONSTRAINT fk_order_items_order;\n"
    );
    up(&database, "up --dry-run")
        .status(0)
        .stderr("note: the migrations are those in ./migrations\n");
    up(&database, "up").status(0);
    assert_eq!(
        database.rows("SELECT name FROM pragma_index_list('order_items') ORDER BY name"),
        ["'idx_order_items_product_id_2'", "'items_by_order'"]
    );
    let checked = up(&database, "check").status(0);
    assert!(!checked.stdout.contains("no-child-index"), "{checked:?}");
    up(&database, "down").status(0);
    assert_eq!(database.picture(), before);
}

#[test]
fn a_dry_run_says_what_a_deletion_will_scan() {
    let database = Database::of(SHOP);
    new(&database, &[]).status(0);
    let warning =
        "deleting a row of products will scan order_items: no index starts with (product_id)";
    up(&database, "up --dry-run").status(0).stderr(&format!(
        "note: the migrations are those in ./migrations\nwarning: {warning}\n"
    ));
    let plan = up(&database, "up --dry-run --format json").json();
    assert_eq!(
        plan["migrations"][0]["warnings"],
        serde_json::json!([warning])
    );
    up(&database, "check")
        .remarks("")
        .says("warning[no-child-index] order_items (product_id)");
    // A migration that makes the index itself is carried out on a copy to see.
    let file = database.home.join("migrations/V1__keys.sql");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        file,
        format!("{text}CREATE INDEX later ON order_items (product_id);"),
    )
    .unwrap();
    let quiet = up(&database, "up --dry-run").status(0);
    assert!(!quiet.stderr.contains("will scan"), "{quiet:?}");
}

#[test]
fn discover_writes_them_too() {
    let database = Database::of(&format!("{SHOP} DELETE FROM order_items WHERE id = 3;"));
    let mut command = binary();
    command
        .args(["discover", "--write", "--with-indexes", "--timestamp", "-d"])
        .arg(&database.path);
    finish(command.current_dir(&database.home), &database.path).status(0);
    let folder = fs::read_dir(database.home.join("migrations")).unwrap();
    let mut names: Vec<_> = folder
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let year: i64 = database.value("SELECT CAST(strftime('%Y', 'now') AS INTEGER)");
    assert!(
        names[1].starts_with(&format!("V{year}"))
            && names[1].len() == "V20261127130000__discovered_keys.sql".len(),
        "{names:?}"
    );
    let text = read(&database, &names[1]);
    assert!(
        text.contains("CREATE INDEX idx_order_items_product_id_2 ON order_items (product_id);"),
        "{text}"
    );
}

#[test]
fn two_in_one_second_get_two_time_stamps() {
    let database = Database::of(SHOP);
    for name in ["a", "b", "c"] {
        let mut command = binary();
        command.args(["new", name, "--timestamp"]);
        finish(command.current_dir(&database.home), &database.path).status(0);
    }
    let folder = fs::read_dir(database.home.join("migrations")).unwrap();
    let names = folder.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<_> = names
        .map(|name| name.split("__").next().unwrap().to_owned())
        .collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 3, "{numbers:?}");
}

#[test]
fn a_dump_that_has_the_keys_and_the_indexes_has_had_the_migration() {
    let database = Database::of(SHOP);
    new(&database, &["--with-indexes"]).status(0);
    let script = |database: &Database| {
        let schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL";
        let connection = database.open();
        let mut schema = connection.prepare(schema).unwrap();
        let schema = schema.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let schema: Vec<_> = schema.map(|sql| sql.unwrap() + ";\n").collect();
        fs::write(database.home.join("schema.txt"), schema.concat()).unwrap();
        let mut command = binary();
        let line = "up --schema schema.txt --dry-run --format sql --for d1";
        command.args(line.split(' '));
        finish(command.current_dir(&database.home), &database.path)
            .status(0)
            .stdout
    };
    assert!(script(&database).contains("CREATE INDEX idx_order_items_product_id_2"));
    up(&database, "up").status(0);
    assert_eq!(script(&database), "");
    database.execute("DROP INDEX idx_order_items_product_id_2");
    assert!(script(&database).contains("CREATE INDEX idx_order_items_product_id_2"));
}

#[test]
fn a_dry_run_of_enforce_says_it_too() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent ON DELETE CASCADE);",
    );
    let scan = "deleting a row of parent will scan child: no index starts with (parent_id)";
    let told = database.fkfix("enforce --dry-run").status(0);
    assert_eq!(told.stderr, format!("warning: {scan}\n"));
    let document = database.fkfix("enforce --dry-run --format json").json();
    assert_eq!(document["warnings"][0], scan);
    database.fkfix("enforce").status(0).stderr("");
    database.execute("CREATE INDEX i ON child (parent_id)");
    database.fkfix("enforce --dry-run").status(0).stderr("");
}
