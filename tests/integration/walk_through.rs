//! The commands of docs/walk-through.md, word for word, with what they print.

use pretty_assertions::assert_eq;

use super::support::shell;

const TEXT: &str = include_str!("../../docs/walk-through.md");
const SHOP: &str = include_str!("../fixtures/shop.sql");

/// A command and what it prints, on stdout and stderr alike.
struct Example {
    command: String,
    output: String,
}

/// The examples: in a `console` block a command stands behind `$ `, and what it
/// prints in the lines below.
fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in TEXT.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                examples.push(Example {
                    command: command.to_owned(),
                    output: String::new(),
                });
            } else {
                let last = examples.last_mut().unwrap();
                last.output.push_str(line);
                last.output.push('\n');
            }
        }
    }
    examples
}

#[test]
fn from_no_key_at_all_by_the_commands_of_the_walk_through() {
    let folder = tempfile::tempdir().unwrap();
    let shop = rusqlite::Connection::open(folder.path().join("shop.db")).unwrap();
    shop.execute_batch(SHOP).unwrap();
    let before = schema(&shop);
    let home = folder.path().canonicalize().unwrap();
    let home = home.to_str().unwrap();
    let examples = examples();
    for verb in [
        "discover", "up", "check", "enforce", "show", "graph", "down",
    ] {
        let is_shown = |it: &Example| it.command.contains(&format!("fkfix {verb} "));
        assert!(examples.iter().any(is_shown), "no example of {verb}");
    }
    for example in examples {
        let mut command = shell(&example.command);
        let output = command.current_dir(folder.path()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed = printed.replace(home, "/srv");
        assert_eq!(example.output, printed, "$ {}", example.command);
    }
    assert_eq!(schema(&shop), before);
}

fn schema(connection: &rusqlite::Connection) -> String {
    let query = "SELECT group_concat(type || name || sql ORDER BY name) FROM sqlite_schema";
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}
