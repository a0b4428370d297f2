use std::thread;

use pretty_assertions::assert_eq;

use crate::moved_rows::until_somebody_waits;
use crate::site::Site;

/// Keys that are valid, and rows that were loaded around them or lost their parents so.
const SHOWS: &str = "
    CREATE TABLE shows (id int PRIMARY KEY, t text);
    CREATE TABLE seasons (id int PRIMARY KEY, show_id int NOT NULL CONSTRAINT season_of REFERENCES shows ON DELETE CASCADE);
    CREATE TABLE episodes (id int PRIMARY KEY, season_id int CONSTRAINT episode_of REFERENCES seasons ON DELETE SET NULL,
        show_id int DEFAULT 1 CONSTRAINT shown_in REFERENCES shows ON DELETE SET DEFAULT, t text);
    CREATE TABLE plays (episode_id int CONSTRAINT play_of REFERENCES episodes ON DELETE CASCADE, n int);
    INSERT INTO shows VALUES (1, 'one'), (2, 'two'), (3, 'three');
    INSERT INTO seasons VALUES (10, 1), (20, 2), (30, 3), (31, 3);
    INSERT INTO episodes VALUES (100, 10, 1, 'a'), (200, 20, 2, 'b'), (300, 30, 3, 'c'), (301, NULL, 3, 'd');
    INSERT INTO plays VALUES (100, 1), (200, 2), (300, 3), (300, 4), (NULL, 5);";

const LOST: &str = "SET session_replication_role = replica; DELETE FROM shows WHERE id = 3; DELETE FROM episodes WHERE id = 200";

pub const BACK: &str = "SET session_replication_role = replica; INSERT INTO shows VALUES (3, 'three'); INSERT INTO episodes VALUES (200, 20, 2, 'b')";

const MODES: [&str; 2] = ["--mode transaction", "--mode online --batch 1"];

pub fn shows() -> Option<Site> {
    let site = Site::of(SHOWS)?;
    site.sql(LOST);
    Some(site)
}

fn rows(site: &Site, table: &str) -> Vec<String> {
    site.ask(&format!(
        "SELECT whole::text FROM {table} AS whole ORDER BY 1"
    ))
}

#[track_caller]
pub fn has_no_orphans(site: &Site) {
    site.run("orphans").status(0).says("no orphans (");
}

