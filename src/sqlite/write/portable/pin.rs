//! That a table is the one for which the script was made: on any other it stops, with nothing
//! changed. `DROP TABLE` would take an index or a trigger along that the script does not know, and
//! the rows of a child whose key it does not know.

use anyhow::Result;
use rusqlite::Connection;

use super::script::Script;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key;
use crate::sqlite::text::ddl::{literal, same_name};

/// Promises the definitions of the tables that are `remade`, with their indexes and triggers; of the
/// tables that refer to these and to those `around`, with their triggers; and of those `around`; and
/// that no other table refers to any of them.
pub fn tables(script: &mut Script<'_>, remade: &[&str], around: &[&str]) -> Result<()> {
    let schema = script.schema();
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !names.iter().any(|it| same_name(it, name)) {
            names.push(name.to_owned());
        }
    };
    remade.iter().chain(around).for_each(|name| add(name));
    for key in foreign_key::declared_keys(schema)? {
        if remade
            .iter()
            .chain(around)
            .any(|it| same_name(it, &key.parent))
        {
            add(&key.child);
        }
    }
    for name in &names {
        let table = Table::read(schema, name)?;
        table.must_be_exact()?;
        let is_remade = remade.iter().any(|it| same_name(it, name));
        script.promise(
            &format!("{} is as it was when this was written", table.name),
            &definition(&table, is_remade),
        )?;
    }
    let mut held: Vec<&str> = Vec::new();
    for name in remade.iter().chain(around) {
        if held.iter().any(|it| same_name(it, name)) {
            continue;
        }
        held.push(name);
        let known = mentioning(schema, name)?;
        script.promise(
            &format!("no other table refers to {name}"),
            &format!(
                "NOT EXISTS (SELECT 1 FROM sqlite_master WHERE {} AND name NOT IN ({}))",
                mentions(name),
                list(&known)
            ),
        )?;
    }
    Ok(())
}

/// Promises that the table is as the script has made it: a tool may take comments out of what it
/// runs.
pub fn made(script: &mut Script<'_>, name: &str) -> Result<()> {
    let table = Table::read(script.schema(), name)?;
    let what = format!("the definition of {name} is as it should be");
    script.promise(&what, &definition(&table, true))
}

fn definition(table: &Table, is_remade: bool) -> String {
    let mut objects = vec![("table", &table.name, &table.sql)];
    objects.extend(
        table
            .triggers
            .iter()
            .map(|it| ("trigger", &it.name, &it.sql)),
    );
    let others = if is_remade {
        objects.extend(table.indexes.iter().map(|it| ("index", &it.name, &it.sql)));
        ""
    } else {
        " AND type <> 'index'"
    };
    let each: Vec<_> = objects
        .iter()
        .map(|(kind, name, sql)| {
            format!(
                "type = '{kind}' AND name = {} AND sql = {}",
                literal(name),
                literal(sql)
            )
        })
        .collect();
    // All that there is, and each of it as it was.
    format!(
        "SELECT count(*) = {0} AND sum({1}) = {0} FROM sqlite_master WHERE tbl_name = {2} COLLATE NOCASE AND sql IS NOT NULL{others}",
        objects.len(),
        each.join(" OR "),
        literal(&table.name)
    )
}

/// The condition that the text of a table may hold a key to `name`. Not every engine lets a script
/// ask for the keys themselves.
fn mentions(name: &str) -> String {
    let refers = "type = 'table' AND instr(lower(sql), 'references') > 0";
    // In quotes such a name reads otherwise.
    if name.contains(['"', '`', '\'']) {
        return refers.to_owned();
    }
    format!(
        "{refers} AND instr(lower(sql), lower({})) > 0",
        literal(name)
    )
}

fn mentioning(schema: &Connection, name: &str) -> Result<Vec<String>> {
    let query = format!(
        "SELECT name FROM sqlite_master WHERE {} ORDER BY rowid",
        mentions(name)
    );
    let mut statement = schema.prepare(&query)?;
    let names = statement.query_map([], |row| row.get(0))?;
    // What the script itself has made by then.
    let names = names.collect::<Result<Vec<String>, _>>()?;
    Ok(names)
}

fn list(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| literal(name)).collect();
    names.join(", ")
}
