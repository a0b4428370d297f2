//! The reader of migration scripts, with SQLite as the oracle.
//!
//! No text panics it; what it lets through as one statement is one statement to SQLite too;
//! no statement that SQLite carries out has ended the transaction around it; and a statement
//! read again means the same.

#![no_main]

use fkfix::sqlite::text::script;
use fkfix::sqlite::text::statement::Action;
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;
use rusqlite::limits::Limit;

fuzz_target!(|script: &str| {
    let Ok(statements) = script::parse("V1__fuzz.sql", script) else {
        return;
    };
    for statement in statements {
        let sql = match &statement.action {
            Action::Other(sql) | Action::DropConstraint { sql, .. } => sql,
            Action::AddForeignKey(key) => {
                must_be_one_key(&key.constraint);
                continue;
            }
        };
        let again = script::parse("V1__fuzz.sql", sql).expect("a statement reads again");
        assert_eq!(again.len(), 1, "{sql:?}");
        assert_eq!(again[0].action, statement.action);
        must_stay_in_the_transaction(sql);
    }
});

fn must_stay_in_the_transaction(sql: &str) {
    let mut connection = Connection::open_in_memory().expect("a database");
    connection
        .set_limit(Limit::SQLITE_LIMIT_LENGTH, 100_000)
        .expect("a limit");
    connection
        .execute_batch("CREATE TABLE t (a, b); CREATE TABLE p (id INTEGER PRIMARY KEY); BEGIN")
        .expect("tables");
    let mut ticks = 0;
    let stop = move || {
        ticks += 1;
        ticks > 20
    };
    connection
        .progress_handler(1000, Some(stop))
        .expect("a limit");
    if let Err(rusqlite::Error::MultipleStatement) = connection.prepare(sql).map(drop) {
        panic!("more than one statement: {sql:?}");
    }
    let done = connection.execute_batch(sql);
    assert!(
        done.is_err() || !connection.is_autocommit(),
        "ended the transaction: {sql:?}"
    );
}

/// SQLite, where it takes the constraint into a table, finds one key more and nothing else.
fn must_be_one_key(constraint: &str) {
    let table = "CREATE TABLE t (a, b, c PRIMARY KEY)";
    let Ok(edited) = fkfix::sqlite::text::constraints::add_constraints(table, &[constraint]) else {
        return;
    };
    let connection = Connection::open_in_memory().expect("a database");
    if connection.execute_batch(&edited).is_err() {
        return;
    }
    let count = |sql| {
        connection
            .query_row::<i64, _, _>(sql, [], |row| row.get(0))
            .expect("a number")
    };
    let keys = count("SELECT count(DISTINCT id) FROM pragma_foreign_key_list('t')");
    let columns = count("SELECT count(*) FROM pragma_table_xinfo('t')");
    let indexes = count("SELECT count(*) FROM pragma_index_list('t')");
    assert_eq!((keys, columns, indexes), (1, 3, 1), "{constraint:?}");
}
