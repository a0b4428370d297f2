use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pretty_assertions::assert_eq;

use crate::site::Site;

const ROWS: i32 = 2000;

/// Children, a fifth of them orphans, and grandchildren on every tenth, whose keys are set to NULL.
fn tables(key: &str) -> String {
    format!(
        "CREATE TABLE p (id int PRIMARY KEY);
         CREATE TABLE c (id int PRIMARY KEY, pid int {key}, note text NOT NULL DEFAULT '');
         CREATE TABLE g (id int PRIMARY KEY, cid int REFERENCES c ON DELETE SET NULL);
         CREATE INDEX ON c (pid); CREATE INDEX ON g (cid);
         INSERT INTO p SELECT generate_series(1, 200);
         SET session_replication_role = replica;
         INSERT INTO c SELECT i, CASE WHEN i % 5 = 0 THEN 1000 + i / 5 % 40 ELSE 1 + i % 200 END FROM generate_series(1, {ROWS}) i;
         INSERT INTO g SELECT i, i * 10 FROM generate_series(1, {ROWS} / 10) i; ANALYZE"
    )
}

/// Runs `line` twice at once and kills at random, until a run ends by itself; how many were
/// killed.
fn until_done(site: &Site, line: &str) -> usize {
    let mut kills = 0;
    for round in 0..500 {
        let mut runs = [(); 2].map(|()| {
            let mut command = site.command(line);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().unwrap()
        });
        let mut ended = false;
        for run in &mut runs {
            // Later rounds leave more time, so that the last one can end.
            thread::sleep(Duration::from_millis(fastrand::u64(10..150 + 20 * round)));
            if run.try_wait().unwrap().is_none() {
                kills += 1;
            }
            let _ = run.kill();
        }
        for run in runs {
            let output = run.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                matches!(output.status.code(), None | Some(0)),
                "{line}: {told}"
            );
            ended |= output.status.code() == Some(0);
        }
        if ended {
            return kills;
        }
    }
    panic!("{line} never ends");
}

/// Has an application repair and change orphans while `work` is done; what it repaired.
fn beside(site: &Site, work: impl FnOnce()) -> Vec<i32> {
    let stop = AtomicBool::new(false);
    let repaired = Mutex::new(Vec::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = site.database.client("SET lock_timeout = '10s'");
            while !stop.load(Ordering::Relaxed) {
                let orphan = 5 * fastrand::i32(1..=ROWS / 5);
                let sql = if fastrand::u8(0..8) == 0 {
                    "UPDATE c SET pid = 7 WHERE id = $1 AND pid > 200"
                } else {
                    "UPDATE c SET note = note || 'x' WHERE id = $1 AND pid < 0"
                };
                if client.execute(sql, &[&orphan]).unwrap() == 1 {
                    repaired.lock().unwrap().push(orphan);
                }
                thread::sleep(Duration::from_millis(3));
            }
        });
        work();
        stop.store(true, Ordering::Relaxed);
    });
    repaired.into_inner().unwrap()
}

fn number(site: &Site, query: &str) -> i64 {
    site.ask(&format!("SELECT ({query})::text"))[0]
        .parse()
        .unwrap()
}

/// What the archive remembers is each orphan once, with the parent that it had, and none that was
/// repaired.
#[track_caller]
fn remembers(site: &Site, repaired: &[i32]) {
    let orphans = i64::from(ROWS / 5) - i64::try_from(repaired.len()).unwrap();
    assert_eq!(number(site, "SELECT count(*) FROM c_orphans"), orphans);
    assert_eq!(
        number(site, "SELECT count(DISTINCT id) FROM c_orphans"),
        orphans
    );
    assert_eq!(
        number(
            site,
            "SELECT count(*) FROM c_orphans WHERE pid <> 1000 + id / 5 % 40"
        ),
        0
    );
    for id in repaired {
        assert_eq!(
            site.ask(&format!("SELECT pid::text FROM c WHERE id = {id}")),
            ["7"]
        );
    }
}

#[test]
fn keys_that_are_set_to_null_are_remembered_once_whenever_the_run_is_killed() {
    let Some(site) = Site::of(&tables("")) else {
        return;
    };
    let site = site.with(
        "V1__keys",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE SET NULL;",
        "ALTER TABLE c DROP CONSTRAINT c_p;",
    );
    let schema = site.picture().schema;
    let repaired = beside(&site, || {
        until_done(&site, "up --mode online --batch 30");
    });
    remembers(&site, &repaired);
    assert_eq!(number(&site, "SELECT count(*) FROM c"), i64::from(ROWS));
    assert_eq!(number(&site, "SELECT count(*) FROM c WHERE pid > 200"), 0);
    assert_eq!(number(&site, "SELECT count(*) FROM g WHERE cid IS NULL"), 0);
    until_done(&site, "down --mode online --batch 30");
    let orphans = i64::from(ROWS / 5) - i64::try_from(repaired.len()).unwrap();
    assert_eq!(
        number(
            &site,
            "SELECT count(*) FROM c WHERE pid = 1000 + id / 5 % 40"
        ),
        orphans
    );
    assert_eq!(site.picture().schema, schema);
}

#[test]
fn cleaning_goes_on_whenever_it_is_killed_and_restoring_too() {
    for action in ["CASCADE", "SET NULL"] {
        let Some(site) = Site::of(&tables(&format!("REFERENCES p ON DELETE {action}"))) else {
            return;
        };
        let repaired = beside(&site, || {
            until_done(&site, "clean --mode online --batch 30");
        });
        remembers(&site, &repaired);
        site.run("orphans").status(0);
        let here = number(&site, "SELECT count(*) FROM c");
        let set = number(&site, "SELECT count(*) FROM g WHERE cid IS NULL");
        if action == "CASCADE" {
            let gone = number(&site, "SELECT count(*) FROM c_orphans");
            assert_eq!(here + gone, i64::from(ROWS));
            let hung = "SELECT count(*) FROM c_orphans WHERE id % 10 = 0";
            assert_eq!(set, number(&site, hung));
            assert_eq!(number(&site, "SELECT count(*) FROM g_orphans"), set);
        } else {
            assert_eq!((here, set), (i64::from(ROWS), 0));
        }
        site.sql("INSERT INTO p SELECT generate_series(1000, 1040)");
        until_done(&site, "restore --mode online --batch 30");
        assert_eq!(number(&site, "SELECT count(*) FROM c"), i64::from(ROWS));
        assert_eq!(
            number(&site, "SELECT count(*) FROM g WHERE cid = id * 10"),
            i64::from(ROWS / 10)
        );
        let whole = "SELECT count(*) FROM c WHERE pid = CASE WHEN id % 5 = 0 THEN 1000 + id / 5 % 40 ELSE 1 + id % 200 END";
        let expected = i64::from(ROWS) - i64::try_from(repaired.len()).unwrap();
        assert_eq!(number(&site, whole), expected);
        assert!(
            site.ask("SELECT relname::text FROM pg_class WHERE relname ~ 'orphans|fkfix'")
                .is_empty()
        );
    }
}
