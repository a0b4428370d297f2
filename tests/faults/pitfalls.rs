//! `docs/pitfalls.md` and `docs/reliability.md` name tests; each of them must be there.

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
