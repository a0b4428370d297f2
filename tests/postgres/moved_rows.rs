use std::thread;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;

use crate::site::Site;

/// `p` (1, 2), `c` as `sql` makes and fills it, and a migration that adds a key from `c (pid)`.
pub fn family(sql: &str) -> Option<Site> {
    let site = Site::of(&format!(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2); {sql}"
    ))?;
    Some(site.with(
        "V1__key",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE",
        "ALTER TABLE c DROP CONSTRAINT c_p",
    ))
}

pub const CHILDREN: &str = "CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 2), (3, 9), (4, NULL), (5, 9);";

/// Waits until a session waits for a lock.
pub fn until_somebody_waits(site: &Site) {
    let since = Instant::now();
    let query = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while site.ask(query).is_empty() {
        assert!(since.elapsed() < Duration::from_secs(20), "nobody waits");
    }
}

#[test]
fn a_row_that_is_being_repaired_stays() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(CHILDREN) else { return };
        let mut application = site
            .database
            .client("BEGIN; UPDATE c SET pid = 1 WHERE id = 3");
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("up --mode {mode} --lock-timeout 20s")));
            until_somebody_waits(&site);
            application.batch_execute("COMMIT").unwrap();
            run.join().unwrap().status(0);
        });
        assert_eq!(site.ask("SELECT id::text FROM c_orphans"), ["5"]);
        assert_eq!(
            site.ask("SELECT id::text FROM c ORDER BY id"),
            ["1", "2", "3", "4"]
        );
    }
}

/// The key is there already, NOT VALID, so that no lock on the table stands in the way.
#[test]
fn a_row_that_gets_its_parent_while_it_is_locked_stays() {
    let Some(site) = family(CHILDREN) else { return };
    site.sql("ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE NOT VALID");
    let mut application = site
        .database
        .client("BEGIN; INSERT INTO p VALUES (9); UPDATE c SET pid = pid WHERE id = 3");
    thread::scope(|scope| {
        let run = scope.spawn(|| site.run("up --mode online --lock-timeout 20s"));
        until_somebody_waits(&site);
        application.batch_execute("COMMIT").unwrap();
        run.join().unwrap().status(0);
    });
    assert_eq!(site.ask("SELECT id::text FROM c ORDER BY id").len(), 5);
    site.run("down")
        .status(0)
        .says("left as they were before: c.c_p");
    assert_eq!(
        site.ask("SELECT conname::text FROM pg_constraint WHERE contype = 'f'"),
        ["c_p"]
    );
}

#[test]
fn a_row_that_comes_to_hang_on_an_orphan_under_way_is_archived_too() {
    let Some(site) = family(&format!(
        "{CHILDREN} CREATE TABLE g (id int PRIMARY KEY, cid int REFERENCES c ON DELETE CASCADE); INSERT INTO g VALUES (1, 3), (2, 1)"
    )) else {
        return;
    };
    let before = site.picture();
    let mut application = site.database.client("BEGIN; INSERT INTO g VALUES (3, 5)");
    thread::scope(|scope| {
        let run = scope.spawn(|| site.run("up --mode online --lock-timeout 20s"));
        until_somebody_waits(&site);
        application.batch_execute("COMMIT").unwrap();
        run.join()
            .unwrap()
            .status(0)
            .says("2 rows moved from g to g_orphans\n    2 rows go along by g_cid_fkey\n");
    });
    assert_eq!(
        site.ask("SELECT fkfix_constraints FROM g_orphans ORDER BY id"),
        ["g_cid_fkey", "g_cid_fkey"]
    );
    site.run("down").status(0);
    site.sql("DELETE FROM g WHERE id = 3");
    assert_eq!(site.picture(), before);
}

#[test]
fn rows_that_refer_by_keys_that_do_not_let_them_go_stop_the_run() {
    for action in ["NO ACTION", "RESTRICT"] {
        for mode in ["transaction", "online"] {
            let Some(site) = family(&format!(
                "{CHILDREN} CREATE TABLE g (id int PRIMARY KEY, cid int REFERENCES c ON DELETE {action}); INSERT INTO g VALUES (1, 3)"
            )) else {
                return;
            };
            let before = site.picture();
            for dry in ["", " --dry-run"] {
                site.run(&format!("up --mode {mode}{dry}"))
                    .status(1)
                    .explains("1 row of g refers to rows of c that would have to go");
            }
            assert_eq!(site.picture(), before);
        }
    }
}

#[test]
fn a_key_to_the_own_table_closes_over_itself() {
    for mode in ["transaction", "online"] {
        let Some(site) = Site::of(
            "CREATE TABLE t (id int PRIMARY KEY, up int);
             INSERT INTO t VALUES (1, NULL), (2, 1), (3, 99), (4, 3), (5, 4), (6, 6)",
        ) else {
            return;
        };
        let site = site.with(
            "V1__tree",
            "ALTER TABLE t ADD CONSTRAINT t_up FOREIGN KEY (up) REFERENCES t (id)",
            "ALTER TABLE t DROP CONSTRAINT t_up",
        );
        let before = site.picture();
        site.run(&format!("up --mode {mode}"))
            .status(1)
            .explains("1 row of t refers to rows of t that would have to go");
        site.run(&format!("up --mode {mode} --orphans archive"))
            .status(1)
            .explains("3 of 6 rows would leave t: 1 without a parent, and 2 that refer to rows that leave");
        assert_eq!(site.picture(), before);
        site.run(&format!(
            "up --mode {mode} --batch 1 --orphans archive --max-orphans 3"
        ))
        .status(0)
        .says("3 rows moved from t to t_orphans");
        assert_eq!(
            site.ask("SELECT id::text FROM t ORDER BY id"),
            ["1", "2", "6"]
        );
        site.run(&format!("down --mode {mode} --batch 2")).status(0);
        assert_eq!(site.picture(), before);
    }
}

