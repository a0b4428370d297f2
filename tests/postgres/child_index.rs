use std::thread;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;

use crate::moved_rows::{family, until_somebody_waits};
use crate::server::{self, pooler};
use crate::site::Site;

const CHILDREN: &str = "CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c SELECT i, CASE i % 10 WHEN 0 THEN 9 ELSE 1 END FROM generate_series(1, 200) i;";

/// Every index of `c` beside its primary key, and whether it is valid.
const INDEXES: &str = "SELECT c.relname || ' ' || i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'c'::regclass AND NOT i.indisprimary ORDER BY 1";

#[test]
fn it_is_made_in_either_mode_and_goes_with_the_key() {
    for (mode, step) in [
        ("transaction", "1. make the index c_pid_idx of c (pid)\n"),
        (
            "online",
            "1. make the index c_pid_idx of c (pid), while others write\n",
        ),
    ] {
        let Some(site) = family(CHILDREN) else { return };
        let before = site.picture();
        site.run(&format!("up --mode {mode} --dry-run"))
            .status(0)
            .remarks("warning: no index of c starts with (pid), so each delete in p will read all of c; --child-index makes one");
        site.run(&format!("up --mode {mode} --child-index --dry-run"))
            .status(0)
            .says(step);
        assert_eq!(site.picture(), before);
        site.run(&format!("up --mode {mode} --child-index"))
            .status(0)
            .remarks("made the index c_pid_idx of c (pid)");
        assert_eq!(site.ask(INDEXES), ["c_pid_idx true"]);
        let check = site.run("check").status(0);
        assert!(!check.stdout.contains("no-child-index"), "{check:#?}");
        site.run(&format!("down --mode {mode} --dry-run"))
            .status(0)
            .says("drop the index c_pid_idx of c (pid)\n");
        site.run(&format!("down --mode {mode}"))
            .status(0)
            .remarks("dropped the index c_pid_idx of c (pid)");
        assert_eq!(site.picture(), before, "{mode}");
    }
}

#[test]
fn one_that_serves_is_left_and_one_that_does_not_is_no_obstacle() {
    for serves in [
        "CREATE INDEX mine ON c (pid)",
        "CREATE INDEX mine ON c USING hash (pid)",
        "CREATE INDEX mine ON c (pid, id)",
        "ALTER TABLE c ADD CONSTRAINT mine UNIQUE (pid, id)",
    ] {
        let Some(site) = family(&format!("{CHILDREN} {serves}")) else {
            return;
        };
        let before = site.picture();
        site.run("up --child-index").status(0);
        assert_eq!(site.ask(INDEXES), ["mine true"], "{serves}");
        site.run("down").status(0);
        assert_eq!(site.picture(), before);
    }
    for other in [
        "CREATE INDEX c_pid_idx ON c USING brin (pid)",
        "CREATE INDEX c_pid_idx ON c (pid) WHERE pid > 5",
        "CREATE INDEX c_pid_idx ON c ((pid + 1))",
        "CREATE INDEX c_pid_idx ON c (id, pid)",
    ] {
        for mode in ["transaction", "online"] {
            let Some(site) = family(&format!("{CHILDREN} {other}")) else {
                return;
            };
            let before = site.picture();
            site.run(&format!("up --mode {mode} --child-index"))
                .status(0);
            assert_eq!(site.ask(INDEXES), ["c_pid_idx true", "c_pid_idx1 true"]);
            site.run(&format!("down --mode {mode}")).status(0);
            assert_eq!(site.picture(), before);
        }
    }
}

#[test]
fn the_script_makes_it_too() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(CHILDREN) else { return };
        let before = site.picture();
        let line = format!("up --dry-run --format sql --child-index --mode {mode}");
        let script = site.run(&line).status(0);
        if mode == "online" {
            // As a run of the script that was killed leaves it.
            site.sql("CREATE INDEX c_pid_idx ON c (pid); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'c_pid_idx'::regclass");
        }
        site.psql(&script.stdout);
        assert_eq!(site.ask(INDEXES), ["c_pid_idx true"]);
        site.run("up").status(0).says("nothing to do");
        let script = site.run("down --dry-run --format sql").status(0);
        site.psql(&script.stdout);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

