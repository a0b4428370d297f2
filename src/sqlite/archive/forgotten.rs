//! The way back of rows that stayed and forgot a key: the archive remembers what stood there, and
//! it goes back where nothing else has taken its place since.

use anyhow::Result;
use rusqlite::Connection;

use super::kept::{self, Staying};
use super::store::{self, KEPT, Restore};
use crate::failure::Failure;
use crate::model::kept::{Cause, Kept};
use crate::sqlite::rebuild::fidelity::{self, all_of};
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{literal, quote, same_name};

/// The rows of one archive that stayed and forgot a key.
#[derive(Clone, Debug)]
pub struct Forgotten {
    /// The columns that some of them forgot.
    columns: Vec<String>,
    /// The runs that they are of, the newest first; none for rows of an archive without numbers.
    runs: Vec<Option<i64>>,
}

impl Forgotten {
    /// Those of `restore` that may go back to `table`, if there are any.
    pub fn of(connection: &Connection, restore: &Restore, table: &Table) -> Result<Option<Self>> {
        let archive = &restore.archive;
        if !archive.has_kept {
            return Ok(None);
        }
        let from = format!(
            "FROM main.{} AS a WHERE {} AND a.{KEPT} IS NOT NULL",
            quote(&archive.name),
            restore.mine("a")
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
        if let Some(column) = columns.iter().find(|it| indexes.notes_some_rows_by(it)) {
            return Err(Failure::impossible(format!(
                "could not put back what {} remembers of {}: a full-text index that holds some of its rows has {column}",
                archive.name, table.name
            ))
            .hint("with --leave-orphans it stays in the archive")
            .into());
        }
        Ok(Some(Forgotten { columns, runs }))
    }

    /// The columns that the table still has.
    fn set<'f>(&'f self, table: &'f Table) -> impl Iterator<Item = &'f str> {
        let columns = self.columns.iter().map(String::as_str);
        columns.filter(|name| table.column(name).is_some())
    }

    /// The condition that the archive's row `a` is one of these, and all its columns are there.
    fn mine(&self, restore: &Restore, table: &Table) -> String {
        let mut all = vec![restore.mine("a"), format!("a.{KEPT} IS NOT NULL")];
        let columns = self.columns.iter();
        let gone = columns.filter(|name| table.column(name).is_none());
        all.extend(gone.map(|name| format!("NOT {}", forgot(name))));
        all_of(&all)
    }

    /// The condition that the row `w` of the table holds what was put there.
    fn holds(&self, table: &Table) -> String {
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
    pub fn is_back(&self, restore: &Restore, table: &Table) -> String {
        let each = self.set(table).map(|name| {
            let same = fidelity::same_values(table, [name].into_iter());
            format!(
                "(NOT {} OR ({}))",
                forgot(name),
                same.collect::<Vec<_>>().join(" AND ")
            )
        });
        format!(
            "{} AND EXISTS (SELECT 1 FROM {} WHERE {} AND {})",
            self.mine(restore, table),
            table.scanned("w"),
            store::same_key(table),
            all_of(&each.collect::<Vec<_>>())
        )
    }

    /// Why the rows that are left are left.
    pub fn causes(
        &self,
        connection: &Connection,
        restore: &Restore,
        table: &Table,
    ) -> Result<Vec<Kept>> {
        let archive = quote(&restore.archive.name);
        let row = format!(
            "FROM {} WHERE {}",
            table.scanned("w"),
            store::same_key(table)
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
            let mine = restore.mine("w");
            let kept = format!("FROM main.{archive} AS w WHERE {mine} AND w.{KEPT} IS NOT NULL");
            key.confirm(connection, &kept)?;
            let values = table.columns.iter().map(|column| {
                let name = quote(&column.name);
                if self.set(table).any(|it| same_name(it, &column.name)) {
                    let forgot = forgot(&column.name);
                    format!("CASE WHEN {forgot} THEN a.{name} ELSE w.{name} END AS {name}")
                } else {
                    format!("w.{name} AS {name}")
                }
            });
            let values = values.collect::<Vec<_>>().join(", ");
            let broken = format!(
                "EXISTS (SELECT 1 FROM (SELECT {values} {row}) AS w WHERE {})",
                key.broken
            );
            cases.push((broken, Cause::BreakKeys(vec![key.declared])));
        }
        let whens = cases.iter().enumerate();
        let whens: Vec<_> = whens
            .map(|(at, (condition, _))| format!("WHEN {condition} THEN {at}"))
            .collect();
        let query = format!(
            "SELECT CASE {} ELSE -1 END, count(*) FROM main.{archive} AS a WHERE {} AND a.{KEPT} IS NOT NULL GROUP BY 1 ORDER BY 1",
            whens.join(" "),
            restore.mine("a")
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

    /// The conditions under which setting the values back changes no other: those of the archive's
    /// row `a`, and those that the row `w` of the table has beside them.
    fn fits(&self, table: &Table) -> Vec<String> {
        let is_set = |name: &str| self.set(table).any(|it| same_name(it, name));
        let mut fits = fidelity::fits(table, is_set, "a");
        fits.extend(fidelity::fits(table, |name| !is_set(name), "w"));
        fits
    }

    /// The keys that stay, over columns that may go back.
    fn staying(&self, connection: &Connection, table: &Table) -> Result<Vec<Staying>> {
        let mut staying = kept::staying(connection, table)?;
        staying.retain(|key| {
            let mut columns = key.declared.key.columns.iter();
            columns.any(|name| self.set(table).any(|it| same_name(it, name)))
        });
        Ok(staying)
    }
}

/// The condition that the archive's row `a` forgot `column`.
fn forgot(column: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM json_each(a.{KEPT}) AS j WHERE j.key = {})",
        literal(column)
    )
}

/// One run's rows of one archive.
struct Set<'a> {
    restore: &'a Restore,
    table: &'a Table,
    forgotten: &'a Forgotten,
    run: Option<i64>,
    /// The temporary table that lists them, with what stood there before.
    list: String,
}

/// All that goes back.
pub struct SetBack<'a> {
    sets: Vec<Set<'a>>,
    staying: Vec<Vec<Staying>>,
}

