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
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{literal, quote, same_name};

/// The rows of one archive that stayed and forgot a key.
#[derive(Clone, Debug)]
pub struct Forgotten {
    /// The columns that some of them forgot.
    columns: Vec<String>,
    /// The runs that they are of, the newest first; none for rows of an archive without numbers. Each
    /// with the temporary table that will list what it sets back.
    runs: Vec<(Option<i64>, String)>,
}

impl Forgotten {
    /// Those that may have forgotten some of `columns`.
    pub fn over(columns: Vec<String>) -> Self {
        Forgotten {
            columns,
            runs: Vec::new(),
        }
    }

    /// Those of `restore` that may go back to `table`, if there are any. Lists that are made for it
    /// begin with the number `first`.
    pub fn of(
        connection: &Connection,
        restore: &Restore,
        table: &Table,
        first: usize,
    ) -> Result<Option<Self>> {
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
        let numbered = runs.into_iter().zip(first..);
        let runs = numbered.map(|(run, at)| (run, format!("fkfix_set_{at}")));
        Ok(Some(Forgotten {
            columns,
            runs: runs.collect(),
        }))
    }

    /// How many lists are made for it.
    pub fn lists(&self) -> usize {
        self.runs.len()
    }

    /// As [`store::same_row`], of a row which may have had what it forgot in another run set back since.
    pub fn same_row(&self, table: &Table, columns: &[&str]) -> String {
        let values = columns.iter().map(|name| self.same_value(table, name));
        let all: Vec<_> = [store::same_key(table)].into_iter().chain(values).collect();
        all_of(&all)
    }

    fn same_value(&self, table: &Table, column: &str) -> String {
        let same = fidelity::same_value(table, column, &format!("a.{}", quote(column)));
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
            fidelity::same_value(table, column, &format!("l.r{at}")),
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

    /// The condition that what the archive's row `a` remembers would break `key`.
    fn breaks(&self, table: &Table, key: &Staying) -> String {
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
            store::same_key(table),
            key.broken
        )
    }

    /// The conditions under which what the archive's row `a` remembers may go back to the row `w`.
    fn may_go_back(&self, restore: &Restore, table: &Table) -> Vec<String> {
        let mut conditions = vec![
            self.mine(restore, table),
            store::same_key(table),
            self.holds(table),
        ];
        conditions.extend(self.fits(table));
        conditions
    }

    /// The assignments that do so.
    fn assignments(&self, table: &Table) -> String {
        let set = self.set(table);
        let set = set.map(|name| format!("{} = {}", quote(name), value_before(name)));
        set.collect::<Vec<_>>().join(", ")
    }

    /// The one statement that sets back what may go back and breaks no key that stays. Its condition
    /// stands at its end.
    pub fn set_back(
        &self,
        connection: &Connection,
        restore: &Restore,
        table: &Table,
    ) -> Result<String> {
        let mut conditions = self.may_go_back(restore, table);
        let staying = self.staying(connection, table)?;
        let broken = staying.iter().map(|key| self.breaks(table, key));
        conditions.extend(broken.map(|breaks| format!("NOT {breaks}")));
        Ok(format!(
            "UPDATE OR ABORT main.{} AS w SET {} FROM main.{} AS a WHERE {}",
            quote(&table.name),
            self.assignments(table),
            quote(&restore.archive.name),
            all_of(&conditions)
        ))
    }

