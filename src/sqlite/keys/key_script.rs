//! Writes the scripts that add foreign keys and take them back, in standard SQL that other
//! databases run as well.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::migrations::draft::{self, Draft, NewIndex, Replaced};
use crate::sqlite::keys::{self, TableKeys, unnamed};
use crate::sqlite::schema::child_index;
use crate::sqlite::schema::foreign_key::{self, Action, ForeignKey, NamedKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::constraints;
use crate::sqlite::text::ddl::{quote, quote_list, same_name};
use crate::sqlite::text::script;
use crate::sqlite::text::statement;

pub use crate::migrations::draft::{Scripts, Wanted, template};

/// The scripts for what is `wanted`, each key of which `connection` must be able to take.
pub fn checked(connection: &Connection, wanted: Wanted<'_>) -> Result<Scripts> {
    let lost = lost(connection, wanted.keys)?;
    let replaced = lost.iter().map(|it| Replaced {
        drop: unnamed::drop_statement(it),
        name: unnamed::name_or_derived(it),
        key: &it.key,
    });
    let mut scripts = draft::write(&drafts(connection, wanted)?, &replaced.collect::<Vec<_>>());
    let mut requests = Vec::new();
    for statement in script::parse("the new migration", &scripts.up)? {
        if let statement::Action::AddForeignKey(request) = statement.action {
            requests.push(request);
        }
    }
    let mut declared = foreign_key::declared(connection)?;
    declared.retain(|it| !lost.contains(it));
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

/// The scripts for what is `wanted`, with no database to hold them against: checked by one that has just
/// the tables and columns that they name.
pub fn unchecked(wanted: Wanted<'_>) -> Result<Scripts> {
    let connection = Connection::open_in_memory().context("could not open a database in memory")?;
    let mut tables: Vec<(&str, Vec<&str>, Vec<String>)> = Vec::new();
    for key in wanted.keys {
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
    checked(&connection, wanted)
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
    let edited = constraints::add_constraints(&table.sql, &constraints)?;
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

/// The declared keys on the columns of `keys` whose parent tables are gone: those of `keys` come in
/// their place.
fn lost(connection: &Connection, keys: &[ForeignKey]) -> Result<Vec<NamedKey>> {
    let mut lost = Vec::new();
    for there in foreign_key::declared(connection)? {
        let is_replaced = keys.iter().any(|it| it.same_columns(&there.key));
        if is_replaced && schema::kind_of(connection, &there.key.parent)?.is_none() {
            lost.push(there);
        }
    }
    Ok(lost)
}

fn drafts<'k>(connection: &Connection, wanted: Wanted<'k>) -> Result<Vec<Draft<'k>>> {
    let taken = names(connection)?;
    let draft = |key: &'k ForeignKey| {
        let table = Table::read(connection, &key.child)?;
        Ok(Draft {
            key,
            child: draft::plain(&key.child),
            parent: draft::plain(&key.parent),
            taken: constraints::constraint_names(&table.sql)?,
            index: (wanted.with_indexes && !child_index::serves(connection, &table, key)?).then(
                || NewIndex {
                    schema: String::new(),
                    taken: taken.clone(),
                },
            ),
        })
    };
    wanted.keys.iter().map(draft).collect()
}

/// What no index can be called: it shares its names with tables.
fn names(connection: &Connection) -> Result<Vec<String>> {
    let mut names = connection.prepare("SELECT name FROM main.sqlite_schema")?;
    let names = names.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

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
        let keys = keys(&[
            "webhook_logs.alert_rule_id -> alert_rules.id on delete cascade",
            "webhook_logs.event_id -> events.id on delete cascade",
        ]);
        let scripts = unchecked(Wanted {
            keys: &keys,
            with_indexes: false,
        })
        .unwrap();
        let up = include_str!("../../../migrations/V1__webhook_logs_foreign_keys.sql");
        let down = include_str!("../../../migrations/V1__webhook_logs_foreign_keys.down.sql");
        assert_eq!((scripts.up.as_str(), scripts.down.as_str()), (up, down));
    }

    #[test]
    fn constraints_get_names_of_their_own() {
        let names = |specs: &[&str]| -> Vec<String> {
            let scripts = unchecked(Wanted {
                keys: &keys(specs),
                with_indexes: false,
            })
            .unwrap();
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
        assert_eq!(names[0].len(), 63);
        assert_eq!(names[1], format!("{}_2", &names[0][..61]));
    }
}
