use std::fs;
use std::path::PathBuf;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::site::{Run, Site};

/// Names and texts that a reader of SQL may stumble over.
const HOSTILE: &str = r#"
    CREATE SCHEMA "My app";
    CREATE TYPE "My app"."mood; --" AS ENUM ('it''s', ');');
    CREATE DOMAIN "My app".pos AS int DEFAULT 1 CHECK (VALUE > 0);
    CREATE TABLE "My app"."P a""rent" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a,b" text DEFAULT ');''' UNIQUE);
    CREATE TABLE "select" (id int PRIMARY KEY, "from" bigint, m "My app"."mood; --", a text[] DEFAULT ARRAY['x', 'y'],
        n numeric(10, 2), g int GENERATED ALWAYS AS (id * 2) STORED, CHECK (n > 0 AND m <> ');'));
    ALTER TABLE "select" ADD CONSTRAINT "k (1)" FOREIGN KEY ("from") REFERENCES "My app"."P a""rent" ON DELETE CASCADE;
    CREATE INDEX odd ON "select" (lower(a[1]), "from") WHERE n > 1;
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
PERFORM 1; /*
COPY nothing FROM stdin;
\restrict
*/ RETURN new; END $f$;
    CREATE TRIGGER t BEFORE INSERT ON "select" FOR EACH ROW EXECUTE FUNCTION f();
    ALTER TABLE "select" ENABLE ALWAYS TRIGGER t;
    CREATE VIEW v AS SELECT id, "from" FROM "select";
    CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM "select";
    COMMENT ON TABLE "select" IS E'line\nCREATE TABLE forged (id int);\n\\.';
    CREATE TABLE parts (id int, at date, p bigint REFERENCES "My app"."P a""rent") PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE UNLOGGED TABLE fast (id int); CREATE TABLE heir (more int) INHERITS (fast);
    ALTER TABLE fast ENABLE ROW LEVEL SECURITY; CREATE POLICY pol ON fast FOR SELECT USING (id > 1);
    CREATE SEQUENCE s INCREMENT 5 CYCLE"#;

