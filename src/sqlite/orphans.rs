//! Finds the rows that break keys, and the rows that hang on those rows.
//!
//! An orphan is a child row whose key has no NULL in it and no parent
//! (<https://www.sqlite.org/foreignkeys.html#fk_basics>). What is found stands in temporary
//! tables, one for each table that loses rows, so that the archive, the copy and the report
//! all speak of the same rows. The database itself is only read.

use std::cell::OnceCell;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::ddl::{literal, quote, same_name};
use super::keys::{NewKey, TableKeys, label_of};
use super::schema::{self, Affinity, ForeignKey, RowKey, Table};
use super::scratch;
use crate::failure::Failure;
use crate::progress;

/// The rows that leave one table.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The table that loses them.
    pub table: Table,
    /// The temporary table that lists them.
    pub list: String,
    /// How many.
    pub rows: i64,
    /// How many of them break a key themselves, each counted once.
    pub orphans: i64,
    /// How many of these break more than one.
    pub break_several: i64,
    /// How many rows the table has in all.
    pub of: i64,
    /// How many of them break each key, or hang on a removed row by it. A row that breaks two
    /// keys counts for both.
    pub reasons: Vec<Reason>,
}

/// Why rows leave.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The key, by its name or its columns.
    pub key: String,
    /// The number of rows.
    pub rows: i64,
    /// The rows break the key itself; otherwise their parent leaves, and the key's own
    /// `ON DELETE CASCADE` takes them along.
    pub breaks: bool,
}

/// Rows that refer to a row that would leave, by a key that does not let it go.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The key.
    pub key: ForeignKey,
    /// How many rows refer so.
    pub rows: i64,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The statements that made the lists, in order: run again, they make the same lists.
    pub statements: Vec<String>,
    /// The rows that leave, by table.
    pub removals: Vec<Removal>,
    /// Why some of them can't leave.
    pub blocked: Vec<Blocked>,
    /// Keys that are broken while their parent table holds no row at all.
    pub empty_parents: Vec<NewKey>,
}

impl Found {
    /// The rows that leave `table`, if any do.
    #[must_use]
    pub fn removal(&self, table: &str) -> Option<&Removal> {
        self.removals
            .iter()
            .find(|removal| same_name(&removal.table.name, table))
    }
}

/// Finds the orphans of the keys of `targets`, then all that hangs on them by the keys that the
/// database declares, and by those of `targets` that it does not declare yet.
pub fn find(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[ForeignKey],
) -> Result<Found> {
    let mut search = Search {
        connection,
        found: Found::default(),
    };
    for target in targets {
        for key in &target.added {
            search.orphans(&target.table, key)?;
        }
    }
    let searched = targets.iter().flat_map(|target| &target.added);
    let is_declared = |key: &ForeignKey| declared.iter().any(|it| it.same_definition(key));
    let mut links: Vec<Link> = searched
        .filter(|new| !is_declared(&new.key))
        .map(Link::added)
        .collect();
    links.extend(declared.iter().map(Link::declared));
    search.dependents(&links)?;
    search.blocked(&links)?;
    search.count()?;
    Ok(search.found)
}

/// A key along which rows hang on others.
struct Link<'a> {
    key: &'a ForeignKey,
    label: String,
    /// The key is about to be added: a row that loses its parent breaks it.
    added: bool,
    /// Whether the parent has the key that this one refers to, once that is known.
    in_force: OnceCell<bool>,
}

impl<'a> Link<'a> {
    fn added(new: &'a NewKey) -> Self {
        Link {
            key: &new.key,
            label: new.label(),
            added: true,
            in_force: OnceCell::from(true),
        }
    }

    fn declared(key: &'a ForeignKey) -> Self {
        Link {
            key,
            label: label_of(key),
            added: false,
            in_force: OnceCell::new(),
        }
    }

