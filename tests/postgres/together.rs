use std::thread;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;

use crate::moved_rows::family;
use crate::server::{self, pooler};
use crate::site::Site;

const CHILDREN: &str = "CREATE TABLE c (id int PRIMARY KEY, pid int); CREATE INDEX ON c (pid);
    INSERT INTO c SELECT i, CASE i % 10 WHEN 0 THEN 9 ELSE 1 END FROM generate_series(1, 2000) i;";

#[test]
fn two_runs_at_once_come_to_one_result() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(CHILDREN) else { return };
        let before = site.picture();
        for (verb, done) in [("up", "applied V1 key"), ("down", "reverted V1 key")] {
            let line = format!("{verb} --mode {mode} --batch 20");
            let runs = thread::scope(|scope| {
                [(); 2]
                    .map(|()| scope.spawn(|| site.run(&line)))
                    .map(|run| run.join().unwrap())
            });
            assert!(runs.iter().all(|run| run.status == Some(0)), "{runs:#?}");
            assert!(
                runs.iter().any(|run| run.stdout.starts_with(done)),
                "{runs:#?}"
            );
            if verb == "up" {
                assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["200"]);
                site.run("check").status(0);
            }
        }
        assert_eq!(site.picture(), before, "{mode}");
    }
}

/// A transaction that was forgotten holds a row; while fkfix waits for the table, nobody else
/// waits for longer than one of its tries.
#[test]
fn whoever_waits_behind_fkfix_waits_for_one_try() {
    for (verb, holding) in [
        ("up", "BEGIN; INSERT INTO c VALUES (5000, 1)"),
        ("down", "BEGIN; SELECT FROM p"),
    ] {
        let Some(site) = family(CHILDREN) else { return };
        if verb == "down" {
            site.run("up").status(0);
        }
        let mut forgotten = site.database.client(holding);
        let mut application = site.database.client("");
        let longest = thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("{verb} --mode online")));
            let (since, mut longest, mut id) = (Instant::now(), Duration::ZERO, 6000);
            while since.elapsed() < Duration::from_secs(2) {
                id += 1;
                let asked = Instant::now();
                application
                    .execute("INSERT INTO c VALUES ($1, 1)", &[&id])
                    .unwrap();
                longest = longest.max(asked.elapsed());
            }
            assert!(!run.is_finished());
            forgotten.batch_execute("COMMIT").unwrap();
            run.join().unwrap().status(0);
            longest
        });
        // 100 ms, on a machine that has other work to do; without the limit it would be 2 s.
        assert!(longest < Duration::from_secs(1), "{verb}: {longest:?}");
    }
}

#[test]
fn a_table_that_is_never_free_is_told_with_who_holds_it() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(CHILDREN) else { return };
        let before = site.ask("SELECT conname::text FROM pg_constraint WHERE contype = 'f'");
        let mut forgotten = site
            .database
            .client("SET application_name = 'reports'; BEGIN; INSERT INTO c VALUES (5000, 1)");
        site.run(&format!(
            "up --mode {mode} --lock-timeout 10ms --lock-wait 200ms"
        ))
        .status(2)
        .explains("is busy: no lock within 10ms, ")
        .remarks("(reports, idle in transaction, for ");
        forgotten.batch_execute("ROLLBACK").unwrap();
        assert_eq!(
            site.ask("SELECT conname::text FROM pg_constraint WHERE contype = 'f'"),
            before
        );
        site.run("up").status(0);
    }
}

/// Readers are in the way of few, but of who has a table for itself alone, as VACUUM FULL.
#[test]
fn a_table_that_not_even_a_reader_gets_is_told_with_who_holds_it() {
    let Some(site) = family(CHILDREN) else { return };
    site.sql("ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE NOT VALID");
    let mut alone = site
        .database
        .client("SET application_name = 'reports'; BEGIN; LOCK TABLE c");
    for verb in ["orphans", "up", "up --dry-run", "check", "clean"] {
        site.run(&format!("{verb} --lock-timeout 10ms --lock-wait 200ms"))
            .status(2)
            .explains("c is busy: no lock within 10ms, ")
            .remarks("(reports, idle in transaction, for ");
    }
    alone.batch_execute("ROLLBACK").unwrap();
    site.run("orphans").status(1);
}

#[test]
fn timeouts_of_the_role_do_not_end_a_run() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(CHILDREN) else { return };
        let name = &site.database.name;
        site.sql(&format!(
            "ALTER DATABASE {name} SET statement_timeout = '50ms'; ALTER DATABASE {name} SET lock_timeout = 0;
             ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1s';
             ALTER DATABASE {name} SET default_transaction_isolation = serializable;
             ALTER DATABASE {name} SET default_transaction_read_only = on"
        ));
        let output = site.command(&format!("up --mode {mode}")).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn up_and_down_go_through_a_pooler_and_leave_nothing_in_its_sessions() {
    let Some(server) = server::shared().and_then(server::Shared::own) else {
        return;
    };
    let Some(pooler) = pooler(server, 1) else {
        return;
    };
    let Some(site) = family(CHILDREN) else { return };
    let before = site.picture();
    let url = pooler.url(&site.database.name);
    let run = |line: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fkfix"));
        command.args(line.split_whitespace()).arg("-d").arg(&url);
        command.arg("--migrations").arg(site.migrations());
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run("up --mode online --batch 50");
    site.run("check").status(0);
    let mut other = server::open(&url).client;
    for (setting, expected) in [("lock_timeout", "0"), ("row_security", "on")] {
        let shown = other.simple_query(&format!("SHOW {setting}")).unwrap();
        let postgres::SimpleQueryMessage::Row(row) = &shown[1] else {
            panic!("{shown:?}");
        };
        assert_eq!(row.get(0), Some(expected), "{setting}");
    }
    drop(other);
    run("down --mode online --batch 50");
    assert_eq!(site.picture(), before);
}

