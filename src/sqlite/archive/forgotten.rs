//! The way back of rows that stayed and forgot a key: the archive remembers what stood there, and
//! it goes back where nothing else has taken its place since.

use anyhow::Result;
use rusqlite::Connection;

use super::staying::{self, Staying};
use super::table::{self, Archive, KEPT, Whose, is_of};
use crate::model::kept::{Cause, Kept};
use crate::sqlite::rebuild::compare::{self, all_of};
use crate::sqlite::rebuild::fidelity;
use crate::sqlite::rebuild::full_text;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{literal, quote, same_name};

/// The rows of one archive that stayed and forgot a key.
#[derive(Clone, Debug)]
pub struct Forgotten {
    archive: Archive,
    whose: Whose,
    /// The columns that some of them forgot.
    pub(super) columns: Vec<String>,
    /// The runs that they are of, the newest first; none for rows of an archive without numbers. Each
    /// with the temporary table that will list what it sets back.
    pub(super) runs: Vec<(Option<i64>, String)>,
    /// The full-text indexes that hold some rows alone, by what is set back.
    pub(super) indexes: Vec<full_text::Index>,
}

impl Forgotten {
    /// Those of the rows in `archive` that are `whose`, which may have forgotten some of `columns`.
    pub fn over(archive: Archive, whose: Whose, columns: Vec<String>) -> Self {
        Forgotten {
            archive,
            whose,
            columns,
            runs: Vec::new(),
            indexes: Vec::new(),
        }
    }

    /// Those of the rows in `archive` that are `whose` and may go back to `table`, if there are any.
    /// Lists that are made for it begin with the number `first`.
    pub fn of(
        connection: &Connection,
        archive: &Archive,
        whose: Whose,
        table: &Table,
        first: usize,
    ) -> Result<Option<Self>> {
        if !archive.has_kept {
            return Ok(None);
        }
        let from = format!(
            "FROM main.{} AS a WHERE {} AND a.{KEPT} IS NOT NULL",
            quote(&archive.name),
            is_of("a", whose)
        );
        let mut statement = connection.prepare(&format!(
            "SELECT DISTINCT a.fkfix_run {from} ORDER BY 1 DESC"
        ))?;
        let runs = statement.query_map([], |row| row.get(0))?;
        let runs: Vec<_> = runs.collect::<Result<_, _>>()?;
        if runs.is_empty() {
            return Ok(None);
        }
        let columns = format!(
            "SELECT DISTINCT j.key FROM (SELECT a.{KEPT} AS kept {from}) AS a, json_each(a.kept) AS j ORDER BY 1"
        );
        let mut statement = connection.prepare(&columns)?;
        let columns = statement.query_map([], |row| row.get(0))?;
        let columns: Vec<String> = columns.collect::<Result<_, _>>()?;
        let indexes = full_text::Indexes::of(connection, table)?;
        let names: Vec<_> = columns.iter().map(String::as_str).collect();
        let indexes = indexes.knowing_some_rows_by(table, &names);
        let indexes = indexes.cloned().collect();
        let numbered = runs.into_iter().zip(first..);
        let runs = numbered.map(|(run, at)| (run, format!("fkfix_set_{at}")));
        Ok(Some(Forgotten {
            archive: archive.clone(),
            whose,
            columns,
            runs: runs.collect(),
            indexes,
        }))
    }

    /// How many lists are made for it.
    pub fn lists(&self) -> usize {
        self.runs.len()
    }

    /// As [`table::same_row`], of a row which may have had what it forgot in another run set back since.
    pub fn same_row(&self, table: &Table, columns: &[&str]) -> String {
        let values = columns.iter().map(|name| self.same_value(table, name));
        let all: Vec<_> = [table::same_key(table)].into_iter().chain(values).collect();
        all_of(&all)
    }

