use pretty_assertions::assert_eq;

use crate::moved_rows::family;
use crate::site::Site;

/// What is refused changes nothing, in either mode, and a dry run says the same.
#[track_caller]
fn is_refused(site: &Site, told: &str) {
    let before = site.picture();
    for line in ["up --mode transaction", "up --mode online", "up --dry-run"] {
        site.run(line).status(2).explains(told);
    }
    assert_eq!(site.picture(), before);
}

#[test]
fn types_that_postgresql_does_not_compare_in_a_key() {
    let refused = [
        ("varchar", "uuid"),
        ("text", "uuid"),
        ("uuid", "text"),
        ("text", "int"),
        ("int", "text"),
        ("numeric", "int"),
        ("float8", "int"),
        ("jsonb", "text"),
        ("bytea", "uuid"),
        ("bool", "int"),
        ("oid", "int"),
        ("e1", "e2"),
        ("text", "e1"),
    ];
    let taken = [
        ("smallint", "bigint"),
        ("bigint", "smallint"),
        ("int", "numeric"),
        ("int", "float8"),
        ("varchar", "text"),
        ("text", "varchar"),
        ("char(3)", "varchar(9)"),
        ("name", "text"),
        ("date", "timestamp"),
        ("timestamptz", "date"),
        ("d", "int"),
        ("int", "d"),
        ("e1", "e1"),
        ("int[]", "int[]"),
        ("dd", "d"),
    ];
    let Some(site) = Site::of(
        "CREATE TYPE e1 AS ENUM ('a'); CREATE TYPE e2 AS ENUM ('a');
         CREATE DOMAIN d AS int; CREATE DOMAIN dd AS d",
    ) else {
        return;
    };
    let mut client = site.database.client("");
    let mut all = [String::new(), String::new()];
    let (refused, taken) = (refused.map(|it| (it, false)), taken.map(|it| (it, true)));
    for (at, ((child, parent), is_taken)) in refused.into_iter().chain(taken).enumerate() {
        let add = format!("ALTER TABLE c{at} ADD FOREIGN KEY (pid) REFERENCES p{at} (id);");
        let drop = format!("ALTER TABLE c{at} DROP CONSTRAINT c{at}_pid_fkey;");
        site.sql(&format!(
            "CREATE TABLE p{at} (id {parent} PRIMARY KEY); CREATE TABLE c{at} (pid {child})"
        ));
        // PostgreSQL itself is the judge.
        let by_server = client.batch_execute(&format!("BEGIN; {add} ROLLBACK"));
        assert_eq!(by_server.is_ok(), is_taken, "{child} -> {parent}");
        if is_taken {
            all[0].push_str(&add);
            all[1].push_str(&drop);
        } else {
            client.batch_execute("ROLLBACK").unwrap();
            site.write("V1__k", &add, &drop);
            is_refused(&site, "PostgreSQL can't compare them in a key");
        }
    }
    drop(client);
    let [add, drop] = all;
    site.write("V1__k", &add, &drop);
    site.run("up").status(0).says("added 1 foreign key to c27");
    site.run("down").status(0);
}

#[test]
fn a_parent_that_is_no_key() {
    for parent in [
        "CREATE TABLE q (id int)",
        "CREATE TABLE q (id int UNIQUE DEFERRABLE)",
        "CREATE TABLE q (id int); CREATE UNIQUE INDEX ON q (id) WHERE id > 0",
        "CREATE TABLE q (id int); CREATE UNIQUE INDEX i ON q (id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
        "CREATE TABLE q (id int, b int, UNIQUE (id, b))",
    ] {
        let Some(site) = Site::of(&format!("{parent}; CREATE TABLE c (pid int)")) else {
            return;
        };
        let site = site.with(
            "V1__k",
            "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES q (id)",
            "ALTER TABLE c DROP CONSTRAINT c_pid_fkey",
        );
        is_refused(&site, "q (id) is neither PRIMARY KEY nor UNIQUE");
    }
    for parent in [
        "CREATE TABLE q (id int); CREATE UNIQUE INDEX ON q (id)",
        "CREATE TABLE q (id int, b int); CREATE UNIQUE INDEX ON q (id) INCLUDE (b)",
    ] {
        let Some(site) = Site::of(&format!("{parent}; CREATE TABLE c (pid int)")) else {
            return;
        };
        let site = site.with(
            "V1__k",
            "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES q (id)",
            "ALTER TABLE c DROP CONSTRAINT c_pid_fkey",
        );
        site.run("up").status(0);
    }
}