#[test]
fn names_that_must_be_quoted_and_other_schemas() {
    let name = "Ünder \"q\" select";
    let long = "a".repeat(55);
    for mode in ["transaction", "online"] {
        let Some(site) = Site::of(&format!(
            "CREATE SCHEMA \"S 1\"; CREATE SCHEMA other;
             CREATE TABLE other.p (id int PRIMARY KEY); INSERT INTO other.p VALUES (1);
             CREATE TABLE \"S 1\".\"{0}\" (\"ID\" int PRIMARY KEY, \"select\" int); INSERT INTO \"S 1\".\"{0}\" VALUES (1, 1), (2, 9);
             CREATE TABLE {long} (id int PRIMARY KEY, pid int); INSERT INTO {long} VALUES (1, 9)",
            name.replace('"', "\"\"")
        )) else {
            return;
        };
        let site = site.with(
            "V1__names",
            &format!(
                "ALTER TABLE \"S 1\".\"{0}\" ADD CONSTRAINT \"K 'x'\" FOREIGN KEY (\"select\") REFERENCES other.p (id); ALTER TABLE {long} ADD FOREIGN KEY (pid) REFERENCES other.p",
                name.replace('"', "\"\"")
            ),
            &format!(
                "ALTER TABLE \"S 1\".\"{0}\" DROP CONSTRAINT \"K 'x'\"; ALTER TABLE {long} DROP CONSTRAINT {long}_pid_fkey",
                name.replace('"', "\"\"")
            ),
        );
        // The name that PostgreSQL would give is too long to be certain of.
        site.run(&format!("up --mode {mode}"))
            .status(2)
            .explains("PostgreSQL would cut it to 63");
        site.sql(&format!("ALTER TABLE {long} RENAME TO b"));
        let up = fs_read(&site, "V1__names.sql").replace(&long, "b");
        let down = fs_read(&site, "V1__names.down.sql").replace(&long, "b");
        site.write("V1__names", &up, &down);
        let before = site.picture();
        site.run(&format!("up --mode {mode} --max-orphans 100%"))
            .status(0)
            .says(&format!(
                "1 row moved from S 1.{name} to S 1.{name}_orphans"
            ));
        site.run("check").status(0);
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(site.picture(), before);
    }
}

fn fs_read(site: &Site, file: &str) -> String {
    std::fs::read_to_string(site.migrations().join(file)).unwrap()
}

/// An operator that somebody has put where an unqualified name would find it.
#[test]
fn an_operator_of_somebody_else_is_not_called() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(&format!(
            "{CHILDREN}
             CREATE FUNCTION evil(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
             CREATE FUNCTION evil(tid, tid) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
             CREATE OPERATOR public.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil);
             CREATE OPERATOR public.= (LEFTARG = tid, RIGHTARG = tid, FUNCTION = evil)"
        )) else {
            return;
        };
        let name = &site.database.name;
        site.sql(&format!(
            "ALTER DATABASE {name} SET search_path = public, pg_catalog"
        ));
        site.run(&format!("up --mode {mode}"))
            .status(0)
            .says("200 rows moved");
        site.run("orphans").status(0);
        site.run(&format!("down --mode {mode}")).status(0);
    }
}

#[test]
fn the_schema_of_the_own_tables_is_the_one_that_was_named() {
    let Some(site) = family(CHILDREN) else { return };
    site.sql("CREATE SCHEMA ops");
    site.run("up --own-schema nowhere")
        .status(2)
        .explains("there is no schema nowhere");
    site.run("up --own-schema ops").status(0);
    assert_eq!(
        site.ask("SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'fkfix_schema_history'"),
        ["ops"]
    );
    site.run("status --own-schema ops")
        .status(0)
        .says("V1 key  applied");
    site.run("down --own-schema ops").status(0);
    assert!(
        site.ask("SELECT relname::text FROM pg_class WHERE relname ~ 'fkfix'")
            .is_empty()
    );
}

#[test]
fn auto_takes_steps_for_a_large_table_and_says_why() {
    let Some(site) = family(
        "CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c SELECT i, 1 FROM generate_series(1, 100000) i",
    ) else {
        return;
    };
    // Nobody has analysed it, so it is counted.
    site.run("up --dry-run")
        .status(0)
        .says("  online, in short steps: c has about 100,000 rows\n");
    site.sql("DELETE FROM c WHERE id > 50; ANALYZE c");
    site.run("up --dry-run")
        .status(0)
        .says("  in one transaction: c has about 50 rows\n");
}

#[test]
fn statements_of_the_script_run_with_the_users_names_and_only_in_a_transaction() {
    let Some(site) = family(CHILDREN) else { return };
    site.write(
        "V1__key",
        "CREATE TABLE kind (id int PRIMARY KEY); INSERT INTO kind VALUES (1);
         ALTER TABLE c ADD COLUMN kind int;
         ALTER TABLE c ADD CONSTRAINT c_kind FOREIGN KEY (kind) REFERENCES kind, ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id);",
        "ALTER TABLE c DROP CONSTRAINT c_p; ALTER TABLE c DROP COLUMN kind; DROP TABLE kind",
    );
    let before = site.picture();
    site.run("up --mode online")
        .status(2)
        .explains("only keys can be added online");
    site.run("up").status(0).says("200 rows moved from c");
    site.run("down").status(0);
    assert_eq!(site.picture().rows, before.rows);
}
