//! How SQL finds the listed rows of a table, and tells those that leave from those that stay.

use super::removal::Removal;
use crate::sqlite::text::ddl::quote;

/// The condition that a listed row stays and forgets keys.
pub const FORGETS: &str = "round < 0 AND forgets <> 0";

/// The condition that the row `alias` of the table stands in the list of `removal` and leaves.
#[must_use]
pub fn listed(alias: &str, removal: &Removal) -> String {
    let columns = removal.table.row_key.columns();
    let list = quote(&removal.list);
    if let [column] = columns.as_slice() {
        let leaves = if removal.mixed {
            " WHERE round >= 0"
        } else {
            ""
        };
        return format!(
            "{alias}.{} IN (SELECT k1 FROM temp.{list}{leaves})",
            quote(column)
        );
    }
    format!(
        "EXISTS (SELECT 1 FROM temp.{list} AS l WHERE {}{})",
        has_listed_key(alias, removal),
        leaves(removal)
    )
}

/// As [`from_listed`], of the rows that leave alone.
#[must_use]
pub fn from_leaving(alias: &str, removal: &Removal) -> String {
    format!("{}{}", from_listed(alias, removal), leaves(removal))
}

/// As [`from_listed`], of the rows that stay and forget keys.
#[must_use]
pub fn from_kept(alias: &str, removal: &Removal) -> String {
    let listed = from_listed(alias, removal);
    format!("{listed} AND l.round < 0 AND l.forgets <> 0")
}

fn leaves(removal: &Removal) -> &'static str {
    if removal.mixed {
        " AND l.round >= 0"
    } else {
        ""
    }
}

/// `FROM` that finds the rows `alias` of the table of `removal` by their list `l`.
#[must_use]
pub fn from_listed(alias: &str, removal: &Removal) -> String {
    format!(
        "FROM temp.{} AS l CROSS JOIN {} ON {}",
        quote(&removal.list),
        removal.table.source(alias),
        has_listed_key(alias, removal)
    )
}

/// The condition that the row `alias` has the key that stands in the row `l` of its list.
#[must_use]
pub fn has_listed_key(alias: &str, removal: &Removal) -> String {
    let columns = removal.table.row_key.columns();
    let same: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("{alias}.{} = l.k{}", quote(column), place + 1))
        .collect();
    same.join(" AND ")
}

/// Has the rows of `removal` leave in `round` that forget a key and meet `condition`.
#[must_use]
pub fn demotion(removal: &Removal, condition: &str, round: i64) -> String {
    format!(
        "UPDATE temp.{} AS l SET round = {round} WHERE {FORGETS} AND {condition}",
        quote(&removal.list)
    )
}
