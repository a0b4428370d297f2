use pretty_assertions::assert_eq;

use crate::citus::{NOT_TO_ORDER, Shop, TO_ORDER, picture, shop};
use crate::site::Site;

#[track_caller]
fn refuses(site: &Site, line: &str, told: &str) {
    let before = picture(site);
    site.run(line).status(2).explains(told);
    assert_eq!(picture(site), before, "{line} has changed something");
}

/// What Citus would refuse with the names of shards, and what it would take and not hold to.
#[test]
fn keys_that_citus_does_not_enforce_are_refused_by_rule() {
    let key = |child: &str, columns: &str, parent: &str, rest: &str| {
        format!(
            "ALTER TABLE {child} ADD CONSTRAINT k FOREIGN KEY ({columns}) REFERENCES {parent} {rest};"
        )
    };
    let Some(shop) = shop("SELECT 1;", "SELECT 1;") else {
        return;
    };
    let site = &shop.site;
    for (up, told) in [
        (
            key("items", "id", "others", "(id)"),
            "items and others are distributed apart, so Citus can't enforce a key between them",
        ),
        (
            key("items", "order_id, id", "orders", "(tenant, id)"),
            "items is distributed by tenant and orders by tenant, which the key leaves out",
        ),
        (
            key("items", "kind", "notes", "(id)"),
            "items is distributed and notes is not",
        ),
        (
            key("notes", "tenant, order_id", "orders", "(tenant, id)"),
            "orders is distributed and notes is not; Citus takes such a key and does not hold to it",
        ),
        (
            key("kinds", "id", "others", "(id)"),
            "others is distributed and kinds is not",
        ),
        (
            key("notes", "kind", "kinds", "(id)"),
            "notes is a table of the coordinator alone",
        ),
        (
            key(
                "items",
                "tenant, order_id",
                "orders",
                "(tenant, id) ON DELETE SET NULL",
            ),
            "the key has the distribution column of items",
        ),
        (
            key(
                "items",
                "tenant, order_id",
                "orders",
                "(tenant, id) ON UPDATE CASCADE",
            ),
            "the key has the distribution column of items",
        ),
    ] {
        site.write("V1__key", &up, "ALTER TABLE items DROP CONSTRAINT k;");
        for line in [
            "up",
            "up --mode online",
            "up --dry-run",
            "up --format sql --dry-run",
        ] {
            refuses(site, line, told);
        }
    }
    // The hint's remedy works, there and back.
    site.sql("SELECT citus_add_local_table_to_metadata('notes')");
    site.write(
        "V1__key",
        &key("notes", "kind", "kinds", "(id)"),
        "ALTER TABLE notes DROP CONSTRAINT k;",
    );
    for mode in ["transaction", "online"] {
        let before = picture(site);
        site.run(&format!(
            "up --mode {mode} --orphans archive --max-orphans 1"
        ))
        .status(0);
        assert_eq!(site.ask("SELECT id::text FROM notes_orphans"), ["2"]);
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(picture(site), before);
    }
}

/// One that is there already is told by `orphans`, `check` and `clean`, which go on with the others.
#[test]
fn a_key_of_a_local_table_to_a_distributed_one_is_told() {
    let Some(shop) = shop(TO_ORDER, NOT_TO_ORDER) else {
        return;
    };
    let site = &shop.site;
    site.sql("ALTER TABLE notes ADD CONSTRAINT lies FOREIGN KEY (tenant, order_id) REFERENCES orders (tenant, id)");
    site.run("check")
        .says("error[key-impossible] notes")
        .says("lies of notes is a key of a local table to a distributed one, and Citus does not hold to it");
    let told = "Citus does not hold to a key of a local table to a distributed one";
    for verb in ["orphans", "clean --dry-run"] {
        let run = site.run(verb);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains(told), "{verb}: {run:#?}");
    }
    site.run("up").status(0);
}

#[test]
fn a_table_without_a_key_is_refused_and_a_script_is_not_written() {
    let Some(Shop { site, workers }) = shop(TO_ORDER, NOT_TO_ORDER) else {
        return;
    };
    refuses(
        &site,
        "up --dry-run --format sql",
        "Citus spreads items over servers",
    );
    site.sql("ALTER TABLE parts DROP CONSTRAINT fk_parts_item; ALTER TABLE items DROP CONSTRAINT items_pkey");
    refuses(
        &site,
        "up",
        "rows of items lie on several servers, and it has no PRIMARY KEY",
    );
    site.sql("ALTER TABLE items ADD PRIMARY KEY (id, tenant)");
    // On a worker nothing is tried.
    let worker = format!("{}/{}", workers.servers[0], site.database.name);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(["up", "-d", &worker, "--migrations"])
        .arg(site.migrations())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("this server is a worker of Citus"),
        "{stderr}"
    );
    assert!(stderr.contains("hint: connect to "), "{stderr}");
    site.run("up").status(0);
}
