use std::thread;

use pretty_assertions::assert_eq;

use crate::follow::{MODES, family, rows};
use crate::moved_rows::until_somebody_waits;
use crate::site::Site;

/// Goes up in `mode`, which waits for an application that has made this `change` and commits then.
fn up_behind(site: &Site, mode: &str, change: &str) {
    let mut application = site.database.client(&format!("BEGIN; {change}"));
    thread::scope(|scope| {
        let run = scope.spawn(|| site.run(&format!("up --mode {mode} --lock-timeout 20s")));
        until_somebody_waits(site);
        application.batch_execute("COMMIT").unwrap();
        run.join().unwrap().status(0);
    });
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
fn a_key_that_is_being_repaired_is_not_forgotten() {
    for mode in ["transaction", "online"] {
        let Some(site) = family("ON DELETE SET NULL", "") else {
            return;
        };
        up_behind(&site, mode, "UPDATE child SET pid = 1 WHERE id = 3");
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
        up_behind(
            &site,
            mode,
            "INSERT INTO parent VALUES (9); UPDATE child SET t = 'x' WHERE id = 3",
        );
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
        up_behind(&site, mode, "UPDATE child SET t = t || 'x' WHERE id = 3");
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
