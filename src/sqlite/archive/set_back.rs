//! Sets back what rows forgot, run by run, the newest first.

use anyhow::Result;
use rusqlite::Connection;

use super::forgotten::{Forgotten, forgot};
use super::put_back::Restore;
use super::staying::Staying;
use super::table::{self, KEPT};
use crate::failure::Failure;
use crate::sqlite::rebuild::compare::{self, all_of};
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{quote, same_name};

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

    /// Fails where a row that the list at this place of [`steps`](Self::steps) names stands in a
    /// full-text index that would still know it by what it holds now.
    pub fn must_stand_in_no_index(&self, connection: &Connection, place: usize) -> Result<()> {
        let Some(set) = self.sets.get(place) else {
            return Ok(());
        };
        let listed = format!(
            "FROM temp.{} AS l CROSS JOIN {} ON {}",
            set.list,
            set.table.scanned("w"),
            set.same_key()
        );
        for index in &set.forgotten.indexes {
            if index.holds_one(connection, &listed)? {
                return Err(Failure::impossible(format!(
                    "could not put back what {} remembers of {}: the full-text index {} holds some rows alone, and among them such a row",
                    set.restore.archive.name, set.table.name, index.name
                ))
                .hint(format!(
                    "drop {} and create it again afterwards; with down --leave-orphans it stays in the archive",
                    index.name
                ))
                .into());
            }
        }
        Ok(())
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
            self.forgotten.mine(table),
            self.of_run(),
            table::same_key(table),
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
            let each =
                each.map(|(name, at)| compare::same_value(table, name, &format!("l.{letter}{at}")));
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
