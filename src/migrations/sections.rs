//! One file that holds the way up and the way down, as other tools write it.
//!
//! | tool | the way down begins with |
//! |---|---|
//! | [goose](https://pressly.github.io/goose/documentation/annotations/) | `-- +goose Down` |
//! | [dbmate](https://github.com/amacneil/dbmate#creating-migrations) | `-- migrate:down` |
//! | [sql-migrate](https://github.com/rubenv/sql-migrate#writing-migrations) | `-- +migrate Down` |
//! | [MyBatis](https://mybatis.org/migrations/new.html) | `-- //@UNDO` |
//! | [rambler](https://github.com/elwinar/rambler#migrations) | `-- rambler down` |
//! | [tern](https://github.com/jackc/tern#migrations) | `---- create above / drop below ----` |
//!
//! These are read as what they are. A comment that is only `-- Down` or `-- rollback` may be
//! such a mark too (node-sqlite's is), or a heading: there fkfix asks instead of guessing.

/// What a file holds. Lines of the other part are empty, so that the numbers of lines are those
/// of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Sections {
    /// The way up; the whole file where it has no marks.
    pub up: String,
    /// The way down, where a mark begins it.
    pub down: Option<String>,
    /// The file is liquibase's, whose way down stands in comments.
    pub is_liquibase: bool,
    /// A comment of which can't be told whether it is a mark: its line, from 1, and its text.
    pub unclear: Option<(usize, String)>,
}

enum Mark {
    Up,
    Down,
    Unclear,
}

/// Cuts `text` at the marks in it.
pub fn split(text: &str) -> Sections {
    let is_liquibase = text.lines().find(|line| !line.trim().is_empty());
    let is_liquibase = is_liquibase.is_some_and(|line| words(line) == LIQUIBASE);
    let (mut up, mut down) = (String::new(), String::new());
    let (mut in_down, mut has_marks, mut has_down) = (false, false, false);
    let mut unclear = None;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        match mark_of(line) {
            Some(Mark::Up) => (in_down, has_marks) = (false, true),
            Some(Mark::Down) => (in_down, has_marks, has_down) = (true, true, true),
            Some(Mark::Unclear) if unclear.is_none() => unclear = Some((at, line)),
            None if is_liquibase && undoes(line) => unclear = unclear.or(Some((at, line))),
            Some(Mark::Unclear) | None => {}
        }
        let (this, other) = if in_down {
            (&mut down, &mut up)
        } else {
            (&mut up, &mut down)
        };
        this.push_str(line);
        other.push('\n');
    }
    if has_down {
        // What is added to the way down must not change the text of the way up.
        up.truncate(up.trim_end().len());
        up.push('\n');
    }
    let matters = |(at, _): &(usize, &str)| {
        is_liquibase || text.lines().skip(at + 1).any(|line| !is_blank(line))
    };
    let unclear = unclear.filter(|_| !has_marks).filter(matters);
    Sections {
        up,
        is_liquibase,
        down: has_down.then_some(down),
        unclear: unclear.map(|(at, line)| (at + 1, line.trim().to_owned())),
    }
}

/// Whether `text` has a mark that begins a way up.
pub fn begins_up(text: &str) -> bool {
    text.lines()
        .any(|line| matches!(mark_of(line), Some(Mark::Up)))
}

/// The first line of [liquibase's SQL](https://docs.liquibase.com/concepts/changelogs/sql-format.html),
/// in which a line `--rollback DROP …;` holds a statement of the way down.
const LIQUIBASE: [&str; 3] = ["liquibase", "formatted", "sql"];

/// What a heading may call the part that it stands above.
const ABOUT: [&str; 6] = [
    "migrate",
    "migration",
    "script",
    "section",
    "sql",
    "statements",
];

fn undoes(line: &str) -> bool {
    match words(line).as_slice() {
        [rollback, rest @ ..] if rollback == "rollback" => {
            is_comment(line)
                && !matches!(rest, [one] if one == "empty")
                && rest != ["not", "required"]
        }
        _ => false,
    }
}

