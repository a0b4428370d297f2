//! Rows that an INSERT would not store as they are.
//!
//! A value can lie in a column that would not take it so today: the type was edited since, or an
//! older SQLite stored it, which took `'5' || char(0) || 'x'` for text where a newer one makes 5
//! of it. An INSERT applies the affinity of the column again
//! (<https://www.sqlite.org/datatype3.html#column_affinity>), without a word.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _};

use crate::failure::Failure;
use crate::sqlite::orphans::lists::{Removal, from_kept, from_listed, listed};
use crate::sqlite::schema::{Affinity, Column, RowKey, Table};
use crate::sqlite::text::ddl::quote;

/// A row that an INSERT would change, or not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    table: String,
    /// Such as `row 5 holds text in total, which INSERT would convert to DECIMAL`.
    pub reason: String,
}

impl Misfit {
    /// The refusal to copy a table that has such a row.
    #[must_use]
    pub fn not_copied(&self) -> Failure {
        Failure::impossible(format!(
            "{} can't be copied row by row with every value as it is: {}",
            self.table, self.reason
        ))
        .hint("leave --documented out: without it, the rows stay where they are")
    }

    /// The refusal to put the rows of `archive` back.
    #[must_use]
    pub fn not_put_back(&self, archive: &str) -> Failure {
        Failure::impossible(format!(
            "could not put the rows of {archive} back into {} as they are: {}",
            self.table, self.reason
        ))
        .hint("store 0.0 in its place, or leave the rows in the archive")
    }

    /// The refusal to let such a row leave.
    #[must_use]
    pub fn not_brought_back(&self) -> Failure {
        Failure::impossible(format!(
            "a row that would leave {} could not come back as it is: {}",
            self.table, self.reason
        ))
        .hint(format!(
            "give that row of {} a parent, or a value that fits its column; --orphans delete removes such rows for good",
            self.table
        ))
    }

    /// The refusal to let such a row forget a key: an UPDATE stores all of a row again.
    #[must_use]
    pub fn not_updated(&self) -> Failure {
        Failure::impossible(format!(
            "a row that would lose its key in {} could not stay as it is: {}",
            self.table, self.reason
        ))
        .hint(format!(
            "give that row of {} a parent, or a value that fits its column",
            self.table
        ))
    }
}

/// The first row of `table`, in any order, that does not leave and that an INSERT would change.
pub fn of_kept_rows(
    connection: &Connection,
    table: &Table,
    removal: Option<&Removal>,
) -> Result<Option<Misfit>> {
    let stays = removal.map_or(String::new(), |removal| {
        format!(" AND NOT {}", listed("w", removal))
    });
    let from = format!("FROM {}", table.scanned("w"));
    match first(connection, table, &from, &stays, true)? {
        Some(misfit) => Ok(Some(misfit)),
        None => negative_zero(
            connection,
            table,
            |_| true,
            &format!("{from} WHERE TRUE{stays}"),
        ),
    }
}

/// The first row that leaves and that an INSERT would change.
pub fn of_leaving_rows(connection: &Connection, removal: &Removal) -> Result<Option<Misfit>> {
    let table = &removal.table;
    if let RowKey::PrimaryKey(names) = &table.row_key {
        // Rows are found by their list with a comparison that applies affinity as well, so the
        // list itself is looked at.
        for (at, column) in names.iter().enumerate() {
            let value = format!("l.k{}", at + 1);
            let Some(column) = table.column(column) else {
                continue;
            };
            let Some(changes) = changes(table, column, &value, false) else {
                continue;
            };
            let query = format!(
                "SELECT 0, NULL, typeof({value}) FROM temp.{} AS l WHERE {changes} LIMIT 1",
                quote(&removal.list)
            );
            if let Some(found) = read(connection, table, &[column], &query)? {
                return Ok(Some(found));
            }
        }
    }
    // The join's condition stands in ON, so WHERE is free.
    let from = from_listed("w", removal);
    match first(connection, table, &from, "", false)? {
        Some(misfit) => Ok(Some(misfit)),
        None => negative_zero(connection, table, |_| true, &format!("{from} WHERE TRUE")),
    }
}

