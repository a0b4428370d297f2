//! Several databases are each done as if alone, in order, and what failed is named.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::{Database, Finished, Picture, binary, rows};

/// A folder of databases, each a copy of one with an orphan and a pending migration.
struct Tenants {
    seed: Database,
}

impl Tenants {
    fn new(names: &[&str]) -> Self {
        let seed = Database::family(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id); INSERT INTO child VALUES (1, 1), (2, 9);",
        );
        let tenants = Tenants { seed };
        for name in names {
            tenants.add(name);
        }
        tenants
    }

    fn add(&self, name: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&self.seed.path, path).unwrap();
    }

    fn folder(&self) -> &Path {
        &self.seed.home
    }

    fn open(&self, name: &str) -> Connection {
        Connection::open(self.folder().join(name)).unwrap()
    }

    /// The binary in the folder, with the migrations that the databases want.
    fn command(&self, line: &str) -> Command {
        let mut command = binary();
        command.current_dir(self.folder());
        command.args(line.split(' '));
        let migrations = self.seed.migration("V1__keys.sql");
        let verb = line.split(' ').next().unwrap();
        if ["up", "down", "status", "orphans", "check"].contains(&verb) {
            command
                .arg("--migrations")
                .arg(migrations.parent().unwrap());
        }
        command
    }

    fn run(&self, line: &str) -> Finished {
        let output = self.command(line).output().unwrap();
        Finished::new(output, self.folder())
    }
}

const FAMILY: [&str; 3] = ["a.db", "b.db", "c.db"];

#[test]
fn each_is_done_as_if_it_were_alone() {
    let tenants = Tenants::new(&FAMILY);
    tenants.seed.up();
    let up = "applied V1: 1 foreign key, 1 row leaving";
    tenants.run("orphans -d [a-c].db").status(1).stdout(
        "app.db/a.db: 1 orphan (1 key checked)\napp.db/b.db: 1 orphan (1 key checked)\napp.db/c.db: 1 orphan (1 key checked)\n3 databases: 0 ok, 3 with orphans\n",
    );
    tenants
        .run("up -d [a-c].db --dry-run")
        .status(0)
        .says("app.db/b.db: would apply V1: 1 foreign key, 1 row leaving\n");
    tenants
        .run("up -d [a-c].db --jobs 3")
        .status(0)
        .stdout(&format!(
            "app.db/a.db: {up}\napp.db/b.db: {up}\napp.db/c.db: {up}\n3 databases: 3 done\n"
        ));
    for query in [
        "SELECT type, name, tbl_name, rootpage > 0, sql FROM sqlite_schema",
        "SELECT rowid, * FROM child",
        "SELECT id, parent_id, fkfix_constraints, fkfix_rowid FROM child_orphans",
        "SELECT version, name, checksum, adopted FROM fkfix_schema_history",
    ] {
        let alone = rows(&tenants.open("app.db"), query);
        for name in FAMILY {
            assert_eq!(rows(&tenants.open(name), query), alone, "{name}");
        }
    }
    tenants.run("status -d [a-c].db").status(0).stdout(
        "app.db/a.db: V1 applied, 1 row archived\napp.db/b.db: V1 applied, 1 row archived\napp.db/c.db: V1 applied, 1 row archived\n3 databases: 3 ok\n",
    );
    tenants
        .run("up -d a.db -d b.db")
        .status(0)
        .stdout("app.db/a.db: nothing to do\napp.db/b.db: nothing to do\n2 databases: 2 done\n");
    tenants
        .run("down -d [a-c].db")
        .status(0)
        .says("app.db/a.db: reverted V1: 1 row back\n");
    let before = Picture::of(&tenants.open("a.db"));
    for name in FAMILY {
        assert_eq!(Picture::of(&tenants.open(name)), before, "{name}");
    }
}