#[test]
fn declared_keys_are_cleaned_and_restored_where_the_parents_come_back() {
    for mode in MODES {
        let Some(site) = shows() else { return };
        let before = site.picture();
        site.run(&format!("clean {mode}"))
            .status(0)
            .says("cleaned 4 declared keys\n")
            .says("  2 rows moved from seasons to seasons_orphans\n    2 rows break season_of\n")
            .says("  1 row moved from plays to plays_orphans\n")
            .says("  2 rows of episodes kept with season_id and show_id set to NULL or its default; episodes_orphans remembers what it was\n");
        has_no_orphans(&site);
        assert_eq!(
            rows(&site, "episodes"),
            ["(100,10,1,a)", "(300,,1,c)", "(301,,1,d)"]
        );
        site.run("clean")
            .status(0)
            .stdout("nothing to do: no orphans (4 declared keys checked)\n");
        // Nothing goes back as long as its parent is missing.
        for dry in ["", " --dry-run"] {
            site.run(&format!("restore {mode}{dry}"))
                .status(0)
                .says("  2 rows kept in seasons_orphans: they break season_of (show_id) references shows (id) on delete cascade, which stays\n");
        }
        has_no_orphans(&site);
        site.sql(BACK);
        let cleaned = site.picture();
        site.run("restore --dry-run")
            .status(0)
            .says("  2 rows of seasons_orphans would move back to seasons\n")
            .says("  2 rows of episodes_orphans would move back to episodes\n");
        assert_eq!(site.picture(), cleaned);
        site.run(&format!("restore {mode}"))
            .status(0)
            .says("  2 rows moved from episodes_orphans back to episodes\n")
            .says("  1 row moved from plays_orphans back to plays\n")
            .says("  2 rows moved from seasons_orphans back to seasons\n");
        has_no_orphans(&site);
        site.sql(LOST);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

#[test]
fn a_key_that_is_not_valid_is_cleaned_and_validated() {
    for mode in MODES {
        let Some(site) = Site::of(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 9);
             CREATE TABLE d (id int PRIMARY KEY, pid int); INSERT INTO d VALUES (1, 1);
             ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p ON DELETE SET NULL NOT VALID;
             ALTER TABLE d ADD CONSTRAINT d_p FOREIGN KEY (pid) REFERENCES p NOT VALID",
        ) else {
            return;
        };
        let before = site.picture();
        site.run(&format!("clean {mode} --dry-run"))
            .status(0)
            .says("  steps\n    1. set pid of 1 row of c\n    2. validate c_p of c\n    3. validate d_p of d\n");
        assert_eq!(site.picture(), before);
        site.run(&format!("clean {mode}"))
            .status(0)
            .stdout("cleaned 2 declared keys\n  1 row of c kept with pid set to NULL; c_orphans remembers what it was\n    1 row breaks c_p\n  validated c_p of c\n  validated d_p of d\n");
        let valid = "SELECT conname || ' ' || convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 1";
        assert_eq!(site.ask(valid), ["c_p true", "d_p true"]);
        site.run("clean").status(0).says("nothing to do");
    }
}

/// VALIDATE says that such a key is valid already; so the rows are counted.
#[test]
fn a_key_that_is_marked_valid_and_broken_ends_with_no_orphan() {
    for mode in MODES {
        let Some(site) = Site::of(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE c (id int PRIMARY KEY, pid int REFERENCES p ON DELETE CASCADE);
             SET session_replication_role = replica; INSERT INTO c VALUES (1, 1), (2, 9), (3, 8)",
        ) else {
            return;
        };
        site.run("check --strict --ignore no-child-index")
            .status(1)
            .says("is marked valid and 2 rows break it");
        site.run(&format!("clean {mode}"))
            .status(0)
            .says("  2 rows moved from c to c_orphans\n");
        assert_eq!(rows(&site, "c"), ["(1,1)"]);
        site.run("check --strict --ignore no-child-index --ignore archive-not-empty")
            .status(0);
    }
}

#[test]
fn a_dry_run_says_what_a_run_does_and_changes_nothing() {
    for mode in MODES {
        let Some(site) = shows() else { return };
        let before = site.picture();
        let dry = site
            .run(&format!("clean {mode} --dry-run --format json"))
            .status(0)
            .json();
        assert_eq!(site.picture(), before);
        let done = site
            .run(&format!("clean {mode} --format json"))
            .status(0)
            .json();
        for part in ["keys", "removed", "set_null", "unusable", "steps", "ways"] {
            assert_eq!(dry[part], done[part], "{mode} {part}");
        }
    }
}

#[test]
fn the_script_does_what_the_run_does() {
    let sql = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int PRIMARY KEY, pid int CONSTRAINT cp REFERENCES p ON DELETE SET NULL, q int CONSTRAINT cq REFERENCES p ON DELETE CASCADE);
        CREATE TABLE d (id int PRIMARY KEY, pid int); CREATE TABLE whole (id int PRIMARY KEY, pid int REFERENCES p);
        SET session_replication_role = replica; INSERT INTO c VALUES (1, 1, 1), (2, 9, 1), (3, 1, 9), (4, 9, 9); INSERT INTO d VALUES (1, 1), (2, 9);
        ALTER TABLE d ADD CONSTRAINT dp FOREIGN KEY (pid) REFERENCES p NOT VALID";
    for mode in MODES {
        let (Some(one), Some(other)) = (Site::of(sql), Site::of(sql)) else {
            return;
        };
        let script = one
            .run(&format!("clean {mode} --dry-run --format sql"))
            .status(0);
        one.psql(&script.stdout);
        other.run(&format!("clean {mode}")).status(0);
        let [by_script, by_run] = [&one, &other].map(Site::picture);
        assert_eq!(by_script.schema, by_run.schema);
        for table in ["c", "d", "whole"] {
            assert_eq!(by_script.rows[table], by_run.rows[table], "{mode} {table}");
        }
        let archived = "SELECT concat_ws(' ', id, pid, q, fkfix_constraints, fkfix_version, fkfix_kept) FROM c_orphans ORDER BY id";
        assert_eq!(one.ask(archived), other.ask(archived));
        one.run("clean").status(0).says("nothing to do");
        assert_eq!(one.run("clean --dry-run --format sql").status(0).stdout, "");
    }
}

