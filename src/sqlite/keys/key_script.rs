//! Writes the scripts that add foreign keys and take them back, in standard SQL that other
//! databases run as well.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use sqlite3_parser::dialect::keyword_token;

use crate::failure::Failure;
use crate::sqlite::keys::{self, TableKeys};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, Action, ForeignKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::text::ddl::{self, quote, quote_list, same_name};
use crate::sqlite::text::script;
use crate::sqlite::text::statement;
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
-- What takes the migration back, the last statement first. A key is taken back by:
--
-- ALTER TABLE orders DROP CONSTRAINT fk_orders_customer;
";
    Scripts {
        up: up.to_owned(),
        down: down.to_owned(),
        warnings: Vec::new(),
    }
}

/// The scripts for `keys`, each of which `connection` must be able to take.
pub fn checked(connection: &Connection, keys: &[ForeignKey]) -> Result<Scripts> {
    let mut scripts = write(connection, keys)?;
    let mut requests = Vec::new();
    for statement in script::parse("the new migration", &scripts.up)? {
        if let statement::Action::AddForeignKey(request) = statement.action {
            requests.push(request);
        }
    }
    let declared = foreign_key::declared(connection)?;
    for target in keys::resolve(connection, &declared, &requests)? {
        check(&target)?;
        for new in &target.added {
            let parent = Table::read(connection, &new.key.parent)?;
            scripts
                .warnings
                .extend(keys::warnings(&target.table, &parent, &new.key));
            scripts
                .warnings
                .extend(set_null_warning(&target.table, &new.key));
        }
    }
    Ok(scripts)
}

/// The scripts for `keys`, with no database to hold them against: checked by one that has just
/// the tables and columns that they name.
pub fn unchecked(keys: &[ForeignKey]) -> Result<Scripts> {
    let connection = Connection::open_in_memory().context("could not open a database in memory")?;
    let mut tables: Vec<(&str, Vec<&str>, Vec<String>)> = Vec::new();
    for key in keys {
        let parent_columns = quote_list("", key.parent_columns.iter().map(String::as_str));
        for (table, columns, unique) in [
            (&key.child, &key.columns, None),
            (&key.parent, &key.parent_columns, Some(parent_columns)),
        ] {
            let at = tables.iter().position(|(name, ..)| same_name(name, table));
            let at = at.unwrap_or_else(|| {
                tables.push((table, Vec::new(), Vec::new()));
                tables.len() - 1
            });
            if let Some((_, known, keys)) = tables.get_mut(at) {
                for column in columns {
                    if !known.iter().any(|it| same_name(it, column)) {
                        known.push(column);
                    }
                }
                keys.extend(unique);
            }
        }
    }
    for (table, columns, unique) in tables {
        let unique: Vec<_> = unique.iter().map(|it| format!(", UNIQUE ({it})")).collect();
        let sql = format!(
            "CREATE TABLE {} ({}{unique})",
            quote(table),
            quote_list("", columns),
            unique = unique.concat()
        );
        connection
            .execute_batch(&sql)
            .with_context(|| format!("there can be no table {table}"))?;
    }
    checked(&connection, keys)
}

/// Fails where a key is there already, or could not be taken back.
fn check(target: &TableKeys) -> Result<()> {
    let table = &target.table;
    if let Some(there) = target.adopted.first() {
        return Err(Failure::impossible(format!(
            "{} has the key {} already, or is to get it twice",
            table.name, there.key
        ))
        .hint("leave it out; fkfix check -d DATABASE looks at the keys that are declared")
        .into());
    }
    let constraints: Vec<_> = target
        .added
        .iter()
        .map(|new| new.constraint.as_str())
        .collect();
    let names: Vec<_> = target
        .added
        .iter()
        .filter_map(|new| new.name.as_deref())
        .collect();
    let edited = ddl::add_constraints(&table.sql, &constraints)?;
    scratch::rehearse(table, &edited, &names)?;
    Ok(())
}

