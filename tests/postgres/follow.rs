use std::thread;

use pretty_assertions::assert_eq;

use crate::moved_rows::until_somebody_waits;
use crate::site::Site;

/// Parents 1 and 2; `child` with the key of `action`, of which 2 and 3 have no parent, and what
/// `sql` makes.
fn family(action: &str, sql: &str) -> Option<Site> {
    child(
        &format!(
            "CREATE TABLE child (id int PRIMARY KEY, pid int, t text);
             INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, NULL, 'd'); {sql}"
        ),
        action,
    )
}

/// The same with the table `child` that `sql` makes.
fn child(sql: &str, action: &str) -> Option<Site> {
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

const MODES: [&str; 2] = ["--mode transaction", "--mode online --batch 1"];

fn rows(site: &Site, table: &str) -> Vec<String> {
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
fn a_default_without_a_parent_is_no_place_to_stay() {
    for mode in MODES {
        let Some(site) = family(
            "ON DELETE CASCADE",
            "CREATE TABLE note (id int PRIMARY KEY, cid int DEFAULT 3 CONSTRAINT of REFERENCES child ON DELETE SET DEFAULT);
             INSERT INTO note VALUES (1, 1), (2, 2)",
        ) else {
            return;
        };
        let before = site.picture();
        site.run(&format!("up {mode}"))
            .status(0)
            .says("  1 row moved from note to note_orphans\n")
            .says("    of: the default has no parent\n");
        assert_eq!(rows(&site, "note"), ["(1,1)"]);
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before);
    }
}

#[test]
fn a_row_that_can_not_stay_without_its_key_leaves_and_the_report_says_why() {
    for (sql, action, why) in [
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int NOT NULL); INSERT INTO child VALUES (1, 1), (2, 9)",
            "ON DELETE SET NULL",
            "pid may not be NULL",
        ),
        (
            "CREATE TABLE child (t text, pid int, PRIMARY KEY (pid, t)); INSERT INTO child VALUES ('a', 1), ('b', 9)",
            "ON DELETE SET NULL",
            "pid is part of the PRIMARY KEY",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, j jsonb, pid int GENERATED ALWAYS AS ((j ->> 'p')::int) STORED); INSERT INTO child (id, j) VALUES (1, '{\"p\": 1}'), (2, '{\"p\": 9}')",
            "",
            "pid is a generated column",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int, t text, CHECK (pid IS NOT NULL OR t = 'x')); INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b'), (3, 9, 'x')",
            "ON DELETE SET NULL",
            "a CHECK forbids it",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int, t text); CREATE UNIQUE INDEX ON child (t) WHERE pid IS NULL; INSERT INTO child VALUES (1, NULL, 'a'), (2, 9, 'a')",
            "ON DELETE SET NULL",
            "a unique index has pid and may forbid it",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int, t text, UNIQUE NULLS NOT DISTINCT (pid)); INSERT INTO child VALUES (1, NULL, 'a'), (2, 9, 'a')",
            "ON DELETE SET NULL",
            "a unique index has pid and may forbid it",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int DEFAULT 2 UNIQUE); INSERT INTO child VALUES (1, 1), (2, 9)",
            "ON DELETE SET DEFAULT",
            "a unique index has pid and may forbid it",
        ),
        (
            "CREATE SEQUENCE s; CREATE TABLE child (id int PRIMARY KEY, pid int DEFAULT nextval('s')); INSERT INTO child VALUES (1, 1), (2, 9)",
            "ON DELETE SET DEFAULT",
            "the default of pid is no constant",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int UNIQUE); CREATE TABLE note (id int PRIMARY KEY, c int REFERENCES child (pid) ON DELETE CASCADE); INSERT INTO child VALUES (1, 1), (2, 9); INSERT INTO note VALUES (1, 1), (2, 9)",
            "ON DELETE SET NULL",
            "other keys refer to pid",
        ),
        (
            "CREATE DOMAIN filled AS int NOT NULL; CREATE TABLE child (id int PRIMARY KEY, pid filled); INSERT INTO child VALUES (1, 1), (2, 9)",
            "ON DELETE SET NULL",
            "pid may not be NULL",
        ),
        (
            "CREATE DOMAIN filled AS int CHECK (VALUE IS NOT NULL); CREATE TABLE child (id int PRIMARY KEY, pid filled); INSERT INTO child VALUES (1, 1), (2, 9)",
            "ON DELETE SET NULL",
            "pid may not be NULL",
        ),
        (
            "CREATE TABLE child (id int, pid int); INSERT INTO child VALUES (1, 1), (2, 9)",
            "ON DELETE SET NULL",
            "child has no PRIMARY KEY, by which the row could be found again",
        ),
    ] {
        let policy = if action.is_empty() {
            "--orphans set-null"
        } else {
            ""
        };
        let Some(site) = child(sql, action) else {
            return;
        };
        for mode in MODES {
            let before = site.picture();
            let told = format!("    fk: {why}\n");
            site.run(&format!("up --dry-run {policy}"))
                .status(0)
                .says(&told);
            site.run(&format!("up {mode} {policy}"))
                .status(0)
                .says("  1 row moved from child to child_orphans\n")
                .says(&told);
            site.run(&format!("down {mode}")).status(0);
            assert_eq!(site.picture(), before, "{sql}");
        }
    }
}