#[test]
fn one_that_fails_ends_the_run_unless_it_is_to_keep_going() {
    for what in [
        "locked",
        "missing",
        "damaged",
        "no database",
        "a folder",
        "empty",
    ] {
        let tenants = Tenants::new(&FAMILY);
        let b = tenants.folder().join("b.db");
        let mut other = None;
        let code = match what {
            "locked" => {
                let connection = tenants.open("b.db");
                connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
                other = Some(connection);
                "locked"
            }
            "missing" => {
                fs::remove_file(&b).unwrap();
                "no-such-database"
            }
            "damaged" => {
                let mut bytes = fs::read(&b).unwrap();
                bytes[100..200].fill(0xEE);
                fs::write(&b, bytes).unwrap();
                "damaged"
            }
            "no database" => {
                fs::write(&b, "name,age\n".repeat(200)).unwrap();
                "not-a-database"
            }
            "a folder" => {
                fs::remove_file(&b).unwrap();
                fs::create_dir(&b).unwrap();
                "no-such-database"
            }
            _ => {
                fs::write(&b, "").unwrap();
                "no-such-database"
            }
        };
        let failed = format!("app.db/b.db: failed ({code})\n");
        let databases = "-d a.db -d b.db -d c.db --lock-timeout 30ms";
        let stopped = tenants.run(&format!("status {databases}")).status(2);
        assert_eq!(
            stopped.stdout,
            format!("app.db/a.db: V1 pending\n{failed}3 databases: 1 ok, 1 failed, 1 not tried\n"),
            "{what}"
        );
        assert!(
            stopped.stderr.starts_with("error: ") && stopped.stderr.contains("app.db/b.db"),
            "{what}: {stopped:?}"
        );
        assert!(
            stopped
                .stderr
                .ends_with("hint: --keep-going goes on with the others where one fails\n")
        );
        let went_on = tenants
            .run(&format!("up {databases} --keep-going --jobs 2"))
            .status(2)
            .says(&failed)
            .says("app.db/c.db: applied V1: 1 foreign key, 1 row leaving\n3 databases: 2 done, 1 failed\n");
        assert_eq!(went_on.stderr.matches("error: ").count(), 1, "{what}");
        drop(other);
    }
}

#[test]
fn a_refusal_is_one_answer_among_others() {
    let tenants = Tenants::new(&FAMILY);
    tenants
        .open("b.db")
        .execute_batch("DELETE FROM child WHERE parent_id = 9")
        .unwrap();
    let run = tenants.run("up -d [a-c].db --orphans refuse").status(1);
    assert_eq!(
        run.stdout,
        "app.db/a.db: refused\napp.db/b.db: applied V1: 1 foreign key\napp.db/c.db: refused\n3 databases: 1 done, 2 refused\n"
    );
    for name in ["a.db", "c.db"] {
        run.stderr
            .lines()
            .find(|line| line.starts_with("error: ") && line.contains(name))
            .unwrap_or_else(|| panic!("{name} is not named in {run:?}"));
    }
}

#[test]
fn json_is_a_list_with_an_element_for_each() {
    let tenants = Tenants::new(&FAMILY);
    fs::write(tenants.folder().join("b.db"), "no database at all").unwrap();
    let alone = tenants.run("orphans -d a.db --format json").status(1);
    let several = tenants
        .run("orphans -d a.db -d b.db -d c.db --format json")
        .status(2);
    let list = several.json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 3);
    assert_eq!(list[0], alone.json());
    assert_eq!(list[1]["error"]["code"], "not-a-database");
    assert_eq!(list[2]["error"]["code"], "not-tried");
    for (at, name) in [(1, "app.db/b.db"), (2, "app.db/c.db")] {
        assert_eq!(list[at]["error"]["database"], name);
    }
    // A pattern gives a list, whatever it matches.
    let one = tenants.run("orphans -d [a].db --format json").json();
    assert_eq!(one, serde_json::json!([alone.json()]));
    let up = tenants.run("up -d [ac].db --format json").status(0).json();
    assert_eq!(up[1]["migrations"][0]["version"], 1);
}

#[test]
fn a_database_that_is_named_twice_is_done_once() {
    let tenants = Tenants::new(&FAMILY);
    symlink("a.db", tenants.folder().join("link.db")).unwrap();
    fs::hard_link(
        tenants.folder().join("b.db"),
        tenants.folder().join("hard.db"),
    )
    .unwrap();
    tenants
        .run("up -d a.db -d ./a.db -d sqlite:a.db -d link.db -d b.db -d *.db --jobs 4 --keep-going")
        .status(0)
        .says("app.db/a.db: applied V1")
        .says("4 databases: 4 done\n");
}

