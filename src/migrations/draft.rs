//! The text of a new migration, in standard SQL that both engines run.

use std::fmt::Write as _;

use sqlite3_parser::dialect::keyword_token;

use crate::model::key::{Action, ForeignKey, same_name};
use crate::words;

/// `PostgreSQL` cuts a name behind so many bytes
/// (<https://www.postgresql.org/docs/current/limits.html>).
const LONGEST_NAME: usize = 63;

/// A migration's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripts {
    /// Adds the keys.
    pub up: String,
    /// Takes them back.
    pub down: String,
    /// What the keys will cost, or can't do.
    pub warnings: Vec<String>,
}

/// What a migration begins as, when nothing is known of it.
#[must_use]
pub fn template() -> Scripts {
    let up = "\
-- Any SQL may stand here. A key is added by a statement such as:
--
-- ALTER TABLE orders
--     ADD CONSTRAINT fk_orders_customer
--     FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE;
";
    let down = "\
-- What reverts the migration, the last statement first. A key is dropped by:
--
-- ALTER TABLE orders DROP CONSTRAINT fk_orders_customer;
";
    Scripts {
        up: up.to_owned(),
        down: down.to_owned(),
        warnings: Vec::new(),
    }
}

/// A key that a new migration is to add.
#[derive(Clone, Debug)]
pub struct Draft<'k> {
    /// What it says.
    pub key: &'k ForeignKey,
    /// Its child, as the script writes it.
    pub child: String,
    /// Its parent, as the script writes it.
    pub parent: String,
    /// The constraints that the child has.
    pub taken: Vec<String>,
    /// The index that is to be made for it, if one is.
    pub index: Option<NewIndex>,
}

/// An index that a new migration is to make for a key.
#[derive(Clone, Debug, Default)]
pub struct NewIndex {
    /// What stands before its name where it is dropped: its schema with the dot, or nothing.
    pub schema: String,
    /// The names that it can't have.
    pub taken: Vec<String>,
}

/// What a new migration is to do.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'k> {
    /// The keys that it adds.
    pub keys: &'k [ForeignKey],
    /// Whether it also makes an index for each that has none.
    pub with_indexes: bool,
}

/// A key that is there, in whose place another comes.
#[derive(Clone, Debug)]
pub struct Replaced<'k> {
    /// What it says.
    pub key: &'k ForeignKey,
    /// Its name, or the one by which it is reached.
    pub name: String,
    /// The statement that drops it.
    pub drop: String,
}

/// The scripts that add the keys and take them back, under names that no constraint of their tables
/// has; the `replaced` ones go before.
#[must_use]
pub fn write(drafts: &[Draft<'_>], replaced: &[Replaced<'_>]) -> Scripts {
    let mut taken: Vec<String> = Vec::new();
    let (mut indexes, mut drops) = index_statements(drafts);
    let (mut up, mut down): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for Replaced { key, name, drop } in replaced {
        up.push(format!("{drop}\n"));
        let (child, parent) = (plain(&key.child), plain(&key.parent));
        down.insert(0, add(key, &child, &parent, name));
    }
    for draft in drafts {
        let is_taken = |name: &str| {
            let mut names = taken.iter().chain(&draft.taken);
            names.any(|other| same_name(other, name))
        };
        let name = free_name(&name_of(draft.key), is_taken);
        up.push(add(draft.key, &draft.child, &draft.parent, &name));
        down.insert(
            0,
            format!(
                "ALTER TABLE {} DROP CONSTRAINT {};\n",
                draft.child,
                plain(&name)
            ),
        );
        taken.push(name);
    }
    // Behind the keys, so that each table is changed once; and back in the opposite order.
    up.append(&mut indexes);
    drops.append(&mut down);
    let down = drops;
    Scripts {
        up: up.join("\n"),
        down: down.join("\n"),
        warnings: Vec::new(),
    }
}

