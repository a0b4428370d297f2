use pretty_assertions::assert_eq;

use crate::moved_rows::family;
use crate::server;
use crate::site::Site;

/// A key from `c` to `p` as the script says it.
fn key(site: Site, clause: &str) -> Site {
    site.with(
        "V1__k",
        &format!("ALTER TABLE c ADD CONSTRAINT k {clause}"),
        "ALTER TABLE c DROP CONSTRAINT k",
    )
}

/// The rows of `c` that leave by the key, in either mode, are these; and all come back.
#[track_caller]
fn leave(sql: &str, clause: &str, ids: &[&str]) {
    for mode in ["transaction", "online"] {
        let Some(site) = Site::of(sql) else { return };
        let site = key(site, clause);
        let before = site.picture();
        let orphans = site.run("orphans --format json").json();
        assert_eq!(orphans["orphans"], ids.len(), "{orphans}");
        site.run(&format!("up --mode {mode} --max-orphans 100%"))
            .status(0);
        let archived = if ids.is_empty() {
            Vec::new()
        } else {
            site.ask("SELECT id::text FROM c_orphans ORDER BY id")
        };
        assert_eq!(archived, ids, "{mode}");
        assert_eq!(
            site.ask("SELECT convalidated::text FROM pg_constraint WHERE conname = 'k'"),
            ["true"]
        );
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

#[test]
fn a_null_among_the_parents_hides_no_orphan() {
    leave(
        "CREATE TABLE p (id int UNIQUE); INSERT INTO p VALUES (1), (NULL);
         CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 2), (3, NULL), (4, 4)",
        "FOREIGN KEY (pid) REFERENCES p (id)",
        &["2", "4"],
    );
}

#[test]
fn a_key_that_is_partly_null_is_an_orphan_where_all_or_nothing_is_asked_for() {
    let sql = "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1);
         CREATE TABLE c (id int PRIMARY KEY, a int, b int);
         INSERT INTO c VALUES (1, 1, 1), (2, 1, NULL), (3, NULL, 1), (4, NULL, NULL), (5, 2, 2), (6, NULL, 9)";
    leave(
        sql,
        "FOREIGN KEY (a, b) REFERENCES p (a, b) MATCH FULL",
        &["2", "3", "5", "6"],
    );
    leave(sql, "FOREIGN KEY (a, b) REFERENCES p (a, b)", &["5"]);
}

/// A plain `=` between the two fails: 42P22.
#[test]
fn columns_of_two_collations_are_compared_by_the_parents() {
    leave(
        r#"CREATE TABLE p (id text COLLATE "C" PRIMARY KEY); INSERT INTO p VALUES ('a'), ('b');
         CREATE TABLE c (id int PRIMARY KEY, pid text COLLATE "POSIX"); INSERT INTO c VALUES (1, 'a'), (2, 'A'), (3, 'x')"#,
        "FOREIGN KEY (pid) REFERENCES p (id)",
        &["2", "3"],
    );
}

/// The parent's collation takes two spellings for one value. PostgreSQL 18 refuses a key between
/// two collations of which one does that.
#[test]
fn a_collation_that_takes_two_spellings_for_one_decides_what_an_orphan_is() {
    let Some(probe) = Site::of("") else { return };
    let collation =
        "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
    let mut client = probe.database.client("");
    if client.batch_execute(collation).is_err() {
        let _ = server::skip::<()>("this PostgreSQL was built without ICU");
        return;
    }
    let sql = |child: &str| {
        format!(
            "{collation}; CREATE TABLE p (id text COLLATE ci PRIMARY KEY); INSERT INTO p VALUES ('a');
             CREATE TABLE c (id int PRIMARY KEY, pid text {child}); INSERT INTO c VALUES (1, 'a'), (2, 'A'), (3, 'x')"
        )
    };
    let clause = "FOREIGN KEY (pid) REFERENCES p (id)";
    leave(&sql("COLLATE ci"), clause, &["3"]);
    if probe.database.connect().version < 180_000 {
        leave(&sql(""), clause, &["3"]);
        return;
    }
    let Some(site) = Site::of(&sql("")) else {
        return;
    };
    let site = key(site, clause);
    let before = site.picture();
    for line in ["up --mode transaction", "up --mode online", "up --dry-run"] {
        site.run(line)
            .status(2)
            .explains("c.pid and p.id have different collations");
    }
    assert_eq!(site.picture(), before);
}

/// More rows than a statement takes parameters, by a key of values that fill an index page.
#[test]
fn long_and_many_keys_are_no_obstacle() {
    for mode in ["transaction", "online"] {
        let Some(site) = Site::of(
            "CREATE TABLE p (a text, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (repeat('é', 1000), 1);
             CREATE TABLE c (a text, b int, n int);
             INSERT INTO c SELECT repeat('é', 1000), i % 70, i FROM generate_series(0, 70999) i",
        ) else {
            return;
        };
        let site = key(
            site,
            "FOREIGN KEY (a, b) REFERENCES p (a, b) ON DELETE CASCADE",
        );
        site.run(&format!("up --mode {mode} --batch 100000"))
            .status(0)
            .remarks("hint: many rows left c: VACUUM (ANALYZE) gives their room to new ones");
        assert_eq!(site.ask("SELECT count(*)::text FROM c"), ["1015"]);
        assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["69985"]);
        site.run(&format!("down --mode {mode} --batch 100000"))
            .status(0);
        assert_eq!(
            site.ask("SELECT count(*) || ' ' || count(DISTINCT n) FROM c"),
            ["71000 71000"]
        );
    }
}

