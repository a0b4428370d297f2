//! docs/ci.md says what the binary does.

use std::process::Command;

use serde_json::Value;

use crate::database::told;

const CI: &str = include_str!("../../docs/ci.md");

/// The codes with their severity and meaning, as `--help` lists them: `- code: Severity: …`.
fn codes_of_help() -> Vec<String> {
    let (_, help, _) = told(&["check", "--help"]);
    let codes = help
        .split("Possible values:")
        .find(|it| it.contains("- key-missing:"));
    let words: Vec<_> = codes.unwrap().split_whitespace().collect();
    let text = words.join(" ");
    let text = text.split(" --").next().unwrap();
    let mut codes = Vec::new();
    for item in text.split("- ").skip(1) {
        let mut parts = item.trim().splitn(3, ": ");
        let (code, severity) = (parts.next().unwrap(), parts.next().unwrap());
        let meaning = parts.next().unwrap();
        codes.push(format!(
            "| `{code}` | {} | {meaning} |",
            severity.to_lowercase()
        ));
    }
    codes
}

#[test]
fn every_code_is_documented() {
    let rows: Vec<_> = CI.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, codes_of_help());
}

#[test]
fn the_document_is_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let dump = include_str!("dumps/nasty.after.sql");
    std::fs::write(folder.path().join("schema.sql"), dump).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(["check", "--schema", "schema.sql", "--format", "json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (_, example) = CI.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
    assert_eq!(parse(example.as_bytes()), parse(&output.stdout));
}
