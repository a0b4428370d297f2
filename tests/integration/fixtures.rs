//! The three sample databases go up, work, and come back down.

use pretty_assertions::assert_eq;

use crate::support::{Database, ENFORCEMENT_HINT, EVENT_KEY, RULE_KEY};

const KEYS: &[&str] = &[RULE_KEY, EVENT_KEY];
const FIXTURES: [(&str, usize); 3] = [("app-migrated", 90), ("app-orm", 0), ("nasty", 0)];

#[test]
fn only_the_keys_are_new_after_up_and_nothing_after_down() {
    for (name, orphans) in FIXTURES {
        let database = Database::fixture(name);
        let before = database.picture();
        database.up();
        let after = database.picture();
        let archived = after.must_be_with_keys(&before, "webhook_logs", KEYS);
        assert_eq!(archived, orphans, "{name}");
        assert_eq!(
            database.rows("SELECT \"from\", \"table\", \"to\", on_delete, on_update FROM pragma_foreign_key_list('webhook_logs') ORDER BY 1"),
            [
                "'alert_rule_id'|'alert_rules'|'id'|'CASCADE'|'NO ACTION'",
                "'event_id'|'events'|'id'|'CASCADE'|'NO ACTION'"
            ],
            "{name}"
        );
        assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0], "{name}");
        assert_eq!(database.rows("PRAGMA integrity_check"), ["'ok'"], "{name}");
        database.down();
        assert_eq!(database.picture(), before, "{name}");
        assert_eq!(database.rows("PRAGMA integrity_check"), ["'ok'"], "{name}");
    }
}

#[test]
fn up_and_down_say_what_they_did() {
    let database = Database::fixture("app-migrated");
    database
        .up()
        .stdout(
            "\
applied V1 webhook_logs_foreign_keys
  added 2 foreign keys to webhook_logs (1,000 rows)
    fk_webhook_logs_alert_rule (alert_rule_id) references alert_rules (id) on delete cascade
    fk_webhook_logs_event (event_id) references events (id) on delete cascade
  90 rows moved from webhook_logs to webhook_logs_orphans
    40 rows break fk_webhook_logs_alert_rule
    60 rows break fk_webhook_logs_event
    10 rows of these break more than one key
",
        )
        .stderr(ENFORCEMENT_HINT);
    database
        .down()
        .stdout(
            "\
reverted V1 webhook_logs_foreign_keys
  90 rows moved from webhook_logs_orphans back to webhook_logs
",
        )
        .stderr("");
}