    pub(super) fn same_value(&self, table: &Table, column: &str) -> String {
        let same = compare::same_value(table, column, &format!("a.{}", quote(column)));
        let place = self.set(table).position(|it| same_name(it, column));
        let Some(at) = place.map(|place| place + 1) else {
            return same;
        };
        let key = table.row_key.columns();
        let key = key.iter().zip(1..);
        let key = key.map(|(name, at)| format!("l.k{at} = w.{}", quote(name)));
        let key = key.collect::<Vec<_>>().join(" AND ");
        let (own, set) = (
            quote(column),
            compare::same_value(table, column, &format!("l.r{at}")),
        );
        let each = self.runs.iter().map(|(_, list)| {
            format!(
                " OR EXISTS (SELECT 1 FROM temp.{list} AS l WHERE {key} AND l.f{at} AND NOT l.undone AND l.v{at} IS a.{own} COLLATE BINARY AND typeof(l.v{at}) = typeof(a.{own}) AND {set})"
            )
        });
        format!("({same}{})", each.collect::<String>())
    }

    /// The columns of `table` that are set back.
    pub fn columns<'f>(&'f self, table: &'f Table) -> Vec<&'f str> {
        self.set(table).collect()
    }

    /// The columns that the table still has.
    pub(super) fn set<'f>(&'f self, table: &'f Table) -> impl Iterator<Item = &'f str> {
        let columns = self.columns.iter().map(String::as_str);
        columns.filter(|name| table.column(name).is_some())
    }

    /// The condition that the archive's row `a` is one of these, and all its columns are there.
    pub(super) fn mine(&self, table: &Table) -> String {
        let mut all = vec![is_of("a", self.whose), format!("a.{KEPT} IS NOT NULL")];
        let columns = self.columns.iter();
        let gone = columns.filter(|name| table.column(name).is_none());
        all.extend(gone.map(|name| format!("NOT {}", forgot(name))));
        all_of(&all)
    }

    /// The condition that the row `w` of the table holds what was put there.
    pub(super) fn holds(&self, table: &Table) -> String {
        let each = self.set(table).map(|name| {
            format!(
                "ifnull((SELECT quote(w.{}) = j.value FROM json_each(a.{KEPT}) AS j WHERE j.key = {}), 1)",
                quote(name),
                literal(name)
            )
        });
        all_of(&each.collect::<Vec<_>>())
    }

    /// The condition that what the archive's row `a` remembers stands in its table.
    pub fn is_back(&self, table: &Table) -> String {
        let each = self.set(table).map(|name| {
            let same = compare::same_values(table, [name].into_iter());
            format!(
                "(NOT {} OR ({}))",
                forgot(name),
                same.collect::<Vec<_>>().join(" AND ")
            )
        });
        format!(
            "{} AND EXISTS (SELECT 1 FROM {} WHERE {} AND {})",
            self.mine(table),
            table.scanned("w"),
            table::same_key(table),
            all_of(&each.collect::<Vec<_>>())
        )
    }

    /// Why the rows that are left are left.
    pub fn causes(&self, connection: &Connection, table: &Table) -> Result<Vec<Kept>> {
        let archive = quote(&self.archive.name);
        let row = format!(
            "FROM {} WHERE {}",
            table.scanned("w"),
            table::same_key(table)
        );
        let mut cases = vec![(format!("NOT EXISTS (SELECT 1 {row})"), Cause::RowGone)];
        let columns = self.columns.iter();
        cases.extend(
            columns
                .filter(|name| table.column(name).is_none())
                .map(|name| (forgot(name), Cause::ColumnGone(name.clone()))),
        );
        for name in self.set(table) {
            let changed = format!(
                "EXISTS (SELECT 1 {row} AND (SELECT quote(w.{}) <> j.value FROM json_each(a.{KEPT}) AS j WHERE j.key = {}))",
                quote(name),
                literal(name)
            );
            cases.push((changed, Cause::Changed(vec![name.to_owned()])));
        }
        let fits = all_of(&self.fits(table));
        if !fits.is_empty() {
            let converts = format!("NOT EXISTS (SELECT 1 {row} AND {fits})");
            cases.push((converts, Cause::Converted));
        }
        for key in self.staying(connection, table)? {
            let mine = is_of("w", self.whose);
            let kept = format!("FROM main.{archive} AS w WHERE {mine} AND w.{KEPT} IS NOT NULL");
            key.confirm(connection, &kept)?;
            cases.push((
                self.breaks(table, &key),
                Cause::BreakKeys(vec![key.declared]),
            ));
        }
        let whens = cases.iter().enumerate();
        let whens: Vec<_> = whens
            .map(|(at, (condition, _))| format!("WHEN {condition} THEN {at}"))
            .collect();
        let query = format!(
            "SELECT CASE {} ELSE -1 END, count(*) FROM main.{archive} AS a WHERE {} AND a.{KEPT} IS NOT NULL GROUP BY 1 ORDER BY 1",
            whens.join(" "),
            is_of("a", self.whose)
        );
        let mut statement = connection.prepare(&query)?;
        let mut rows = statement.query([])?;
        let mut kept = Vec::new();
        while let Some(row) = rows.next()? {
            let (at, rows): (i64, i64) = (row.get(0)?, row.get(1)?);
            let found = usize::try_from(at).ok().and_then(|at| cases.get(at));
            let taken = || Cause::Taken(self.set(table).map(str::to_owned).collect());
            let cause = found.map_or_else(taken, |(_, cause)| cause.clone());
            kept.push(Kept { rows, cause });
        }
        Ok(kept)
    }

