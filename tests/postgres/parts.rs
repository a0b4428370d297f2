use pretty_assertions::assert_eq;

use crate::site::Site;

/// Keys that partitions have of their own, and rows of another table that refer to the whole, or to
/// one partition.
fn site(action: &str, of: &str) -> Option<Site> {
    let site = Site::of(&format!(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2);
         CREATE TABLE c (id int, pid int, at date NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE c1 PARTITION OF c FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
         CREATE TABLE c2 (at date NOT NULL, extra int, id int NOT NULL, pid int, note text); ALTER TABLE c2 DROP COLUMN extra;
         ALTER TABLE c ATTACH PARTITION c2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
         CREATE TABLE g (id int PRIMARY KEY, cid int, cat date, FOREIGN KEY (cid, cat) REFERENCES {of} (id, at) ON DELETE {action});
         INSERT INTO c SELECT i, CASE i % 5 WHEN 0 THEN 9 ELSE 1 END, date '2020-06-01' + (i % 2) * 365, 'n' || i FROM generate_series(1, 20) i;
         INSERT INTO g SELECT id, id, at FROM {of} WHERE id < 11"
    ))?;
    Some(site)
}

const OWN_KEYS: &str = "ALTER TABLE c1 ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE NOT VALID;
    ALTER TABLE c2 ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE NOT VALID";

/// What refers to the whole goes along with a row of a partition, and comes back with it.
#[test]
fn rows_that_refer_to_the_whole_follow_those_of_a_partition() {
    for mode in ["transaction", "online"] {
        let Some(site) = site("CASCADE", "c") else {
            return;
        };
        site.sql(OWN_KEYS);
        let before = site.picture().rows;
        site.run(&format!("clean --mode {mode} --batch 2"))
            .status(0)
            .says("  2 rows moved from c1 to c1_orphans\n")
            .says("  2 rows moved from g to g_orphans\n    2 rows go along by g_cid_cat_fkey\n");
        assert_eq!(site.ask("SELECT count(*)::text FROM c"), ["16"]);
        assert_eq!(
            site.ask("SELECT convalidated::text FROM pg_constraint WHERE conname = 'c_p'"),
            ["true", "true"]
        );
        site.sql("INSERT INTO p VALUES (9)");
        site.run(&format!("restore --mode {mode} --batch 3"))
            .status(0)
            .says("  2 rows moved from g_orphans back to g\n");
        site.sql("DELETE FROM c1 WHERE false; ALTER TABLE c1 DROP CONSTRAINT c_p; ALTER TABLE c2 DROP CONSTRAINT c_p; DELETE FROM p WHERE id = 9");
        assert_eq!(site.picture().rows, before, "{mode}");
    }
}

/// The same the other way round: a row of the whole leaves, and what refers to its partition.
#[test]
fn rows_that_refer_to_a_partition_follow_those_of_the_whole() {
    for mode in ["transaction", "online"] {
        let Some(site) = site("CASCADE", "c1") else {
            return;
        };
        let site = site.with(
            "V1__key",
            "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE",
            "ALTER TABLE c DROP CONSTRAINT c_p",
        );
        let before = site.picture();
        site.run(&format!("up --mode {mode}"))
            .status(0)
            .says("  4 rows moved from c to c_orphans\n")
            .says("  1 row moved from g to g_orphans\n    1 row goes along by g_cid_cat_fkey\n");
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

#[test]
fn rows_that_do_not_let_those_of_a_partition_go_stop_the_run() {
    for of in ["c", "c1"] {
        let Some(site) = site("NO ACTION", of) else {
            return;
        };
        let one = "ALTER TABLE c1 ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE";
        let all = one.replace("TABLE c1", "TABLE c");
        for (up, table) in [(one, "c1"), (&all, "c")] {
            site.write(
                "V1__key",
                up,
                &format!("ALTER TABLE {table} DROP CONSTRAINT c_p"),
            );
            let before = site.picture();
            for mode in ["transaction", "online"] {
                site.run(&format!("up --mode {mode}"))
                    .status(1)
                    .explains(" of g refer");
            }
            assert_eq!(site.picture(), before, "{of}, {table}");
        }
    }
}

/// A key of the whole and one of its partition, and rows that break both: each counts for both, and
/// the archive names both.
#[test]
fn a_row_that_breaks_a_key_of_the_whole_and_one_of_its_partition_counts_for_both() {
    for mode in ["transaction", "online"] {
        for (of_whole, of_part) in [("CASCADE", "CASCADE"), ("SET NULL", "CASCADE")] {
            let Some(site) = site("CASCADE", "c") else {
                return;
            };
            site.sql("CREATE TABLE q (id int PRIMARY KEY); INSERT INTO q VALUES (1); ALTER TABLE c ADD COLUMN qid int DEFAULT 1; UPDATE c SET qid = 8 WHERE id IN (1, 10, 20)");
            let site = site.with(
                "V1__keys",
                &format!("ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE {of_whole};
                 ALTER TABLE c1 ADD CONSTRAINT c_q FOREIGN KEY (qid) REFERENCES q (id) ON DELETE {of_part}"),
                "ALTER TABLE c1 DROP CONSTRAINT c_q; ALTER TABLE c DROP CONSTRAINT c_p",
            );
            let before = site.picture();
            let both = "    2 rows break c_q\n    2 rows of these break more than one key\n";
            site.run("orphans")
                .status(1)
                .says("\n2 rows of them break more than one key and count for each below\n")
                .says("\n    c_q  pending     2 ");
            site.run(&format!("up --mode {mode} --batch 2"))
                .status(0)
                .says(both);
            assert_eq!(
                site.ask("SELECT fkfix_constraints || ': ' || id FROM c_orphans ORDER BY id"),
                ["c_p: 5", "c_p, c_q: 10", "c_p: 15", "c_p, c_q: 20"],
                "{mode}"
            );
            site.run(&format!("down --mode {mode}")).status(0);
            assert_eq!(site.picture(), before, "{mode}");
        }
    }
}
