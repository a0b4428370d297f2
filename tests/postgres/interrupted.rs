use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;

use crate::moved_rows::family;
use crate::server;
use crate::site::Site;

const CHILDREN: &str = "CREATE TABLE c (id int PRIMARY KEY, pid int); CREATE INDEX ON c (pid);
    INSERT INTO c SELECT i, CASE i % 10 WHEN 0 THEN 9 ELSE 1 END FROM generate_series(1, 100) i;";

/// Asks until the answer is one line that says yes.
#[track_caller]
fn until(site: &Site, query: &str) {
    let since = Instant::now();
    while site.ask(query) != ["true"] {
        assert!(since.elapsed() < Duration::from_mins(1), "never: {query}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A run that has moved its first batch and now rests.
fn resting(site: &Site) -> std::process::Child {
    let run = site
        .command("up --mode online --batch 1 --pause 10m")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(
        site,
        "SELECT (to_regclass('fkfix_progress') IS NOT NULL)::text",
    );
    until(site, "SELECT (archived > 0)::text FROM fkfix_progress");
    run
}

#[test]
fn between_two_steps_no_lock_is_held_and_the_run_can_be_interrupted() {
    let Some(site) = family(CHILDREN) else { return };
    let before = site.picture();
    let run = resting(&site);
    assert_eq!(
        site.ask(
            "SELECT count(*)::text FROM pg_locks l JOIN pg_stat_activity a USING (pid)
             WHERE a.datname = current_database() AND l.pid <> pg_backend_pid() AND l.granted AND l.locktype <> 'virtualxid'"
        ),
        ["0"]
    );
    // Writers and even a change of the table go on.
    site.sql("SET lock_timeout = '1s'; INSERT INTO c VALUES (1000, 1); ALTER TABLE c ADD COLUMN note text; ALTER TABLE c DROP COLUMN note; DELETE FROM c WHERE id = 1000");
    let pid = run.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = run.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(
        told.contains("interrupted between two steps; nothing is lost")
            && told.contains("hint: fkfix up goes on, fkfix down reverts"),
        "{told}"
    );
    site.run("down").status(0);
    assert_eq!(site.picture().rows, before.rows);
}

/// All sessions end when the server has to recover.
#[test]
fn a_server_that_crashes_between_two_steps_is_gone_on_with() {
    for way in ["up", "down"] {
        let Some(server) = server::own(&server::Own::default()) else {
            return;
        };
        let url = server.url("postgres", "postgres");
        let migrations = tempfile::tempdir().unwrap();
        let file = |name: &str| migrations.path().join(name);
        std::fs::write(file("V1__key.sql"), "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE").unwrap();
        std::fs::write(
            file("V1__key.down.sql"),
            "ALTER TABLE c DROP CONSTRAINT c_p",
        )
        .unwrap();
        let sql = |sql: &str| server::open(&url).client.batch_execute(sql).unwrap();
        sql(&format!(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2); {CHILDREN}"
        ));
        let start = |line: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fkfix"));
            command.args(line.split_whitespace()).arg("-d").arg(&url);
            command
                .arg("--migrations")
                .arg(migrations.path())
                .stderr(Stdio::piped());
            command.stdout(Stdio::null()).spawn().unwrap()
        };
        let ask = |query: &str| -> Option<i64> {
            let found = server::open(&url).client.query_opt(query, &[]);
            found.unwrap().map(|row| row.get(0))
        };
        let run = start("up --mode online --batch 1 --pause 300ms");
        while ask("SELECT count(*) FROM pg_class WHERE relname = 'c_orphans'") != Some(1) {}
        let backend = ask(
            "SELECT pid::int8 FROM pg_stat_activity WHERE application_name = 'fkfix' ORDER BY backend_start LIMIT 1",
        );
        let backend = backend.unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-9", &backend])
                .status()
                .unwrap()
                .success()
        );
        let output = run.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("\nhint: "), "{told}");
        let since = Instant::now();
        while fkfix::postgres::connect::open(&url, &server::nobody()).is_err() {
            assert!(since.elapsed() < Duration::from_mins(1));
        }
        let output = start(way).wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");
        if way == "up" {
            assert_eq!(ask("SELECT count(*) FROM c"), Some(90));
            assert_eq!(ask("SELECT count(*) FROM c_orphans"), Some(10));
        } else {
            assert_eq!(ask("SELECT count(*) FROM c"), Some(100));
            assert_eq!(
                ask("SELECT count(*) FROM pg_class WHERE relname ~ 'orphans|fkfix'"),
                Some(0)
            );
        }
    }
}

#[test]
fn a_run_that_is_killed_while_it_validates_is_gone_on_with() {
    for way in ["up", "down"] {
        let Some(site) = family(CHILDREN) else { return };
        let before = site.picture();
        // Rows can still leave; VALIDATE waits.
        let mut run = resting(&site);
        run.kill().unwrap();
        run.wait().unwrap();
        let mut holder = site
            .database
            .client("BEGIN; LOCK TABLE c IN SHARE UPDATE EXCLUSIVE MODE");
        let mut run = site
            .command("up --mode online --lock-timeout 20s")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(
            &site,
            "SELECT coalesce((SELECT true FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'), false)::text",
        );
        run.kill().unwrap();
        run.wait().unwrap();
        assert_eq!(site.ask("SELECT step FROM fkfix_progress"), ["validating"]);
        holder.batch_execute("COMMIT").unwrap();
        site.run(way).status(0);
        if way == "up" {
            site.run("check").status(0);
            assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["10"]);
            site.run("down").status(0);
        }
        assert_eq!(site.picture(), before, "{way}");
    }
}

