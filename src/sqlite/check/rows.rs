//! What has come into the tables since, and what still waits outside.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::keys::{self, Wanted};
use crate::model::finding::{Code, Finding};
use crate::sqlite::archive;
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::orphans::confirm;
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
    let mut known = KnownKeys::new(connection);
    let mut searches = Vec::new();
    for key in keys {
        searches.extend(Search::of(connection, &counts, &mut known, key)?);
    }
    count_all(connection, &searches)
}

/// A key whose orphans can be looked for.
struct Search<'a> {
    key: &'a ForeignKey,
    child: Table,
    parent: Table,
    /// When a row `w` of the child is an orphan.
    condition: String,
}

impl<'a> Search<'a> {
    /// None where the key has no parent key to look in.
    fn of(
        connection: &Connection,
        counts: &RowCounts<'_>,
        known: &mut KnownKeys<'_>,
        key: &'a ForeignKey,
    ) -> Result<Option<Self>> {
        let (child, parent) = match keys::ends(connection, key)? {
            Ok(ends) if scratch::has_parent_key(&ends.1, key) => ends,
            _ => return Ok(None),
        };
        parent.must_have_whole_indexes(connection, counts, &key.parent_columns)?;
        Ok(Some(Search {
            condition: known.orphaned(&parent, key, counts.of(&child.name)?)?,
            key,
            child,
            parent,
        }))
    }

    /// Confirms, where rows were found, that the parent has none of their keys.
    fn confirm(&self, connection: &Connection) -> Result<()> {
        let columns = self.key.columns.iter().zip(1..);
        let columns = columns.map(|(name, at)| format!("+w.{} AS m{at}", quote(name)));
        let missing = format!(
            "SELECT DISTINCT {} FROM {} WHERE {}",
            columns.collect::<Vec<_>>().join(", "),
            self.child.scanned("w"),
            self.condition
        );
        confirm::confirm_missing(connection, &self.parent, self.key, &missing)
    }
}

/// The number of orphans of each key. Each table is read once, row by row: an index may be damaged.
fn count_all<'a>(
    connection: &Connection,
    searches: &[Search<'a>],
) -> Result<Vec<(&'a ForeignKey, i64)>> {
    let mut numbers = Vec::new();
    let mut rest: Vec<&Search<'a>> = searches.iter().collect();
    while let Some(first) = rest.first().copied() {
        let (pass, others): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|it| it.child.name == first.child.name);
        numbers.extend(count(connection, &pass)?);
        rest = others;
    }
    Ok(numbers)
}

/// The numbers of a pass: searches of one child table.
fn count<'a>(connection: &Connection, pass: &[&Search<'a>]) -> Result<Vec<(&'a ForeignKey, i64)>> {
    let Some(first) = pass.first() else {
        return Ok(Vec::new());
    };
    let from = format!("FROM {}", first.child.scanned("w"));
    let query = if let [only] = pass {
        format!("SELECT count(*) {from} WHERE {}", only.condition)
    } else {
        let counts: Vec<_> = pass
            .iter()
            .map(|search| format!("count(*) FILTER (WHERE {})", search.condition))
            .collect();
        format!("SELECT {} {from}", counts.join(", "))
    };
    let numbers = connection.query_row(&query, [], |row| {
        (0..pass.len()).map(|place| row.get(place)).collect()
    });
    let numbers: Vec<i64> =
        numbers.with_context(|| format!("could not count the orphans of {}", first.child.name))?;
    for (search, number) in pass.iter().zip(&numbers) {
        if *number > 0 {
            search.confirm(connection)?;
        }
    }
    let keys = pass.iter().map(|search| search.key);
    Ok(keys.zip(numbers).collect())
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