fn set_null_warning(table: &Table, key: &ForeignKey) -> Option<String> {
    let required = key
        .columns
        .iter()
        .find(|name| table.column(name).is_some_and(|column| column.not_null))?;
    let sets_null = [key.on_delete, key.on_update].contains(&Action::SetNull);
    sets_null.then(|| {
        format!(
            "{}.{required} is NOT NULL, so that SET NULL can only fail, and keep the parent from going",
            table.name
        )
    })
}

/// The text for `keys`, with names that no constraint of their tables has.
fn write(connection: &Connection, keys: &[ForeignKey]) -> Result<Scripts> {
    let mut taken: Vec<String> = Vec::new();
    let (mut up, mut down): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for key in keys {
        let table = Table::read(connection, &key.child)?;
        let there = ddl::constraint_names(&table.sql)?;
        let is_taken = |name: &str| {
            let mut names = taken.iter().chain(&there);
            names.any(|other| same_name(other, name))
        };
        let name = free_name(&name_of(key), is_taken);
        up.push(add(key, &name));
        down.insert(
            0,
            format!(
                "ALTER TABLE {} DROP CONSTRAINT {};\n",
                plain(&key.child),
                plain(&name)
            ),
        );
        taken.push(name);
    }
    Ok(Scripts {
        up: up.join("\n"),
        down: down.join("\n"),
        warnings: Vec::new(),
    })
}

fn add(key: &ForeignKey, name: &str) -> String {
    let list = |names: &[String]| {
        let names: Vec<_> = names.iter().map(|name| plain(name)).collect();
        names.join(", ")
    };
    let mut sql = format!(
        "ALTER TABLE {}\n    ADD CONSTRAINT {}\n    FOREIGN KEY ({}) REFERENCES {} ({})",
        plain(&key.child),
        plain(name),
        list(&key.columns),
        plain(&key.parent),
        list(&key.parent_columns)
    );
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
fn plain(name: &str) -> String {
    let is_word = name
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let starts = name.starts_with(|letter: char| !letter.is_ascii_digit());
    let is_reserved =
        name.len() > 1 && (keyword_token(name.as_bytes()).is_some() || RESERVED.contains(&name));
    if is_word && starts && !is_reserved {
        name.to_owned()
    } else {
        quote(name)
    }
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
    use crate::sqlite::text::notation;

    fn keys(specs: &[&str]) -> Vec<ForeignKey> {
        specs
            .iter()
            .map(|spec| notation::parse(spec).unwrap())
            .collect()
    }

    #[test]
    fn the_built_in_migration_is_written_as_it_is() {
        let scripts = unchecked(&keys(&[
            "webhook_logs.alert_rule_id -> alert_rules.id on delete cascade",
            "webhook_logs.event_id -> events.id on delete cascade",
        ]))
        .unwrap();
        let up = include_str!("../../../migrations/V1__webhook_logs_foreign_keys.sql");
        let down = include_str!("../../../migrations/V1__webhook_logs_foreign_keys.down.sql");
        assert_eq!((scripts.up.as_str(), scripts.down.as_str()), (up, down));
    }

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
            assert_eq!(plain(name), quote(name));
        }
    }

    #[test]
    fn constraints_get_names_of_their_own() {
        let names = |specs: &[&str]| -> Vec<String> {
            let scripts = unchecked(&keys(specs)).unwrap();
            let words: Vec<_> = scripts.up.split_whitespace().collect();
            let named = words.windows(2).filter(|pair| pair[0] == "CONSTRAINT");
            named.map(|pair| pair[1].to_owned()).collect()
        };
        assert_eq!(
            names(&[
                "OrderItems.CustomerID -> c.id",
                "order_items.customer -> d.id",
                "order_items(x, y_id) -> e(x, y)"
            ]),
            [
                "fk_order_items_customer",
                "fk_order_items_customer_2",
                "fk_order_items_x_y"
            ]
        );
        let long = "x".repeat(80);
        let names = names(&[&format!("{long}.a -> p.id"), &format!("{long}.b -> p.id")]);
        assert_eq!(names[0].len(), LONGEST_NAME);
        assert_eq!(names[1], format!("{}_2", &names[0][..LONGEST_NAME - 2]));
    }
}
