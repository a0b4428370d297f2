use std::thread;

use pretty_assertions::assert_eq;

use crate::moved_rows::until_somebody_waits;
use crate::site::Site;

/// `c` in three leaves at two depths, with rows at the same place of each; every tenth is an orphan.
const PARTS: &str = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2);
    CREATE TABLE c (id int, pid int, note text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (100);
    CREATE TABLE c2 PARTITION OF c FOR VALUES FROM (100) TO (1000) PARTITION BY RANGE (id);
    CREATE TABLE c2a PARTITION OF c2 FOR VALUES FROM (100) TO (200);
    CREATE TABLE c2b PARTITION OF c2 FOR VALUES FROM (200) TO (300);
    INSERT INTO c SELECT i, CASE i % 10 WHEN 0 THEN 9 ELSE 1 END, 'n' || i FROM generate_series(0, 299) i;";

const KEYS: &str =
    "SELECT conrelid::regclass || ' ' || conname || ' ' || convalidated FROM pg_constraint
    WHERE contype = 'f' AND confrelid = 'p'::regclass ORDER BY 1";

fn parts(sql: &str) -> Option<Site> {
    Some(Site::of(&format!("{PARTS} {sql}"))?.with(
        "V1__key",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE",
        "ALTER TABLE c DROP CONSTRAINT c_p",
    ))
}

#[test]
fn its_orphans_leave_and_each_partition_has_one_valid_key() {
    for mode in ["transaction", "online"] {
        let Some(site) = parts("") else { return };
        let before = site.picture();
        site.run("orphans")
            .status(1)
            .says("30 of 300 rows in c have no parent");
        site.run(&format!("up --mode {mode} --dry-run"))
            .status(0)
            .says("30 rows of c would move to c_orphans");
        assert_eq!(site.picture(), before);
        site.run(&format!("up --mode {mode} --batch 7 --child-index"))
            .status(0)
            .says("30 rows");
        assert_eq!(
            site.ask(KEYS),
            [
                "c c_p true",
                "c1 c_p true",
                "c2 c_p true",
                "c2a c_p true",
                "c2b c_p true"
            ]
        );
        assert_eq!(
            site.ask("SELECT id::text FROM c_orphans ORDER BY id").len(),
            30
        );
        assert_eq!(site.ask("SELECT count(*)::text FROM c"), ["270"]);
        let check = site.run("check").status(0);
        assert!(!check.stdout.contains("no-child-index"), "{check:#?}");
        site.run("orphans").status(0);
        site.run(&format!("down --mode {mode} --batch 11"))
            .status(0);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

#[test]
fn the_script_does_the_same() {
    for mode in ["transaction", "online"] {
        let Some(site) = parts("") else { return };
        let before = site.picture();
        let script = site
            .run(&format!(
                "up --dry-run --format sql --mode {mode} --child-index"
            ))
            .status(0);
        site.psql(&script.stdout);
        assert_eq!(site.ask(KEYS).len(), 5);
        assert!(site.ask(KEYS).iter().all(|it| it.ends_with("c_p true")));
        assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["30"]);
        site.run("up").status(0).says("nothing to do");
        let script = site.run("down --dry-run --format sql").status(0);
        site.psql(&script.stdout);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

/// The parent has partitions, and rows of others hang on the orphans.
#[test]
fn a_partitioned_parent_is_one_and_rows_that_hang_on_its_orphans_go_along() {
    for mode in ["transaction", "online"] {
        let Some(site) = parts(
            "CREATE TABLE g (id int PRIMARY KEY, cid int REFERENCES c ON DELETE CASCADE);
             INSERT INTO g SELECT i, i FROM generate_series(0, 299) i;
             CREATE TABLE h (id int PRIMARY KEY, cid int); INSERT INTO h VALUES (1, 5), (2, 500)",
        ) else {
            return;
        };
        site.write(
            "V2__h",
            "ALTER TABLE h ADD CONSTRAINT h_c FOREIGN KEY (cid) REFERENCES c (id)",
            "ALTER TABLE h DROP CONSTRAINT h_c",
        );
        let before = site.picture();
        site.run(&format!("up --mode {mode}"))
            .status(0)
            .says("30 rows");
        assert_eq!(site.ask("SELECT count(*)::text FROM g_orphans"), ["30"]);
        assert_eq!(site.ask("SELECT id::text FROM h_orphans"), ["2"]);
        site.run("check").status(0);
        // Adopted, though each partition of the parent has a row of its own in the catalog.
        site.run("orphans").status(0);
        site.run(&format!("down --to 0 --mode {mode}")).status(0);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

#[test]
fn a_key_that_the_whole_has_already_is_adopted() {
    let Some(site) = parts(
        "DELETE FROM c WHERE pid = 9; ALTER TABLE c ADD CONSTRAINT mine FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE",
    ) else {
        return;
    };
    let before = site.picture();
    site.run("up").status(0).says("called mine");
    site.run("down").status(0);
    assert_eq!(site.picture(), before);
}

#[test]
fn a_partition_that_comes_or_goes_under_way() {
    let Some(site) = parts(
        "CREATE TABLE late (id int, pid int, note text, PRIMARY KEY (id)); INSERT INTO late VALUES (1500, 9, ''), (1501, 1, '')",
    ) else {
        return;
    };
    // The first batch waits for this row; then one leaf goes, and another comes with an orphan.
    let mut application = site
        .database
        .client("BEGIN; UPDATE c SET note = 'x' WHERE id = 0");
    thread::scope(|scope| {
        let run = scope.spawn(|| site.run("up --mode online --batch 1 --lock-timeout 20s"));
        until_somebody_waits(&site);
        let on_18 = site.database.connect().version >= 180_000;
        if on_18 {
            // The key of the whole is there already, and takes no partition that breaks it.
            application
                .batch_execute("UPDATE late SET pid = 2 WHERE pid = 9")
                .unwrap();
        }
        // Each by itself: together they would hold a partition and ask for the whole.
        for sql in [
            "COMMIT",
            "ALTER TABLE c2 DETACH PARTITION c2b",
            "ALTER TABLE c ATTACH PARTITION late FOR VALUES FROM (1000) TO (2000)",
        ] {
            application.batch_execute(sql).unwrap();
        }
        run.join().unwrap().status(0);
    });
    assert!(
        site.ask(KEYS).contains(&"late c_p true".to_owned()),
        "{:?}",
        site.ask(KEYS)
    );
    site.run("orphans --table c").status(0);
    let left = site.ask("SELECT count(*)::text FROM c2b WHERE pid = 9");
    let archived = site.ask("SELECT count(*)::text FROM c_orphans WHERE id BETWEEN 200 AND 299");
    assert_eq!(
        left[0].parse::<i32>().unwrap() + archived[0].parse::<i32>().unwrap(),
        10
    );
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    for (sql, told) in [
        (
            "DELETE FROM c WHERE pid = 9; ALTER TABLE c1 ADD CONSTRAINT own FOREIGN KEY (pid) REFERENCES p",
            "c1, a partition of c, has the key own of its own",
        ),
        (
            "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;
             CREATE FOREIGN TABLE far PARTITION OF c FOR VALUES FROM (5000) TO (6000) SERVER s",
            "far, a partition of c, is a foreign table",
        ),
    ] {
        let Some(site) = Site::of("") else { return };
        let mut client = site.database.client("");
        // The unique index that no foreign table can have.
        let schema = format!("{} {sql}", PARTS.replace(", PRIMARY KEY (id)", ""));
        if client.batch_execute(&schema).is_err() {
            continue;
        }
        site.write(
            "V1__key",
            "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id)",
            "ALTER TABLE c DROP CONSTRAINT c_p",
        );
        let before = site.ask(KEYS);
        for line in ["up --mode transaction", "up --mode online", "up --dry-run"] {
            site.run(line).status(2).explains(told);
        }
        assert_eq!(site.ask(KEYS), before);
        let own = "SELECT relname::text FROM pg_class WHERE relname ~ 'orphans|fkfix'";
        assert!(site.ask(own).is_empty());
    }
    let Some(site) = parts(
        "CREATE FUNCTION n() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN old; END $$;
         CREATE TRIGGER t BEFORE DELETE ON c2a FOR EACH ROW EXECUTE FUNCTION n()",
    ) else {
        return;
    };
    let before = site.picture();
    site.run("up")
        .status(1)
        .explains("c has 1 trigger on DELETE: t");
    site.run("up --triggers skip")
        .status(2)
        .explains("--triggers skip does not set aside the triggers of partitions: t");
    assert_eq!(site.picture(), before);
    site.run("up --triggers fire").status(0);
    site.run("down").status(0);
    assert_eq!(site.picture(), before);
}

/// Killed between two steps, both ways are open.
#[test]
fn killed_under_way_it_goes_on_or_back() {
    for way in ["up", "down"] {
        let Some(site) = parts(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stop here'; END $$",
        ) else {
            return;
        };
        let before = site.picture();
        site.sql("CREATE TRIGGER stop BEFORE DELETE ON c FOR EACH ROW EXECUTE FUNCTION no()");
        let run = site.run("up --mode online --triggers fire").status(2);
        assert!(run.stderr.contains("stop here"), "{run:#?}");
        site.run("status")
            .status(0)
            .says("c_p of c: enforced for new rows, not yet valid");
        site.sql("DROP TRIGGER stop ON c");
        site.run(way).status(0);
        if way == "up" {
            assert_eq!(site.ask(KEYS).len(), 5);
            site.run("down").status(0);
        }
        assert_eq!(site.picture(), before, "{way}");
    }
}