#[test]
fn tables_of_every_kind_keep_their_rows() {
    for (sql, key) in [
        (
            "CREATE TABLE child (a text, b int, pid int, PRIMARY KEY (b, a)); INSERT INTO child VALUES ('x', 1, 1), ('y', 1, 9), ('x', 2, 8), ('z', 3, NULL)",
            "(pid) REFERENCES parent (id)",
        ),
        (
            "CREATE TABLE child (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), pid int); INSERT INTO child VALUES ('00000000-0000-0000-0000-00000000000a', 1), ('00000000-0000-0000-0000-00000000000b', 9)",
            "(pid) REFERENCES parent (id)",
        ),
        (
            "CREATE TABLE child (\"Id\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \"Pid\" int, double int GENERATED ALWAYS AS (\"Pid\" * 2) STORED, \"it's \"\" \" text DEFAULT 'x'); INSERT INTO child (\"Pid\") VALUES (1), (9), (NULL)",
            "(\"Pid\") REFERENCES parent (id)",
        ),
        (
            "CREATE DOMAIN odd AS int CHECK (VALUE % 2 = 1); CREATE TABLE child (id odd PRIMARY KEY, pid odd, j json, x xml, p point, r int4range, b bytea, n numeric(6, 2), a text[], ts timestamptz, f float8);
             INSERT INTO child VALUES (1, 1, '{\"a\" : 1}', '<a/>', '(1,2)', '[1,5)', '\\x00ff', 1.50, '{a,NULL}', '2026-01-01 00:00+00', 'NaN'), (3, 9, '[]', NULL, '(0,0)', 'empty', '', -0.00, '{}', 'infinity', '-0'), (5, 7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0.1)",
            "(pid) REFERENCES parent (id)",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int) WITH (fillfactor = 70); INSERT INTO child VALUES (1, 1), (2, 9); ALTER TABLE child ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON child USING (false)",
            "(pid) REFERENCES parent (id)",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, gone int, tenant int NOT NULL, pid int, t text COLLATE \"C\"); ALTER TABLE child DROP COLUMN gone; CREATE TABLE two (tenant int, id int, PRIMARY KEY (tenant, id)); INSERT INTO two VALUES (1, 1);
             INSERT INTO child VALUES (1, 1, 1, 'a'), (2, 1, 9, 'b'), (3, 2, 1, 'c'), (4, 2, NULL, 'd')",
            "(tenant, pid) REFERENCES two (tenant, id) ON DELETE SET NULL (pid)",
        ),
        (
            "CREATE TABLE child (id int NOT NULL, pid int); CREATE UNIQUE INDEX ON child (id); INSERT INTO child VALUES (1, 1), (2, 9)",
            "(pid) REFERENCES parent (id)",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, pid int, q int, CONSTRAINT u UNIQUE (pid, q) DEFERRABLE INITIALLY DEFERRED); INSERT INTO child VALUES (1, 1, 1), (2, 8, 1), (3, 9, 1), (4, NULL, 1)",
            "(pid) REFERENCES parent (id)",
        ),
        (
            "CREATE TABLE child (id int PRIMARY KEY, a int, b int); CREATE TABLE two (a int, b int, PRIMARY KEY (a, b)); INSERT INTO two VALUES (1, 1);
             INSERT INTO child VALUES (1, 1, 1), (2, 1, 2), (3, NULL, 5), (4, NULL, NULL)",
            "(a, b) REFERENCES two (a, b) MATCH FULL",
        ),
    ] {
        let key = if key.contains("ON DELETE") {
            key.to_owned()
        } else {
            format!("{key} ON DELETE SET NULL")
        };
        let Some(site) = Site::of(&format!(
                "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2); {sql}"
            )) else {
                return;
            };
            let site = site.with(
                "V1__keys",
                &format!("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY {key}"),
                "ALTER TABLE child DROP CONSTRAINT fk",
            );
        for mode in MODES {
            let before = site.picture();
            site.run(&format!("up {mode}"))
                .status(0)
                .says(" of child kept with ");
            assert_eq!(
                rows(&site, "child").len(),
                before.rows["child"].len(),
                "{sql}"
            );
            site.run(&format!("down {mode}")).status(0);
            assert_eq!(site.picture(), before, "{sql}");
        }
    }
}

