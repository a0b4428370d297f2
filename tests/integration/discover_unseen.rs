//! Keys that no name of a table tells: by the habits of a schema, by what people are to a row,
//! and by values; and what only looks like a key.

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::Database;

/// 1 to 40 as `i`.
const N: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)";

/// The keys that are found: `orders.customer_id -> customers.id`.
fn keys(sql: &str) -> Vec<String> {
    let database = Database::of(&sql.replace("$n", N));
    let before = database.files();
    let run = database.fkfix("discover --format json").status(0);
    assert!(database.files() == before, "discover has changed a file");
    let report = run.json();
    let keys = report["keys"].as_array().unwrap().iter();
    let add = |key: &Value| key["add"].as_str().unwrap().to_owned();
    keys.map(|key| add(key).split(" on delete").next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_word_that_all_columns_of_a_table_begin_with_is_no_part_of_their_names() {
    let found = keys(
        "CREATE TABLE book (b_bookkey INTEGER PRIMARY KEY, b_title TEXT, b_pages INTEGER);
         $n INSERT INTO book SELECT i, 't' || i, i * 7 FROM n;
         CREATE TABLE copy (cp_copykey INTEGER PRIMARY KEY, cp_bookkey INTEGER NOT NULL, cp_shelf TEXT);
         $n INSERT INTO copy SELECT i, i % 30 + 1, 's' || i FROM n;",
    );
    assert_eq!(found, ["copy.cp_bookkey -> book.b_bookkey"]);
}

#[test]
fn a_person_is_told_by_what_they_are_to_a_row() {
    let found = keys(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT, email TEXT);
         $n INSERT INTO users SELECT i, 'u' || i, 'u' || i || '@example.org' FROM n;
         CREATE TABLE flags (id INTEGER PRIMARY KEY, setter_id INTEGER, requestee_id INTEGER, granted_by INTEGER);
         $n INSERT INTO flags SELECT i, i % 30 + 1, i % 20 + 1, i % 10 + 1 FROM n;",
    );
    assert_eq!(
        found,
        [
            "flags.setter_id -> users.id",
            "flags.requestee_id -> users.id",
            "flags.granted_by -> users.id"
        ]
    );
}

#[test]
fn a_general_word_leads_to_the_table_named_after_the_child() {
    let found = keys(
        "CREATE TABLE gadgets (id INTEGER PRIMARY KEY, type_id INTEGER NOT NULL);
         CREATE TABLE gadget_types (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE room_types (id INTEGER PRIMARY KEY, name TEXT);
         $n INSERT INTO gadget_types SELECT i, 'g' || i FROM n WHERE i < 9;
         INSERT INTO room_types SELECT id, 'r' || id FROM gadget_types;
         $n INSERT INTO gadgets SELECT i, i % 8 + 1 FROM n;",
    );
    assert_eq!(found, ["gadgets.type_id -> gadget_types.id"]);
}

#[test]
fn numbers_that_fit_into_one_table_alone_tell_without_a_name() {
    let found = keys(
        "CREATE TABLE nurses (number INTEGER PRIMARY KEY, called TEXT);
         CREATE TABLE wards (number INTEGER PRIMARY KEY, floor INTEGER);
         $n INSERT INTO nurses SELECT i + 7000, 'n' || i FROM n;
         $n INSERT INTO wards SELECT i, i % 5 FROM n;
         CREATE TABLE shifts (day TEXT, morning INTEGER, evening INTEGER, night INTEGER, beds INTEGER);
         $n INSERT INTO shifts SELECT 'd' || i, i + 7000, 7041 - i, i % 30 + 7001, i FROM n;",
    );
    assert_eq!(
        found,
        [
            "shifts.morning -> nurses.number",
            "shifts.evening -> nurses.number",
            "shifts.night -> nurses.number"
        ]
    );
}

#[test]
fn several_columns_are_one_key_with_a_version_or_a_role_in_it() {
    let pages = "CREATE TABLE pages (page_id INTEGER, version INTEGER, body TEXT, PRIMARY KEY (page_id, version));
         $n INSERT INTO pages SELECT i / 4, i % 4, 'b' || i FROM n;
         CREATE TABLE page_tags (id INTEGER PRIMARY KEY, page_id INTEGER, version INTEGER, tag TEXT);
         INSERT INTO page_tags (page_id, version, tag) SELECT page_id, version, 't' FROM pages;";
    assert_eq!(
        keys(pages),
        ["page_tags(page_id, version) -> pages(page_id, version)"]
    );
    let clubs = "CREATE TABLE clubs (season INTEGER, leagueCode TEXT, clubCode TEXT, PRIMARY KEY (season, leagueCode, clubCode));
         $n INSERT INTO clubs SELECT 1990 + i / 8, 'L' || (i % 2), 'C' || (i % 8) FROM n;
         CREATE TABLE cups (season INTEGER, round TEXT, leagueCodeWinner TEXT, clubCodeWinner TEXT, leagueCodeLoser TEXT, clubCodeLoser TEXT);
         INSERT INTO cups SELECT a.season, 'final', a.leagueCode, a.clubCode, b.leagueCode, b.clubCode FROM clubs AS a JOIN clubs AS b ON b.season = a.season AND b.clubCode > a.clubCode;";
    assert_eq!(
        keys(clubs),
        [
            "cups(season, leagueCodeWinner, clubCodeWinner) -> clubs(season, leagueCode, clubCode)",
            "cups(season, leagueCodeLoser, clubCodeLoser) -> clubs(season, leagueCode, clubCode)"
        ]
    );
}

#[test]
fn no_column_is_the_key_of_itself() {
    for column in [
        "parent_id",
        "reply_to_id",
        "node_id",
        "original_node_id",
        "uid",
    ] {
        let sql = format!(
            "CREATE TABLE nodes ({column} INTEGER PRIMARY KEY, name TEXT);
             $n INSERT INTO nodes SELECT i, 'n' || i FROM n;
             CREATE TABLE other (code TEXT UNIQUE, {column} TEXT UNIQUE);
             $n INSERT INTO other SELECT 'c' || i, 'o' || i FROM n;"
        );
        assert_eq!(keys(&sql), [""; 0], "{column}");
    }
}

#[test]
fn of_what_was_not_seen_nothing_is_claimed() {
    let found = keys(
        "CREATE TABLE readings (station INTEGER, hour INTEGER, day TEXT, PRIMARY KEY (station, hour));
         CREATE TABLE visits (id INTEGER PRIMARY KEY, station INTEGER, hour INTEGER);
         $n INSERT INTO visits SELECT i, i % 7, i % 24 FROM n;",
    );
    assert_eq!(found, [""; 0]);
}
