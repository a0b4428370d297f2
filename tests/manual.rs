//! What people expect of a tool: completions, man pages, help, version.

#![allow(clippy::unwrap_used)]

use std::process::Command;

const VERBS: [&str; 17] = [
    "up",
    "down",
    "redo",
    "resolve",
    "clean",
    "restore",
    "status",
    "orphans",
    "show",
    "check",
    "discover",
    "new",
    "graph",
    "enforce",
    "demo",
    "completions",
    "man",
];

fn fkfix(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_completes_every_verb() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = fkfix(&["completions", shell]);
        for verb in VERBS {
            assert!(script.contains(verb), "{shell} {verb}");
        }
        // Those of PowerShell and elvish complete commands and options, but no values.
        let has_values = ["bash", "zsh", "fish"].contains(&shell);
        assert_eq!(script.contains("key-missing"), has_values, "{shell}");
    }
}

#[test]
fn each_verb_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    fkfix(&["man", folder.path().to_str().unwrap()]);
    for verb in VERBS {
        let page = folder.path().join(format!("fkfix-{verb}.1"));
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    let page = fkfix(&["man"]);
    assert!(page.contains("fkfix\\-check(1)"), "{page}");
    assert!(page.contains("130  interrupted"), "{page}");
}

#[test]
fn help_tells_exit_statuses_and_examples() {
    for verb in ["up", "down", "check", "enforce"] {
        let help = fkfix(&[verb, "--help"]);
        assert!(help.contains("Exit status:\n  0 "), "{help}");
        assert!(help.contains("Examples:\n  fkfix "), "{help}");
    }
    let help = fkfix(&["--help"]);
    assert!(help.contains("Exit status:\n  0 "), "{help}");
    assert!(help.contains("Examples:\n  fkfix demo"), "{help}");
}

#[test]
fn the_long_version_names_the_sqlite_inside() {
    let short = format!("fkfix {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(fkfix(&["-V"]), short);
    let long = format!("{short}SQLite {}\n", rusqlite::version());
    assert_eq!(fkfix(&["--version"]), long);
}
