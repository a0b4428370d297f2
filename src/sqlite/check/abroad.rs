//! What PostgreSQL will refuse of keys that SQLite takes, for who moves there. Told on request alone.

use anyhow::Result;
use rusqlite::Connection;

use crate::model::finding::{Code, Finding};
use crate::sqlite::apply::history;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::ddl::same_name;

/// PostgreSQL cuts a name behind so many bytes
/// (<https://www.postgresql.org/docs/current/limits.html>).
const LONGEST_NAME: usize = 63;

/// Which values a type of PostgreSQL compares with which in a key: those of one family, as was
/// measured on PostgreSQL 15 to 18, and integers with wider numbers of the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Integer,
    Numeric,
    Float,
    Text,
    Uuid,
    Time,
    Boolean,
    Bytes,
    Json,
}

/// The findings about the keys that the database declares, or that `wanted` are to be added.
pub fn check(connection: &Connection, wanted: &[ForeignKey]) -> Result<Vec<Finding>> {
    let own = history::own_tables(connection)?;
    let mut findings = Vec::new();
    let declared = foreign_key::declared_keys(connection)?;
    let mut keys: Vec<&ForeignKey> = Vec::new();
    for key in declared.iter().chain(wanted) {
        if !keys.iter().any(|it| it.same_definition(key)) {
            keys.push(key);
        }
    }
    for key in keys {
        let (child, parent) = (
            Table::read(connection, &key.child),
            Table::read(connection, &key.parent),
        );
        if let (Ok(child), Ok(parent)) = (child, parent) {
            findings.extend(types(&child, &parent, key));
        }
    }
    for name in schema::ordinary_tables(connection)? {
        if own.iter().any(|it| same_name(it, &name)) {
            continue;
        }
        let table = Table::read(connection, &name)?;
        findings.extend(names(&table));
    }
    Ok(findings)
}

/// Columns that PostgreSQL can't compare in a key, if both get the types that they are declared with.
fn types(child: &Table, parent: &Table, key: &ForeignKey) -> Vec<Finding> {
    let differ = key.pairs().filter_map(|(mine, theirs)| {
        let (mine, theirs) = (child.column(mine)?, parent.column(theirs)?);
        let (left, right) = (family(&mine.declared_type)?, family(&theirs.declared_type)?);
        if compares(left, right) {
            return None;
        }
        let message = format!(
            "{}.{} is {} and {}.{} is {}; PostgreSQL can't compare them in a key",
            child.name,
            mine.name,
            mine.declared_type,
            parent.name,
            theirs.name,
            theirs.declared_type
        );
        let hint = format!(
            "give {} the type {} on the way there; values that are none of that type are orphans",
            mine.name, theirs.declared_type
        );
        Some(Finding::of_key(Code::PostgresTypes, key, message).hint(hint))
    });
    differ.collect()
}

fn compares(child: Family, parent: Family) -> bool {
    child == parent
        || (child == Family::Integer && matches!(parent, Family::Numeric | Family::Float))
        || (child == Family::Numeric && parent == Family::Float)
}

/// The family of a type as it is declared; none where the name tells nothing, or nothing that
/// PostgreSQL knows.
fn family(declared_type: &str) -> Option<Family> {
    let declared = declared_type.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    let is = |words: &[&str]| words.contains(&declared.as_str());
    if has(&["UUID", "UNIQUEIDENTIFIER", "GUID"]) {
        Some(Family::Uuid)
    } else if has(&["CHAR", "TEXT", "CLOB", "STRING"]) {
        Some(Family::Text)
    } else if has(&["SERIAL"]) || (has(&["INT"]) && !has(&["INTERVAL", "POINT"])) {
        Some(Family::Integer)
    } else if has(&["NUMERIC", "DECIMAL"]) {
        Some(Family::Numeric)
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Some(Family::Float)
    } else if has(&["TIMESTAMP", "DATETIME"]) || is(&["DATE"]) {
        Some(Family::Time)
    } else if has(&["BOOL"]) {
        Some(Family::Boolean)
    } else if has(&["BLOB", "BYTEA", "BINARY"]) {
        Some(Family::Bytes)
    } else if has(&["JSON"]) {
        Some(Family::Json)
    } else {
        None
    }
}

/// Names that PostgreSQL folds where they stand without quotes, or cuts.
fn names(table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    let columns = table.columns.iter().map(|column| column.name.as_str());
    let all = || std::iter::once(table.name.as_str()).chain(columns.clone());
    let folded: Vec<_> = all()
        .filter(|name| name.bytes().any(|byte| byte.is_ascii_uppercase()))
        .collect();
    if let Some(first) = folded.first() {
        let message = format!(
            "PostgreSQL reads these names in lower case where they stand without quotes: {}",
            folded.join(", ")
        );
        let hint =
            format!("write them in quotes everywhere, \"{first}\", or rename them before the move");
        findings.push(Finding::of_table(Code::PostgresNames, &table.name, message).hint(hint));
    }
    let long: Vec<_> = all().filter(|name| name.len() > LONGEST_NAME).collect();
    if !long.is_empty() {
        let message = format!(
            "PostgreSQL cuts names behind {LONGEST_NAME} bytes: {}",
            long.join(", ")
        );
        findings.push(
            Finding::of_table(Code::PostgresNames, &table.name, message)
                .hint("rename them before the move"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_compare_as_postgresql_compares_them() {
        for (child, parent, compare) in [
            ("TEXT", "UUID", false),
            ("uuid", "VARCHAR(36)", false),
            ("TEXT", "INTEGER", false),
            ("BIGINT", "INTEGER", true),
            ("INTEGER", "NUMERIC(10, 2)", true),
            ("NUMERIC", "INTEGER", false),
            ("REAL", "INTEGER", false),
            ("VARCHAR(36)", "TEXT", true),
            ("BLOB", "UUID", false),
            ("BOOLEAN", "INTEGER", false),
            ("DATE", "TIMESTAMP", true),
        ] {
            let families = (family(child).unwrap(), family(parent).unwrap());
            assert_eq!(
                compares(families.0, families.1),
                compare,
                "{child} {parent}"
            );
        }
        for unknown in ["", "ANY", "thing", "POINT"] {
            assert_eq!(family(unknown), None, "{unknown}");
        }
    }
}
