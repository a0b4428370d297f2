//! The newcomer's first minute works, and overwrites nothing.

use crate::support::{Database, binary};

#[test]
fn the_demo_walks_through_it_all() {
    let place = Database::missing();
    let demo = binary().arg("demo").arg(&place.path).output().unwrap();
    let text = String::from_utf8(demo.stdout).unwrap();
    assert_eq!(demo.status.code(), Some(0), "{text}");
    let mut rest = text.as_str();
    for part in [
        "230 rows that name a rule and an event",
        "$ fkfix orphans --limit 3 -d ",
        "30 of 230 rows in webhook_logs have no parent",
        "$ fkfix up -d ",
        "30 rows moved from webhook_logs to webhook_logs_orphans",
        "67 rows of webhook_logs went along",
        "4 rows of webhook_logs went along",
        "$ fkfix down -d ",
        "30 rows moved from webhook_logs_orphans back to webhook_logs",
        "159 rows are in webhook_logs again",
    ] {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} in {rest}"));
        rest = &rest[at + part.len()..];
    }
    assert_eq!(place.value::<i64>("SELECT count(*) FROM webhook_logs"), 159);
    let before = place.files();
    let again = binary().arg("demo").arg(&place.path).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(
        place.files() == before,
        "the demo has changed what was there"
    );
}

#[test]
fn without_a_file_the_demo_says_where_it_put_one() {
    let place = Database::missing();
    let demo = binary()
        .arg("demo")
        .env("TMPDIR", &place.home)
        .output()
        .unwrap();
    let text = String::from_utf8(demo.stdout).unwrap();
    assert_eq!(demo.status.code(), Some(0), "{text}");
    let (_, rest) = text.split_once("A sample database is in ").unwrap();
    let (path, _) = rest.split_once(": ").unwrap();
    assert!(path.starts_with(place.home.to_str().unwrap()), "{path}");
    assert!(std::path::Path::new(path).exists(), "{path}");
}
