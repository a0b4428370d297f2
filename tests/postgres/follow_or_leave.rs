use pretty_assertions::assert_eq;

use crate::follow::{MODES, child, family, rows};
use crate::site::Site;

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
