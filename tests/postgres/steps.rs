use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fkfix::explain;
use fkfix::postgres::error::{self, ServerError};
use fkfix::postgres::session::{Session, Step, Wait};
use postgres::error::SqlState;

use crate::server::{self, open, pooler};

const SHORT: Wait = Wait {
    lock_timeout: Duration::from_millis(20),
    lock_wait: Duration::from_millis(200),
};

/// What `SHOW` says of a setting in a step.
fn show(session: &mut Session, step: &Step, setting: &str) -> String {
    session
        .run(step, |transaction| {
            let row = transaction.query_typed_one(&format!("SHOW {setting}"), &[])?;
            Ok(row.get(0))
        })
        .unwrap()
}

#[test]
fn a_step_has_its_own_settings_whatever_the_role_was_given() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let name = &database.name;
    database.client(&format!(
        "ALTER DATABASE {name} SET statement_timeout = '1s';
         ALTER DATABASE {name} SET lock_timeout = 0;
         ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1s';
         ALTER DATABASE {name} SET default_transaction_isolation = serializable;
         ALTER DATABASE {name} SET default_transaction_read_only = on;
         ALTER DATABASE {name} SET standard_conforming_strings = off;
         ALTER DATABASE {name} SET search_path = app, public"
    ));
    let mut session = Session::new(database.connect(), Wait::default());
    let step = Step::change(&[]);
    for (setting, value) in [
        ("statement_timeout", "0"),
        ("lock_timeout", "100ms"),
        ("idle_in_transaction_session_timeout", "0"),
        ("transaction_isolation", "read committed"),
        ("transaction_read_only", "off"),
        ("standard_conforming_strings", "on"),
        ("row_security", "off"),
        ("search_path", "pg_catalog, pg_temp"),
    ] {
        assert_eq!(show(&mut session, &step, setting), value, "{setting}");
    }
    let users = step.with_the_users_names();
    assert_eq!(show(&mut session, &users, "search_path"), "app, public");
    assert_eq!(
        show(&mut session, &Step::look(), "transaction_read_only"),
        "on"
    );
    assert_eq!(
        show(&mut session, &Step::look(), "transaction_isolation"),
        "repeatable read"
    );
}

#[test]
fn a_step_that_fails_leaves_nothing_and_says_what_the_server_said() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let mut client = database.client(
        "CREATE TABLE parents (id int PRIMARY KEY);
         CREATE TABLE children (pid int CONSTRAINT k REFERENCES parents);",
    );
    let mut session = Session::new(database.connect(), SHORT);
    let failed = session.run(&Step::change(&[]), |transaction| {
        transaction.batch_execute("INSERT INTO public.parents VALUES (1)")?;
        transaction.batch_execute("INSERT INTO public.children VALUES (2)")?;
        Ok(())
    });
    let failed = failed.unwrap_err();
    assert_eq!(
        format!("{failed:#}"),
        "insert or update on table \"children\" violates foreign key constraint \"k\": \
         Key (pid)=(2) is not present in table \"parents\""
    );
    assert_eq!(error::code(&failed), Some(&SqlState::FOREIGN_KEY_VIOLATION));
    let count: i64 = client
        .query_typed_one("SELECT count(*) FROM parents", &[])
        .unwrap()
        .get(0);
    assert_eq!(count, 0);

    let missing = session.run(&Step::change(&[]), |transaction| {
        transaction.batch_execute("SELECT pg_catalog.no_such(1)")?;
        Ok(())
    });
    let missing = missing.unwrap_err().context("could not apply V1");
    assert_eq!(
        format!("{missing:#}"),
        "could not apply V1: function pg_catalog.no_such(integer) does not exist"
    );
    assert_eq!(
        explain::hint_for(&missing).unwrap(),
        "No function matches the given name and argument types. You might need to add explicit type casts"
    );
    assert_eq!(explain::status_of(&missing).code(), 2);
}

#[test]
fn a_lock_is_tried_for_again_until_it_is_had() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let mut holder = database.client("CREATE TABLE orders (id int)");
    holder
        .batch_execute("BEGIN; INSERT INTO orders VALUES (1)")
        .unwrap();
    let mut session = Session::new(
        database.connect(),
        Wait {
            lock_wait: Duration::from_mins(1),
            ..SHORT
        },
    );
    let (send, receive) = mpsc::channel();
    let worker = thread::spawn(move || {
        let mut tries = 0;
        let step = Step::change(&["public.orders"]);
        let done = session.run(&step, |transaction| {
            tries += 1;
            send.send(tries).unwrap();
            transaction.batch_execute("LOCK TABLE public.orders IN SHARE ROW EXCLUSIVE MODE")?;
            Ok(())
        });
        done.unwrap();
        tries
    });
    // It has been refused twice; the third try or a later one gets the lock.
    while receive.recv().unwrap() < 3 {}
    holder.batch_execute("COMMIT").unwrap();
    assert!(worker.join().unwrap() >= 3);
}