#[test]
fn a_column_of_two_keys_is_forgotten_once_and_the_stricter_key_decides() {
    for mode in MODES {
        let Some(site) = Site::of(
            "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE q (a int PRIMARY KEY);
             CREATE TABLE child (id int PRIMARY KEY, a int, b int, c int);
             INSERT INTO p VALUES (1, 1); INSERT INTO q VALUES (1), (2);
             INSERT INTO child VALUES (1, 1, 1, 1), (2, 2, 2, 1), (3, 1, 1, 9), (4, 2, 2, 9), (5, 3, 3, 1)",
        ) else {
            return;
        };
        let site = site.with(
            "V1__keys",
            "ALTER TABLE child ADD CONSTRAINT cp FOREIGN KEY (a, b) REFERENCES p (a, b) ON DELETE SET NULL;
             ALTER TABLE child ADD CONSTRAINT cq FOREIGN KEY (a) REFERENCES q (a) ON DELETE SET NULL;
             ALTER TABLE child ADD CONSTRAINT cc FOREIGN KEY (c) REFERENCES q (a) ON DELETE CASCADE;",
            "ALTER TABLE child DROP CONSTRAINT cc; ALTER TABLE child DROP CONSTRAINT cq; ALTER TABLE child DROP CONSTRAINT cp;",
        );
        let before = site.picture();
        let up = site
            .run(&format!("up {mode} --format json"))
            .status(0)
            .json();
        let applied = &up["migrations"][0];
        assert_eq!(applied["removed"][0]["rows"], 2);
        assert_eq!(applied["set_null"][0]["rows"], 2);
        assert_eq!(rows(&site, "child"), ["(1,1,1,1)", "(2,,,1)", "(5,,,1)"]);
        assert_eq!(
            site.ask("SELECT concat_ws(' ', id, fkfix_constraints, fkfix_kept) FROM child_orphans ORDER BY id"),
            [
                r#"2 cp {"a": "NULL", "b": "NULL"}"#,
                "3 cc",
                "4 cp, cc",
                r#"5 cp, cq {"a": "NULL", "b": "NULL"}"#
            ]
        );
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before);
    }
}

/// It refers to a row that leaves, and breaks a key of its own.
#[test]
fn a_row_that_hangs_on_an_orphan_and_is_one_is_dealt_with_once() {
    for mode in MODES {
        let Some(site) = Site::of(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE c (id int PRIMARY KEY, pid int); CREATE TABLE d (id int PRIMARY KEY, cid int, pid int);
             INSERT INTO c VALUES (1, 1), (2, 9), (3, 8); INSERT INTO d VALUES (1, 1, 1), (2, 2, 9), (3, 3, 1), (4, 1, 7)",
        ) else {
            return;
        };
        let site = site.with(
            "V1__keys",
            "ALTER TABLE c ADD CONSTRAINT cp FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE;
             ALTER TABLE d ADD CONSTRAINT dc FOREIGN KEY (cid) REFERENCES c ON DELETE SET NULL;
             ALTER TABLE d ADD CONSTRAINT dp FOREIGN KEY (pid) REFERENCES p ON DELETE SET NULL;",
            "ALTER TABLE d DROP CONSTRAINT dp; ALTER TABLE d DROP CONSTRAINT dc; ALTER TABLE c DROP CONSTRAINT cp",
        );
        let before = site.picture();
        let dry = site.run("up --dry-run --format json").status(0).json();
        let up = site
            .run(&format!("up {mode} --format json"))
            .status(0)
            .json();
        for part in ["removed", "set_null"] {
            assert_eq!(
                up["migrations"][0][part], dry["migrations"][0][part],
                "{mode} {part}"
            );
        }
        assert_eq!(rows(&site, "d"), ["(1,1,1)", "(2,,)", "(3,,1)", "(4,1,)"]);
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before);
    }
}

