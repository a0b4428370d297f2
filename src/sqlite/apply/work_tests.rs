//! A progress bar goes by the instructions that a step is said to take; here they are counted.

use rusqlite::{Connection, StatementStatus};

use crate::policy::{Method, OrphanAction, Policy};
use crate::sqlite::apply::plan::{self, KeyPlan};
use crate::sqlite::archive::{self, Whose};
use crate::sqlite::rebuild::steps::{self, Step};
use crate::sqlite::text::statement::AddForeignKey;

const ROWS: i64 = 2_000;

/// Rows of a dozen columns and `indexes`, of which one in `share` is an orphan.
fn logs(indexes: &str, share: i64) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE rules (id INTEGER PRIMARY KEY); INSERT INTO rules VALUES (1);
             CREATE TABLE logs (id INTEGER PRIMARY KEY, rule INTEGER, a, b, c, d, e, f, g, h, i, j);
             {indexes};
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO logs (id, rule, a, b) SELECT i, 1 + (i % {share} = 0), i, i FROM n;"
        ))
        .unwrap();
    connection
}

const INDEXES: &str = "CREATE INDEX logs_a ON logs (a); CREATE INDEX logs_b ON logs (b);
    CREATE INDEX logs_b_a ON logs (b, a); CREATE INDEX logs_rule ON logs (rule)";

/// The plan that gives `logs` a key to `rules`.
pub(super) fn planned(connection: &Connection, method: Method) -> KeyPlan {
    let request = AddForeignKey {
        table: "logs".into(),
        name: Some("fk".into()),
        constraint: "CONSTRAINT fk FOREIGN KEY (rule) REFERENCES rules (id)".into(),
    };
    let policy = Policy {
        orphans: OrphanAction::Archive,
        max_orphans: None,
        method,
    };
    plan::add_keys(connection, &[request], 1, &policy, None).unwrap()
}

fn plan(connection: &Connection, method: Method) -> Vec<Step> {
    planned(connection, method).steps
}

/// Carries `steps` out, and holds what each takes against what it says.
fn carry_out(connection: &Connection, of: &str, all: &[Step]) -> usize {
    let mut held = 0;
    for step in all {
        let said = step.work().instructions;
        let sql = match step {
            Step::Run {
                sql,
                edits_schema: false,
                ..
            } if said > 0 => sql,
            _ => {
                steps::carry_out(connection, std::slice::from_ref(step)).unwrap();
                continue;
            }
        };
        let mut taken = 0;
        for statement in sql.split(";\n") {
            let mut statement = connection.prepare(statement).unwrap();
            let mut rows = statement.query([]).unwrap();
            while rows.next().unwrap().is_some() {}
            drop(rows);
            taken += statement.get_status(StatementStatus::VmStep);
        }
        let share = f64::from(taken) / f64::from(u32::try_from(said).unwrap());
        assert!(
            (0.4..2.5).contains(&share),
            "{of}: {} takes {taken} instructions instead of {said}",
            step.title()
        );
        held += 1;
    }
    held
}

#[test]
fn a_step_takes_about_as_many_instructions_as_it_says() {
    let columns = ('a'..='j').map(|it| format!("CREATE INDEX logs__{it} ON logs ({it}, rule);"));
    let many = columns.collect::<String>();
    for (indexes, share) in [("", 20), (INDEXES, 20), (INDEXES, 2), (&many, 20)] {
        for method in [Method::Fastest, Method::Documented] {
            let of = format!("{method:?}, one in {share}, {indexes:?}");
            let connection = logs(indexes, share);
            let steps = plan(&connection, method);
            assert!(carry_out(&connection, &of, &steps) > 0, "{of}");
            let [back] = &archive::restore(&connection, Whose::All, None).unwrap()[..] else {
                panic!("one archive");
            };
            let of = format!("back from {of}");
            assert!(carry_out(&connection, &of, &back.insert) > 0, "{of}");
        }
    }
}

/// To delete a row costs many times what it costs not to copy it.
#[test]
fn up_to_a_tenth_of_the_rows_is_deleted_and_more_is_not_copied() {
    for (share, deletes) in [(10, true), (9, false)] {
        let connection = logs(INDEXES, share);
        let steps = plan(&connection, Method::Fastest);
        let is_deletion = |step: &Step| step.title().starts_with("delete ");
        assert_eq!(steps.iter().any(is_deletion), deletes, "one in {share}");
    }
}