impl<'a> SetBack<'a> {
    /// Finds the keys that stay; to be asked before anything is put back.
    pub fn new(connection: &Connection, restores: &'a [Restore]) -> Result<Self> {
        let mut back = SetBack {
            sets: Vec::new(),
            staying: Vec::new(),
        };
        for restore in restores {
            let (Some(table), Some(forgotten)) = (&restore.table, &restore.forgotten) else {
                continue;
            };
            for run in &forgotten.runs {
                back.sets.push(Set {
                    restore,
                    table,
                    forgotten,
                    run: *run,
                    list: format!("fkfix_set_{}", back.sets.len() + 1),
                });
                back.staying.push(forgotten.staying(connection, table)?);
            }
        }
        Ok(back)
    }

    /// For each run of each archive: its name, the step that lists what goes back, and the one that
    /// puts it back.
    pub fn steps(&self) -> impl Iterator<Item = (&str, [Step; 2])> {
        let sets = self.sets.iter();
        sets.map(|set| {
            let name = set.restore.archive.name.as_str();
            (name, [set.list_step(), set.set_step()])
        })
    }

    /// One round of taking back again what breaks a key: for each key the archive, a step that
    /// marks the rows, and one that changes them.
    pub fn round(&self) -> Vec<(&str, [Step; 2])> {
        let mut round = Vec::new();
        for (set, staying) in self.sets.iter().zip(&self.staying) {
            for key in staying {
                round.push((set.restore.archive.name.as_str(), set.undo_steps(key)));
            }
        }
        round
    }

    /// Forget the lists.
    pub fn after(&self) -> impl Iterator<Item = Step> {
        let sets = self.sets.iter();
        sets.map(|set| {
            Step::run(
                format!(
                    "drop the temporary list of keys restored in {}",
                    set.table.name
                ),
                format!("DROP TABLE temp.{}", set.list),
            )
        })
    }
}