#[test]
fn exact_duplicates_without_a_primary_key_are_archived_and_come_back_each() {
    let Some(site) = family(
        "CREATE TABLE c (pid int, note text); INSERT INTO c VALUES (9, 'a'), (9, 'a'), (9, NULL), (1, 'b')",
    ) else {
        return;
    };
    let before = site.picture();
    site.run("up").status(0).says("3 rows moved from c");
    site.run("down").status(0);
    assert_eq!(site.picture(), before);
}

#[test]
fn rows_whose_place_is_taken_stay_in_the_archive_and_are_reported() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(CHILDREN) else { return };
        site.run("up").status(0);
        site.sql("INSERT INTO c VALUES (3, 1)");
        site.run(&format!("down --mode {mode}")).status(0).stdout(
            "reverted V1 key\n  1 row moved from c_orphans back to c\n  1 row kept in c_orphans: id is taken in c\n",
        );
        assert_eq!(site.ask("SELECT id::text FROM c_orphans"), ["3"]);
        assert_eq!(
            site.ask("SELECT id || ' ' || pid FROM c WHERE id IN (3, 5) ORDER BY id"),
            ["3 1", "5 9"]
        );
        site.run("status")
            .status(0)
            .says("c_orphans holds 1 row of c\n");
    }
}

#[test]
fn rows_that_break_a_key_which_stays_remain_in_the_archive() {
    let Some(site) = family(
        "CREATE TABLE q (id int PRIMARY KEY); INSERT INTO q VALUES (1);
         CREATE TABLE c (id int PRIMARY KEY, pid int, qid int REFERENCES q);
         INSERT INTO c VALUES (1, 9, 1), (2, 9, NULL), (3, 1, NULL)",
    ) else {
        return;
    };
    site.run("up").status(0);
    site.sql("DELETE FROM q");
    site.run("down").status(0).says(
        "  1 row kept in c_orphans: it breaks c_qid_fkey (qid) references q (id), which stays\n",
    );
    assert_eq!(site.ask("SELECT id::text FROM c ORDER BY id"), ["2", "3"]);
}

#[test]
fn archived_rows_stay_where_that_is_asked_for() {
    let Some(site) = family(CHILDREN) else { return };
    site.run("up").status(0);
    site.run("down --leave-orphans")
        .status(0)
        .stdout("reverted V1 key\n");
    assert_eq!(
        site.ask("SELECT id::text FROM c_orphans ORDER BY id"),
        ["3", "5"]
    );
}

#[test]
fn a_changed_type_is_refused_by_name() {
    let Some(site) = family(CHILDREN) else { return };
    site.run("up").status(0);
    site.sql("ALTER TABLE c DROP CONSTRAINT c_p; ALTER TABLE c ALTER COLUMN pid TYPE text; ALTER TABLE c ADD CONSTRAINT c_p CHECK (true)");
    let before = site.picture();
    site.run("down")
        .status(2)
        .explains("c.pid is text now, and its archived rows hold integer");
    assert_eq!(site.picture(), before);
}

#[test]
fn delete_and_refuse_do_what_they_say() {
    let Some(site) = family(CHILDREN) else { return };
    let before = site.picture();
    site.run("up --orphans refuse")
        .status(1)
        .explains("2 rows break the new keys");
    site.run("up --max-orphans 1")
        .status(1)
        .explains("2 of 5 rows would leave c, and --max-orphans allows 1");
    assert_eq!(site.picture(), before);
    site.run("up --orphans delete")
        .status(0)
        .says("2 rows deleted from c");
    assert_eq!(
        site.ask("SELECT id::text FROM c ORDER BY id"),
        ["1", "2", "4"]
    );
    assert!(
        site.ask("SELECT relname::text FROM pg_class WHERE relname = 'c_orphans'")
            .is_empty()
    );
}

#[test]
fn an_empty_parent_is_refused_unless_a_limit_allows_it() {
    let Some(site) = family(CHILDREN) else { return };
    site.sql("DELETE FROM p");
    site.run("up").status(1).explains("p holds no row at all");
    site.run("up --max-orphans 100%").status(0);
}

#[test]
fn a_key_that_takes_no_action_says_why_rows_leave() {
    let Some(site) = family(CHILDREN) else { return };
    site.write(
        "V1__key",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id)",
        "ALTER TABLE c DROP CONSTRAINT c_p",
    );
    site.run("up").status(0).says(
        "    2 rows break c_p\n    c_p: on delete no action: the parent could not have been deleted\n",
    );
}