/// The first row `w` of `from`, which ends in a condition, that has -0.0 in a column which makes 0.0
/// of it; of the columns, those that `has` tells.
///
/// Such a value was stored before the column had its type. To SQL the two are one: they compare
/// alike, and are the same text, so the sign is looked at here.
pub fn negative_zero(
    connection: &Connection,
    table: &Table,
    has: impl Fn(&str) -> bool,
    from: &str,
) -> Result<Option<Misfit>> {
    let columns = table.columns.iter().filter(|column| {
        let numeric = column.affinity == Affinity::Numeric;
        numeric && is_real(&column.declared_type) && !column.generated && has(&column.name)
    });
    for column in columns {
        let value = format!("w.{}", quote(&column.name));
        let query = format!("SELECT {value} {from} AND {value} = 0.0 AND typeof({value}) = 'real'");
        let mut statement = connection.prepare(&query)?;
        let mut values = statement.query([])?;
        while let Some(row) = values.next()? {
            if row.get::<_, f64>(0)?.is_sign_positive() {
                continue;
            }
            let reason = format!(
                "a row holds -0.0 in {}, of which an INSERT would make 0.0 in a column of type {}",
                column.name, column.declared_type
            );
            let table = table.name.clone();
            return Ok(Some(Misfit { table, reason }));
        }
    }
    Ok(None)
}

/// The first row that stays and forgets a key, and that an UPDATE would change beside it.
pub fn of_forgetting_rows(connection: &Connection, removal: &Removal) -> Result<Option<Misfit>> {
    let (table, from) = (&removal.table, from_kept("w", removal));
    match first(connection, table, &from, "", true)? {
        Some(misfit) => Ok(Some(misfit)),
        None => negative_zero(connection, table, |_| true, &format!("{from} WHERE TRUE")),
    }
}

fn first(
    connection: &Connection,
    table: &Table,
    from: &str,
    and: &str,
    stays: bool,
) -> Result<Option<Misfit>> {
    let mut columns = Vec::new();
    let (mut cases, mut classes) = (String::new(), String::new());
    for column in &table.columns {
        let value = format!("w.{}", quote(&column.name));
        if let Some(changes) = changes(table, column, &value, stays) {
            let at = columns.len();
            let _ = write!(cases, " WHEN {changes} THEN {at}");
            let _ = write!(classes, " WHEN {at} THEN typeof({value})");
            columns.push(column);
        }
    }
    if columns.is_empty() {
        return Ok(None);
    }
    let rowid = table.row_key.rowid();
    let rowid = rowid.map_or("NULL".to_owned(), |name| format!("w.{}", quote(name)));
    let at = format!("CASE{cases} END");
    let query = format!(
        "SELECT {at}, {rowid}, CASE {at}{classes} END {from} WHERE {at} IS NOT NULL{and} LIMIT 1"
    );
    read(connection, table, &columns, &query)
}