#[test]
fn what_changed_since_stays_in_the_archive_and_is_told_by_cause() {
    for mode in MODES {
        let Some(site) = family("ON DELETE SET NULL", "INSERT INTO child VALUES (5, 7, 'e')")
        else {
            return;
        };
        site.run("up").status(0);
        site.sql("UPDATE child SET pid = 2 WHERE id = 2; DELETE FROM child WHERE id = 3; UPDATE child SET t = 'new' WHERE id = 5");
        let told = "  1 row moved from child_orphans back to child\n  2 rows kept in child_orphans\n    1 row: pid of child changed since\n    1 row: its row is gone from child\n";
        site.run("down --dry-run").status(0).says(&told.replace(
            "1 row moved from child_orphans back",
            "1 row of child_orphans would move back",
        ));
        site.run(&format!("down {mode}"))
            .status(0)
            .stdout(&format!("reverted V1 keys\n{told}"));
        // What changed beside the key stays changed.
        assert_eq!(
            rows(&site, "child"),
            ["(1,1,a)", "(2,2,b)", "(4,,d)", "(5,7,new)"]
        );
        assert_eq!(
            site.ask("SELECT id || ' ' || pid FROM child_orphans ORDER BY id"),
            ["2 8", "3 9"]
        );
    }
}

#[test]
fn a_key_that_would_break_another_that_stays_is_kept_and_told() {
    for mode in MODES {
        let Some(site) = family(
            "ON DELETE SET NULL",
            "CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (8), (1), (9)",
        ) else {
            return;
        };
        site.run("up").status(0);
        site.sql("ALTER TABLE child ADD CONSTRAINT stays FOREIGN KEY (pid) REFERENCES other; DELETE FROM other WHERE id = 9");
        for dry in [" --dry-run", ""] {
            site.run(&format!("down {mode}{dry}"))
                .status(0)
                .says("  1 row kept in child_orphans: it breaks stays (pid) references other (id), which stays\n");
        }
        assert_eq!(
            rows(&site, "child"),
            ["(1,1,a)", "(2,8,b)", "(3,,c)", "(4,,d)"]
        );
    }
}

/// Two migrations have the same row forget two keys, and one of them twice.
#[test]
fn a_row_that_forgot_several_keys_gets_each_back_by_its_own_migration() {
    for mode in MODES {
        let Some(site) = family(
            "ON DELETE SET NULL",
            "ALTER TABLE child ADD COLUMN qid int; UPDATE child SET qid = 5 WHERE id = 2",
        ) else {
            return;
        };
        site.write(
            "V2__more",
            "ALTER TABLE child ADD CONSTRAINT k2 FOREIGN KEY (qid) REFERENCES parent (id) ON DELETE SET NULL",
            "ALTER TABLE child DROP CONSTRAINT k2",
        );
        let before = site.picture();
        site.run(&format!("up {mode}")).status(0);
        assert_eq!(rows(&site, "child")[1], "(2,,b,)");
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(rows(&site, "child")[1], "(2,,b,5)");
        site.run(&format!("down {mode}")).status(0);
        assert_eq!(site.picture(), before);
        site.run(&format!("up {mode}")).status(0);
        site.run(&format!("down {mode} --to 0")).status(0);
        assert_eq!(site.picture(), before);
    }
}

const AUDITED: &str = "CREATE TABLE audit (what text, id int);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_NAME, NEW.id); RETURN NEW; END $$;
    CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.pid := OLD.pid; RETURN NEW; END $$;";