impl Set<'_> {
    fn columns(&self) -> Vec<&str> {
        self.forgotten.set(self.table).collect()
    }

    fn list_step(&self) -> Step {
        let Set { table, list, .. } = self;
        let keys = table.row_key.columns();
        let keys = keys.iter().zip(1..);
        let keys: Vec<_> = keys
            .map(|(name, at)| format!("+w.{} AS k{at}", quote(name)))
            .collect();
        let values = self.columns().into_iter().zip(1..);
        let values = values.map(|(name, at)| format!(", +w.{} AS v{at}", quote(name)));
        let mut conditions = vec![
            self.forgotten.mine(self.restore, table),
            self.of_run(),
            store::same_key(table),
            self.forgotten.holds(table),
        ];
        conditions.extend(self.forgotten.fits(table));
        Step::run(
            format!(
                "list the keys of {} that may go back",
                self.restore.archive.name
            ),
            format!(
                "CREATE TEMP TABLE {list} AS SELECT {}, 0 AS undone{} FROM main.{} AS a CROSS JOIN {} WHERE {}",
                keys.join(", "),
                values.collect::<String>(),
                quote(&self.restore.archive.name),
                table.scanned("w"),
                all_of(&conditions)
            ),
        )
    }

    /// The condition that the row `l` of the list is of the row `w` of the table.
    fn same_key(&self) -> String {
        let keys = self.table.row_key.columns();
        let same = keys.iter().zip(1..);
        let same = same.map(|(name, at)| format!("w.{} = l.k{at}", quote(name)));
        same.collect::<Vec<_>>().join(" AND ")
    }

    /// The condition that the archive's row `a` is of this run.
    fn of_run(&self) -> String {
        let run = self.run.map_or("NULL".to_owned(), |run| run.to_string());
        format!("a.{KEPT} IS NOT NULL AND a.fkfix_run IS {run}")
    }

    /// The condition that the archive's row `a` is the one of the row `l` of the list.
    fn is_listed(&self) -> String {
        let own = match &self.table.row_key {
            RowKey::PrimaryKey(names) => names.iter().map(|name| quote(name)).collect(),
            _ => vec!["fkfix_rowid".to_owned()],
        };
        let same = own.iter().zip(1..);
        let same = same.map(|(name, at)| format!(" AND a.{name} = l.k{at}"));
        format!("{}{}", self.of_run(), same.collect::<String>())
    }

    fn set_step(&self) -> Step {
        let set = self.columns().into_iter().map(|name| {
            let name_quoted = quote(name);
            format!(
                "{name_quoted} = CASE WHEN {} THEN a.{name_quoted} ELSE w.{name_quoted} END",
                forgot(name)
            )
        });
        let archive = &self.restore.archive;
        self.update(
            format!("set the keys that {} remembers back", archive.name),
            &set.collect::<Vec<_>>().join(", "),
            &format!(
                "temp.{} AS l JOIN main.{} AS a ON {}",
                self.list,
                quote(&archive.name),
                self.is_listed()
            ),
            &self.same_key(),
        )
    }

    fn undo_steps(&self, key: &Staying) -> [Step; 2] {
        let label = key.declared.label();
        let list = &self.list;
        let mark = Step::run(
            format!(
                "find what is back in {} and breaks {label}",
                self.table.name
            ),
            format!(
                "UPDATE temp.{list} AS l SET undone = 1 WHERE undone = 0 AND EXISTS (SELECT 1 FROM {} WHERE {} AND {})",
                self.table.scanned("w"),
                self.same_key(),
                key.broken
            ),
        );
        let set = self.columns().into_iter().zip(1..);
        let set = set.map(|(name, at)| format!("{} = l.v{at}", quote(name)));
        let undo = self.update(
            format!("set in {} again to what it was", self.table.name),
            &set.collect::<Vec<_>>().join(", "),
            &format!("temp.{list} AS l"),
            &format!("l.undone = 1 AND {}", self.same_key()),
        );
        [mark, undo]
    }

    fn update(&self, title: String, set: &str, from: &str, which: &str) -> Step {
        Step::run(
            title,
            format!(
                "PRAGMA ignore_check_constraints = ON;\nUPDATE OR IGNORE main.{} AS w SET {set} FROM {from} WHERE {which};\nPRAGMA ignore_check_constraints = OFF",
                quote(&self.table.name)
            ),
        )
    }
}
