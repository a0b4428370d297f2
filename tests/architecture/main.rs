//! The plan of the house, held against the code: who may ask whom.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

mod imports;

/// Every file of the program, by its module path: `sqlite::keys::resolve`.
fn modules() -> BTreeMap<String, String> {
    fn visit(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, files);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    visit(&source, &mut files);
    let mut modules = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(&source).unwrap().with_extension("");
        let name = name.to_str().unwrap().replace('/', "::");
        if name.ends_with("tests") || name.contains("_tests::") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code: Vec<_> = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let name = name.strip_suffix("::mod").unwrap_or(&name).to_owned();
        modules.insert(name, code.join("\n"));
    }
    modules
}

/// The room of a module: a folder of an engine, or what lies beside the engines.
fn room(module: &str) -> String {
    let parts: Vec<_> = module.split("::").collect();
    match parts.as_slice() {
        ["sqlite" | "postgres", room, ..] => format!("{}::{room}", parts[0]),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

/// The module paths behind `crate::` in `code`.
fn named(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let end = rest.find(|it: char| it != '_' && it != ':' && !it.is_alphanumeric());
        let path = &rest[..end.unwrap_or(rest.len())];
        if let Some(prefix) = path.strip_suffix("::") {
            let group = rest[path.len()..].split('}').next().unwrap_or_default();
            let names = group.trim_start_matches('{').split(',');
            paths.extend(names.map(|name| format!("{prefix}::{}", name.trim())));
        } else {
            paths.push(path.to_owned());
        }
    }
    paths
}

/// The rooms that each room asks.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    let rooms: BTreeSet<_> = modules.keys().map(|module| room(module)).collect();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, code) in &modules {
        let from = room(module);
        let to = named(code).into_iter().map(|path| room(&path));
        let to = to.filter(|to| *to != from && rooms.contains(to));
        arrows.entry(from.clone()).or_default().extend(to);
    }
    arrows
}

/// One way along `arrows` that comes back to where it began; empty where none does.
fn circle(mut arrows: BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    // Who asks nobody that is left is taken away, until nobody is left: or a circle is.
    while let Some(lowest) = arrows
        .iter()
        .find(|(_, to)| to.iter().all(|it| !arrows.contains_key(it)))
        .map(|(from, _)| from.clone())
    {
        arrows.remove(&lowest);
    }
    let mut way: Vec<String> = Vec::new();
    let mut next = arrows.keys().next();
    while let Some(asked) = next {
        let before = way.iter().position(|it| it == asked);
        way.push(asked.clone());
        if let Some(at) = before {
            way.drain(..at);
            break;
        }
        next = arrows[asked].iter().find(|it| arrows.contains_key(*it));
    }
    way
}

#[test]
fn no_room_asks_one_that_asks_it() {
    let arrows = arrows();
    assert!(
        arrows["sqlite::apply"].contains("sqlite::rebuild"),
        "nothing was read"
    );
    let circle = circle(arrows);
    assert!(circle.is_empty(), "a circle: {}", circle.join(" -> "));
}

/// A `mod.rs` that only hands on what its files define asks none of them.
#[test]
fn no_file_asks_one_that_asks_it() {
    let arrows = imports::arrows(modules());
    assert!(
        arrows["sqlite::apply::plan"].contains("sqlite::orphans"),
        "nothing was read"
    );
    let circle = circle(arrows);
    assert!(circle.is_empty(), "a circle: {}", circle.join(" -> "));
}

/// A room within a room counts as one.
#[test]
fn no_room_of_an_engine_is_crowded() {
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for module in modules().into_keys() {
        let parts: Vec<_> = module.split("::").collect();
        if !["sqlite", "postgres"].contains(&parts[0]) {
            continue;
        }
        for depth in 2..parts.len() {
            let room = rooms.entry(parts[..depth].join("::")).or_default();
            room.insert(parts[depth].to_owned());
        }
    }
    assert!(rooms["sqlite::apply"].contains("plan"), "nothing was read");
    for (room, files) in rooms {
        // `verbs` has a file for each verb.
        let most = if room.ends_with("::verbs") { 15 } else { 9 };
        assert!(
            files.len() <= most,
            "{room} has {} files: {files:?}",
            files.len()
        );
    }
}

/// Only the seam knows which engines there are.
#[test]
fn commands_and_reports_know_no_engine() {
    for (module, code) in modules() {
        if !module.starts_with("command") && !module.starts_with("report") {
            continue;
        }
        for engine in [
            "rusqlite",
            "crate::sqlite",
            "crate::postgres",
            "tokio_postgres",
        ] {
            assert!(!code.contains(engine), "{module} names {engine}");
        }
    }
}

#[test]
fn no_engine_names_the_other() {
    for (module, code) in modules() {
        let others: &[&str] = match module.split("::").next() {
            Some("sqlite") => &["crate::postgres", "tokio_postgres"],
            Some("postgres") => &["crate::sqlite", "rusqlite"],
            _ => &[],
        };
        for other in others {
            assert!(!code.contains(other), "{module} names {other}");
        }
    }
}

#[test]
fn what_judges_keys_knows_no_engine() {
    for (module, code) in modules() {
        if module.starts_with("discover") {
            for other in ["rusqlite", "crate::sqlite", "crate::postgres"] {
                assert!(!code.contains(other), "{module} names {other}");
            }
        }
    }
}

/// Engines fill values; how these read to people is not theirs.
#[test]
fn engines_know_no_report() {
    for (module, code) in modules() {
        if ["sqlite", "postgres", "discover"]
            .iter()
            .any(|it| module.starts_with(it))
        {
            assert!(!code.contains("crate::report"), "{module} names a report");
        }
    }
}

#[test]
fn the_model_knows_no_engine_and_no_sql() {
    for (module, code) in modules() {
        let is_neutral = ["model", "outcome", "standing"];
        if !is_neutral.iter().any(|it| module.starts_with(it)) {
            continue;
        }
        for other in [
            "rusqlite",
            "crate::sqlite",
            "crate::postgres",
            "crate::command",
            "crate::report",
        ] {
            assert!(!code.contains(other), "{module} names {other}");
        }
    }
}