/// The index waits for a transaction that is older than it, and there the run is killed.
fn killed_while_it_is_made(site: &Site) {
    let mut application = site
        .database
        .client("BEGIN; INSERT INTO c VALUES (5000, 1)");
    let mut run = site
        .command("up --mode online --child-index")
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until_somebody_waits(site);
    run.kill().unwrap();
    run.wait().unwrap();
    let others = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^CREATE INDEX'";
    let since = Instant::now();
    while !site.ask(others).is_empty() {
        assert!(since.elapsed() < Duration::from_secs(20), "it goes on");
    }
    application.batch_execute("ROLLBACK").unwrap();
    assert_eq!(site.ask(INDEXES), ["c_pid_idx false"]);
}

#[test]
fn one_that_a_kill_left_unfinished_is_made_anew_or_dropped() {
    for verb in ["up", "down"] {
        let Some(site) = family(CHILDREN) else { return };
        let before = site.picture();
        killed_while_it_is_made(&site);
        let status = site.run("status").status(0);
        assert!(
            status.stdout.contains(": indexing\n"),
            "no stage in {status:#?}"
        );
        site.run(verb).status(0);
        if verb == "up" {
            assert_eq!(site.ask(INDEXES), ["c_pid_idx true"]);
            site.run("check").status(0);
            site.run("down").status(0);
        }
        assert_eq!(site.picture(), before, "{verb}");
    }
}

#[test]
fn two_runs_at_once_make_one() {
    let Some(site) = family(CHILDREN) else { return };
    let before = site.picture();
    for _ in 0..3 {
        let runs = thread::scope(|scope| {
            [(); 2]
                .map(|()| scope.spawn(|| site.run("up --mode online --child-index --batch 20")))
                .map(|run| run.join().unwrap())
        });
        assert!(runs.iter().all(|run| run.status == Some(0)), "{runs:#?}");
        assert_eq!(site.ask(INDEXES), ["c_pid_idx true"]);
        site.run("down --mode online").status(0);
        assert_eq!(site.picture(), before);
    }
}

#[test]
fn an_unfinished_one_of_somebody_else_is_named_and_left() {
    let Some(site) = family(&format!(
        "{CHILDREN} CREATE INDEX broken ON c (pid); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass"
    )) else {
        return;
    };
    site.run("up --child-index --dry-run")
        .status(0)
        .remarks("c has the index broken already, which is not valid: c_pid_idx is made beside it");
    site.run("up --child-index").status(0);
    assert_eq!(site.ask(INDEXES), ["broken false", "c_pid_idx true"]);
    site.run("check")
        .status(0)
        .says("warning[invalid-index] c\n");
    site.run("down").status(0);
    assert_eq!(site.ask(INDEXES), ["broken false"]);
}

/// It may be what a constraint rests on by now.
#[test]
fn one_that_has_become_a_constraints_stays() {
    for mode in ["transaction", "online"] {
        let Some(site) = family("CREATE TABLE c (id int PRIMARY KEY, pid int)") else {
            return;
        };
        site.run("up --child-index").status(0);
        site.sql("DROP INDEX c_pid_idx; CREATE UNIQUE INDEX c_pid_idx ON c (pid); ALTER TABLE c ADD UNIQUE USING INDEX c_pid_idx");
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(site.ask(INDEXES), ["c_pid_idx true"]);
    }
}

/// A pooler takes no settings at the start of a session, and nothing may be set in it later.
#[test]
fn it_is_made_through_a_pooler() {
    let Some(server) = server::shared().and_then(server::Shared::own) else {
        return;
    };
    let Some(pooler) = pooler(server, 1) else {
        return;
    };
    let Some(site) = family(CHILDREN) else { return };
    let before = site.picture();
    let url = pooler.url(&site.database.name);
    for line in ["up --mode online --child-index", "down --mode online"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fkfix"));
        command.args(line.split_whitespace()).arg("-d").arg(&url);
        command.arg("--migrations").arg(site.migrations());
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {told}");
        if line.starts_with("up") {
            assert_eq!(site.ask(INDEXES), ["c_pid_idx true"]);
        }
    }
    assert_eq!(site.picture(), before);
}