/// The statements that make the indexes that are to be made, and those that drop them again.
fn index_statements(drafts: &[Draft<'_>]) -> (Vec<String>, Vec<String>) {
    let (mut up, mut down): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut names: Vec<String> = Vec::new();
    for draft in drafts {
        let Some(index) = &draft.index else {
            continue;
        };
        let (child, columns) = (&draft.key.child, &draft.key.columns);
        let words = [child].into_iter().chain(columns);
        let words: Vec<_> = words.flat_map(|name| words::split(name)).collect();
        let is_taken = |name: &str| {
            let mut taken = names.iter().chain(&index.taken);
            taken.any(|other| same_name(other, name))
        };
        let name = format!("idx_{}", words.join("_"));
        let name = free_name(cut(&name, LONGEST_NAME), is_taken);
        let (written, columns) = (plain(&name), list(columns));
        up.push(format!(
            "CREATE INDEX {written} ON {} ({columns});\n",
            draft.child
        ));
        down.insert(0, format!("DROP INDEX {}{written};\n", index.schema));
        names.push(name);
    }
    (up, down)
}

fn list(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| plain(name)).collect();
    names.join(", ")
}

fn add(key: &ForeignKey, child: &str, parent: &str, name: &str) -> String {
    let mut sql = format!(
        "ALTER TABLE {child}\n    ADD CONSTRAINT {}\n    FOREIGN KEY ({}) REFERENCES {parent}",
        plain(name),
        list(&key.columns),
    );
    // A parent that is gone has no primary key that could be left out.
    if !key.parent_columns.is_empty() {
        let _ = write!(sql, " ({})", list(&key.parent_columns));
    }
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if action != Action::NoAction {
            let _ = write!(sql, " ON {event} {}", action.sql());
        }
    }
    sql + ";\n"
}

/// `fk_<child>_<columns without their id>`: `fk_webhook_logs_alert_rule`.
fn name_of(key: &ForeignKey) -> String {
    let mut name = "fk_".to_owned() + &words::split(&key.child).join("_");
    for column in &key.columns {
        let mut column = words::split(column);
        if column.len() > 1 && column.last().is_some_and(|last| *last == "id") {
            column.pop();
        }
        name.push('_');
        name.push_str(&column.join("_"));
    }
    cut(&name, LONGEST_NAME).to_owned()
}

fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(name) {
        return name.to_owned();
    }
    let numbered = (2..).map(|number: u32| {
        let number = format!("_{number}");
        cut(name, LONGEST_NAME - number.len()).to_owned() + &number
    });
    let mut free = numbered.skip_while(|name| is_taken(name));
    free.next().unwrap_or_else(|| name.to_owned())
}

/// At most the first `bytes` of `text`, whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// `name` as it stands in a script: in quotes where it needs them in SQLite or `PostgreSQL`,
/// which takes a name without them for lower case.
#[must_use]
pub fn plain(name: &str) -> String {
    let is_word = name
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let starts = name.starts_with(|letter: char| !letter.is_ascii_digit());
    let is_reserved =
        name.len() > 1 && (keyword_token(name.as_bytes()).is_some() || RESERVED.contains(&name));
    if is_word && starts && !is_reserved {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reserved in `PostgreSQL` and no keyword of SQLite
/// (<https://www.postgresql.org/docs/current/sql-keywords-appendix.html>).
const RESERVED: [&str; 42] = [
    "any",
    "array",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "collation",
    "concurrently",
    "current_catalog",
    "current_role",
    "current_schema",
    "current_user",
    "false",
    "fetch",
    "freeze",
    "grant",
    "ilike",
    "initially",
    "lateral",
    "leading",
    "localtime",
    "localtimestamp",
    "only",
    "overlaps",
    "placing",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "tablesample",
    "trailing",
    "true",
    "user",
    "variadic",
    "verbose",
    "xmltable",
    "position",
    "interval",
    "timestamp",
    "time",
    "values",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        for name in ["orders", "_x", "a1"] {
            assert_eq!(plain(name), name);
        }
        for name in [
            "Orders",
            "order",
            "user",
            "2fa",
            "two words",
            "a\"b",
            "",
            "über",
        ] {
            assert_eq!(plain(name), quoted(name));
        }
    }
}