/// A nested loop looks a parent up for each child: 25 times slower. It is what LIMIT brings about.
#[test]
fn orphans_are_listed_by_a_join_of_the_whole() {
    let Some(site) = family(
        "INSERT INTO p SELECT generate_series(3, 20000); CREATE TABLE c (id int PRIMARY KEY, pid int);
         INSERT INTO c SELECT i, CASE WHEN i % 100 = 0 THEN -i ELSE 1 + i % 20000 END FROM generate_series(1, 100000) i;
         CREATE INDEX ON c (pid); ANALYZE",
    ) else {
        return;
    };
    let script = site
        .run("up --dry-run --format sql --mode online")
        .status(0)
        .stdout;
    let (_, rest) = script.split_once("INTO places FROM (").unwrap();
    let (query, _) = rest.split_once(") AS l;").unwrap();
    assert!(!script.contains("LIMIT"), "{script}");
    let plan = site.ask(&format!("EXPLAIN {query}")).join("\n");
    assert!(plan.contains("Anti Join"), "{plan}");
    assert!(!plan.contains("Nested Loop"), "{plan}");
}

#[test]
fn names_mean_what_the_search_path_of_the_user_says() {
    for mode in ["transaction", "online"] {
        let Some(site) = family("CREATE TABLE c (id int PRIMARY KEY, pid int)") else {
            return;
        };
        let name = site.database.name.clone();
        site.sql(&format!(
            "CREATE SCHEMA app; CREATE TABLE app.c (id int PRIMARY KEY, pid int); INSERT INTO app.c VALUES (1, 1), (2, 7);
             CREATE SCHEMA lib; CREATE TABLE lib.p (id int PRIMARY KEY); INSERT INTO lib.p VALUES (7);
             ALTER DATABASE {name} SET search_path = app, lib, public"
        ));
        site.run(&format!("up --mode {mode}")).status(0);
        assert_eq!(
            site.ask("SELECT conrelid::regclass || ' ' || confrelid::regclass FROM pg_constraint WHERE contype = 'f'"),
            ["c p"]
        );
        assert_eq!(
            site.ask("SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname IN ('c_orphans', 'fkfix_schema_history')"),
            ["app", "app"]
        );
        assert_eq!(site.ask("SELECT id::text FROM app.c"), ["2"]);
    }
}

#[test]
fn identities_go_on_where_they_were() {
    let Some(site) = family(
        "CREATE TABLE c (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, pid int, twice int GENERATED ALWAYS AS (pid * 2) STORED);
         INSERT INTO c (pid) VALUES (1), (9), (9), (2)",
    ) else {
        return;
    };
    let before = site.picture();
    site.run("up").status(0);
    site.run("down").status(0);
    assert_eq!(site.picture(), before);
    site.sql("INSERT INTO c (pid) VALUES (1)");
    assert_eq!(site.ask("SELECT max(id)::text FROM c"), ["5"]);
}

/// What only PostgreSQL 18 has; none below, which says so.
fn on_18(sql: &str) -> Option<Site> {
    let site = Site::of("")?;
    if site.database.connect().version < 180_000 {
        // Not a failure in CI, where the server is older.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED: this needs PostgreSQL 18\n",
        );
        return None;
    }
    site.sql(sql);
    Some(site)
}

#[test]
fn a_key_that_is_not_enforced_is_named_and_not_taken_for_the_one_that_was_asked_for() {
    let Some(site) = on_18(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 9);
         CREATE INDEX ON c (pid); ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p NOT ENFORCED",
    ) else {
        return;
    };
    let check = site.run("check").status(1);
    assert!(
        check.stdout.contains(
            "[not-enforced] c (pid)\n  k is NOT ENFORCED: PostgreSQL holds no row against it"
        ),
        "{check:#?}"
    );
    assert!(
        check.stdout.contains("1 row of c breaks the key"),
        "{check:#?}"
    );
    let site = key(site, "FOREIGN KEY (pid) REFERENCES p (id)");
    let before = site.picture();
    for line in ["up --mode transaction", "up --mode online", "up --dry-run"] {
        site.run(line)
            .status(2)
            .explains("c has this key already as k, which is NOT ENFORCED")
            .remarks("ALTER CONSTRAINT \"k\" ENFORCED, or drop it");
    }
    assert_eq!(site.picture(), before);
    // The remedy works.
    site.sql("DELETE FROM c WHERE id = 2; ALTER TABLE c ALTER CONSTRAINT k ENFORCED");
    site.run("up").status(0);
    site.run("check").status(0);
}

#[test]
fn a_key_on_periods_is_named_as_not_supported() {
    let Some(site) = on_18(
        "CREATE EXTENSION IF NOT EXISTS btree_gist; CREATE TABLE p (id int4range, span int4range, PRIMARY KEY (id, span WITHOUT OVERLAPS));
         CREATE TABLE c (id int4range, span int4range)",
    ) else {
        return;
    };
    let site = site.with(
        "V1__k",
        "ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (id, PERIOD span) REFERENCES p (id, PERIOD span)",
        "ALTER TABLE c DROP CONSTRAINT k",
    );
    let before = site.picture();
    for line in ["up", "up --dry-run", "orphans", "check"] {
        site.run(line)
            .status(2)
            .explains("keys with PERIOD are not supported");
    }
    assert_eq!(site.picture(), before);
    site.sql("ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (id, PERIOD span) REFERENCES p (id, PERIOD span) NOT VALID");
    site.write("V1__k", "SELECT 1", "SELECT 1");
    site.run("orphans")
        .status(0)
        .remarks("was not looked at: keys with PERIOD are not supported");
    site.run("check").status(1).says("[not-valid] c (id, span)");
}