/// Changes of that schema, and what undoes each.
const CHANGES: &[(&str, &str)] = &[
    (
        "ALTER TABLE \"select\" ADD x int",
        "ALTER TABLE \"select\" DROP x",
    ),
    (
        "ALTER TABLE \"select\" ALTER n SET NOT NULL",
        "ALTER TABLE \"select\" ALTER n DROP NOT NULL",
    ),
    (
        "ALTER TABLE \"select\" ALTER a DROP DEFAULT",
        "ALTER TABLE \"select\" ALTER a SET DEFAULT ARRAY['x', 'y']",
    ),
    (
        "ALTER TABLE \"select\" DISABLE TRIGGER t",
        "ALTER TABLE \"select\" ENABLE ALWAYS TRIGGER t",
    ),
    ("CREATE INDEX i ON fast (id)", "DROP INDEX i"),
    (
        "ALTER TABLE fast FORCE ROW LEVEL SECURITY",
        "ALTER TABLE fast NO FORCE ROW LEVEL SECURITY",
    ),
    (
        "DROP POLICY pol ON fast",
        "CREATE POLICY pol ON fast FOR SELECT USING (id > 1)",
    ),
    (
        "CREATE OR REPLACE VIEW v AS SELECT id, \"from\" FROM \"select\" WHERE id > 1",
        "CREATE OR REPLACE VIEW v AS SELECT id, \"from\" FROM \"select\"",
    ),
    (
        "CREATE RULE r AS ON DELETE TO fast DO INSTEAD NOTHING",
        "DROP RULE r ON fast",
    ),
    ("ALTER SEQUENCE s NO CYCLE", "ALTER SEQUENCE s CYCLE"),
    ("CREATE TYPE ct AS (a int)", "DROP TYPE ct"),
    (
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION g",
    ),
    (
        "ALTER TABLE fast SET LOGGED",
        "ALTER TABLE fast SET UNLOGGED",
    ),
    (
        "ALTER TABLE heir NO INHERIT fast",
        "ALTER TABLE heir INHERIT fast",
    ),
    (
        "ALTER TABLE parts DETACH PARTITION parts_1",
        "ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    ),
    ("CREATE SCHEMA more", "DROP SCHEMA more"),
];

/// What `pg_dump` writes of the site's database, in a file.
fn dump(site: &Site, options: &[&str]) -> PathBuf {
    let name = format!("{}.dump", site.database.name);
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new(crate::server::program("pg_dump"))
        .args(options)
        .arg("-f")
        .arg(&file)
        .arg(site.database.url())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    file
}

fn check_dump(site: &Site, file: &std::path::Path, options: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fkfix"));
    command.arg("check").arg("--schema").arg(file);
    command.args(options.split_whitespace());
    if fs::read_dir(site.migrations()).unwrap().next().is_some() {
        command.arg("--migrations").arg(site.migrations());
    }
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap()
            .replace(file.to_str().unwrap(), "dump")
    };
    Run {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn codes(run: &Run) -> Vec<String> {
    let found = run.json();
    let findings = found["findings"].as_array().unwrap().iter();
    let told = findings.map(|it| {
        format!(
            "{} {}",
            it["code"].as_str().unwrap(),
            it["object"].as_str().unwrap()
        )
    });
    told.collect()
}

#[test]
fn a_dump_lacks_the_keys_before_up_and_has_them_after() {
    for fixture in ["app-postgres", "nasty-postgres"] {
        let Some(site) = Site::fixture(fixture) else {
            return;
        };
        let file = dump(&site, &["-s"]);
        let run = check_dump(&site, &file, "--format json").status(1);
        let missing: Vec<_> = codes(&run)
            .into_iter()
            .filter(|it| it.starts_with("key-missing"))
            .collect();
        assert_eq!(
            missing,
            [
                "key-missing webhook_logs (alert_rule_id)",
                "key-missing webhook_logs (event_id)"
            ]
        );
        let text = fs::read_to_string(&file).unwrap();
        let line = text
            .lines()
            .position(|it| it.starts_with("CREATE TABLE") && it.contains("webhook_logs ("));
        assert_eq!(run.json()["findings"][0]["line"], line.unwrap() + 1);
        let github = check_dump(&site, &file, "--format github").status(1).stdout;
        let annotation = format!("::error file=dump,line={},title=", line.unwrap() + 1);
        assert!(github.starts_with(&annotation), "{github}");
        site.run("up --triggers skip --max-orphans 100%").status(0);
        // With rows too.
        for options in [&["-s"][..], &[], &["--inserts"]] {
            let file = dump(&site, options);
            let run = check_dump(&site, &file, "--format json").status(0);
            assert!(
                !codes(&run).iter().any(|it| it.starts_with("key-")),
                "{run:#?}"
            );
        }
    }
}

/// What is said of the schema is the same of a database and of its dump.
#[test]
fn a_dump_is_checked_as_its_database_is() {
    for (sql, expected) in [
        (HOSTILE, &["no-child-index parts (p)", "no-child-index select (from)"][..]),
        (
            "CREATE TABLE p (id int PRIMARY KEY, u int UNIQUE); CREATE TABLE c (id int PRIMARY KEY, a int, b int, d int, x int, y int);
             ALTER TABLE c ADD CONSTRAINT a1 FOREIGN KEY (a) REFERENCES p, ADD CONSTRAINT a2 FOREIGN KEY (a) REFERENCES p (id);
             ALTER TABLE c ADD CONSTRAINT b1 FOREIGN KEY (b) REFERENCES p (u) ON DELETE SET NULL NOT VALID;
             CREATE INDEX ON c (a, b); CREATE INDEX ON c (b DESC); CREATE INDEX ON c (d) WHERE a > 1;
             ALTER TABLE c ADD FOREIGN KEY (d) REFERENCES p;
             CREATE UNIQUE INDEX two ON c (x, y); CREATE TABLE w (y int, x int, FOREIGN KEY (x, y) REFERENCES c (x, y));
             CREATE INDEX ON w (y, x)",
            &["key-twice c (a)", "no-child-index c (d)", "not-valid c (b)"],
        ),
    ] {
        let Some(site) = Site::of(sql) else { return };
        let file = dump(&site, &["-s"]);
        let mut of_dump = codes(&check_dump(&site, &file, "--format json"));
        let mut of_database = codes(&site.run("check --format json"));
        of_dump.sort();
        of_database.sort();
        assert_eq!(of_dump, of_database);
        assert_eq!(of_dump, expected);
    }
}

#[test]
fn what_later_migrations_drop_and_rename_is_expected_so() {
    let Some(site) = Site::of(
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, a int, b int); CREATE INDEX ON c (a); CREATE INDEX ON c (b)",
    ) else {
        return;
    };
    site.write(
        "V1__keys",
        "ALTER TABLE c ADD FOREIGN KEY (a) REFERENCES p; ALTER TABLE c ADD CONSTRAINT b_p FOREIGN KEY (b) REFERENCES p",
        "ALTER TABLE c DROP CONSTRAINT b_p; ALTER TABLE c DROP CONSTRAINT c_a_fkey",
    );
    let reverse = "ALTER TABLE children RENAME COLUMN p_id TO b; ALTER TABLE children RENAME TO c";
    site.write(
        "V2__names",
        "ALTER TABLE c DROP CONSTRAINT c_a_fkey; ALTER TABLE c RENAME TO children; ALTER TABLE children RENAME COLUMN b TO p_id",
        reverse,
    );
    site.run("up").status(0);
    assert_eq!(codes(&site.run("check --format json")), [""; 0]);
    let run = check_dump(&site, &dump(&site, &["-s"]), "--format json").status(0);
    assert_eq!(codes(&run), [""; 0]);
    site.sql("ALTER TABLE children DROP CONSTRAINT b_p");
    for run in [
        site.run("check --format json"),
        check_dump(&site, &dump(&site, &["-s"]), "--format json"),
    ] {
        assert_eq!(codes(&run), ["key-missing children (p_id)"]);
    }
    site.sql("ALTER TABLE children ADD CONSTRAINT other FOREIGN KEY (p_id) REFERENCES p ON DELETE CASCADE");
    let run = check_dump(&site, &dump(&site, &["-s"]), "--format json").status(1);
    assert_eq!(codes(&run), ["key-differs children (p_id)"]);
}

#[test]
fn what_is_no_whole_dump_is_refused() {
    let Some(site) = Site::fixture("app-postgres") else {
        return;
    };
    let file = dump(&site, &[]);
    let text = fs::read_to_string(&file).unwrap();
    let rows = text.find("FROM stdin;\n").unwrap() + 40;
    for end in [rows, text.find("CREATE TABLE").unwrap() + 60] {
        fs::write(&file, &text[..end]).unwrap();
        check_dump(&site, &file, "").status(2).remarks("hint: ");
    }
    fs::write(&file, &text).unwrap();
    check_dump(&site, &file, "--snapshot s.sql")
        .status(2)
        .explains("a snapshot is of what the server says of its schema");
}

#[test]
fn a_snapshot_holds_the_whole_schema_and_nothing_of_fkfix() {
    let Some(site) = Site::of(HOSTILE) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.sql");
    let options = format!(
        "check --ignore no-child-index --snapshot {}",
        file.display()
    );
    site.run(&options)
        .status(2)
        .explains(&format!("there is no snapshot {}", file.display()));
    site.run(&format!("{options} --update"))
        .status(0)
        .stdout(&format!(
            "the schema of app is written to {}\n",
            file.display()
        ));
    let before = fs::read_to_string(&file).unwrap();
    site.run(&options).status(0);
    // Each of these is seen, and seen no more once it is undone.
    for (change, undo) in CHANGES {
        site.sql(change);
        let run = site.run(&options).status(1);
        assert!(
            run.stdout.contains("error[schema-differs]"),
            "{change}: {run:#?}"
        );
        site.sql(undo);
        let run = site.run(&options);
        assert_eq!(run.status, Some(0), "{change}: {run:#?}");
    }
    // A migration that is taken back leaves the same schema.
    site.write(
        "V1__fast",
        "ALTER TABLE heir ADD CONSTRAINT h FOREIGN KEY (more) REFERENCES \"select\" (id)",
        "ALTER TABLE heir DROP CONSTRAINT h",
    );
    site.sql("INSERT INTO \"select\" (id) VALUES (1); INSERT INTO heir VALUES (1, 7), (2, 1)");
    site.run("up").status(0).says("moved");
    let run = site.run(&options).status(1);
    let added: Vec<_> = run
        .stdout
        .lines()
        .filter(|it| it.starts_with("    +") && !it.starts_with("    +++"))
        .collect();
    let key = "    +  CONSTRAINT h FOREIGN KEY (more) REFERENCES public.\"select\"(id)";
    assert_eq!(added.len(), 2, "{run:#?}");
    assert_eq!(added[1], key);
    site.run("down").status(0);
    site.run(&format!("{options} --update")).status(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}