    /// The condition that what the archive's row `a` remembers would break `key`.
    pub(super) fn breaks(&self, table: &Table, key: &Staying) -> String {
        let values = table.columns.iter().map(|column| {
            let name = quote(&column.name);
            if self.set(table).any(|it| same_name(it, &column.name)) {
                format!("{} AS {name}", value_before(&column.name))
            } else {
                format!("w.{name} AS {name}")
            }
        });
        format!(
            "EXISTS (SELECT 1 FROM (SELECT {} FROM {} WHERE {}) AS w WHERE {})",
            values.collect::<Vec<_>>().join(", "),
            table.source("w"),
            table::same_key(table),
            key.broken
        )
    }

    /// The conditions under which what the archive's row `a` remembers may go back to the row `w`.
    fn may_go_back(&self, table: &Table) -> Vec<String> {
        let mut conditions = vec![self.mine(table), table::same_key(table), self.holds(table)];
        conditions.extend(self.fits(table));
        conditions
    }

    /// The assignments that do so.
    pub(super) fn assignments(&self, table: &Table) -> String {
        let set = self.set(table);
        let set = set.map(|name| format!("{} = {}", quote(name), value_before(name)));
        set.collect::<Vec<_>>().join(", ")
    }

    /// The one statement that sets back what may go back and breaks no key that stays. Its condition
    /// stands at its end.
    pub fn set_back(&self, connection: &Connection, table: &Table) -> Result<String> {
        let mut conditions = self.may_go_back(table);
        let staying = self.staying(connection, table)?;
        let broken = staying.iter().map(|key| self.breaks(table, key));
        conditions.extend(broken.map(|breaks| format!("NOT {breaks}")));
        Ok(format!(
            "UPDATE OR ABORT main.{} AS w SET {} FROM main.{} AS a WHERE {}",
            quote(&table.name),
            self.assignments(table),
            quote(&self.archive.name),
            all_of(&conditions)
        ))
    }

    /// The conditions under which setting the values back changes no other: those of the archive's
    /// row `a`, and those of the row `w` of the table, all of which an UPDATE stores again.
    pub(super) fn fits(&self, table: &Table) -> Vec<String> {
        let is_set = |name: &str| self.set(table).any(|it| same_name(it, name));
        let mut fits = fidelity::fits(table, is_set, "a");
        fits.extend(fidelity::fits(table, |_| true, "w"));
        fits
    }

    /// The keys that stay, over columns that may go back.
    pub(super) fn staying(&self, connection: &Connection, table: &Table) -> Result<Vec<Staying>> {
        let mut staying = staying::staying(connection, table)?;
        staying.retain(|key| {
            let mut columns = key.declared.key.columns.iter();
            columns.any(|name| self.set(table).any(|it| same_name(it, name)))
        });
        Ok(staying)
    }
}

/// The condition that the archive's row `a` forgot `column`.
pub(super) fn forgot(column: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM json_each(a.{KEPT}) AS j WHERE j.key = {})",
        literal(column)
    )
}

/// What stood in `column` of the row `w` before, by the archive's row `a`.
pub(super) fn value_before(column: &str) -> String {
    let name = quote(column);
    format!(
        "CASE WHEN {} THEN a.{name} ELSE w.{name} END",
        forgot(column)
    )
}
