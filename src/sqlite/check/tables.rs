//! Tables that should not be there: what other tools leave when a rebuild of theirs breaks off.

use anyhow::Result;
use rusqlite::Connection;

use crate::model::finding::{Code, Finding};
use crate::sqlite::text::ddl::{quote, same_name};
use crate::sqlite::write::portable;

/// Names that no application gives a table, and the tool that does.
const UNMISTAKABLE: [(&str, &str); 6] = [
    ("_alembic_tmp_", "Alembic"),
    ("new__", "Django"),
    ("__new_", "Drizzle"),
    ("_knex_temp_alter", "Knex"),
    ("ef_temp_", "Entity Framework Core"),
    ("sqlb_temp_table_", "DB Browser for SQLite"),
];

/// Names that say so only beside the table they are made from.
const BESIDE: [(&str, &str); 7] = [
    ("new_", ""),
    ("temporary_", ""),
    ("tmp_", ""),
    ("", "_new"),
    ("", "_old"),
    ("", "_tmp"),
    ("", "_temp"),
];

/// The ordinary tables whose names say that a rebuild was not finished.
pub fn leftovers(connection: &Connection) -> Result<Vec<Finding>> {
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    let names = names.collect::<Result<Vec<String>, _>>()?;
    let is_table = |name: &str| names.iter().any(|other| same_name(other, name));
    let found = names
        .iter()
        .filter_map(|name| of_script(name).or_else(|| leftover(name, is_table)));
    Ok(found.collect())
}

/// What a script of fkfix leaves that did not run in one transaction, by a tool that went on after
/// an error.
fn of_script(name: &str) -> Option<Finding> {
    let is_list = [portable::LISTS, portable::DEFAULTS]
        .iter()
        .any(|it| name.starts_with(it));
    let hint = match name {
        portable::STAGE => format!(
            "it holds the rows of a table while that is made again: look whether they are all back before you drop it; if not, restore a backup, or insert them: SELECT * FROM {name}"
        ),
        portable::PROMISES | portable::COUNTER | portable::TRIAL => {
            format!("nothing in it is needed: DROP TABLE {name}")
        }
        _ if is_list => format!("nothing in it is needed: DROP TABLE {name}"),
        _ => return None,
    };
    let message =
        format!("{name} is what a script of fkfix left that did not run in one transaction");
    Some(Finding::of_table(Code::LeftoverTable, name, message).hint(hint))
}

/// The triggers with which such a script holds rows: as long as one is there, no row of its table can
/// be deleted, or changed, and SQLite says nothing of it.
pub fn holds(connection: &Connection) -> Result<Vec<Finding>> {
    let mut statement = connection.prepare(
        "SELECT name, tbl_name FROM main.sqlite_schema WHERE type = 'trigger' AND substr(name, 1, length(?1)) = ?1 ORDER BY name",
    )?;
    let holds = statement.query_map([portable::HOLDS], |row| {
        let (name, table): (String, String) = (row.get(0)?, row.get(1)?);
        let message = format!(
            "the trigger {name} is what a script of fkfix left that did not run in one transaction: it keeps rows of {table} from being deleted or changed, without a word"
        );
        let finding = Finding::of_table(Code::LeftoverTrigger, &table, message);
        Ok(finding.hint(format!("DROP TRIGGER {}", quote(&name))))
    })?;
    Ok(holds.collect::<Result<_, _>>()?)
}

fn leftover(name: &str, is_table: impl Fn(&str) -> bool) -> Option<Finding> {
    let (tool, of) = unmistakable(name).or_else(|| {
        let of = beside(name).filter(|of| is_table(of))?;
        Some(("another tool", of))
    })?;
    let drop = format!("DROP TABLE {}", quote(name));
    let (message, hint) = if of.is_empty() || is_table(of) {
        (
            format!("{name} looks like what a broken run of {tool} left"),
            format!("make sure that nothing in it is needed, then: {drop}"),
        )
    } else {
        (
            format!(
                "{name} looks like what a broken run of {tool} left, and there is no table {of}"
            ),
            format!(
                "the rows of {of} may be in it: look before you drop it; the tool stopped between dropping the old table and renaming the new one"
            ),
        )
    };
    Some(Finding::of_table(Code::LeftoverTable, name, message).hint(hint))
}

fn unmistakable(name: &str) -> Option<(&'static str, &str)> {
    UNMISTAKABLE
        .iter()
        .find_map(|(prefix, tool)| Some((*tool, name.strip_prefix(prefix)?)))
}

/// The name of the table that `name` would be a copy of. sqlite-utils adds random digits:
/// `logs_new_1f0c9a63b2d4`.
fn beside(name: &str) -> Option<&str> {
    let plain = match name.rsplit_once('_') {
        Some((plain, digits))
            if digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            plain
        }
        _ => name,
    };
    BESIDE.iter().find_map(|(prefix, suffix)| {
        let of = plain.strip_prefix(prefix)?.strip_suffix(suffix)?;
        (!of.is_empty()).then_some(of)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_told_from_tables_of_the_application() {
        let tables = ["logs", "events"];
        let is_table = |name: &str| tables.contains(&name);
        for name in [
            "_alembic_tmp_logs",
            "_alembic_tmp_gone",
            "new__logs",
            "__new_logs",
            "new_logs",
            "temporary_logs",
            "logs_new",
            "logs_old",
            "logs_new_1f0c9a63b2d4",
        ] {
            assert!(leftover(name, is_table).is_some(), "{name}");
        }
        for name in [
            "logs",
            "new_gone",
            "gone_new",
            "_new",
            "logs_newest",
            "logs_1f0c9a63b2d4",
        ] {
            assert!(leftover(name, is_table).is_none(), "{name}");
        }
    }

    #[test]
    fn a_leftover_without_its_table_may_hold_the_rows() {
        let finding = leftover("_alembic_tmp_gone", |_| false).unwrap();
        assert!(finding.hint.contains("the rows of gone may be in it"));
    }
}
