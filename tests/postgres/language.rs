use std::thread;

use pretty_assertions::assert_eq;

use crate::moved_rows::until_somebody_waits;
use crate::server::{self, Database, Own, Server};
use crate::site::Site;

const KEY: &str =
    "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE";

/// A server that speaks German; none where it was built without translations.
fn german() -> Option<Server> {
    let server = server::own(&Own {
        language: Some("de"),
        ..Own::default()
    })?;
    let mut client = server::open(&server.url("postgres", "postgres")).client;
    let error = client.batch_execute("SELECT FROM nowhere").unwrap_err();
    let told = error.as_db_error().unwrap().message();
    if told.contains("existiert nicht") {
        return Some(server);
    }
    server::skip(&format!("this PostgreSQL speaks English alone: {told}"))
}

fn site(server: &Server, sql: &str) -> Site {
    let database = Database::of(&server.url("postgres", "postgres"));
    Site::on(database, sql).with("V1__key", KEY, "ALTER TABLE c DROP CONSTRAINT c_p")
}

/// Decisions are made by SQLSTATE, and every remedy is fkfix's own.
#[test]
fn a_server_that_speaks_german_is_understood() {
    let Some(server) = german() else { return };
    let rows = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2);
        CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (2, 9), (3, 8)";
    for mode in ["transaction", "online"] {
        let site = site(&server, rows);
        let before = site.picture();
        // A lock that is not had in time, of a table and of a row.
        let mut holder = site.database.client("BEGIN; LOCK TABLE p");
        site.run(&format!(
            "up --mode {mode} --lock-timeout 10ms --lock-wait 100ms"
        ))
        .status(2)
        .explains("is busy: no lock within 10ms, ");
        holder.batch_execute("COMMIT").unwrap();
        let mut application = site
            .database
            .client("BEGIN; UPDATE c SET pid = 1 WHERE id = 3");
        thread::scope(|scope| {
            let run = scope.spawn(|| site.run(&format!("up --mode {mode} --lock-timeout 30ms")));
            until_somebody_waits(&site);
            application.batch_execute("ROLLBACK").unwrap();
            run.join().unwrap().status(0);
        });
        site.run("check").status(0);
        // One that comes back breaks no key, another finds its place taken.
        site.sql("INSERT INTO c VALUES (2, 1)");
        site.run(&format!("down --mode {mode}"))
            .status(0)
            .says("  1 row kept in c_orphans: id is taken in c\n");
        site.sql("DELETE FROM c WHERE id = 2");
        site.run("restore").status(0).says("1 row");
        assert_eq!(site.picture(), before);
    }
    let no_key = site(
        &server,
        "CREATE TABLE p (id int); CREATE TABLE c (pid text)",
    );
    no_key.run("up").status(2).explains("p (id)");
    no_key.sql("ALTER TABLE p ADD PRIMARY KEY (id)");
    no_key
        .run("up")
        .status(2)
        .explains("PostgreSQL can't compare them");
    let mut missing = no_key.command("status");
    missing.arg("-d").arg(server.url("postgres", "nowhere"));
    no_key
        .run_of(missing)
        .status(2)
        .remarks("existiert nicht")
        .remarks("hint: check the name, or create it: createdb nowhere");
}