    /// The conditions under which setting the values back changes no other: those of the archive's
    /// row `a`, and those of the row `w` of the table, all of which an UPDATE stores again.
    fn fits(&self, table: &Table) -> Vec<String> {
        let is_set = |name: &str| self.set(table).any(|it| same_name(it, name));
        let mut fits = fidelity::fits(table, is_set, "a");
        fits.extend(fidelity::fits(table, |_| true, "w"));
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

/// What stood in `column` of the row `w` before, by the archive's row `a`.
fn value_before(column: &str) -> String {
    let name = quote(column);
    format!(
        "CASE WHEN {} THEN a.{name} ELSE w.{name} END",
        forgot(column)
    )
}

/// One run's rows of one archive.
struct Set<'a> {
    restore: &'a Restore,
    table: &'a Table,
    forgotten: &'a Forgotten,
    run: Option<i64>,
    /// The temporary table that lists them, with what stood there before.
    list: &'a str,
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
            for (run, list) in &forgotten.runs {
                back.sets.push(Set {
                    restore,
                    table,
                    forgotten,
                    run: *run,
                    list,
                });
                back.staying.push(forgotten.staying(connection, table)?);
            }
        }
        Ok(back)
    }

    /// For each run of each archive: its name, the step that lists what goes back, the one that
    /// puts it back, and the one that holds that nothing else has changed.
    pub fn steps(&self) -> impl Iterator<Item = (&str, [Step; 3])> {
        let sets = self.sets.iter();
        sets.map(|set| {
            let name = set.restore.archive.name.as_str();
            (name, [set.list_step(), set.set_step(), set.comparison()])
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

    /// For each archive, a step that marks the rows that have left again since, with their keys.
    pub fn left_again(&self) -> impl Iterator<Item = (&str, Step)> {
        let sets = self.sets.iter();
        sets.map(|set| {
            let step = Step::run(
                format!("find what has left {} again", set.table.name),
                format!(
                    "UPDATE temp.{} AS l SET undone = 1 WHERE undone = 0 AND NOT EXISTS (SELECT 1 FROM {} WHERE {})",
                    set.list,
                    set.table.scanned("w"),
                    set.same_key()
                ),
            );
            (set.restore.archive.name.as_str(), step)
        })
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
        self.forgotten.columns(self.table)
    }

    /// The columns that nothing is set in.
    fn others(&self) -> Vec<&str> {
        let set = self.columns();
        let others = self.table.stored_columns();
        others
            .filter(|name| !set.iter().any(|it| same_name(it, name)))
            .collect()
    }

    /// Lists for each row its key, what it is to be set to, and what it holds.
    fn list_step(&self) -> Step {
        let Set { table, list, .. } = self;
        let numbered = |letter, names: &[&str], value: &dyn Fn(&str) -> String| {
            let each = names.iter().zip(1..);
            each.map(|(name, at)| (format!("{letter}{at}"), value(name)))
                .collect::<Vec<_>>()
        };
        let now = |name: &str| format!("w.{}", quote(name));
        let wanted = |name: &str| {
            let name_quoted = quote(name);
            format!(
                "CASE WHEN {} THEN a.{name_quoted} ELSE w.{name_quoted} END",
                forgot(name)
            )
        };
        let mut listed = numbered('k', &table.row_key.columns(), &now);
        listed.push(("undone".to_owned(), "0".to_owned()));
        listed.extend(numbered('f', &self.columns(), &forgot));
        listed.extend(numbered('r', &self.columns(), &wanted));
        listed.extend(numbered('v', &self.columns(), &now));
        listed.extend(numbered('o', &self.others(), &now));
        let (names, values): (Vec<_>, Vec<_>) = listed.into_iter().unzip();
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
                "CREATE TEMP TABLE {list} ({});\nINSERT INTO temp.{list} SELECT {} FROM main.{} AS a CROSS JOIN {} WHERE {}",
                names.join(", "),
                values.join(", "),
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

    fn set_step(&self) -> Step {
        let set = self.columns().into_iter().zip(1..);
        let set = set.map(|(name, at)| format!("{} = l.r{at}", quote(name)));
        self.update(
            format!(
                "set the keys that {} remembers back",
                self.restore.archive.name
            ),
            &set.collect::<Vec<_>>().join(", "),
            &format!("temp.{} AS l", self.list),
            &self.same_key(),
        )
    }

    /// Holds that nothing else has changed: a row has all its keys back, or is as it was.
    fn comparison(&self) -> Step {
        let Set { table, list, .. } = self;
        let same = |letter, names: &[&str]| {
            let each = names.iter().zip(1..);
            let each = each
                .map(|(name, at)| fidelity::same_value(table, name, &format!("l.{letter}{at}")));
            all_of(&each.collect::<Vec<_>>())
        };
        let set = self.columns();
        let mut all = vec![
            self.same_key(),
            format!("(({}) OR ({}))", same('r', &set), same('v', &set)),
        ];
        let others = self.others();
        if !others.is_empty() {
            all.push(same('o', &others));
        }
        Step::Expect {
            what: format!(
                "nothing but keys that came back has changed in {}",
                table.name
            ),
            query: format!(
                "SELECT count(*) FROM temp.{list} AS l WHERE NOT EXISTS (SELECT 1 FROM {} WHERE {})",
                table.scanned("w"),
                all_of(&all)
            ),
            value: 0,
            by_row: None,
        }
    }

    fn undo_steps(&self, key: &Staying) -> [Step; 2] {
        let label = key.declared.label();
        let list = &self.list;
        let columns = self.columns();
        let of_key = |name: &str| {
            let mut own = key.declared.key.columns.iter();
            own.any(|it| same_name(it, name))
        };
        let forgot = columns.iter().zip(1..);
        let forgot = forgot
            .filter(|(name, _)| of_key(name))
            .map(|(_, at)| format!("l.f{at}"));
        let forgot = forgot.collect::<Vec<_>>().join(" OR ");
        let mark = Step::run(
            format!(
                "find what is back in {} and breaks {label}",
                self.table.name
            ),
            format!(
                "UPDATE temp.{list} AS l SET undone = 1 WHERE undone = 0 AND ({forgot}) AND EXISTS (SELECT 1 FROM {} WHERE {} AND {})",
                self.table.scanned("w"),
                self.same_key(),
                key.broken
            ),
        );
        let set = columns.iter().zip(1..).map(|(name, at)| {
            let name = quote(name);
            format!("{name} = CASE WHEN l.f{at} THEN l.v{at} ELSE w.{name} END")
        });
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
