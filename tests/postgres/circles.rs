use pretty_assertions::assert_eq;

use crate::site::Site;

/// Rows of two tables refer to one another, and to a third whose parent is missing. None of them can
/// be the first to come back.
#[test]
fn rows_in_a_circle_over_two_tables_come_back_together() {
    for mode in ["transaction", "online"] {
        let Some(site) = Site::of(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE a (id int PRIMARY KEY, pid int, b int NOT NULL);
             CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a ON DELETE CASCADE, up int REFERENCES b ON DELETE CASCADE);
             ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
             CREATE TABLE leaf (id int PRIMARY KEY, b int REFERENCES b ON DELETE CASCADE);
             BEGIN; INSERT INTO a SELECT i, CASE i % 2 WHEN 0 THEN 9 ELSE 1 END, i FROM generate_series(1, 20) i;
             INSERT INTO b SELECT i, i, i FROM generate_series(1, 20) i; COMMIT;
             INSERT INTO leaf SELECT i, i FROM generate_series(1, 20) i",
        ) else {
            return;
        };
        let before = site.picture();
        let key = "ALTER TABLE a ADD CONSTRAINT a_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE";
        let site = site.with("V1__key", key, "ALTER TABLE a DROP CONSTRAINT a_p");
        site.run(&format!("up --mode {mode} --batch 3"))
            .status(0)
            .says("  10 rows moved from b to b_orphans\n");
        site.run(&format!("down --mode {mode} --batch 3"))
            .status(0)
            .says("  10 rows moved from b_orphans back to b\n");
        assert_eq!(site.picture(), before, "{mode}");
        // The same by `restore`, once the parent is there.
        site.run(&format!("up --mode {mode} --batch 3")).status(0);
        site.sql("INSERT INTO p VALUES (9)");
        site.run("restore --dry-run")
            .status(0)
            .says("10 rows of b_orphans would move back to b");
        site.run(&format!("restore --mode {mode} --batch 3"))
            .status(0)
            .says("  10 rows moved from leaf_orphans back to leaf\n");
        site.sql("DELETE FROM fkfix_schema_history; DROP TABLE fkfix_schema_history; ALTER TABLE a DROP CONSTRAINT a_p; DELETE FROM p WHERE id = 9");
        assert_eq!(site.picture(), before, "{mode}");
    }
}