#[test]
fn triggers_on_update_are_refused_fire_or_are_set_aside() {
    for mode in MODES {
        let Some(site) = family(
            "ON DELETE SET NULL",
            &format!("{AUDITED} CREATE TRIGGER u BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION note();
                CREATE TRIGGER d AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION note()"),
        ) else {
            return;
        };
        let before = site.picture();
        for dry in [" --dry-run", ""] {
            site.run(&format!("up {mode}{dry}"))
                .status(1)
                .explains("child has 1 trigger on UPDATE: u");
        }
        assert_eq!(site.picture(), before);
        site.run(&format!("up {mode} --triggers skip")).status(0);
        assert_eq!(rows(&site, "audit"), [""; 0]);
        site.run(&format!("down {mode}"))
            .status(1)
            .explains("child has 1 trigger on UPDATE: u");
        site.run(&format!("down {mode} --triggers skip")).status(0);
        assert_eq!(site.picture(), before);
        site.run(&format!("up {mode} --triggers fire")).status(0);
        assert_eq!(rows(&site, "audit"), ["(u,2)", "(u,3)"]);
    }
}

#[test]
fn a_trigger_that_keeps_the_key_is_noticed_and_nothing_changes() {
    for function in ["no", "again"] {
        for mode in MODES {
            let Some(site) = family(
                "ON DELETE SET NULL",
                &format!(
                    "{AUDITED} CREATE TRIGGER u BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION {function}()"
                ),
            ) else {
                return;
            };
            let before = rows(&site, "child");
            site.run(&format!("up {mode} --triggers fire"))
                .status(2)
                .explains(" of child should have got another key, and 0 did: a trigger keeps them as they are");
            assert_eq!(rows(&site, "child"), before);
            site.run(&format!("up {mode} --triggers skip")).status(0);
            site.run(&format!("down {mode} --triggers fire"))
                .status(2)
                .explains("should have come back to child, and 0 did");
            site.run(&format!("down {mode} --triggers skip")).status(0);
            assert_eq!(rows(&site, "child"), before);
        }
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
fn a_key_that_is_being_repaired_is_not_forgotten() {
    for mode in ["transaction", "online"] {
        let Some(site) = family("ON DELETE SET NULL", "") else {
            return;
        };
        let mut application = site
            .database
            .client("BEGIN; UPDATE child SET pid = 1 WHERE id = 3");
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("up --mode {mode} --lock-timeout 20s")));
            until_somebody_waits(&site);
            application.batch_execute("COMMIT").unwrap();
            run.join().unwrap().status(0);
        });
        assert_eq!(
            rows(&site, "child"),
            ["(1,1,a)", "(2,,b)", "(3,1,c)", "(4,,d)"],
            "{mode}"
        );
    }
}

/// The key is there already, NOT VALID, so that no lock on the table stands in the way.
#[test]
fn a_key_whose_parent_comes_while_the_row_is_locked_is_not_forgotten() {
    for mode in ["transaction", "online"] {
        let Some(site) = family("ON DELETE SET NULL", "") else {
            return;
        };
        site.sql("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE SET NULL NOT VALID");
        let mut application = site
            .database
            .client("BEGIN; INSERT INTO parent VALUES (9); UPDATE child SET t = 'x' WHERE id = 3");
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("up --mode {mode} --lock-timeout 20s")));
            until_somebody_waits(&site);
            application.batch_execute("COMMIT").unwrap();
            run.join().unwrap().status(0);
        });
        assert_eq!(
            rows(&site, "child"),
            ["(1,1,a)", "(2,,b)", "(3,9,x)", "(4,,d)"],
            "{mode}"
        );
        assert_eq!(site.ask("SELECT id::text FROM child_orphans"), ["2"]);
    }
}

/// A row that changes beside its key while it is waited for is still an orphan, as it is then.
#[test]
fn what_the_archive_remembers_is_the_row_as_it_was_last() {
    for mode in ["transaction", "online"] {
        let Some(site) = family("ON DELETE SET NULL", "") else {
            return;
        };
        site.sql("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE SET NULL NOT VALID");
        let mut application = site
            .database
            .client("BEGIN; UPDATE child SET t = t || 'x' WHERE id = 3");
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("up --mode {mode} --lock-timeout 20s")));
            until_somebody_waits(&site);
            application.batch_execute("COMMIT").unwrap();
            run.join().unwrap().status(0);
        });
        let told = "SELECT id || ' ' || pid || ' ' || t FROM child_orphans ORDER BY id";
        assert_eq!(site.ask(told), ["2 8 b", "3 9 cx"]);
        // The key was there before, and stays.
        site.run("down")
            .status(0)
            .says("  2 rows kept in child_orphans: they break fk (pid) references parent (id) on delete set null, which stays\n");
        site.sql("INSERT INTO parent VALUES (9)");
        site.run(&format!("restore --mode {mode}")).status(0).says(
            "  1 row moved from child_orphans back to child\n  1 row kept in child_orphans: ",
        );
        assert_eq!(
            rows(&site, "child"),
            ["(1,1,a)", "(2,,b)", "(3,9,cx)", "(4,,d)"]
        );
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