    /// Whether SQLite could act on the key: nothing hangs on rows by one that it can't.
    fn is_in_force(&self, parent: &Table) -> Result<bool> {
        if let Some(known) = self.in_force.get() {
            return Ok(*known);
        }
        let in_force = scratch::is_parent_key(parent, self.key)?;
        Ok(*self.in_force.get_or_init(|| in_force))
    }

    fn takes_along(&self) -> bool {
        self.added || same_name(&self.key.on_delete, "CASCADE")
    }
}

struct Search<'a> {
    connection: &'a Connection,
    found: Found,
}

impl Search<'_> {
    /// Lists the rows of `child` that break `new`.
    fn orphans(&mut self, child: &Table, new: &NewKey) -> Result<()> {
        let parent = Table::read(self.connection, &new.key.parent)?;
        let broken = broken(child, &parent, &new.key);
        let rows = self.list(child, &new.label(), &broken, true, 0)?;
        if rows > 0 && is_empty(self.connection, &parent.name)? {
            self.found.empty_parents.push(new.clone());
        }
        Ok(())
    }

    /// Lists the rows that hang on listed rows, then those that hang on these, until no more
    /// are found. Each round looks only at the parents that the round before listed.
    fn dependents(&mut self, links: &[Link<'_>]) -> Result<()> {
        for round in 0.. {
            let mut more = 0;
            for link in links.iter().filter(|link| link.takes_along()) {
                let Some(refers) = self.refers_to_listed(link, Some(round))? else {
                    continue;
                };
                let child = Table::read(self.connection, &link.key.child)?;
                more += self.list(&child, &link.label, &refers, link.added, round + 1)?;
            }
            if more == 0 {
                break;
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<()> {
        for removal in &mut self.found.removals {
            removal.of = schema::count_rows(self.connection, &removal.table.name)?;
            let count = format!(
                "SELECT count(*), count(*) FILTER (WHERE round = 0), count(*) FILTER (WHERE breaks > 1) FROM temp.{}",
                quote(&removal.list)
            );
            let counts = self.connection.query_row(&count, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            (removal.rows, removal.orphans, removal.break_several) = counts;
        }
        Ok(())
    }

    /// Notes the keys that would be left pointing nowhere, or whose own action would change
    /// rows in place: neither can be undone by putting rows back.
    fn blocked(&mut self, links: &[Link<'_>]) -> Result<()> {
        for link in links.iter().filter(|link| !link.takes_along()) {
            let Some(refers) = self.refers_to_listed(link, None)? else {
                continue;
            };
            let child = Table::read(self.connection, &link.key.child)?;
            let unlisted = match self.found.removal(&child.name) {
                Some(removal) => format!(" AND NOT {}", listed("w", removal)),
                None => String::new(),
            };
            let count = format!(
                "SELECT count(*) FROM main.{} AS w WHERE {refers}{unlisted}",
                quote(&child.name)
            );
            let rows = self.connection.query_row(&count, [], |row| row.get(0))?;
            if rows > 0 {
                self.found.blocked.push(Blocked {
                    key: link.key.clone(),
                    rows,
                });
            }
        }
        Ok(())
    }

    /// The condition under which a child row `w` refers by `key` to a row that is listed (in
    /// `round` alone, where one is given); none where no row of the parent is.
    fn refers_to_listed(&self, link: &Link<'_>, round: Option<i64>) -> Result<Option<String>> {
        let key = link.key;
        let removal = self.found.removal(&key.parent);
        let Some(removal) = removal.filter(|it| !it.reasons.is_empty()) else {
            return Ok(None);
        };
        if !link.is_in_force(&removal.table)? {
            return Ok(None);
        }
        let child = Table::read(self.connection, &key.child)?;
        let on: Vec<_> = removal
            .table
            .row_key
            .columns()
            .iter()
            .enumerate()
            .map(|(place, column)| format!("p.{} = l.k{}", quote(column), place + 1))
            .collect();
        let round = round.map_or(String::new(), |round| format!(" AND l.round = {round}"));
        let parents = format!(
            "FROM temp.{} AS l CROSS JOIN main.{} AS p ON {}{round}",
            quote(&removal.list),
            quote(&removal.table.name),
            on.join(" AND "),
        );
        if let (true, Some((column, parent_column))) = (
            compares_alike(&child, &removal.table, key),
            key.pairs().next(),
        ) {
            return Ok(Some(format!(
                "w.{} IN (SELECT p.{} {parents})",
                quote(column),
                quote(parent_column)
            )));
        }
        Ok(Some(format!(
            "EXISTS (SELECT 1 {parents} WHERE {})",
            equals_parent(key)
        )))
    }

    /// Adds the rows of `table` that meet `condition` to its list; the number of rows found.
    ///
    /// A row that is listed already gets a further reason in the first round, and stays as it
    /// is in later ones.
    fn list(
        &mut self,
        table: &Table,
        reason: &str,
        condition: &str,
        breaks: bool,
        round: i64,
    ) -> Result<i64> {
        let list = match self.found.removal(&table.name) {
            Some(removal) => removal.list.clone(),
            None => self.new_list(table)?,
        };
        let key = key_columns(&table.row_key);
        let columns = table.row_key.columns();
        let values: Vec<_> = columns
            .iter()
            .map(|name| format!("w.{}", quote(name)))
            .collect();
        let known = if round == 0 {
            "DO UPDATE SET reasons = reasons || ', ' || excluded.reasons, breaks = breaks + 1"
        } else {
            "DO NOTHING"
        };
        // In the order of the list's key, which fills it without a search for each row. The
        // plus keeps SQLite from reading the whole table for that order's sake.
        let insert = format!(
            "INSERT INTO temp.{list} ({key}, reasons, breaks, round)\nSELECT {}, {}, 1, {round} FROM main.{} AS w\nWHERE {condition}\nORDER BY +{}\nON CONFLICT ({key}) {known}",
            values.join(", "),
            literal(reason),
            quote(&table.name),
            values.join(", +"),
            list = quote(&list),
        );
        let rows = i64::try_from(self.run(insert, table)?)?;
        let of_list = |removal: &&mut Removal| removal.list == list;
        if let (true, Some(removal)) = (rows > 0, self.found.removals.iter_mut().find(of_list)) {
            match removal.reasons.iter_mut().find(|it| it.key == reason) {
                Some(known) => known.rows += rows,
                None => removal.reasons.push(Reason {
                    key: reason.to_owned(),
                    rows,
                    breaks,
                }),
            }
        }
        Ok(rows)
    }

    fn new_list(&mut self, table: &Table) -> Result<String> {
        let list = format!("fkfix_leaving_{}", self.found.removals.len() + 1);
        let key = key_columns(&table.row_key);
        let columns = match &table.row_key {
            RowKey::Hidden => {
                return Err(Failure::impossible(format!(
                    "the rows of {} can't be told apart: its columns are called rowid, _rowid_ and oid",
                    table.name
                ))
                .hint("rename one of these columns")
                .into());
            }
            RowKey::PrimaryKey(_) => {
                format!(
                    "{key}, reasons TEXT, breaks INTEGER, round INTEGER, PRIMARY KEY ({key})) WITHOUT ROWID"
                )
            }
            RowKey::Alias(_) | RowKey::Implicit(_) => {
                format!("{key} INTEGER PRIMARY KEY, reasons TEXT, breaks INTEGER, round INTEGER)")
            }
        };
        self.run(
            format!("CREATE TEMP TABLE {} ({columns}", quote(&list)),
            table,
        )?;
        self.found.removals.push(Removal {
            table: table.clone(),
            list: list.clone(),
            rows: 0,
            orphans: 0,
            break_several: 0,
            of: 0,
            reasons: Vec::new(),
        });
        Ok(list)
    }

    fn run(&mut self, sql: String, table: &Table) -> Result<usize> {
        progress::step(&format!("search {} for orphans", table.name), 0);
        tracing::debug!(%sql, "search");
        let rows = self
            .connection
            .execute(&sql, [])
            .with_context(|| format!("could not search {} for orphans", table.name))?;
        self.found.statements.push(sql);
        Ok(rows)
    }
}

/// `k1, k2, …`: the columns of a list that hold a row's key.
fn key_columns(row_key: &RowKey) -> String {
    let places = 1..=row_key.columns().len();
    let names: Vec<_> = places.map(|place| format!("k{place}")).collect();
    names.join(", ")
}

/// The condition that the row `alias` of the table stands in the list of `removal`.
#[must_use]
pub fn listed(alias: &str, removal: &Removal) -> String {
    let columns = removal.table.row_key.columns();
    let list = quote(&removal.list);
    if let [column] = columns.as_slice() {
        return format!("{alias}.{} IN (SELECT k1 FROM temp.{list})", quote(column));
    }
    let on: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("l.k{} = {alias}.{}", place + 1, quote(column)))
        .collect();
    format!(
        "EXISTS (SELECT 1 FROM temp.{list} AS l WHERE {})",
        on.join(" AND ")
    )
}

/// The condition that a child row `w` has no NULL in its key and no parent.
///
/// The unary plus takes affinity and collation from the child's side, so that those of the
/// parent key decide, as they do for SQLite's own keys
/// (<https://www.sqlite.org/foreignkeys.html#fk_indexes>). Where both sides compare alike,
/// each distinct key is looked up once.
#[must_use]
pub fn broken(child: &Table, parent: &Table, key: &ForeignKey) -> String {
    let orphaned = orphaned(parent, key);
    match key.columns.as_slice() {
        [column] if compares_alike(child, parent, key) && leads_an_index(child, column) => {
            let column = quote(column);
            format!(
                "w.{column} IN (SELECT w.{column} FROM (SELECT DISTINCT {column} FROM main.{}) AS w WHERE {orphaned})",
                quote(&child.name)
            )
        }
        _ => orphaned,
    }
}

/// The same condition, looked up for each row.
#[must_use]
pub fn orphaned(parent: &Table, key: &ForeignKey) -> String {
    let complete: Vec<_> = key
        .columns
        .iter()
        .map(|column| format!("w.{} IS NOT NULL", quote(column)))
        .collect();
    format!(
        "{} AND NOT EXISTS (SELECT 1 FROM main.{} AS p WHERE {})",
        complete.join(" AND "),
        quote(&parent.name),
        equals_parent(key)
    )
}

fn equals_parent(key: &ForeignKey) -> String {
    let pairs: Vec<_> = key
        .pairs()
        .map(|(column, parent)| format!("p.{} = +w.{}", quote(parent), quote(column)))
        .collect();
    pairs.join(" AND ")
}

/// One column on each side, of the same affinity and collation: then equal child keys have
/// the same parent, and either side's index finds what the other side's comparison means.
fn compares_alike(child: &Table, parent: &Table, key: &ForeignKey) -> bool {
    let mut pairs = key.pairs();
    let (Some((column, parent_column)), None) = (pairs.next(), pairs.next()) else {
        return false;
    };
    match (child.column(column), parent.column(parent_column)) {
        (Some(left), Some(right)) => {
            left.affinity == right.affinity
                && left.affinity != Affinity::Blob
                && same_name(&left.collation, &right.collation)
        }
        _ => false,
    }
}

fn leads_an_index(child: &Table, column: &str) -> bool {
    child.index_leads.iter().any(|lead| same_name(lead, column))
}

fn is_empty(connection: &Connection, table: &str) -> Result<bool> {
    let query = format!("SELECT NOT EXISTS (SELECT 1 FROM main.{})", quote(table));
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

#[cfg(test)]
#[path = "orphans_tests.rs"]
mod tests;