/// An application that writes the parent first, then the child, and without a gap: the other way
/// round than ADD locks them.
#[test]
fn writers_of_parent_then_child_see_no_deadlock() {
    let Some(site) = family(CHILDREN) else { return };
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut client = site.database.client("");
            let stop = &stop;
            scope.spawn(move || {
                let mut id = client
                    .query_one("SELECT pg_backend_pid() * 10000", &[])
                    .unwrap()
                    .get::<_, i32>(0);
                while !stop.load(Ordering::Relaxed) {
                    id += 1;
                    client
                        .batch_execute(&format!(
                            "BEGIN; UPDATE p SET id = id WHERE id = 1; SELECT pg_sleep(0.005); INSERT INTO c VALUES ({id}, 1); COMMIT"
                        ))
                        .unwrap();
                }
            });
        }
        let runs = std::panic::catch_unwind(|| {
            for mode in ["online", "transaction", "online"] {
                site.run(&format!("up --mode {mode}")).status(0);
                site.run(&format!("down --mode {mode}")).status(0);
            }
        });
        stop.store(true, Ordering::Relaxed);
        runs.unwrap();
    });
}

/// fkfix is the one who yields, and tries again.
#[test]
fn a_deadlock_repeats_the_step() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(CHILDREN) else { return };
        let name = &site.database.name;
        // Each looks for a deadlock once, so long after it began to wait: fkfix when the
        // application waits too, and the application never.
        let mut application = site
            .database
            .client("SET deadlock_timeout = '60s'; BEGIN; UPDATE p SET id = id WHERE id = 1");
        site.sql(&format!(
            "ALTER DATABASE {name} SET deadlock_timeout = '3s'"
        ));
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("up --mode {mode} --lock-timeout 30s")));
            until(
                &site,
                "SELECT coalesce((SELECT true FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1), false)::text",
            );
            application
                .batch_execute("INSERT INTO c VALUES (5000, 1); COMMIT")
                .unwrap();
            run.join().unwrap().status(0);
        });
        site.sql("SELECT pg_stat_clear_snapshot()");
        until(
            &site,
            "SELECT (deadlocks > 0)::text FROM pg_stat_database WHERE datname = current_database()",
        );
        assert_eq!(site.ask("SELECT count(*)::text FROM c"), ["91"]);
        assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["10"]);
        site.run("check").status(0);
    }
}

/// As a cluster, or a standby that recovers, answers now and then. A sequence counts what is
/// rolled back too.
#[test]
fn a_conflict_of_snapshots_repeats_the_step() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(&format!(
            "{CHILDREN} CREATE SEQUENCE seen;
             CREATE FUNCTION now_and_then() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('public.seen') % 20 IN (1, 2, 3, 11) THEN RAISE SQLSTATE '40001' USING MESSAGE = 'try again'; END IF; END $$;
             CREATE FUNCTION of_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.now_and_then(); END $$;
             CREATE FUNCTION of_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.now_and_then(); RETURN NULL; END $$"
        )) else {
            return;
        };
        let before = site.picture();
        site.sql("CREATE TRIGGER again AFTER DELETE OR INSERT ON c EXECUTE FUNCTION of_rows(); CREATE EVENT TRIGGER again ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE') EXECUTE FUNCTION of_ddl()");
        let line = format!("--mode {mode} --triggers fire --batch 4 --lock-timeout 1ms");
        site.run(&format!("up {line}")).status(0).says("10 rows");
        let tries = site.ask("SELECT last_value::text FROM seen");
        assert!(tries[0].parse::<i32>().unwrap() > 6, "{tries:?}");
        assert_eq!(site.ask("SELECT count(*)::text FROM c"), ["90"]);
        assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["10"]);
        site.run(&format!("down {line}")).status(0);
        site.sql("DROP EVENT TRIGGER again; DROP TRIGGER again ON c; ALTER SEQUENCE seen RESTART");
        let after = site.picture();
        assert_eq!(after.schema, before.schema);
        assert_eq!(after.rows["c"], before.rows["c"]);
    }
}

/// autovacuum yields only to who waits for longer than `deadlock_timeout`.
#[test]
fn autovacuum_on_the_child_is_no_obstacle() {
    let Some(server) = server::own(&server::Own {
        settings: &[
            "autovacuum=on",
            "autovacuum_naptime=1",
            "autovacuum_vacuum_cost_delay=100",
            "autovacuum_vacuum_cost_limit=1",
        ],
        ..server::Own::default()
    }) else {
        return;
    };
    let url = server.url("postgres", "postgres");
    let mut client = server::open(&url).client;
    client
        .batch_execute(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE c (id int PRIMARY KEY, pid int) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
             INSERT INTO c SELECT i, 1 FROM generate_series(1, 200000) i; UPDATE c SET pid = 1",
        )
        .unwrap();
    let migrations = tempfile::tempdir().unwrap();
    std::fs::write(
        migrations.path().join("V1__key.sql"),
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id)",
    )
    .unwrap();
    std::fs::write(
        migrations.path().join("V1__key.down.sql"),
        "ALTER TABLE c DROP CONSTRAINT c_p",
    )
    .unwrap();
    let mut is_at_work = || -> bool {
        let query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query ~ 'VACUUM.* public.c')";
        client.query_one(query, &[]).unwrap().get(0)
    };
    for line in [
        "up --mode online",
        "down --mode online",
        "up --mode transaction",
    ] {
        let since = Instant::now();
        while !is_at_work() {
            assert!(since.elapsed() < Duration::from_mins(1), "no autovacuum");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_fkfix"));
        command.args(line.split_whitespace()).arg("-d").arg(&url);
        command.args(["--lock-wait", "20s", "--migrations"]);
        let output = command.arg(migrations.path()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {told}");
    }
}
