//! `docs/pitfalls.md`, `docs/reliability.md` and the table of verbs in `docs/postgres.md` name tests;
//! each of them must be there.

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_list_of_pitfalls_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("docs/pitfalls.md")).unwrap();
    let named: Vec<_> = list
        .split('`')
        .filter_map(|text| text.split_once(".rs::"))
        .collect();
    assert!(named.len() > 50, "only {} tests are named", named.len());
    for row in list.lines().filter(|line| line.starts_with("| ")) {
        let head = row.starts_with("| pitfall");
        assert!(head || row.contains(".rs::"), "no test holds: {row}");
    }
    must_exist(root, named);
}

#[test]
fn every_test_that_the_page_on_reliability_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let named = page.split('`').filter_map(|text| text.split_once(".rs::"));
    let named: Vec<_> = named.collect();
    assert!(named.len() > 50, "only {} tests are named", named.len());
    must_exist(root, named);
}

/// The last column names files of `tests/postgres`, or paths, or says why there is no test.
#[test]
fn every_test_that_the_table_of_verbs_on_postgresql_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/postgres.md")).unwrap();
    let (_, table) = page.split_once("\n## Verbs on each engine\n").unwrap();
    let rows: Vec<_> = table
        .lines()
        .skip_while(|line| !line.starts_with("|--"))
        .skip(1)
        .take_while(|line| line.starts_with("| "))
        .collect();
    assert!(
        rows.len() > 10,
        "only {} verbs are in the table",
        rows.len()
    );
    for row in rows {
        let last = row
            .trim_end_matches([' ', '|'])
            .rsplit("| ")
            .next()
            .unwrap();
        let named: Vec<_> = last.split('`').skip(1).step_by(2).collect();
        assert!(
            !named.is_empty() || last.len() > 20,
            "neither a test nor a reason: {row}"
        );
        for name in named {
            let path = if name.contains('/') {
                name.to_owned()
            } else {
                format!("tests/postgres/{name}.rs")
            };
            let source = fs::read_to_string(root.join(&path));
            let source = source.unwrap_or_else(|error| panic!("{path}: {error}: {row}"));
            assert!(source.contains("#[test]"), "{path} has no test: {row}");
        }
    }
}

fn must_exist(root: &Path, named: Vec<(&str, &str)>) {
    for (file, test) in named {
        let source = fs::read_to_string(root.join(format!("{file}.rs")));
        let source = source.unwrap_or_else(|error| panic!("{file}.rs: {error}"));
        let marked = source
            .split("#[test]")
            .skip(1)
            .any(|text| text.trim_start().starts_with(&format!("fn {test}(")));
        assert!(marked, "{file}.rs has no test {test}");
    }
}
