//! `docs/pitfalls.md` names tests; each of them must be there.

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