#[test]
fn a_file_that_is_called_like_a_pattern_is_that_file() {
    let tenants = Tenants::new(&["a[1].db", "a1.db", "*.db", "x?.db"]);
    for name in ["a[1].db", "*.db", "x?.db"] {
        tenants
            .run(&format!("status -d {name}"))
            .status(0)
            .stdout("V1 keys  pending\n");
    }
    tenants
        .run("status -d a[0-9].db")
        .status(0)
        .stdout("app.db/a1.db: V1 pending\n1 database: 1 ok\n");
}

#[test]
fn a_pattern_that_matches_nothing_is_an_error_before_anything_is_done() {
    let tenants = Tenants::new(&FAMILY);
    let before = tenants.seed.files();
    for (named, message) in [
        ("none/*.db", "no file matches app.db/none/*.db"),
        ("a.db -d x*.db", "no file matches app.db/x*.db"),
        ("a.db -d :memory:", "this names a database in memory"),
        ("[.db", "is no pattern"),
    ] {
        for verb in ["up", "status", "check"] {
            let run = tenants.run(&format!("{verb} -d {named}")).status(2);
            run.stdout("").explains(message);
        }
    }
    assert!(tenants.seed.files() == before);
}

#[test]
fn a_variable_names_one() {
    let tenants = Tenants::new(&FAMILY);
    let mut command = tenants.command("status");
    let output = command.env("DATABASE_URL", "[a-c].db").output().unwrap();
    Finished::new(output, tenants.folder())
        .status(2)
        .explains("app.db/[a-c].db does not exist");
}

#[test]
fn what_there_is_one_of_is_refused_for_several() {
    let tenants = Tenants::new(&FAMILY);
    let before = tenants.seed.files();
    for (verb, message) in [
        (
            "up --backup copy.db",
            "--backup takes a copy of one database",
        ),
        (
            "up --dry-run --format sql",
            "--format sql writes the script for one",
        ),
        (
            "down --dry-run --format sql",
            "--format sql writes the script for one",
        ),
        ("orphans --format csv", "--format csv lists the rows of one"),
        (
            "check --snapshot s.sql --update",
            "--update writes the snapshot of one",
        ),
        ("discover --write", "--write makes a migration from one"),
        ("restore --purge --older-than 1d", "--purge asks about one"),
        (
            "show child 1",
            "fkfix show takes one database, and 3 are named",
        ),
        ("graph", "fkfix graph takes one database, and 3 are named"),
        (
            "new x --add child.parent_id->parent.id",
            "fkfix new takes one database",
        ),
    ] {
        tenants
            .run(&format!("{verb} -d [a-c].db"))
            .status(2)
            .stdout("")
            .explains(message);
    }
    assert!(tenants.seed.files() == before);
    // A pattern that matches one is one.
    tenants
        .run("show child 1 -d [a].db")
        .status(0)
        .says("a row of child");
}

#[test]
fn an_annotation_names_the_database() {
    let tenants = Tenants::new(&["a.db", "b.db"]);
    fs::write(tenants.folder().join("b.db"), "no database at all").unwrap();
    let told = tenants.run("check -d [ab].db --format github").status(2);
    let lines: Vec<_> = told.stdout.lines().collect();
    assert!(lines[0].starts_with("::error title=fkfix migration-pending::app.db/a.db: "));
    assert!(told.stdout.contains(
        "::error title=fkfix not-a-database::could not open app.db/b.db: file is not a database%0Ahint: "
    ));
}

#[test]
fn a_report_that_is_lost_undoes_nothing() {
    let tenants = Tenants::new(&FAMILY);
    for (format, done) in [("text", "1 database"), ("json", "3 databases")] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = tenants.command(&format!("up -d [a-c].db --format {format}"));
        let output = command.stdout(Stdio::from(full)).output().unwrap();
        Finished::new(output, tenants.folder())
            .status(3)
            .remarks(&format!("error: {done} done, but the report of it is lost"));
    }
}

#[test]
fn a_thousand_have_a_line_each() {
    let names: Vec<_> = (0..1000)
        .map(|it| format!("{:02}/{it:04}.db", it % 50))
        .collect();
    let tenants = Tenants::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let told = tenants.run("status -d */*.db --jobs 2").status(0);
    assert_eq!(told.stdout.lines().count(), 1001);
    assert!(told.stdout.ends_with("\n1,000 databases: 1,000 ok\n"));
    assert_eq!(told.stdout, tenants.run("status -d **/0*.db").stdout);
}
