//! Keys that people would call by the same words are still told apart.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// What `orphans` counts for each key: parent, rows, missing parents.
fn counted(database: &Database) -> Vec<(String, i64, i64)> {
    let report = database.fkfix("orphans --format json").json();
    let keys = report["keys"].as_array().unwrap().iter();
    let mut keys: Vec<_> = keys
        .map(|key| {
            let number = |name: &str| key[name].as_i64().unwrap();
            let parent = key["parent"].as_str().unwrap().to_owned();
            (parent, number("rows"), number("dead_parents"))
        })
        .collect();
    keys.sort();
    keys
}

fn parents(sql: &str) -> Database {
    Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2), (3);
         CREATE TABLE q (id INTEGER PRIMARY KEY); INSERT INTO q VALUES (1);",
    )
    .with(sql)
    .with_migration("V1__nothing", "SELECT 1;", "SELECT 1;")
}

#[test]
fn unnamed_keys_over_one_column_to_two_parents() {
    for index in ["", "CREATE INDEX i ON c (pid);"] {
        let database = parents(&format!(
            "CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER REFERENCES p (id) REFERENCES q (id));
             INSERT INTO c VALUES (1, 1), (2, 2), (3, 9); {index}"
        ));
        assert_eq!(
            counted(&database),
            [("p".to_owned(), 1, 1), ("q".to_owned(), 2, 2)]
        );
        let report = database.fkfix("orphans").status(1);
        report
            .says("    c (pid) references q (id)  declared     2                2")
            .says("    c (pid) references p (id)  declared     1                1")
            .says("    p               9     1\n");
        database.fkfix("orphans --format csv").status(1).stdout(
            "\"fkfix_rowid\",\"fkfix_constraints\",\"id\",\"pid\"\n2,\"c (pid) references q (id)\",2,2\n3,\"c (pid) references q (id), c (pid) references p (id)\",3,9\n",
        );
    }
}

#[test]
fn two_constraints_of_one_name() {
    let database = parents(
        "CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, d INTEGER,
            CONSTRAINT k FOREIGN KEY (a) REFERENCES p (id), CONSTRAINT K FOREIGN KEY (b) REFERENCES q (id), CONSTRAINT other FOREIGN KEY (d) REFERENCES q (id));
         INSERT INTO c VALUES (1, 1, 1, 1), (2, 2, 2, 7), (3, 9, 1, 1), (4, 9, 9, 1);",
    );
    assert_eq!(
        counted(&database),
        [
            ("p".to_owned(), 2, 1),
            ("q".to_owned(), 1, 1),
            ("q".to_owned(), 2, 2)
        ]
    );
    let report = database.fkfix("orphans").status(1).stdout;
    for (key, rows) in [
        ("k (a) references p (id)", 2),
        ("K (b) references q (id)", 2),
        ("other                  ", 1),
    ] {
        let line = format!("    {key}  declared     {rows} ");
        assert!(report.contains(&line), "{report}");
    }
}

#[test]
fn a_name_is_given_to_the_key_that_has_it() {
    let database = parents(
        "CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER, FOREIGN KEY (pid) REFERENCES q (id), CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id));
         INSERT INTO c VALUES (1, 1), (2, 9);",
    );
    for verb in ["orphans", "graph"] {
        let json = database.fkfix(&format!("{verb} --format json")).json();
        let keys = json["keys"].as_array().unwrap().iter();
        let mut names: Vec<_> = keys
            .map(|key| (key["parent"].as_str().unwrap(), key["constraint"].as_str()))
            .collect();
        names.sort_unstable();
        assert_eq!(names, [("p", Some("k")), ("q", None)], "{verb}");
    }
}

#[test]
fn rows_that_follow_by_keys_of_one_name_are_counted_for_each() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, code INTEGER UNIQUE);
         INSERT INTO child VALUES (1, 1, 10), (2, 9, 20), (3, 9, 30);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child INTEGER REFERENCES child (id) ON DELETE CASCADE REFERENCES child (code) ON DELETE CASCADE);
         INSERT INTO note VALUES (1, 1), (2, 2), (3, 3), (4, 30), (5, 10);",
    );
    let report = database.fkfix("orphans").status(1).stdout;
    let expected = "    note                note (child) references child (code) on delete cascade     1  goes along\n    note                note (child) references child (id) on delete cascade       2  go along\n";
    assert!(report.contains(expected), "{report}");
    let up = database.up();
    up.says("    1 row goes along by note (child) references child (code) on delete cascade\n    2 rows go along by note (child) references child (id) on delete cascade\n");
}