#[test]
fn the_archive_names_what_each_row_broke_and_when_it_left() {
    let database = Database::fixture("app-migrated");
    let logs = database.rows("SELECT rowid, * FROM webhook_logs WHERE id > 1000");
    let started: String = database.value("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
    database.up();
    let ended: String = database.value("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
    assert_eq!(
        database.rows("SELECT fkfix_constraints, count(*), min(id), max(id) FROM webhook_logs_orphans GROUP BY 1 ORDER BY 3"),
        [
            "'fk_webhook_logs_alert_rule'|30|1001|1030",
            "'fk_webhook_logs_event'|50|1031|1080",
            "'fk_webhook_logs_alert_rule, fk_webhook_logs_event'|10|1081|1090",
        ]
    );
    assert_eq!(
        database.rows("SELECT fkfix_rowid, id, alert_rule_id, event_id, url, status_code, response_time_ms, retry_count, success, error_message, created_at FROM webhook_logs_orphans ORDER BY id"),
        logs
    );
    assert_eq!(
        database.rows("SELECT DISTINCT fkfix_version FROM webhook_logs_orphans"),
        ["1"]
    );
    let archived: String =
        database.value("SELECT DISTINCT fkfix_archived_at FROM webhook_logs_orphans");
    assert!(
        (started.as_str()..=ended.as_str()).contains(&archived.as_str()),
        "{started} {archived} {ended}"
    );
    assert_eq!(
        database.value::<i64>("SELECT count(*) FROM webhook_logs"),
        1000
    );
}

#[test]
fn the_full_text_index_of_the_application_answers_and_its_triggers_fire() {
    let database = Database::fixture("app-migrated");
    let found = "SELECT count(*) FROM events_fts WHERE events_fts MATCH ";
    for verb in ["up", "down"] {
        database.fkfix(verb).status(0);
        assert_eq!(database.value::<i64>(&format!("{found} 'walks'")), 200);
        database.execute("UPDATE events SET description = 'a zebra' WHERE rowid = 7");
        assert_eq!(database.value::<i64>(&format!("{found} 'zebra'")), 1);
        database.execute(
            "UPDATE events SET description = 'a person walks up to the door' WHERE rowid = 7",
        );
        assert_eq!(database.value::<i64>(&format!("{found} 'zebra'")), 0);
        database.execute("INSERT INTO events_fts (events_fts, rank) VALUES ('integrity-check', 1)");
    }
}

#[test]
fn what_rebuilds_tend_to_lose_is_kept() {
    let database = Database::fixture("nasty");
    database.up();
    assert_eq!(
        database.rows("SELECT * FROM sqlite_sequence"),
        ["'webhook_logs'|900"]
    );
    assert_eq!(database.rows("SELECT * FROM audit"), [""; 0]);
    assert_eq!(
        database.rows("SELECT id, log_id FROM log_notes"),
        ["1|1", "2|2"]
    );
    assert_eq!(
        database.rows("SELECT id, payload FROM webhook_logs ORDER BY id"),
        ["1|x'00ff'", "2|'text in a blob'", "3|3.0", "7|NULL"]
    );
    assert_eq!(
        database.rows("SELECT type, count(*) FROM sqlite_schema WHERE sql IS NOT NULL AND type <> 'table' GROUP BY 1"),
        ["'index'|5", "'trigger'|3", "'view'|2"]
    );
    assert_eq!(database.rows("PRAGMA user_version"), ["42"]);
    assert_eq!(database.rows("PRAGMA application_id"), ["7"]);
    assert!(
        !database
            .rows("SELECT * FROM sqlite_stat1 WHERE tbl = 'webhook_logs'")
            .is_empty()
    );

    // A new row gets the number after the last one, and the triggers see it come and go.
    database.execute("INSERT INTO webhook_logs (url) VALUES ('http://f')");
    database.execute("DELETE FROM webhook_logs WHERE url = 'http://f'");
    assert_eq!(
        database.rows("SELECT * FROM audit"),
        ["'insert'|901", "'delete'|901"]
    );
}

#[test]
fn orphans_of_a_table_full_of_traps_come_back_as_they_were() {
    let database = Database::fixture("nasty").with(
        "DROP TRIGGER log_inserted;
         INSERT INTO webhook_logs (id, alert_rule_id, event_id, url, status_code, attempt, payload) VALUES
           (10, 9, NULL, 'http://O', 500, 3, 7), (11, NULL, 9, 'HTTP://p', NULL, 3, -2.5),
           (12, 9, 8, 'http://q', 200, 4, x''), (13, 'no number', 1, 'http://r', 200, 5, '');
         INSERT INTO log_notes VALUES (3, 10, 'goes along'), (4, 12, 'too'), (5, 3, 'stays');
         CREATE TRIGGER log_inserted AFTER INSERT ON webhook_logs BEGIN INSERT INTO audit VALUES ('insert', new.id); END;",
    );
    let before = database.picture();
    database.up();
    let archived = database
        .picture()
        .must_be_with_keys(&before, "webhook_logs", KEYS);
    assert_eq!(archived, 6);
    assert_eq!(
        database
            .rows("SELECT id, host, score, typeof(payload) FROM webhook_logs_orphans ORDER BY id"),
        [
            "10|'http://O'|4.5|'integer'",
            "11|'HTTP://p'|4.5|'real'",
            "12|'http://q'|6.0|'blob'",
            "13|'http://r'|7.5|'text'"
        ]
    );
    database.down();
    assert_eq!(database.picture(), before);
}
