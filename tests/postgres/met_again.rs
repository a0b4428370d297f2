use std::thread;

use pretty_assertions::assert_eq;

use crate::moved_rows::until_somebody_waits;
use crate::site::Site;

/// `a`, `b` and `d`, each with a row 1 that is an orphan of `p` and a row 2 that is none, and `c`,
/// whose rows refer to all three by keys of these actions.
fn family(actions: [&str; 3]) -> Option<Site> {
    let parents = ["a", "b", "d"].map(|name| {
        format!("CREATE TABLE {name} (id int PRIMARY KEY, pid int); INSERT INTO {name} VALUES (1, 9), (2, 1);")
    });
    let [a, b, d] = actions;
    let site = Site::of(&format!(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); {}
         CREATE TABLE c (x int, id int PRIMARY KEY, t text, aid int DEFAULT 2, bid int DEFAULT 2, did int DEFAULT 2,
             CONSTRAINT c_a FOREIGN KEY (aid) REFERENCES a (id) ON DELETE {a},
             CONSTRAINT c_b FOREIGN KEY (bid) REFERENCES b (id) ON DELETE {b},
             CONSTRAINT c_d FOREIGN KEY (did) REFERENCES d (id) ON DELETE {d});
         INSERT INTO c (id, t, aid, bid, did) VALUES (1, 'all', 1, 1, 1), (2, 'two', 1, 1, 2), (3, 'one', 2, 1, NULL), (4, 'none', 2, 2, 2)",
        parents.concat()
    ))?;
    let keys = |what: &str| {
        ["a", "b", "d"]
            .map(|name| format!("ALTER TABLE {name} {what};"))
            .concat()
    };
    Some(site.with(
        "V1__keys",
        &keys("ADD CONSTRAINT p_key FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE"),
        &keys("DROP CONSTRAINT p_key"),
    ))
}

fn archive(site: &Site) -> Vec<String> {
    site.ask("SELECT concat_ws(' ', fkfix_constraints || ':', fkfix_kept, id, aid, bid, did) FROM c_orphans ORDER BY id, fkfix_id")
}

const MODES: [&str; 2] = ["--mode transaction", "--mode online --batch 1"];

/// Three parents leave in three batches, and one row forgets a key with each.
#[test]
fn a_row_that_forgets_keys_in_several_batches_is_one_row() {
    for mode in MODES {
        let Some(site) = family(["SET NULL", "SET NULL", "SET DEFAULT"]) else {
            return;
        };
        let before = site.picture();
        site.run(&format!("up {mode}")).status(0)
            .says("  3 rows of c kept with aid, bid and did set to NULL or its default; c_orphans remembers what it was\n    2 rows lose their parent by c_a\n    3 rows lose their parent by c_b\n    1 row loses its parent by c_d\n");
        assert_eq!(
            archive(&site),
            [
                r#"c_a, c_b, c_d: {"aid": "NULL", "bid": "NULL", "did": "'2'"} 1 1 1 1"#,
                r#"c_a, c_b: {"aid": "NULL", "bid": "NULL"} 2 1 1 2"#,
                r#"c_b: {"bid": "NULL"} 3 2 1"#
            ],
            "{mode}"
        );
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

/// It forgets two keys, and leaves with the parent of the third.
#[test]
fn a_row_that_forgets_a_key_and_leaves_in_a_later_batch_has_left() {
    for mode in MODES {
        let Some(site) = family(["SET NULL", "SET NULL", "CASCADE"]) else {
            return;
        };
        let before = site.picture();
        site.run(&format!("up {mode}")).status(0)
            .says("  2 rows of c kept with aid and bid set to NULL; c_orphans remembers what it was\n    1 row loses its parent by c_a\n    2 rows lose their parent by c_b\n")
            .says("  1 row moved from c to c_orphans\n    1 row goes along by c_d\n");
        assert_eq!(
            archive(&site)[1..],
            [
                r#"c_a, c_b: {"aid": "NULL", "bid": "NULL"} 2 1 1 2"#,
                r#"c_b: {"bid": "NULL"} 3 2 1"#
            ],
            "{mode}"
        );
        assert_eq!(site.ask("SELECT ROW (c.*)::text FROM c_orphans AS c WHERE id = 1 AND fkfix_kept IS NULL AND aid = 1 AND bid = 1 AND did = 1").len(), 1, "{mode}");
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

/// What the application has put where a key was forgotten stays, and the other keys come back.
#[test]
fn a_row_that_changes_between_two_batches_keeps_what_was_put_there() {
    for (last, told) in [
        ("SET NULL", "3 rows of c kept"),
        ("CASCADE", "2 rows of c kept"),
    ] {
        let Some(site) = family(["SET NULL", "SET NULL", last]) else {
            return;
        };
        for table in ["a", "b", "d"] {
            site.sql(&format!("ALTER TABLE {table} ADD CONSTRAINT p_key FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE NOT VALID"));
        }
        let mut application = site
            .database
            .client("BEGIN; UPDATE b SET pid = pid WHERE id = 1");
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run("clean --mode online --batch 1 --lock-timeout 20s"));
            until_somebody_waits(&site);
            site.sql("UPDATE c SET aid = 2 WHERE id = 1");
            application.batch_execute("COMMIT").unwrap();
            run.join().unwrap().status(0).says(&format!("  {told} "));
        });
        site.sql("INSERT INTO p VALUES (9)");
        site.run("restore").status(0);
        assert_eq!(
            site.ask("SELECT ROW (c.*)::text FROM c ORDER BY id"),
            [
                "(,1,all,2,1,1)",
                "(,2,two,1,1,2)",
                "(,3,one,2,1,)",
                "(,4,none,2,2,2)"
            ],
            "{last}"
        );
        assert_eq!(
            archive(&site),
            [r#"c_a: {"aid": "NULL"} 1 1 1 1"#],
            "{last}"
        );
    }
}
