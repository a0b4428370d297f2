//! Temporary tables that list the rows that leave, one for each table that loses some.
//!
//! The archive, the copy and the report all go by these lists, and so speak of the same rows.

mod found;
mod listed;
mod removal;
mod sought;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

pub use listed::{FORGETS, demotion, from_kept, from_leaving, from_listed, has_listed_key, listed};
pub use removal::{Forgetting, Reason, Removal, find};
use sought::{COUNTED, Told};
pub use sought::{Fate, Sought};

use crate::failure::Failure;
use crate::model::key::KeyId;
use crate::progress::{self, Work};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::{self, RowKey, Table};
use crate::sqlite::text::ddl::{literal, quote, same_name};

/// How many keys one pass can mark in an integer.
pub const KEYS_PER_PASS: usize = 60;

/// The lists, as they are filled.
pub struct Lists<'a> {
    connection: &'a Connection,
    /// The statements that made the lists, in order.
    pub statements: Vec<String>,
    /// One for each list.
    pub removals: Vec<Removal>,
    /// Rows were listed to leave, or to forget a key, since this was last false.
    pub grew: bool,
    /// Some listed rows may be there only to be counted.
    pub some_stay: bool,
    /// The keys that rows may forget.
    pub forgets: Vec<Forgetting>,
    /// Why rows leave whose key says that they may stay.
    pub whys: Vec<(KeyId, String)>,
    /// Further temporary tables, with the table that each is about.
    pub others: Vec<(String, String)>,
}

