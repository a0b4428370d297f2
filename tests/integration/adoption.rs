//! A key that is there already is neither added twice nor taken away.

use pretty_assertions::assert_eq;

use crate::support::{Database, EVENT_KEY, KEY, RULE_KEY};

/// The tables of the built-in migration, where `webhook_logs` ends with `keys`.
fn logs(keys: &str) -> Database {
    Database::of(&format!(
        "CREATE TABLE alert_rules (id INTEGER PRIMARY KEY); CREATE TABLE events (id INTEGER PRIMARY KEY);
         INSERT INTO alert_rules VALUES (1); INSERT INTO events VALUES (1);
         CREATE TABLE webhook_logs (id INTEGER PRIMARY KEY, alert_rule_id INTEGER, event_id INTEGER{keys});
         INSERT INTO webhook_logs VALUES (1, 1, 1), (2, NULL, 1);"
    ))
}

#[test]
fn keys_under_any_name_or_none_or_twice_are_adopted_and_left() {
    let unnamed = ", FOREIGN KEY (ALERT_RULE_ID) REFERENCES Alert_Rules ON DELETE CASCADE, foreign key (event_id) references \"events\" (ID) on delete cascade";
    let named = format!(", {RULE_KEY}, {EVENT_KEY}");
    let other_names = named.replace("fk_", "their_");
    let twice = format!("{named}{unnamed}{other_names}");
    for keys in [unnamed, &named, &other_names, &twice] {
        let database = logs(keys);
        let before = database.picture();
        let run = database.fkfix("up -v").status(0);
        assert!(!run.stderr.contains("set the old"), "{keys} was rebuilt");
        run.says("webhook_logs had this key already: fk_webhook_logs_alert_rule (alert_rule_id) references alert_rules (id) on delete cascade")
            .says("webhook_logs had this key already: fk_webhook_logs_event");
        let after = database.picture();
        assert_eq!(after.tables["webhook_logs"], before.tables["webhook_logs"]);
        assert_eq!(
            after.definition("webhook_logs"),
            before.definition("webhook_logs")
        );
        database
            .fkfix("status")
            .status(0)
            .says("V1 webhook_logs_foreign_keys  adopted");
        database.up().says("nothing to do");
        database.down().says("left as they were before: webhook_logs.fk_webhook_logs_event and webhook_logs.fk_webhook_logs_alert_rule");
        assert_eq!(database.picture(), before, "{keys}");
    }
}

#[test]
fn of_two_keys_the_one_that_is_missing_is_added_and_taken_away() {
    for (there, missing) in [(RULE_KEY, EVENT_KEY), (EVENT_KEY, RULE_KEY)] {
        for there in [
            there.to_owned(),
            there.replace("CONSTRAINT fk_", "CONSTRAINT my_"),
        ] {
            let database =
                logs(&format!(", {there}")).with("INSERT INTO webhook_logs VALUES (3, 9, 9)");
            let before = database.picture();
            database.up();
            let archived =
                database
                    .picture()
                    .must_be_with_keys(&before, "webhook_logs", &[missing]);
            assert_eq!(archived, 1);
            database
                .fkfix("status")
                .status(0)
                .says("V1 webhook_logs_foreign_keys  applied");
            // The row breaks the key that stays, too.
            database
                .down()
                .says("1 row kept in webhook_logs_orphans: it breaks");
            database.execute(
                "INSERT INTO webhook_logs VALUES (3, 9, 9); DROP TABLE webhook_logs_orphans",
            );
            assert_eq!(database.picture(), before);
        }
    }
}

#[test]
fn a_key_on_the_same_columns_that_means_something_else_is_an_error_that_shows_both() {
    for (there, shown) in [
        (
            "FOREIGN KEY (event_id) REFERENCES events (id)",
            "(event_id) references events (id)\n",
        ),
        (
            "FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE SET NULL",
            "(event_id) references events (id) on delete set null\n",
        ),
        (
            "FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE ON UPDATE CASCADE",
            "(event_id) references events (id) on delete cascade on update cascade\n",
        ),
        (
            "FOREIGN KEY (event_id) REFERENCES alert_rules (id) ON DELETE CASCADE",
            "(event_id) references alert_rules (id) on delete cascade\n",
        ),
        (
            "FOREIGN KEY (event_id) REFERENCES gone ON DELETE CASCADE",
            "(event_id) references gone () on delete cascade\n",
        ),
    ] {
        logs(&format!(", CONSTRAINT theirs {there}"))
            .refuses("up", 2, "webhook_logs has another key on the same columns")
            .remarks(shown)
            .remarks("(event_id) references events (id) on delete cascade\n");
    }
    // One of two that differ is enough.
    logs(&format!(
        ", {EVENT_KEY}, FOREIGN KEY (event_id) REFERENCES events (id)"
    ))
    .refuses("up", 2, "another key on the same columns");
}

#[test]
fn composite_keys_are_the_same_in_any_order_of_their_columns() {
    let database = |pairs: &str| {
        Database::of(&format!(
            "CREATE TABLE parent (a, b, PRIMARY KEY (a, b));
             CREATE TABLE child (x, y, FOREIGN KEY {pairs});"
        ))
        .with_migration(
            "V1__x",
            "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES parent (a, b)",
            "ALTER TABLE child DROP CONSTRAINT fk",
        )
    };
    for same in [
        "(x, y) REFERENCES parent (a, b)",
        "(y, x) REFERENCES parent (b, a)",
        "(x, y) REFERENCES parent",
    ] {
        database(same).up().says("had this key already");
    }
    database("(x, y) REFERENCES parent (b, a)").refuses("up", 2, "another key on the same columns");
}

#[test]
fn a_key_that_shares_one_column_is_another_key() {
    let database = Database::family(
        "CREATE TABLE wide (a, b, PRIMARY KEY (a, b));
         CREATE TABLE child (parent_id INTEGER, b, FOREIGN KEY (parent_id, b) REFERENCES wide);
         INSERT INTO child VALUES (1, NULL), (9, NULL);",
    );
    assert_eq!(database.goes_up_and_down(), 1);
}

#[test]
fn a_name_that_another_constraint_has_is_an_error() {
    for there in [
        "CONSTRAINT fk_webhook_logs_event CHECK (event_id > 0)",
        "CONSTRAINT \"FK_webhook_logs_EVENT\" UNIQUE (id, event_id)",
    ] {
        logs(&format!(", {there}")).refuses(
            "up",
            2,
            "webhook_logs has another constraint called fk_webhook_logs_event",
        );
    }
    let twice = Database::family("CREATE TABLE child (parent_id INTEGER, other INTEGER)")
        .with_migration(
            "V1__keys",
            &format!(
                "ALTER TABLE child ADD {KEY}; ALTER TABLE child ADD {};",
                KEY.replace("parent_id", "other")
            ),
            "",
        );
    twice.refuses("up", 2, "another constraint called fk");
}

#[test]
fn a_key_asked_for_twice_is_added_once() {
    let again = KEY.replace("CONSTRAINT fk", "CONSTRAINT again");
    let database = Database::family("CREATE TABLE child (parent_id INTEGER)").with_migration(
        "V1__keys",
        &format!("ALTER TABLE child ADD {KEY}; ALTER TABLE CHILD ADD {again};"),
        "ALTER TABLE child DROP CONSTRAINT again; ALTER TABLE child DROP CONSTRAINT fk;",
    );
    let before = database.picture();
    database.up();
    database
        .picture()
        .must_be_with_keys(&before, "child", &[KEY]);
    database.down();
    assert_eq!(database.picture(), before);
}
