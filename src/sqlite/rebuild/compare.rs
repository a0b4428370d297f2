//! Holds rows against what they were, value by value.

use crate::sqlite::orphans::lists::{Removal, from_kept, has_listed_key};
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::{Affinity, RowKey, Table};
use crate::sqlite::text::ddl::{quote, quote_list, same_name};

/// The conditions that the rows `w` of `table` and `a` hold the same values in `columns`: equal to
/// the byte, and of the same storage class.
///
/// Without affinity only an integer and a real can be equal and of two classes, and what an INSERT
/// has put into a column of affinity TEXT is neither. To ask for the classes takes twice as long
/// as to compare.
pub fn same_values<'a>(
    table: &'a Table,
    columns: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = String> {
    columns.map(|name| same_value(table, name, &format!("a.{}", quote(name))))
}

/// The same of one column of `w` and of `value`.
#[must_use]
pub fn same_value(table: &Table, column: &str, value: &str) -> String {
    let is_text = table
        .column(column)
        .is_some_and(|it| it.affinity == Affinity::Text);
    let own = quote(column);
    let same = format!("+w.{own} IS +{value} COLLATE BINARY");
    if is_text {
        return same;
    }
    format!("{same} AND typeof(w.{own}) = typeof({value})")
}

/// Holds that rows of `removal` which stay are what they were, but for the keys that they forget: each
/// value, and its storage class. `before` and `which` name what they were, as rows `a`.
#[must_use]
pub fn forgot_keys_alone(removal: &Removal, before: &str, which: &str) -> Step {
    let table = &removal.table;
    let set = removal.set_columns();
    let is_set = |name: &str| set.iter().any(|it| same_name(it, name));
    let others = table.stored_columns().filter(|name| !is_set(name));
    let mut all: Vec<_> = same_values(table, others).collect();
    all.extend(set.iter().map(|name| {
        let wanted = removal.set_value(name, "l.forgets", &format!("a.{}", quote(name)));
        same_value(table, name, &format!("({wanted})"))
    }));
    Step::Expect {
        what: format!("nothing but forgotten keys has changed in {}", table.name),
        query: format!(
            "SELECT count(*) FROM {before} CROSS JOIN {} ON {which} CROSS JOIN temp.{} AS l ON {} WHERE l.round < 0 AND l.forgets <> 0 AND {}",
            table.scanned("w"),
            quote(&removal.list),
            has_listed_key("w", removal),
            all_of(&all)
        ),
        value: removal.kept,
        by_row: None,
    }
}

/// For rows that no archive keeps: steps that keep those of `removal` that stay in the temporary
/// table `aside`, and that hold them against it and drop it, once they have forgotten their keys.
#[must_use]
pub fn compared_aside(removal: &Removal, aside: &str) -> (Step, [Step; 2]) {
    let table = &removal.table;
    let name = &table.name;
    let aside = quote(aside);
    let stored: Vec<_> = table.stored_columns().collect();
    let columns = quote_list("", stored.iter().copied());
    let (mut into, mut values) = (columns.clone(), quote_list("w.", stored.iter().copied()));
    if let RowKey::Implicit(rowid) = table.row_key {
        into = format!("{rowid}, {into}");
        values = format!("w.{rowid}, {values}");
    }
    let keep = Step::run(
        format!("keep the rows of {name} that lose a key as they are, to compare"),
        format!(
            "CREATE TEMP TABLE {aside} ({columns});\nINSERT INTO temp.{aside} ({into}) SELECT {values} {}",
            from_kept("w", removal)
        ),
    );
    let key = table.row_key.columns();
    let key: Vec<_> = key
        .iter()
        .map(|it| format!("w.{0} = a.{0}", quote(it)))
        .collect();
    let before = format!("temp.{aside} AS a");
    let compare = forgot_keys_alone(removal, &before, &key.join(" AND "));
    let drop = Step::run(
        format!("forget the rows of {name} as they were"),
        format!("DROP TABLE temp.{aside}"),
    );
    (keep, [compare, drop])
}

/// All of `conditions`, in groups: SQLite allows an expression 1,000 levels, each AND is one,
/// and a table may have 2,000 columns (<https://www.sqlite.org/limits.html>).
#[must_use]
pub fn all_of(conditions: &[String]) -> String {
    const MOST: usize = 100;
    if conditions.len() <= MOST {
        return conditions.join(" AND ");
    }
    let groups = conditions.chunks(MOST);
    let groups: Vec<_> = groups.map(|group| format!("({})", all_of(group))).collect();
    groups.join(" AND ")
}