/// What `line` begins, if it is a comment that marks something.
fn mark_of(line: &str) -> Option<Mark> {
    if !is_comment(line) {
        return None;
    }
    let words = words(line);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let line = line.trim().trim_matches(['-', '/', ' ', '\t']);
    let sign = line.chars().next();
    let direction = |word: &str| match word {
        "up" | "ups" => Some(Mark::Up),
        "down" | "downs" | "undo" | "rollback" | "revert" => Some(Mark::Down),
        _ => None,
    };
    let is_tool = |word: &str| ["goose", "migrate", "micrate", "mig"].contains(&word);
    match words.as_slice() {
        [tool, word] if sign == Some('+') && is_tool(tool) => direction(word),
        ["rambler", word] => direction(word),
        // It may be followed by options such as transaction:false.
        ["migrate", word, ..] if line.to_ascii_lowercase().starts_with("migrate:") => {
            direction(word)
        }
        [word] if matches!(sign, Some('@' | '!')) => direction(word),
        ["create", "above", "drop", "below"] => Some(Mark::Down),
        words => {
            let of_what = |word: &&&str| !ABOUT.contains(*word);
            let alone: Vec<_> = words.iter().filter(of_what).collect();
            let is_down =
                |word: &str| word == "downgrade" || matches!(direction(word), Some(Mark::Down));
            (words.len() <= 2 && matches!(alone.as_slice(), [word] if is_down(word)))
                .then_some(Mark::Unclear)
        }
    }
}

/// A comment that takes the whole line.
fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("--") || (line.starts_with("/*") && line.ends_with("*/"))
}

/// Whether `text` holds nothing but comments that take whole lines.
pub fn is_empty(text: &str) -> bool {
    text.lines().all(is_blank)
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty() || is_comment(line)
}

fn words(line: &str) -> Vec<String> {
    let words = line.split(|letter: char| !letter.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_every_tool_part_the_file() {
        for (up, down) in [
            ("-- +goose Up", "-- +goose Down"),
            ("--   +GOOSE  up", "--+goose down "),
            ("-- migrate:up", "-- migrate:down"),
            (
                "-- migrate:up transaction:false",
                "-- migrate:down transaction:false",
            ),
            ("-- +migrate Up", "-- +migrate Down"),
            ("-- +micrate Up", "-- +micrate Down"),
            ("-- // the keys", "-- //@UNDO"),
            ("-- // the keys", "-- @UNDO"),
            ("-- rambler up", "-- rambler down"),
            ("-- !Ups", "-- !Downs"),
            ("-- keys", "---- create above / drop below ----"),
        ] {
            let text = format!("{up}\r\nA;\r\n{down}\r\nB;\r\n");
            let expected = Sections {
                up: format!("{up}\r\nA;\n"),
                down: Some(format!("\n\n{down}\r\nB;\r\n")),
                is_liquibase: false,
                unclear: None,
            };
            assert_eq!(split(&text), expected);
        }
    }

    #[test]
    fn a_comment_that_may_be_a_mark_is_unclear_where_statements_follow() {
        for mark in [
            "-- Down",
            "--- rollback ---",
            "-- Undo:",
            "/* revert */",
            "-- down migration",
            "-- Migration Down",
            "--DOWNGRADE",
            "-- rollback SQL:",
        ] {
            let found = split(&format!("A;\n{mark}\nB;\n")).unclear;
            assert_eq!(found, Some((2, mark.to_owned())));
            assert_eq!(split(&format!("A;\n{mark}\n\n-- by hand\n")).unclear, None);
        }
        for prose in [
            "-- rollback: see the down script",
            "-- when the server is down, wait",
            "-- up",
            "-- migrate the old rows",
            "A; -- down",
            "-- @param down the way",
        ] {
            let text = format!("A;\n{prose}\nB;\n");
            let whole = Sections {
                up: text.clone(),
                down: None,
                is_liquibase: false,
                unclear: None,
            };
            assert_eq!(split(&text), whole);
        }
    }

    #[test]
    fn liquibase_s_rollback_is_unclear() {
        let text = "--liquibase formatted sql\n--changeset me:1\nA;\n--rollback B;\n";
        let unclear = Some((4, "--rollback B;".to_owned()));
        assert_eq!(split(text).unclear, unclear);
        assert_eq!(split(&text.replace("B;", "empty")).unclear, None);
        assert_eq!(split(&text.replace("--liquibase", "--a")).unclear, None);
    }
}
