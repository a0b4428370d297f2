//! Which archived rows stay in the archive when their migration is taken back, and why.
//!
//! A row goes back only where every key that it breaks is gone. Its parents may come back with
//! it, from this archive or another, or find their own place taken: so all rows are put back
//! first, and those that break a key then leave again, until none does.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::model::kept::{Cause, Kept};
use crate::sqlite::archive::staying::{Staying, staying};
use crate::sqlite::archive::{self, Restore};
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::rebuild::{compare, fidelity};
use crate::sqlite::schema::{self, RowKey, Table};
use crate::sqlite::text::ddl::quote;

/// The rows of one table that come back, and the keys that they may not break.
struct Return<'a> {
    restore: &'a Restore,
    table: &'a Table,
    /// The temporary table that lists their keys.
    list: String,
    staying: Vec<Staying>,
}

/// All rows that come back to tables in which keys stay.
pub struct Returns<'a>(Vec<Return<'a>>);

impl<'a> Returns<'a> {
    /// Finds the keys that stay; to be asked before any row is put back.
    pub fn new(connection: &Connection, restores: &'a [Restore]) -> Result<Self> {
        let mut returns = Vec::new();
        for restore in restores {
            let Some(table) = &restore.table else {
                continue;
            };
            let staying = staying(connection, table)?;
            if staying.is_empty() {
                continue;
            }
            if table.row_key == RowKey::Hidden {
                return Err(Failure::impossible(format!(
                    "could not put back the rows of {}: {} has columns called rowid, _rowid_ and oid, so its rows can't be told apart",
                    restore.archive.name, table.name
                ))
                .hint("rename one of these columns, or run with --leave-orphans")
                .into());
            }
            returns.push(Return {
                restore,
                table,
                list: format!("fkfix_back_{}", returns.len() + 1),
                staying,
            });
        }
        Ok(Returns(returns))
    }

    /// List what has no row in its place yet.
    pub fn before(&self) -> Vec<Step> {
        let lists = self.0.iter().map(|back| {
            let archived = match &back.table.row_key {
                RowKey::PrimaryKey(names) => names.iter().map(|name| quote(name)).collect(),
                _ => vec!["fkfix_rowid".to_owned()],
            };
            let values = archived.iter().zip(1..);
            let values: Vec<_> = values
                .map(|(name, place)| format!("a.{name} AS k{place}"))
                .collect();
            Step::run(
                format!("list the rows of {} that may go back", back.restore.archive.name),
                format!(
                    "CREATE TEMP TABLE {} AS SELECT {} FROM main.{} AS a WHERE {} AND NOT EXISTS (SELECT 1 FROM main.{} AS w WHERE {})",
                    back.list,
                    values.join(", "),
                    quote(&back.restore.archive.name),
                    back.restore.fits(back.table),
                    quote(&back.table.name),
                    archive::same_key(back.table),
                ),
            )
        });
        lists.collect()
    }

    /// One round of taking out again what breaks a key: a step for each key, and the archive
    /// whose rows it is about.
    pub fn round(&self) -> Vec<(&str, Step)> {
        let each = self.0.iter().flat_map(|back| {
            back.staying.iter().map(|key| {
                let step = Step::run(
                    format!(
                        "take out of {} again what breaks {}",
                        back.table.name,
                        key.declared.label()
                    ),
                    format!("DELETE {}", back.from(key)),
                );
                (back.restore.archive.name.as_str(), step)
            })
        });
        each.collect()
    }

    /// Hold that no row is back that breaks a key, and forget the lists.
    pub fn after(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for back in &self.0 {
            steps.extend(back.staying.iter().map(|key| Step::Expect {
                what: format!(
                    "no row that is back in {} breaks {}",
                    back.table.name,
                    key.declared.label()
                ),
                query: format!("SELECT count(*) {}", back.from(key)),
                value: 0,
                by_row: None,
            }));
            steps.push(Step::run(
                format!(
                    "drop the temporary list of rows restored to {}",
                    back.table.name
                ),
                format!("DROP TABLE temp.{}", back.list),
            ));
        }
        steps
    }
}

impl Return<'_> {
    /// `FROM` and `WHERE` of the rows `w` that came back and break `key`.
    fn from(&self, key: &Staying) -> String {
        let columns = self.table.row_key.columns();
        let places: Vec<_> = (1..=columns.len())
            .map(|place| format!("k{place}"))
            .collect();
        let columns: Vec<_> = columns
            .iter()
            .map(|name| format!("w.{}", quote(name)))
            .collect();
        format!(
            "FROM main.{} AS w WHERE ({}) IN (SELECT {} FROM temp.{}) AND {}",
            quote(&self.table.name),
            columns.join(", "),
            places.join(", "),
            self.list,
            key.broken
        )
    }
}

