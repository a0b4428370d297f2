use pretty_assertions::assert_eq;

use crate::site::Site;

/// `heir` inherits from `c`, and `p2` from `p`; the key of `c` is declared.
const FAMILY: &str = "
    CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE p2 () INHERITS (p);
    CREATE TABLE c (id int PRIMARY KEY, pid int); CREATE TABLE heir (more text) INHERITS (c);
    CREATE TABLE q (id int PRIMARY KEY);
    INSERT INTO p VALUES (1); INSERT INTO p2 VALUES (2); INSERT INTO q VALUES (1);
    INSERT INTO c VALUES (1, 1); INSERT INTO heir VALUES (2, 9, 'x'), (5, 1, 'y');
    ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE;
    CREATE INDEX ON c (pid);";

fn rows(site: &Site) -> Vec<String> {
    site.ask("SELECT concat_ws(' ', tableoid::regclass, id, pid) FROM c ORDER BY 1")
}

/// Only rows of the table itself count: those of a table that inherits from the child are under no
/// key, and those of one that inherits from the parent are no parents.
#[test]
fn a_declared_key_is_judged_without_the_rows_of_tables_that_inherit() {
    let Some(site) = Site::of(FAMILY) else { return };
    site.write("V1__none", "SELECT 1", "SELECT 1");
    site.run("up").status(0);
    site.run("check").status(0);
    site.run("orphans").status(0).says("no orphans");
    // PostgreSQL would take neither from an application.
    site.sql("SET session_replication_role = replica; INSERT INTO c VALUES (3, 2), (4, 9)");
    site.run("check")
        .status(0)
        .says("c_p is marked valid and 2 rows break it");
    site.run("clean")
        .status(0)
        .says("2 rows moved from c to c_orphans");
    assert_eq!(rows(&site), ["c 1 1", "heir 2 9", "heir 5 1"]);
    site.sql("INSERT INTO p VALUES (9)");
    site.run("restore").status(0);
    assert_eq!(rows(&site), ["c 1 1", "c 4 9", "heir 2 9", "heir 5 1"]);
}

/// A table that inherits may have a key of its own, of which its own rows are orphans.
#[test]
fn a_table_that_inherits_gets_a_key_of_its_own() {
    for mode in ["transaction", "online"] {
        let Some(site) = Site::of(FAMILY) else { return };
        let site = site.with(
            "V1__heir",
            "ALTER TABLE heir ADD CONSTRAINT heir_q FOREIGN KEY (pid) REFERENCES q (id) ON DELETE CASCADE",
            "ALTER TABLE heir DROP CONSTRAINT heir_q",
        );
        let before = rows(&site);
        site.run(&format!("up --mode {mode}"))
            .status(0)
            .says("1 row moved from heir to heir_orphans");
        assert_eq!(rows(&site), ["c 1 1", "heir 5 1"]);
        site.run("check --format json").status(0);
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(rows(&site), before);
    }
}
