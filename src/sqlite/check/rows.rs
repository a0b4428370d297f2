//! What has come into the tables since, and what still waits outside.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::keys::{self, Wanted};
use crate::model::finding::{Code, Finding};
use crate::sqlite::archive;
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::orphans::{self, confirm};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::schema::row_counts::{self, RowCounts};
use crate::sqlite::schema::scratch;
use crate::sqlite::text::ddl::quote;
use crate::standing::{MigrationState, State};
use crate::text::{self, rows};

/// Counts the rows that break a declared key. They have come after the key did, by a
/// connection on which SQLite did not enforce it.
pub(super) fn orphans(
    connection: &Connection,
    declared: &[ForeignKey],
    wanted: &[Wanted<'_>],
    states: &[MigrationState<'_>],
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (key, number) in numbers(connection, foreign_key::distinct(declared))? {
        if number > 0 {
            let is_ours = |wanted: &Wanted<'_>| wanted.key.same_definition(key);
            let ours = wanted.iter().find(|it| is_ours(it));
            findings.push(finding(key, number, ours, states));
        }
    }
    Ok(findings)
}

/// How many rows break each of `keys`, as far as they have a parent key to look in.
pub fn numbers<'a>(
    connection: &Connection,
    keys: Vec<&'a ForeignKey>,
) -> Result<Vec<(&'a ForeignKey, i64)>> {
    let counts = RowCounts::new(connection);
    let mut searches = Vec::new();
    for key in keys {
        searches.extend(Search::of(connection, &counts, key)?);
    }
    let mut numbers = Vec::new();
    while let Some(first) = searches.first() {
        let child = first.child.name.clone();
        let (pass, others): (Vec<_>, Vec<_>) =
            searches.into_iter().partition(|it| it.child.name == child);
        let keys = pass.iter().map(|search| search.key);
        numbers.extend(keys.zip(count(connection, &counts, &pass)?));
        searches = others;
    }
    Ok(numbers)
}

/// A key whose orphans can be looked for.
struct Search<'a> {
    key: &'a ForeignKey,
    child: Table,
    parent: Table,
}

impl<'a> Search<'a> {
    /// None where the key has no parent key to look in.
    fn of(
        connection: &Connection,
        counts: &RowCounts<'_>,
        key: &'a ForeignKey,
    ) -> Result<Option<Self>> {
        let (child, parent) = match keys::ends(connection, key)? {
            Ok(ends) if scratch::has_parent_key(&ends.1, key) => ends,
            _ => return Ok(None),
        };
        parent.must_have_whole_indexes(connection, counts, &key.parent_columns)?;
        Ok(Some(Search { key, child, parent }))
    }

    /// Confirms that the parent has none of the keys of the rows that meet `condition`.
    fn confirm(&self, connection: &Connection, condition: &str) -> Result<()> {
        let columns = self.key.columns.iter().zip(1..);
        let columns = columns.map(|(name, at)| format!("+w.{} AS m{at}", quote(name)));
        let missing = format!(
            "SELECT DISTINCT {} FROM {} WHERE {condition}",
            columns.collect::<Vec<_>>().join(", "),
            self.child.scanned("w"),
        );
        confirm::confirm_missing(connection, &self.parent, self.key, &missing)
    }
}

/// The numbers of orphans of a pass: searches of one child table, which is read once, row by row, since
/// an index may be damaged.
fn count(connection: &Connection, counts: &RowCounts<'_>, pass: &[Search<'_>]) -> Result<Vec<i64>> {
    let Some(Search { child, .. }) = pass.first() else {
        return Ok(Vec::new());
    };
    let keys: Vec<_> = pass.iter().map(|it| (&it.parent, it.key)).collect();
    if let Some(numbers) = orphans::count(connection, counts, child, &keys)? {
        return Ok(numbers);
    }
    let mut known = KnownKeys::new(connection);
    let conditions = pass.iter().map(|search| {
        // A row `w` of the child that meets it is an orphan.
        known.orphaned(&search.parent, search.key, counts.most_keys(child)?)
    });
    let conditions = conditions.collect::<Result<Vec<_>>>()?;
    let from = format!("FROM {}", child.scanned("w"));
    let query = if let [only] = conditions.as_slice() {
        format!("SELECT count(*) {from} WHERE {only}")
    } else {
        let each = conditions.iter();
        let each = each.map(|condition| format!("count(*) FILTER (WHERE {condition})"));
        format!("SELECT {} {from}", each.collect::<Vec<_>>().join(", "))
    };
    let numbers = connection.query_row(&query, [], |row| {
        (0..pass.len()).map(|place| row.get(place)).collect()
    });
    let numbers: Vec<i64> =
        numbers.with_context(|| format!("could not count the orphans of {}", child.name))?;
    for ((search, condition), number) in pass.iter().zip(&conditions).zip(&numbers) {
        if *number > 0 {
            search.confirm(connection, condition)?;
        }
    }
    Ok(numbers)
}

fn finding(
    key: &ForeignKey,
    number: i64,
    ours: Option<&Wanted<'_>>,
    states: &[MigrationState<'_>],
) -> Finding {
    let (code, hint) = match ours {
        None => (
            Code::OrphansElsewhere,
            "some connection writes, or wrote, without PRAGMA foreign_keys = ON: give these rows a parent, or delete them".to_owned(),
        ),
        Some(wanted) => {
            let remedy = added_by(wanted, states).map_or_else(
                || ": give them a parent, or delete them".to_owned(),
                |down| format!(", and {down} and up move them to the archive"),
            );
            let hint = "some connection writes without PRAGMA foreign_keys = ON: find it; fkfix orphans lists the rows";
            (Code::Orphans, format!("{hint}{remedy}"))
        }
    };
    let breaks = if number == 1 { "breaks" } else { "break" };
    let message = format!("{} of {} {breaks} the key {key}", rows(number), key.child);
    Finding::of_key(code, key, message).hint(hint)
}

/// The command that takes the key away again; none where no migration has added it, since what
/// was there before stays.
fn added_by(wanted: &Wanted<'_>, states: &[MigrationState<'_>]) -> Option<String> {
    let applied = states.iter().filter_map(|(_, _, state)| match state {
        State::Applied(row) => Some(row),
        _ => None,
    });
    let applied: Vec<_> = applied.collect();
    let version = wanted.expected.version;
    let own = applied.iter().find(|row| row.version == version)?;
    let request = &wanted.expected.request;
    let name = request.name.as_deref().unwrap_or_default();
    if own.has_adopted(&request.table, name) {
        return None;
    }
    let is_newest = applied.iter().all(|row| row.version <= version);
    let before = applied.iter().map(|row| row.version);
    let before = before.filter(|other| *other < version).max().unwrap_or(0);
    Some(if is_newest {
        "fkfix down".to_owned()
    } else {
        format!("fkfix down --to {before}")
    })
}

/// The archives that hold rows.
pub fn archives(connection: &Connection) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for archive in archive::all(connection)? {
        let number = row_counts::count_rows(connection, &archive.name)?;
        if number > 0 {
            let stayed = archive.count_stayed(connection)?;
            let held = text::archived(number - stayed, stayed, &archive.table);
            let message = format!("{} holds {held}", archive.name);
            let hint = format!(
                "look at them; once none of the {} is needed: DROP TABLE {}",
                text::count(number),
                quote(&archive.name)
            );
            findings
                .push(Finding::of_table(Code::ArchiveNotEmpty, &archive.name, message).hint(hint));
        }
    }
    Ok(findings)
}
