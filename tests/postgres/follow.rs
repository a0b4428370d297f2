use pretty_assertions::assert_eq;

use crate::site::Site;

/// Parents 1 and 2; `child` with the key of `action`, of which 2 and 3 have no parent, and what
/// `sql` makes.
pub fn family(action: &str, sql: &str) -> Option<Site> {
    child(
        &format!(
            "CREATE TABLE child (id int PRIMARY KEY, pid int, t text);
             INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, NULL, 'd'); {sql}"
        ),
        action,
    )
}

/// The same with the table `child` that `sql` makes.
pub fn child(sql: &str, action: &str) -> Option<Site> {
    let site = Site::of(&format!(
        "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2); {sql}"
    ))?;
    Some(site.with(
        "V1__keys",
        &format!(
            "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (pid) REFERENCES parent (id) {action}"
        ),
        "ALTER TABLE child DROP CONSTRAINT fk",
    ))
}

pub const MODES: [&str; 2] = ["--mode transaction", "--mode online --batch 1"];

pub fn rows(site: &Site, table: &str) -> Vec<String> {
    site.ask(&format!(
        "SELECT whole::text FROM {table} AS whole ORDER BY 1"
    ))
}

#[test]
fn set_null_keeps_the_row_and_the_archive_remembers_its_key() {
    for mode in MODES {
        let Some(site) = family("ON DELETE SET NULL", "CREATE INDEX ON child (pid)") else {
            return;
        };
        let before = site.picture();
        site.run("up --dry-run")
            .status(0)
            .says("  2 rows of child would stay with pid set to NULL; child_orphans would remember what it was\n    2 rows break fk\n")
            .says("set pid of 2 rows of child\n");
        assert_eq!(site.picture(), before);
        site.run(&format!("up {mode}"))
            .status(0)
            .says("  added 1 foreign key to child (4 rows)\n")
            .says("  2 rows of child kept with pid set to NULL; child_orphans remembers what it was\n    2 rows break fk\n");
        site.run("check --ignore no-child-index")
            .says("child_orphans holds the earlier keys of 2 rows that stayed in child\n");
        assert_eq!(
            rows(&site, "child"),
            ["(1,1,a)", "(2,,b)", "(3,,c)", "(4,,d)"]
        );
        assert_eq!(
            site.ask("SELECT concat_ws(' ', fkfix_constraints, fkfix_version, fkfix_kept, id, pid, t) FROM child_orphans ORDER BY id"),
            [r#"fk 1 {"pid": "NULL"} 2 8 b"#, r#"fk 1 {"pid": "NULL"} 3 9 c"#]
        );
        site.run("check --ignore archive-not-empty --strict --ignore no-child-index")
            .status(0);
        site.run(&format!("down {mode}"))
            .status(0)
            .stdout("reverted V1 keys\n  2 rows moved from child_orphans back to child\n");
        assert_eq!(site.picture(), before);
    }
}

#[test]
fn every_policy_and_every_action_goes_up_and_exactly_back() {
    let Some(site) = child(
        "CREATE TABLE child (id int PRIMARY KEY, pid int DEFAULT 2, t text);
         CREATE TABLE note (id int PRIMARY KEY, cid int DEFAULT 1 CONSTRAINT of REFERENCES child)",
        "",
    ) else {
        return;
    };
    for action in ["", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"] {
        let on_delete = |action: &str| match action {
            "" => String::new(),
            action => format!("ON DELETE {action}"),
        };
        let note = on_delete(if action.is_empty() || action == "RESTRICT" {
            "CASCADE"
        } else {
            action
        });
        site.sql(&format!(
            "ALTER TABLE note DROP CONSTRAINT of, ADD CONSTRAINT of FOREIGN KEY (cid) REFERENCES child {note}"
        ));
        site.write(
            "V1__keys",
            &format!(
                "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (pid) REFERENCES parent (id) {}",
                on_delete(action)
            ),
            "ALTER TABLE child DROP CONSTRAINT fk",
        );
        for policy in ["follow", "archive", "set-null", "delete"] {
            for mode in MODES {
                site.sql("TRUNCATE child, note; INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, NULL, 'd'); INSERT INTO note VALUES (10, 1), (20, 2), (30, 3)");
                let before = site.picture();
                let line = format!("{action} {policy} {mode}");
                site.run(&format!("up --orphans {policy} {mode}")).status(0);
                let broken = "SELECT id::text FROM child WHERE NOT EXISTS (SELECT FROM parent WHERE parent.id = pid) AND pid IS NOT NULL
                    UNION ALL SELECT note.id::text FROM note WHERE NOT EXISTS (SELECT FROM child WHERE child.id = cid) AND cid IS NOT NULL";
                assert_eq!(site.ask(broken), [""; 0], "{line}");
                let sets = action.starts_with("SET");
                let kept = (sets && policy == "follow") || policy == "set-null";
                let number = if kept { 4 } else { 2 };
                assert_eq!(rows(&site, "child").len(), number, "{line}");
                site.run(&format!("down {mode}")).status(0);
                if policy != "delete" {
                    assert_eq!(site.picture(), before, "{line}");
                }
            }
        }
    }
}

#[test]
fn rows_that_refer_to_rows_that_leave_follow_by_their_own_key() {
    for mode in MODES {
        for (action, expected) in [
            ("ON DELETE CASCADE", ["(1,1)"].as_slice()),
            ("ON DELETE SET NULL", &["(1,1)", "(2,)", "(3,)"]),
            ("ON DELETE SET DEFAULT", &["(1,1)", "(2,1)", "(3,1)"]),
        ] {
            let Some(site) = family(
                "ON DELETE CASCADE",
                &format!(
                    "CREATE TABLE note (id int PRIMARY KEY, cid int DEFAULT 1 CONSTRAINT of REFERENCES child {action});
                     INSERT INTO note VALUES (1, 1), (2, 2), (3, 3)"
                ),
            ) else {
                return;
            };
            let before = site.picture();
            site.run(&format!("up {mode}")).status(0);
            assert_eq!(rows(&site, "note"), expected, "{action}");
            site.run(&format!("down {mode}")).status(0);
            assert_eq!(site.picture(), before, "{action}");
        }
        let Some(blocked) = family(
            "ON DELETE CASCADE",
            "CREATE TABLE note (id int PRIMARY KEY, cid int REFERENCES child); INSERT INTO note VALUES (1, 1), (2, 2), (3, 3)",
        ) else {
            return;
        };
        let before = blocked.picture();
        blocked
            .run(&format!("up {mode}"))
            .status(1)
            .explains("2 rows of note refer to rows of child that would have to go")
            .remarks("--orphans archive takes them along");
        assert_eq!(blocked.picture(), before);
        for policy in ["archive", "set-null"] {
            blocked
                .run(&format!("up {mode} --orphans {policy}"))
                .status(0);
            blocked.run(&format!("down {mode}")).status(0);
            assert_eq!(blocked.picture(), before);
        }
    }
}

/// A pending key within the table: what hangs on an orphan fares as the key says.
#[test]
fn a_table_that_refers_to_itself_is_not_emptied_by_a_few_orphans() {
    for mode in ["--mode transaction", "--mode online --batch 3"] {
        let states = |action: &str| {
            let site = Site::of(
                "CREATE TABLE states (id int PRIMARY KEY, old int); INSERT INTO states SELECT i, i - 2 FROM generate_series(3, 22) i",
            )?;
            Some(site.with(
                "V1__states",
                &format!("ALTER TABLE states ADD CONSTRAINT fk FOREIGN KEY (old) REFERENCES states (id) {action}"),
                "ALTER TABLE states DROP CONSTRAINT fk",
            ))
        };
        let Some(site) = states("ON DELETE SET NULL") else {
            return;
        };
        let before = site.picture();
        site.run(&format!("up {mode}"))
            .status(0)
            .says("  2 rows of states kept");
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before);
        let site = states("ON DELETE CASCADE").unwrap();
        site.run(&format!("up {mode}")).status(1).explains(
            "all 20 rows of states would leave: 2 without a parent, and 18 that refer to rows that leave",
        );
        assert_eq!(site.picture(), before);
        site.run(&format!("up {mode} --max-orphans 100%"))
            .status(0)
            .says("20 rows moved");
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before);
    }
}