#[test]
fn one_table_is_cleaned_with_what_hangs_on_it() {
    let Some(site) = shows() else { return };
    site.run("clean --table plays").status(0);
    let left = site.run("orphans --format json").status(1).json();
    let tables: Vec<_> = left["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["table"].as_str().unwrap())
        .collect();
    assert_eq!(tables, ["episodes", "seasons"]);
    site.run("clean --table nowhere")
        .status(2)
        .explains("there is no table nowhere");
}

#[test]
fn limits_and_policies_are_heeded() {
    let Some(site) = shows() else { return };
    let before = site.picture();
    for (line, told) in [
        (
            "clean --orphans refuse",
            "break keys that are there already or depend on one that does",
        ),
        ("clean --max-orphans 0", "and --max-orphans allows 0"),
    ] {
        for dry in ["", " --dry-run", " --mode online"] {
            site.run(&format!("{line}{dry}")).status(1).explains(told);
        }
    }
    site.run("clean --backup x")
        .status(2)
        .explains("--backup copies a file");
    assert_eq!(site.picture(), before);
    site.sql("SET session_replication_role = replica; DELETE FROM shows");
    site.run("clean")
        .status(1)
        .explains("shows holds no row at all");
    for policy in ["archive", "set-null", "delete"] {
        for mode in MODES {
            let Some(site) = shows() else { return };
            site.run(&format!(
                "clean {mode} --orphans {policy} --max-orphans 100%"
            ))
            .status(0);
            has_no_orphans(&site);
        }
    }
}

#[test]
fn more_keys_than_an_integer_has_bits_are_looked_at() {
    let tables = (0..70).fold(String::new(), |sql, at| {
        sql + &format!("CREATE TABLE c{at} (id int PRIMARY KEY, pid int REFERENCES p);")
    });
    let Some(site) = Site::of(&format!(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); {tables}
         SET session_replication_role = replica; INSERT INTO c69 VALUES (1, 1), (2, 9)"
    )) else {
        return;
    };
    site.run("orphans").status(1).says("1 of 2 rows in c69");
    site.run("clean")
        .status(0)
        .says("cleaned 70 declared keys\n  1 row moved from c69");
}

#[test]
fn what_is_under_way_is_not_mixed_with_cleaning() {
    let Some(site) = Site::of(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 9);
         CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stop here'; END $$;
         CREATE TRIGGER stop BEFORE DELETE ON c FOR EACH ROW EXECUTE FUNCTION stop()",
    ) else {
        return;
    };
    let site = site.with(
        "V1__key",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE",
        "ALTER TABLE c DROP CONSTRAINT c_p",
    );
    site.run("up --mode online --triggers fire").status(2);
    for line in ["clean", "clean --dry-run", "restore", "restore --dry-run"] {
        site.run(line).status(2).explains("V1__key is under way");
    }
    site.sql("DROP TRIGGER stop ON c");
    site.run("down").status(0);
}

#[test]
fn a_row_that_is_being_repaired_is_not_cleaned() {
    for (action, mode) in [
        ("CASCADE", "transaction"),
        ("CASCADE", "online"),
        ("SET NULL", "transaction"),
        ("SET NULL", "online"),
    ] {
        let Some(site) = Site::of(&format!(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE c (id int PRIMARY KEY, pid int REFERENCES p ON DELETE {action});
             SET session_replication_role = replica; INSERT INTO c VALUES (1, 1), (2, 9), (3, 9)"
        )) else {
            return;
        };
        let mut application = site
            .database
            .client("BEGIN; UPDATE c SET pid = 1 WHERE id = 3");
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("clean --mode {mode} --lock-timeout 20s")));
            until_somebody_waits(&site);
            application.batch_execute("COMMIT").unwrap();
            run.join().unwrap().status(0);
        });
        assert_eq!(site.ask("SELECT id::text FROM c_orphans"), ["2"]);
        assert_eq!(
            site.ask("SELECT pid::text FROM c WHERE id = 3"),
            ["1"],
            "{action} {mode}"
        );
    }
}

/// Only the owner of a table may validate its keys.
#[test]
fn a_role_that_may_change_rows_cleans_and_is_told_what_it_may_not() {
    let Some(site) = Site::of(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 9);
         ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE NOT VALID",
    ) else {
        return;
    };
    let role = format!("worker_{}", site.database.name);
    site.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; GRANT SELECT, UPDATE, DELETE ON c TO {role}; GRANT SELECT ON p TO {role}"
    ));
    let mut command = site.command("clean");
    command.env("PGOPTIONS", format!("-c role={role}"));
    site.run_of(command)
        .status(0)
        .remarks("warning: c_p of c stays NOT VALID: only its owner postgres can validate it")
        .says("1 row moved from c to c_orphans");
    site.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