fn read(
    connection: &Connection,
    table: &Table,
    columns: &[&Column],
    query: &str,
) -> Result<Option<Misfit>> {
    let found = connection
        .query_row(query, [], |row| {
            Ok((row.get::<_, u16>(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })
        .optional()
        .with_context(|| format!("could not look at the values of {}", table.name))?;
    let misfit = found.and_then(|(at, rowid, class): (_, Option<i64>, _)| {
        let column = columns.get(usize::from(at))?;
        let row = rowid.map_or("a row".to_owned(), |rowid| format!("row {rowid}"));
        let what = match (class.as_str(), &column.default) {
            ("null", _) => format!("NULL in {}, which is NOT NULL", column.name),
            (class, Some(default)) if column.affinity == Affinity::Blob && !table.strict => {
                format!("{class} in {}, where older versions of SQLite may read its DEFAULT {default} as another", column.name)
            }
            (class, _) => format!("{class} in {}, which an INSERT would not keep in a column of type {}", column.name, column.declared_type),
        };
        Some(Misfit { table: table.name.clone(), reason: format!("{row} holds {what}") })
    });
    Ok(misfit)
}

/// The condition that an INSERT into `column` would change `value`, or not take it; none where it
/// takes every value as it is. It is never NULL.
fn changes(table: &Table, column: &Column, value: &str, stays: bool) -> Option<String> {
    if matches!(&table.row_key, RowKey::Alias(alias) if *alias == column.name) {
        return None;
    }
    let mut cases = Vec::new();
    if column.not_null {
        // IS NULL would be answered from the definition, without a look at the value.
        cases.push("WHEN 'null' THEN 1".to_owned());
    }
    let numeric = format!("WHEN 'text' THEN +{value} <= CAST(9e999 AS REAL) COLLATE BINARY");
    match (column.affinity, table.strict) {
        _ if column.generated => {}
        (_, true) => cases.extend(strict(column)),
        (Affinity::Text, _) => {
            // Numbers are less than any text. Far cheaper than to ask for the class.
            let null = if column.not_null { "IS NOT FALSE" } else { "IS TRUE" };
            return Some(format!("(+{value} < '' COLLATE BINARY) {null}"));
        }
        // Text that becomes a number is less than infinity; other text is more than any number.
        (Affinity::Numeric, _) if is_real(&column.declared_type) => {
            cases.push(format!("{numeric} WHEN 'integer' THEN 1"));
        }
        (Affinity::Numeric, _) => cases.push(format!(
            "{numeric} WHEN 'real' THEN +{value} = CAST({value} AS INTEGER) COLLATE BINARY AND +{value} > -9223372036854775808 COLLATE BINARY"
        )),
        (Affinity::Blob, _) => {
            // A row from before ADD COLUMN has the default without storing it, and SQLite 3.40
            // reads -123.0 as an integer where 3.54 reads a real.
            // Of a row that leaves, what this SQLite reads is kept.
            let default = column.default.as_ref().filter(|it| stays && is_whole_real(it));
            cases.extend(default.map(|it| format!("WHEN 'real' THEN +{value} = ({it}) COLLATE BINARY")));
        }
    }
    if cases.is_empty() {
        return None;
    }
    Some(format!(
        "CASE typeof({value}) {} ELSE 0 END",
        cases.join(" ")
    ))
}

/// What a column of a STRICT table does not take (<https://www.sqlite.org/stricttables.html>).
fn strict(column: &Column) -> Option<String> {
    let takes: &[&str] = match column.declared_type.to_ascii_uppercase().as_str() {
        "INT" | "INTEGER" => &["integer"],
        "REAL" => &["real"],
        "TEXT" => &["text"],
        "BLOB" => &["blob"],
        _ => return None,
    };
    let others = ["integer", "real", "text", "blob"].into_iter();
    let others = others.filter(|class| !takes.contains(class));
    Some(
        others
            .map(|class| format!("WHEN '{class}' THEN 1"))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// Whether a column of numeric affinity has the affinity REAL, which makes reals of integers.
fn is_real(declared_type: &str) -> bool {
    let declared = declared_type.to_ascii_uppercase();
    !declared.contains("INT")
        && ["REAL", "FLOA", "DOUB"]
            .iter()
            .any(|it| declared.contains(it))
}

/// Whether a DEFAULT is a number such as `-123.0` or `1e3`.
fn is_whole_real(default: &str) -> bool {
    let digits = default.trim_matches(|it: char| "+-() \t\r\n".contains(it));
    let number = digits.replace('_', "").parse::<f64>();
    number.is_ok_and(|it| it.fract() == 0.0) && digits.parse::<i64>().is_err()
}

/// The conditions under which an INSERT into `table` takes the row `alias` as it is, of whose
/// columns `has` tells.
#[must_use]
pub fn fits(table: &Table, has: impl Fn(&str) -> bool, alias: &str) -> Vec<String> {
    let columns = table.columns.iter();
    let inserted = columns.filter(|column| !column.generated && has(&column.name));
    let changes = inserted.filter_map(|column| {
        let value = format!("{alias}.{}", quote(&column.name));
        changes(table, column, &value, false)
    });
    changes.map(|changes| format!("NOT {changes}")).collect()
}

#[cfg(test)]
#[path = "fidelity_tests.rs"]
mod tests;