/// Why the rows that are left of `restore`, once all is done, are left.
pub fn causes(connection: &Connection, restore: &Restore) -> Result<Vec<Kept>> {
    let Some(table) = &restore.table else {
        let (rows, cause) = (restore.rows, Cause::TableGone);
        return Ok(vec![Kept { rows, cause }]);
    };
    let name = &restore.archive.name;
    if !schema::table_exists(connection, name)? {
        return Ok(Vec::new());
    }
    let reasons = Reasons::new(connection, restore, table)?;
    let query = format!(
        "SELECT {} AS cause, count(*) FROM main.{} AS w WHERE {} GROUP BY 1 ORDER BY 1",
        reasons.expression(),
        quote(name),
        restore.left("w"),
    );
    for key in &reasons.keys {
        let left = format!("FROM main.{} AS w WHERE {}", quote(name), restore.left("w"));
        key.confirm(connection, &left)?;
    }
    let mut statement = connection.prepare(&query)?;
    let found = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut kept = found
        .map(|row| {
            let (cause, rows) = row?;
            let cause = reasons.cause(&cause);
            Ok(Kept { rows, cause })
        })
        .collect::<Result<Vec<_>>>()?;
    if let Some(forgotten) = &restore.forgotten {
        kept.extend(forgotten.causes(connection, table)?);
    }
    Ok(kept)
}

/// All that may keep the rows of an archive out of their table.
struct Reasons {
    /// Each alone is enough: a condition on a row `w` of the archive, and what it means.
    simple: Vec<(String, Cause)>,
    /// Keys, of which a row may break several.
    keys: Vec<Staying>,
    /// Keys over columns that the archive does not have, where each row has the default.
    unknown: Vec<Staying>,
}

const KEYS: &str = "keys";

impl Reasons {
    fn new(connection: &Connection, restore: &Restore, table: &Table) -> Result<Self> {
        let is_known = |key: &Staying| {
            let mut columns = key.declared.key.columns.iter();
            columns.all(|column| restore.archive.has(column))
        };
        let staying = staying(connection, table)?;
        let (keys, unknown) = staying.into_iter().partition(is_known);
        Ok(Reasons {
            simple: simple_reasons(connection, restore, table)?,
            keys,
            unknown,
        })
    }

    /// The place of a simple reason as text, or `keys` and the places of the keys.
    fn expression(&self) -> String {
        let simple = self.simple.iter().enumerate();
        let simple: Vec<_> = simple
            .map(|(place, (condition, _))| format!("WHEN {condition} THEN '{place}'"))
            .collect();
        let broken = self.keys.iter().enumerate();
        let broken: Vec<_> = broken
            .map(|(place, key)| format!(" || CASE WHEN {} THEN ' {place}' ELSE '' END", key.broken))
            .collect();
        format!(
            "CASE WHEN FALSE THEN '' {} ELSE '{KEYS}'{} END",
            simple.join(" "),
            broken.concat()
        )
    }

    /// What a value of [`expression`](Self::expression) means.
    fn cause(&self, value: &str) -> Cause {
        let Some(places) = value.strip_prefix(KEYS) else {
            let reason = value.parse().ok();
            let reason = reason.and_then(|place: usize| self.simple.get(place));
            return reason.map_or(Cause::Taken(Vec::new()), |(_, cause)| cause.clone());
        };
        let places = places.split_whitespace().filter_map(|it| it.parse().ok());
        let mut keys: Vec<_> = places
            .filter_map(|place: usize| self.keys.get(place))
            .collect();
        if keys.is_empty() {
            keys.extend(&self.unknown);
        }
        if keys.is_empty() {
            return Cause::Taken(Vec::new());
        }
        Cause::BreakKeys(keys.into_iter().map(|it| it.declared.clone()).collect())
    }
}

/// What else than a key keeps a row `w` of the archive out, each as a condition.
fn simple_reasons(
    connection: &Connection,
    restore: &Restore,
    table: &Table,
) -> Result<Vec<(String, Cause)>> {
    let archive = &restore.archive;
    let mut reasons: Vec<_> = archive
        .gone(table)
        .map(|name| {
            let condition = format!("w.{} IS NOT NULL", quote(name));
            (condition, Cause::ColumnGone(name.to_owned()))
        })
        .collect();
    let taken = |same: String, columns| {
        let table = quote(&table.name);
        let condition = format!("EXISTS (SELECT 1 FROM main.{table} AS t WHERE {same})");
        (condition, Cause::Taken(columns))
    };
    if let Some(rowid) = table.row_key.rowid() {
        let same = format!("t.{} = w.fkfix_rowid", quote(rowid));
        reasons.push(taken(same, vec![rowid.to_owned()]));
    }
    let mut unique = schema::unique_keys(connection, &table.name)?;
    unique.retain(|key| key.iter().all(|column| archive.has(column)));
    reasons.extend(unique.into_iter().map(|key| {
        let same: Vec<_> = key
            .iter()
            .map(|name| format!("t.{0} = w.{0}", quote(name)))
            .collect();
        taken(same.join(" AND "), key)
    }));
    let filled = table
        .columns
        .iter()
        .filter(|it| it.not_null && !it.generated);
    reasons.extend(filled.filter_map(|column| {
        let cause = Cause::NotNull(column.name.clone());
        if archive.has(&column.name) {
            return Some((format!("w.{} IS NULL", quote(&column.name)), cause));
        }
        column.default.is_none().then(|| ("TRUE".to_owned(), cause))
    }));
    // Behind NULL where it is not allowed, which does not fit either.
    let fits = fidelity::fits(table, |name| archive.has(name), "w");
    if !fits.is_empty() {
        let converts = format!("NOT ({})", compare::all_of(&fits));
        reasons.push((converts, Cause::Converted));
    }
    Ok(reasons)
}