#[test]
fn who_holds_the_lock_is_named() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let mut holder = database.client("CREATE TABLE orders (id int)");
    let mut reader = database.client("BEGIN; SELECT FROM orders");
    holder
        .batch_execute("SET application_name = 'night job'; BEGIN; INSERT INTO orders VALUES (1)")
        .unwrap();
    let process: i32 = holder
        .query_typed_one("SELECT pg_backend_pid()", &[])
        .unwrap()
        .get(0);
    let mut session = Session::new(database.connect(), SHORT);
    let busy = session.run(&Step::change(&["public.orders"]), |transaction| {
        transaction.batch_execute("LOCK TABLE public.orders IN SHARE ROW EXCLUSIVE MODE")?;
        Ok(())
    });
    let busy = busy.unwrap_err();
    let told = format!("{busy:#}");
    assert!(
        told.starts_with("public.orders is busy: no lock within 20ms, "),
        "{told}"
    );
    assert!(
        told.contains(&format!(
            "; process {process} (night job, idle in transaction, for "
        )),
        "{told}"
    );
    assert_eq!(
        explain::hint_for(&busy).unwrap(),
        "end that transaction, or raise --lock-wait"
    );
    assert_eq!(explain::status_of(&busy).code(), 2);
    reader.batch_execute("COMMIT").unwrap();
}

#[test]
fn a_conflict_is_tried_again_and_anything_else_is_not() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let mut session = Session::new(
        database.connect(),
        Wait {
            lock_wait: Duration::from_mins(1),
            ..SHORT
        },
    );
    let mut run = |state: &str| {
        let mut tries = 0;
        let done = session.run(&Step::change(&[]), |transaction| {
            tries += 1;
            if tries < 3 {
                transaction.batch_execute(&format!(
                    "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
                ))?;
            }
            Ok(())
        });
        (tries, done.is_ok())
    };
    for passing in ["40001", "40P01", "55P03"] {
        assert_eq!(run(passing), (3, true), "{passing}");
    }
    for lasting in ["23503", "57014", "42501", "25006"] {
        assert_eq!(run(lasting), (1, false), "{lasting}");
    }
}

#[test]
fn a_connection_that_is_cut_says_so() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let mut session = Session::new(database.connect(), SHORT);
    let process: i32 = session
        .run(&Step::look(), |transaction| {
            Ok(transaction
                .query_typed_one("SELECT pg_backend_pid()", &[])?
                .get(0))
        })
        .unwrap();
    let mut other = database.client("");
    let ended: bool = other
        .query_typed_one(
            &format!("SELECT pg_terminate_backend({process}, 10000)"),
            &[],
        )
        .unwrap()
        .get(0);
    assert!(ended);
    let cut = session.run(&Step::look(), |_| Ok(())).unwrap_err();
    assert!(cut.is::<ServerError>());
    let hint = explain::hint_for(&cut).unwrap();
    assert!(
        hint.contains("rolled back, so run it again"),
        "{cut:#} | {hint}"
    );
}

/// Two clients share one connection of the server.
#[test]
fn nothing_outlives_its_transaction_behind_a_pooler() {
    let Some(server) = server::primary() else {
        return;
    };
    let Some(pooler) = pooler(server, 1) else {
        return;
    };
    let url = pooler.url("postgres");
    let mut first = Session::new(open(&url), SHORT);
    let mut second = Session::new(open(&url), SHORT);
    let mut another = open(&url).client;
    let ids = vec![1_i64, 2];
    let run = |session: &mut Session| {
        session
            .run(&Step::change(&[]), |transaction| {
                let sql = "SELECT count(*) FROM pg_catalog.unnest($1::bigint[]) AS id";
                let typed = [(
                    &ids as &(dyn postgres::types::ToSql + Sync),
                    postgres::types::Type::INT8_ARRAY,
                )];
                Ok(transaction.query_typed_one(sql, &typed)?.get::<_, i64>(0))
            })
            .unwrap()
    };
    for _ in 0..3 {
        assert_eq!((run(&mut first), run(&mut second)), (2, 2));
    }
    for (setting, value) in [
        ("lock_timeout", "0"),
        ("search_path", "\"$user\", public"),
        ("row_security", "on"),
    ] {
        let found: String = another
            .query_typed_one(&format!("SHOW {setting}"), &[])
            .unwrap()
            .get(0);
        assert_eq!(found, value, "{setting}");
    }
    let prepared: i64 = another
        .query_typed_one("SELECT count(*) FROM pg_prepared_statements", &[])
        .unwrap()
        .get(0);
    assert_eq!(prepared, 0);
}

#[test]
fn a_standby_answers_what_only_looks_and_refuses_a_change() {
    let Some(standby) = server::standby() else {
        return;
    };
    let mut session = Session::new(open(&standby.url("postgres", "postgres")), SHORT);
    let one: i32 = session
        .run(&Step::look(), |transaction| {
            Ok(transaction.query_typed_one("SELECT 1", &[])?.get(0))
        })
        .unwrap();
    assert_eq!(one, 1);
    let refused = session.run(&Step::change(&[]), |_| Ok(())).unwrap_err();
    let hint = explain::hint_for(&refused).unwrap();
    assert!(
        hint.contains("connect to the primary"),
        "{refused:#} | {hint}"
    );
}