impl<'a> Lists<'a> {
    /// No list yet.
    pub fn new(connection: &'a Connection) -> Self {
        Lists {
            connection,
            statements: Vec::new(),
            removals: Vec::new(),
            grew: false,
            some_stay: false,
            forgets: Vec::new(),
            whys: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The rows that leave `table`, if it has a list.
    #[must_use]
    pub fn removal(&self, table: &str) -> Option<&Removal> {
        find(&self.removals, table)
    }

    /// Counts what the lists hold.
    pub fn count(&mut self, counts: &RowCounts<'_>) -> Result<()> {
        for removal in &mut self.removals {
            removal.of = counts.of(&removal.table.name)?;
            let own = |it: &&Forgetting| same_name(&it.child, &removal.table.name);
            removal.forgets = self.forgets.iter().filter(own).cloned().collect();
            let count = format!(
                "SELECT count(*) FILTER (WHERE round <> {COUNTED}), count(*) FILTER (WHERE breaks > 0), count(*) FILTER (WHERE breaks > 1) FROM temp.{}",
                quote(&removal.list)
            );
            let counts = self.connection.query_row(&count, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            (removal.rows, removal.orphans, removal.break_several) = counts;
            self.connection.query_row(
                &format!(
                    "SELECT count(*) FROM temp.{} WHERE {FORGETS}",
                    quote(&removal.list)
                ),
                [],
                |row| row.get(0).map(|kept| removal.kept = kept),
            )?;
            for reason in &mut removal.reasons {
                let why = self.whys.iter().find(|(key, _)| *key == reason.key);
                reason.why = why.map(|(_, why)| why.clone());
                let Some(forgets) = removal.forgets.iter().find(|it| it.key == reason.key) else {
                    continue;
                };
                let breaks = if reason.breaks {
                    "breaks > 0"
                } else {
                    "breaks = 0"
                };
                let count = format!(
                    "SELECT count(*) FROM temp.{} WHERE {FORGETS} AND forgets & {} AND {breaks}",
                    quote(&removal.list),
                    forgets.mark
                );
                reason.kept = self.connection.query_row(&count, [], |row| row.get(0))?;
            }
        }
        Ok(())
    }

    /// Reads the rows of `child` once and marks, bit by bit, which keys each breaks.
    ///
    /// Gives the number of rows for each.
    pub fn add_in_one_pass(&mut self, child: &Table, keys: &[Sought]) -> Result<Vec<i64>> {
        if matches!(child.row_key, RowKey::Hidden) {
            let keys = keys.iter();
            return keys.map(|sought| self.none_of(child, sought)).collect();
        }
        let insert = self.insert_in_one_pass(child, keys)?;
        self.run(insert, &child.name)?;
        let list = self.list_of(child)?;
        let mut counts = Vec::new();
        for sought in keys {
            let count = format!(
                "SELECT count(*) FROM temp.{} WHERE marks & {}",
                quote(&list),
                sought.mark
            );
            let rows = self.connection.query_row(&count, [], |row| row.get(0))?;
            self.note_reason(&list, sought, rows, true);
            counts.push(rows);
        }
        Ok(counts)
    }

    /// The statement that does so.
    fn insert_in_one_pass(&mut self, child: &Table, keys: &[Sought]) -> Result<String> {
        let list = self.list_of(child)?;
        self.note_fates(&list, keys);
        let each = keys
            .iter()
            .map(|it| format!("CASE WHEN {} THEN {} ELSE 0 END", it.condition, it.mark));
        let marks = each.collect::<Vec<_>>().join(" | ");
        let Told {
            reasons,
            breaks,
            round,
            forgets,
        } = Told::by_marks(keys);
        let key = key_columns(&child.row_key);
        let columns = child.row_key.columns();
        let values = columns.iter().enumerate();
        let values: Vec<_> = values
            .map(|(place, name)| format!("w.{} AS k{}", quote(name), place + 1))
            .collect();
        // The limit keeps SQLite from working the marks out again for each mention of them
        // (<https://www.sqlite.org/optoverview.html#flattening>).
        Ok(format!(
            "INSERT INTO temp.{list} ({key}, reasons, breaks, round, marks, forgets)\nSELECT {key}, {reasons}, {breaks}, {round}, marks, {forgets}\nFROM (SELECT {}, {marks} AS marks FROM {} LIMIT -1)\nWHERE marks\nON CONFLICT ({key}) DO UPDATE SET reasons = reasons || ', ' || excluded.reasons, breaks = breaks + excluded.breaks, marks = marks | excluded.marks, forgets = forgets | excluded.forgets{leaves}",
            values.join(", "),
            child.scanned("w"),
            list = quote(&list),
            leaves = self.leaves(),
        ))
    }

    /// Adds the rows of `table` that are `sought` to its list; the number of rows found.
    ///
    /// They break the key themselves, or else hang by it on rows listed before. A row that is
    /// listed already gets a further reason in the first round, and stays as it is in later ones,
    /// unless it was only there to be counted.
    pub fn add(&mut self, table: &Table, sought: &Sought, breaks: bool, round: i64) -> Result<i64> {
        if matches!(table.row_key, RowKey::Hidden) {
            return self.none_of(table, sought);
        }
        let insert = self.insert_of_one(table, sought, breaks, round)?;
        let rows = i64::try_from(self.run(insert, &table.name)?)?;
        if rows > 0 {
            self.grew = true;
        }
        let list = self.list_of(table)?;
        self.note_reason(&list, sought, rows, breaks);
        Ok(rows)
    }

    /// The statement that does so.
    fn insert_of_one(
        &mut self,
        table: &Table,
        sought: &Sought,
        breaks: bool,
        round: i64,
    ) -> Result<String> {
        let condition = &sought.condition;
        let list = self.list_of(table)?;
        self.note_fates(&list, std::slice::from_ref(sought));
        let key = key_columns(&table.row_key);
        let columns = table.row_key.columns();
        let values: Vec<_> = columns
            .iter()
            .map(|name| format!("w.{}", quote(name)))
            .collect();
        let known = match (round, self.some_stay, sought.fate) {
            (0, _, _) => format!(
                "DO UPDATE SET reasons = reasons || ', ' || excluded.reasons, breaks = breaks + 1, marks = marks | excluded.marks, forgets = forgets | excluded.forgets{}",
                self.leaves()
            ),
            (_, _, Fate::Forgets(_)) => {
                format!(
                    "DO UPDATE SET forgets = forgets | excluded.forgets WHERE round = {COUNTED}"
                )
            }
            (_, false, _) => "DO NOTHING".to_owned(),
            (_, true, _) => {
                format!("DO UPDATE SET round = excluded.round WHERE round = {COUNTED}")
            }
        };
        let round = match sought.fate {
            Fate::Leaves => round,
            Fate::Counted | Fate::Forgets(_) => COUNTED,
        };
        let forgets = match sought.fate {
            Fate::Forgets(bit) => bit,
            Fate::Leaves | Fate::Counted => 0,
        };
        // In the order of the list's key, which fills it without a search for each row: the table
        // is read in it. The plus keeps SQLite from reading the whole table for that order's sake.
        let order = if sought.by_row {
            String::new()
        } else {
            format!("\nORDER BY +{}", values.join(", +"))
        };
        Ok(format!(
            "INSERT INTO temp.{list} ({key}, reasons, breaks, round, marks, forgets)\nSELECT {}, {}, {}, {round}, {}, {forgets} FROM {}\nWHERE {condition}{order}\nON CONFLICT ({key}) {known}",
            values.join(", "),
            literal(&sought.label),
            i64::from(breaks),
            sought.mark,
            sought.source(table),
            list = quote(&list),
        ))
    }

    /// Notes in the list that rows of it may stay.
    fn note_fates(&mut self, list: &str, sought: &[Sought]) {
        if sought.iter().all(|it| it.fate == Fate::Leaves) {
            return;
        }
        self.some_stay = true;
        for removal in self.removals.iter_mut().filter(|it| it.list == list) {
            removal.mixed = true;
        }
    }

    /// Has the rows of `table` leave in `round` that forget a key and meet `condition`; whether there
    /// are any.
    pub fn demote(&mut self, table: &str, condition: &str, round: i64) -> Result<bool> {
        let Some(removal) = self.removal(table) else {
            return Ok(false);
        };
        let sql = demotion(removal, condition, round);
        let any = self.run(sql, table)? > 0;
        if any {
            self.grew = true;
        }
        Ok(any)
    }

    /// What a row that is listed to be counted needs, once it is found to leave.
    fn leaves(&self) -> &'static str {
        if self.some_stay {
            ", round = max(round, excluded.round)"
        } else {
            ""
        }
    }

    /// Takes all marks off the rows of `table`, so that their bits can mean other keys.
    pub fn clear_marks(&mut self, table: &Table) -> Result<()> {
        let mut removals = self.removals.iter_mut();
        let Some(removal) = removals.find(|it| same_name(&it.table.name, &table.name)) else {
            return Ok(());
        };
        for reason in &mut removal.reasons {
            reason.mark = 0;
        }
        let clear = format!("UPDATE temp.{} SET marks = 0", quote(&removal.list));
        self.run(clear, &table.name)?;
        Ok(())
    }

    /// Looks for rows of a table whose rows can't be listed: they must stay.
    fn none_of(&self, table: &Table, sought: &Sought) -> Result<i64> {
        let name = &table.name;
        let query = format!(
            "SELECT EXISTS (SELECT 1 FROM {} WHERE {})",
            sought.source(table),
            sought.condition
        );
        if self.connection.query_row(&query, [], |row| row.get(0))? {
            return Err(Failure::impossible(format!(
                "{name} has orphans, and its rows can't be told apart: its columns are called rowid, _rowid_ and oid"
            ))
            .hint("rename one of these columns, or give those rows a parent")
            .into());
        }
        Ok(0)
    }

    fn note_reason(&mut self, list: &str, sought: &Sought, rows: i64, breaks: bool) {
        let key = sought.key;
        let mut removals = self.removals.iter_mut();
        let removal = removals.find(|removal| removal.list == list);
        if let (true, Some(removal)) = (rows > 0, removal) {
            let same = |it: &&mut Reason| it.key == key && it.breaks == breaks;
            match removal.reasons.iter_mut().find(same) {
                Some(known) => known.rows += rows,
                None => removal.reasons.push(Reason {
                    key,
                    rows,
                    breaks,
                    mark: sought.mark,
                    kept: 0,
                    why: None,
                }),
            }
        }
    }

    /// The list of `table`, made where there is none yet.
    fn list_of(&mut self, table: &Table) -> Result<String> {
        match self.removal(&table.name) {
            Some(removal) => Ok(removal.list.clone()),
            None => self.new_list(table),
        }
    }

    fn new_list(&mut self, table: &Table) -> Result<String> {
        let list = self.free_name(&format!("fkfix_leaving_{}", self.removals.len() + 1))?;
        let key = key_columns(&table.row_key);
        let columns = if table.row_key.rowid().is_some() {
            format!(
                "{key} INTEGER PRIMARY KEY, reasons TEXT, breaks INTEGER, round INTEGER, marks INTEGER, forgets INTEGER)"
            )
        } else {
            format!(
                "{key}, reasons TEXT, breaks INTEGER, round INTEGER, marks INTEGER, forgets INTEGER, PRIMARY KEY ({key})) WITHOUT ROWID"
            )
        };
        self.run(
            format!("CREATE TEMP TABLE {} ({columns}", quote(&list)),
            &table.name,
        )?;
        self.removals
            .push(Removal::new(table.clone(), list.clone()));
        Ok(list)
    }

    /// `wanted`, with underscores behind it where the database has such a name: a temporary table
    /// would stand before its table wherever a definition names that without a schema.
    pub fn free_name(&self, wanted: &str) -> Result<String> {
        let mut name = wanted.to_owned();
        while schema::kind_of(self.connection, &name)?.is_some() {
            name.push('_');
        }
        Ok(name)
    }

    /// Runs `sql`, which is about `table`, and notes it; the number of rows that it wrote.
    pub fn run(&mut self, sql: String, table: &str) -> Result<usize> {
        progress::step(&format!("search {table} for orphans"), Work::default());
        tracing::debug!(%sql, "search");
        let rows = self
            .connection
            .execute(&sql, [])
            .with_context(|| format!("could not search {table} for orphans"))?;
        self.statements.push(sql);
        Ok(rows)
    }
}

/// `k1, k2, …`: the columns of a list that hold a row's key.
fn key_columns(row_key: &RowKey) -> String {
    let places = 1..=row_key.columns().len();
    let names: Vec<_> = places.map(|place| format!("k{place}")).collect();
    names.join(", ")
}