#[test]
fn the_script_does_what_the_run_does() {
    for (action, policy) in [
        ("ON DELETE SET NULL", "follow"),
        ("ON DELETE SET DEFAULT", "follow"),
        ("ON DELETE CASCADE", "set-null"),
        ("ON DELETE SET NULL", "archive"),
        ("ON DELETE SET NULL", "delete"),
    ] {
        for mode in MODES {
            let make = || {
                let sql = "CREATE TABLE child (id int PRIMARY KEY, pid int DEFAULT 2, t text, q int);
                    INSERT INTO child VALUES (1, 1, 'a', 1), (2, 8, 'b', 1), (3, 9, 'c', 5), (4, NULL, 'd', 1)";
                let site = child(sql, action)?;
                site.write(
                    "V1__keys",
                    &format!("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (pid) REFERENCES parent (id) {action}; ALTER TABLE child ADD CONSTRAINT k FOREIGN KEY (q) REFERENCES parent (id) ON DELETE CASCADE"),
                    "ALTER TABLE child DROP CONSTRAINT k; ALTER TABLE child DROP CONSTRAINT fk",
                );
                Some(site)
            };
            let (Some(one), Some(other)) = (make(), make()) else {
                return;
            };
            let before = one.picture();
            let line = format!("--orphans {policy} {mode}");
            let script = one
                .run(&format!("up --dry-run --format sql {line}"))
                .status(0);
            one.psql(&script.stdout);
            other.run(&format!("up {line}")).status(0);
            assert_eq!(
                rows(&one, "child"),
                rows(&other, "child"),
                "{action} {line}"
            );
            if policy == "delete" {
                continue;
            }
            let archived = "SELECT concat_ws(' ', id, pid, fkfix_constraints, to_jsonb(a) -> 'fkfix_kept') FROM child_orphans a ORDER BY id";
            assert_eq!(one.ask(archived), other.ask(archived), "{action} {line}");
            one.run("up").status(0).says("nothing to do");
            let script = one.run("down --dry-run --format sql").status(0);
            one.psql(&script.stdout);
            assert_eq!(one.picture(), before, "{action} {line}");
            other.run(&format!("down {mode}")).status(0);
            assert_eq!(other.picture(), before, "{action} {line}");
        }
    }
}

