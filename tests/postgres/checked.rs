use pretty_assertions::assert_eq;

use crate::moved_rows::family;
use crate::server;
use crate::site::Site;

const CHILDREN: &str = "CREATE TABLE c (id int PRIMARY KEY, pid int); CREATE INDEX ON c (pid); INSERT INTO c VALUES (1, 1), (2, 9)";

fn codes(site: &Site) -> Vec<String> {
    let run = site.run("check --format json");
    let found = run.json();
    let findings = found["findings"].as_array().unwrap().iter();
    findings
        .map(|it| it["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_key_that_is_marked_valid_and_broken_is_found() {
    let Some(site) = family(CHILDREN) else { return };
    site.run("up").status(0);
    site.sql("SET session_replication_role = replica; INSERT INTO c VALUES (7, 77), (8, 88)");
    assert_eq!(
        site.ask("SELECT convalidated::text FROM pg_constraint WHERE conname = 'c_p'"),
        ["true"]
    );
    site.run("check").status(1).says("error[orphans] c (pid)\n  c_p is marked valid and 2 rows break it: data was loaded around it\n");
    site.run("orphans")
        .status(1)
        .says("2 of 3 rows in c have no parent");
}

#[test]
fn keys_that_are_not_valid_half_done_silenced_or_twice_are_found() {
    let Some(site) = family(CHILDREN) else { return };
    assert_eq!(codes(&site), ["migration-pending"]);
    site.sql("ALTER TABLE c ADD CONSTRAINT k1 FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE NOT VALID");
    assert_eq!(codes(&site), ["migration-pending", "not-valid", "orphans"]);
    site.sql("ALTER TABLE c ADD CONSTRAINT k2 FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE NOT VALID");
    assert!(codes(&site).contains(&"key-twice".to_owned()));
    site.sql("ALTER TABLE c DROP CONSTRAINT k2");
    // Adopted under its own name, and valid afterwards.
    site.run("up")
        .status(0)
        .says("c had this key already: c_p")
        .says("called k1");
    assert_eq!(
        site.ask("SELECT convalidated::text FROM pg_constraint WHERE conname = 'k1'"),
        ["true"]
    );
    assert_eq!(codes(&site), ["archive-not-empty"]);
    site.sql("ALTER TABLE c DISABLE TRIGGER ALL");
    assert_eq!(codes(&site), ["key-silenced", "archive-not-empty"]);
    site.sql("ALTER TABLE c ENABLE TRIGGER ALL; DROP INDEX c_pid_idx");
    assert_eq!(codes(&site), ["no-child-index", "archive-not-empty"]);
    site.sql("CREATE INDEX broken ON c (pid); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass");
    assert_eq!(
        codes(&site),
        ["no-child-index", "invalid-index", "archive-not-empty"]
    );
    site.sql("DROP INDEX broken; ALTER TABLE c DROP CONSTRAINT k1");
    assert_eq!(codes(&site), ["key-missing", "archive-not-empty"]);
}

#[test]
fn a_dump_keeps_keys_that_are_not_valid_and_check_finds_them() {
    let Some(site) = family(CHILDREN) else { return };
    site.sql("ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE NOT VALID");
    let dump = site.picture().schema;
    let Some(restored) = Site::of("") else { return };
    restored.psql(&dump);
    restored.write(
        "V1__key",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE",
        "ALTER TABLE c DROP CONSTRAINT c_p",
    );
    assert_eq!(codes(&restored), ["migration-pending", "not-valid"]);
}

#[test]
fn a_run_that_was_stopped_says_how_far_it_is_and_both_ways_are_open() {
    for way in ["up", "down"] {
        let Some(site) = family(&format!(
            "{CHILDREN}; CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stop here'; END $$"
        )) else {
            return;
        };
        let before = site.picture();
        // Rows leave only once the key is there: then this stops the run.
        site.sql("CREATE TRIGGER stop BEFORE DELETE ON c FOR EACH ROW EXECUTE FUNCTION no()");
        let run = site.run("up --mode online --triggers fire").status(2);
        assert!(run.stderr.contains("stop here"), "{run:#?}");
        let status = site.run("status").status(0);
        assert!(
            status.stdout.starts_with("V1 key  under way since 20"),
            "{status:#?}"
        );
        assert!(status.stdout.ends_with(": archiving\n        c_p of c: enforced for new rows, not yet valid\n        0 rows archived; go on with fkfix up, revert with fkfix down\n"), "{status:#?}");
        let json = site.run("status --format json").json();
        assert_eq!(json["migrations"][0]["state"], "under-way");
        assert_eq!(json["migrations"][0]["step"], "archiving");
        assert_eq!(codes(&site), ["half-done", "not-valid", "orphans"]);
        // New orphans are impossible already.
        let mut client = site.database.client("");
        let error = client
            .batch_execute("INSERT INTO c VALUES (50, 50)")
            .unwrap_err();
        assert_eq!(error.code().unwrap().code(), "23503");
        drop(client);
        site.write(
            "V1__key",
            "ALTER TABLE c ADD CONSTRAINT other FOREIGN KEY (pid) REFERENCES p (id)",
            "SELECT 1",
        );
        site.run(way)
            .status(2)
            .explains("V1__key is under way with the checksum ");
        site.write("V1__key", "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE", "ALTER TABLE c DROP CONSTRAINT c_p");
        site.sql("DROP TRIGGER stop ON c");
        site.run(way)
            .status(0)
            .remarks("going on with V1__key, which is under way");
        if way == "up" {
            site.run("check").status(0);
            site.run("down").status(0);
        }
        assert_eq!(site.picture(), before, "{way}");
    }
}

/// On a standby nothing can be written at all.
#[test]
fn all_that_reads_works_on_a_standby() {
    let Some((primary, standby)) = server::primary().zip(server::standby()) else {
        return;
    };
    if server::shared().and_then(server::Shared::own).is_none() {
        return;
    }
    let Some(site) = family(CHILDREN) else { return };
    let mut there = server::open(&primary.url("postgres", "postgres")).client;
    let mut here = server::open(&standby.url("postgres", "postgres")).client;
    let at: String = there
        .query_one("SELECT pg_current_wal_insert_lsn()::text", &[])
        .unwrap()
        .get(0);
    let caught_up = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
    while !here.query_one(caught_up, &[&at]).unwrap().get::<_, bool>(0) {}
    let url = standby.url("postgres", &site.database.name);
    let run = |line: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fkfix"));
        command.args(line.split_whitespace()).arg("-d").arg(&url);
        command.arg("--migrations").arg(site.migrations());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, told) = run("orphans");
    assert_eq!(status, Some(1), "{told}");
    assert!(told.starts_with("1 of 2 rows in c has no parent"), "{told}");
    assert_eq!(run("status").0, Some(0));
    assert_eq!(run("check").0, Some(1));
    let (status, told) = run("up --dry-run");
    assert_eq!(status, Some(0), "{told}");
    let (status, told) = run("up");
    assert_eq!(status, Some(2), "{told}");
    assert!(
        told.contains("this server only reads: it is a standby"),
        "{told}"
    );
}

#[test]
fn the_archive_is_nobody_elses_to_read() {
    let Some(site) = family(CHILDREN) else { return };
    let role = format!("reader_{}", site.database.name);
    site.sql(&format!(
        "CREATE ROLE {role} LOGIN; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
         GRANT SELECT ON c TO {role}; ALTER TABLE c ENABLE ROW LEVEL SECURITY"
    ));
    site.run("up").status(0).says("moved");
    let may = format!(
        "SELECT has_table_privilege('{role}', 'c_orphans', 'SELECT')::text || relrowsecurity::text FROM pg_class WHERE relname = 'c_orphans'"
    );
    assert_eq!(site.ask(&may), ["falsetrue"]);
    site.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