#[test]
fn tables_that_can_have_no_key() {
    for (sql, told) in [
        (
            "CREATE VIEW c AS SELECT 1 AS pid",
            "c is a view, and can neither have a key",
        ),
        (
            "CREATE MATERIALIZED VIEW c AS SELECT 1 AS pid",
            "c is a materialized view",
        ),
        (
            "CREATE TABLE c (pid int); CREATE TABLE heir () INHERITS (c)",
            "heir inherits from c",
        ),
        (
            "CREATE TABLE c (pid int); CREATE TABLE heir () INHERITS (p)",
            "heir inherits from p",
        ),
        (
            "CREATE TABLE c (pid int); ALTER TABLE p SET UNLOGGED",
            "c is permanent, and p is unlogged",
        ),
        ("CREATE TABLE d (pid int)", "there is no table c"),
        ("CREATE TABLE c (\"Pid\" int)", "c has no column pid"),
        (
            "CREATE TABLE c (pid int, CONSTRAINT c_p CHECK (pid > 0)); ALTER TABLE c RENAME CONSTRAINT c_p TO x; ALTER TABLE c ADD CONSTRAINT c_p UNIQUE (pid)",
            "c has another constraint called c_p",
        ),
        (
            "CREATE TABLE c (pid int REFERENCES p)",
            "c has another key on the same columns",
        ),
    ] {
        let Some(site) = family(sql) else { return };
        is_refused(&site, told);
    }
}

#[test]
fn names_that_postgresql_folds_get_a_hint_in_quotes() {
    let Some(site) = Site::of(
        "CREATE TABLE \"Orders\" (\"customerId\" int); CREATE TABLE p (id int PRIMARY KEY)",
    ) else {
        return;
    };
    let site = site.with(
        "V1__k",
        "ALTER TABLE Orders ADD FOREIGN KEY (customerId) REFERENCES p",
        "SELECT 1",
    );
    site.run("up")
        .status(2)
        .explains("there is no table orders")
        .remarks("the table is \"Orders\"");
    site.write(
        "V1__k",
        "ALTER TABLE \"Orders\" ADD FOREIGN KEY (customerId) REFERENCES p",
        "SELECT 1",
    );
    site.run("up")
        .status(2)
        .explains("Orders has no column customerid")
        .remarks("the column is \"customerId\"");
}

#[test]
fn policies_that_hide_rows_are_refused_on_either_side() {
    for table in ["c", "p"] {
        let Some(site) = family(
            "CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 9)",
        ) else {
            return;
        };
        let role = format!("owner_{}", site.database.name);
        site.sql(&format!(
            "CREATE ROLE {role} LOGIN; ALTER TABLE c OWNER TO {role}; ALTER TABLE p OWNER TO {role}; GRANT CREATE ON SCHEMA public TO {role};
             ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
             CREATE POLICY some_rows ON {table} USING (id = 1)"
        ));
        let before = site.picture();
        let options = format!("-c role={role}");
        for line in ["orphans", "up --mode transaction", "up --mode online"] {
            let mut command = site.command(line);
            command.env("PGOPTIONS", &options);
            let output = command.output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{line}: {told}");
            assert!(
                told.contains(&format!(
                    "row level security hides rows of {table} from role {role}"
                )),
                "{told}"
            );
            assert!(
                told.contains("hint: run as a role with BYPASSRLS"),
                "{told}"
            );
        }
        assert_eq!(site.picture(), before);
        site.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

#[test]
fn rights_that_are_missing_are_named_before_anything_is_written() {
    let Some(site) = family("CREATE TABLE c (id int PRIMARY KEY, pid int)") else {
        return;
    };
    let role = format!("guest_{}", site.database.name);
    site.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}"
    ));
    let run = |told: &str, hint: &str| {
        let mut command = site.command("up");
        command.env("PGOPTIONS", format!("-c role={role}"));
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(told) && text.contains(hint), "{text}");
    };
    run(
        &format!("role {role} may not read c"),
        "hint: GRANT SELECT ON",
    );
    site.sql(&format!("GRANT SELECT ON c TO {role}"));
    run(
        &format!("role {role} may not read p"),
        "hint: GRANT SELECT ON",
    );
    site.sql(&format!("GRANT SELECT ON p TO {role}"));
    run("only its owner adds a key", "hint: run as postgres");
    site.sql(&format!("ALTER TABLE c OWNER TO {role}"));
    run(
        &format!("role {role} may not refer to p"),
        "hint: GRANT REFERENCES ON",
    );
    site.sql(&format!("GRANT REFERENCES (id) ON p TO {role}"));
    let mut command = site.command("up");
    command.env("PGOPTIONS", format!("-c role={role}"));
    assert!(command.status().unwrap().success());
    site.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