#[test]
fn limits_count_keys_that_are_forgotten_too() {
    let Some(site) = family("ON DELETE SET NULL", "") else {
        return;
    };
    let before = site.picture();
    site.run("up --max-orphans 1")
        .status(1)
        .explains("2 of 4 rows would lose their key in child, and --max-orphans allows 1");
    site.run("up --orphans refuse")
        .status(1)
        .explains("2 rows break the new keys or depend on one that does");
    assert_eq!(site.picture(), before);
    site.run("up --orphans set-null --max-orphans 50%")
        .status(0);
}

#[test]
fn a_table_is_never_emptied_in_silence() {
    let Some(site) = family("ON DELETE CASCADE", "DELETE FROM child WHERE id IN (1, 4)") else {
        return;
    };
    let before = site.picture();
    for line in ["up --mode transaction", "up --mode online", "up --dry-run"] {
        site.run(line)
            .status(1)
            .explains("all 2 rows of child would leave: their parents are missing")
            .remarks("--max-orphans 2 allows it");
    }
    assert_eq!(site.picture(), before);
    site.run("up --max-orphans 2").status(0);
}

#[test]
fn the_report_says_what_orphans_mostly_are() {
    let Some(site) = Site::of(
        "CREATE TABLE users (id text PRIMARY KEY); INSERT INTO users VALUES ('ab-cd'), ('Ef');
         CREATE TABLE posts (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id varchar(20));
         INSERT INTO posts (user_id) VALUES ('0'), ('0'), ('0'), ('0'), ('ABCD'), (' ef '), ('ef')",
    ) else {
        return;
    };
    let site = site.with(
        "V1__k",
        "ALTER TABLE posts ADD CONSTRAINT k FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL",
        "ALTER TABLE posts DROP CONSTRAINT k",
    );
    site.run("orphans")
        .status(1)
        .says("k: 4 of 7 refer to users 0: a mark for none? --orphans set-null keeps the rows\n")
        .says("k: 3 rows have a parent in another spelling (case, blanks, hyphens): repair the values first\n");
    let json = site.run("orphans --format json").status(1).json();
    assert_eq!(json["keys"][0]["other_spelling"], 3);
}
