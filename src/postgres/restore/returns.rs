//! Puts archived rows back. What can't go back is foreseen by its keys; the server judges the rest:
//! what it refuses is tried again in halves, until the row is known that can't go back, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::error::{DbError, SqlState};
use postgres::types::{ToSql, Type};

use crate::failure::Failure;
use crate::model::kept::{Cause, Kept};
use crate::model::key::NamedKey;
use crate::policy::{Manner, Triggers};
use crate::postgres::catalog::{Name, Table, list, quoted};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::archive::{self, Archive, KEPT};
use crate::postgres::leave::carry::{self, Event};
use crate::postgres::leave::preflight;
use crate::postgres::restore::forgotten::{self, is_one_of};
use crate::postgres::schema::Schema;
use crate::report::change::{KeptRows, RestoredRows};
use crate::text;

/// Which rows of the archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of this migration or a later one: the later ones were reverted before, and what is
    /// left of them had to stay then, because it breaks a key that goes only now.
    Since(i64),
    /// All.
    All,
}

impl Whose {
    /// The condition that the archive's row `a` is one of them.
    #[must_use]
    pub fn condition(self) -> String {
        match self {
            Whose::Since(version) => format!("a.fkfix_version >= {version}"),
            Whose::All => "true".to_owned(),
        }
    }
}

/// What happened to rows of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// They left their table.
    Left,
    /// They stayed there, and forgot a key.
    Forgot,
}

/// The rows of one archive that are to go back.
pub struct Return {
    /// The archive.
    pub archive: Archive,
    kind: Kind,
    /// The table that they came from, if it is still there.
    pub(crate) table: Option<Rc<Table>>,
    pub(crate) shown: String,
    archive_shown: String,
    /// Rows that may go back, by their number in the archive.
    pub(crate) waiting: Vec<i64>,
    /// Rows that stay for good, and why.
    kept: BTreeMap<i64, Cause>,
    /// Rows that are back.
    restored: i64,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Put {
    /// How many rows are back.
    pub rows: i64,
    /// Those that stay, and why.
    pub kept: Vec<(i64, Cause)>,
}

/// Rows of an archive that come back.
type Coming<'a> = (&'a Archive, &'a [i64]);

/// What is to go back, parents before their children; with what keeps some of it from that, as far
/// as it can be seen. `only` this table, where it is given; keys of `without` are about to go.
pub fn returns(
    transaction: &mut Transaction,
    schema: &Schema,
    whose: Whose,
    only: Option<&Name>,
    without: &[(u32, String)],
) -> Result<Vec<Return>> {
    let mut returns = Vec::new();
    for archive in archive::all(schema) {
        if only.is_some_and(|only| *only != archive.of) {
            continue;
        }
        for kind in [Kind::Left, Kind::Forgot] {
            let is_kind = match (archive.has_kept, kind) {
                (true, Kind::Left) => format!("a.{KEPT} IS NULL"),
                (true, Kind::Forgot) => format!("a.{KEPT} IS NOT NULL"),
                (false, Kind::Left) => "true".to_owned(),
                (false, Kind::Forgot) => continue,
            };
            let query = format!(
                "SELECT a.fkfix_id FROM {} AS a WHERE {} AND {is_kind} ORDER BY a.fkfix_id",
                archive.table.name,
                whose.condition()
            );
            let waiting = numbers(transaction, &query, &[])?;
            if waiting.is_empty() {
                continue;
            }
            let mut back = Return {
                table: schema.get(&archive.of).cloned(),
                shown: schema.shown(&archive.of),
                archive_shown: schema.shown(&archive.table.name),
                archive: archive.clone(),
                kind,
                waiting,
                kept: BTreeMap::new(),
                restored: 0,
            };
            back.sort_out(transaction)?;
            returns.push(back);
        }
    }
    let mut returns = parents_first(returns);
    foresee(transaction, schema, &mut returns, without)?;
    Ok(returns)
}

fn numbers(
    transaction: &mut Transaction,
    query: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<i64>> {
    let rows = transaction.query_typed(query, parameters)?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Those that left before those that forgot, and of these parents before their children: a row
/// that comes before its parent would have to be tried again.
fn parents_first(mut returns: Vec<Return>) -> Vec<Return> {
    let mut sorted: Vec<Return> = Vec::new();
    while !returns.is_empty() {
        let waits = |it: &Return| {
            let parents = it.table.iter().flat_map(|table| &table.foreign_keys);
            let mut parents = parents.map(|key| &key.parent);
            let is_left = it.kind == Kind::Left;
            let is_waited_for = |name: &Name| {
                let mut others = returns.iter();
                *name != it.archive.of
                    && others.any(|other| other.kind == Kind::Left && other.archive.of == *name)
            };
            let left_wait = returns.iter().any(|other| other.kind == Kind::Left);
            if is_left {
                parents.any(is_waited_for)
            } else {
                left_wait
            }
        };
        let next = returns.iter().position(|it| !waits(it)).unwrap_or(0);
        sorted.push(returns.remove(next));
    }
    sorted
}

/// Finds the rows that lack a parent, and will: one that is neither there nor comes back too.
fn foresee(
    transaction: &mut Transaction,
    schema: &Schema,
    returns: &mut [Return],
    without: &[(u32, String)],
) -> Result<()> {
    let mut keys = Vec::new();
    for back in returns.iter() {
        keys.push(match &back.table {
            Some(table) => keys::holding(transaction, schema, table, without)?,
            None => Vec::new(),
        });
    }
    // Those that forgot are nobody's parents.
    for kind in [Kind::Left, Kind::Forgot] {
        loop {
            let left = returns.iter().filter(|it| it.kind == Kind::Left);
            let coming: Vec<Coming<'_>> = left
                .map(|it| (&it.archive, it.waiting.as_slice()))
                .collect();
            let mut lacking = Vec::new();
            for (back, keys) in returns.iter().zip(&keys) {
                lacking.push(if back.kind == kind {
                    back.lacking(transaction, keys, &coming, &back.waiting)?
                } else {
                    Vec::new()
                });
            }
            let mut any = false;
            for (back, lacking) in returns.iter_mut().zip(lacking) {
                any |= !lacking.is_empty();
                back.keep(lacking);
            }
            if !any {
                break;
            }
        }
    }
    Ok(())
}

impl Return {
    /// Finds what can't go back whatever the server says.
    fn sort_out(&mut self, transaction: &mut Transaction) -> Result<()> {
        let Some(table) = self.table.clone() else {
            for id in std::mem::take(&mut self.waiting) {
                self.kept.insert(id, Cause::TableGone);
            }
            return Ok(());
        };
        let archive = self.archive.clone();
        for column in archive.columns() {
            match table.columns.iter().find(|it| it.name == column.name) {
                Some(now) if now.type_name != column.type_name => {
                    return Err(Failure::impossible(format!(
                        "{}.{} is {} now, and its archived rows hold {}",
                        self.shown, column.name, now.type_name, column.type_name
                    ))
                    .hint(format!(
                        "ALTER TABLE {} ALTER COLUMN {} TYPE {}, or keep the rows in the archive with --leave-orphans",
                        self.archive.table.name, quoted(&column.name), now.type_name
                    ))
                    .into());
                }
                Some(_) => {}
                None => {
                    let has_value = match self.kind {
                        Kind::Left => format!("a.{} IS NOT NULL", quoted(&column.name)),
                        Kind::Forgot => forgotten::forgot(&column.name),
                    };
                    let gone = self.those(transaction, &has_value)?;
                    let cause = |id| (id, Cause::ColumnGone(column.name.clone()));
                    self.keep(gone.into_iter().map(cause).collect());
                }
            }
        }
        Ok(())
    }

    /// The numbers of the waiting rows `a` of the archive that meet `condition`.
    fn those(&self, transaction: &mut Transaction, condition: &str) -> Result<Vec<i64>> {
        let query = format!(
            "SELECT a.fkfix_id FROM {} AS a WHERE {} AND {condition}",
            self.archive.table.name,
            is_one_of("a", 1)
        );
        numbers(transaction, &query, &[(&self.waiting, Type::INT8_ARRAY)])
    }

    /// Finds what is in the way that only the server tells for certain: for a dry run.
    pub fn foresee_places(&mut self, transaction: &mut Transaction) -> Result<()> {
        let Some(table) = self.table.clone().filter(|_| self.kind == Kind::Left) else {
            return Ok(());
        };
        let filled = table.columns.iter().filter(|it| it.not_null);
        for column in filled.filter(|it| it.generated.is_none()) {
            if self.archive.has(&column.name) {
                let ids =
                    self.those(transaction, &format!("a.{} IS NULL", quoted(&column.name)))?;
                let cause = |id| (id, Cause::NotNull(column.name.clone()));
                self.keep(ids.into_iter().map(cause).collect());
            }
        }
        for index in table
            .indexes
            .iter()
            .filter(|it| it.is_unique && !it.is_partial)
        {
            let columns: Vec<_> = index.columns.iter().flatten().cloned().collect();
            if columns.len() < index.columns.len() || !columns.iter().all(|it| self.archive.has(it))
            {
                continue;
            }
            let same = columns.iter().map(|name| {
                let name = quoted(name);
                format!("w.{name}::text = a.{name}::text")
            });
            let taken = format!(
                "EXISTS (SELECT FROM ONLY {} AS w WHERE {})",
                table.name,
                same.collect::<Vec<_>>().join(" AND ")
            );
            let ids = self.those(transaction, &taken)?;
            let cause = |id| (id, Cause::Taken(columns.clone()));
            self.keep(ids.into_iter().map(cause).collect());
        }
        Ok(())
    }

    /// Those of `ids` that can't go back as things are, and why: what they forgot is something else
    /// now, or they lack a parent, which is neither there nor among `coming`.
    fn lacking(
        &self,
        transaction: &mut Transaction,
        keys: &[Key],
        coming: &[Coming<'_>],
        ids: &[i64],
    ) -> Result<Vec<(i64, Cause)>> {
        let mut causes: BTreeMap<i64, Cause> = BTreeMap::new();
        let Some(table) = self.table.as_ref().filter(|_| !ids.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut from = format!(
            "{} AS c WHERE {}",
            self.archive.table.name,
            is_one_of("c", 1)
        );
        let mut broken = keys.iter().collect::<Vec<_>>();
        if self.kind == Kind::Forgot {
            let forgotten =
                forgotten::Forgotten::of(transaction, &self.archive, table, &self.shown, ids)?;
            let own = coming.iter().find(|(it, _)| it.of == self.archive.of);
            let own = own.map_or(&[][..], |(_, ids)| ids);
            causes.extend(forgotten.changed(transaction, ids, own)?);
            broken.retain(|key| key.key.columns.iter().any(|it| forgotten.sets(it)));
            from = format!("({}) AS c WHERE true", forgotten.as_they_were());
        } else {
            broken.retain(|key| key.key.columns.iter().all(|it| self.archive.has(it)));
        }
        let mut lack: BTreeMap<i64, Vec<NamedKey>> = BTreeMap::new();
        for key in broken {
            let of_parent = |(archive, _): &&Coming<'_>| {
                let mut columns = key.key.parent_columns.iter();
                archive.of == key.parent.name && columns.all(|name| archive.has(name))
            };
            let parent = coming.iter().find(of_parent);
            let comes = parent.map_or(String::new(), |(archive, _)| {
                format!(
                    " AND NOT EXISTS (SELECT FROM {} AS q WHERE {} AND {})",
                    archive.table.name,
                    is_one_of("q", 2),
                    key.joined("c", "q")
                )
            });
            let query = format!(
                "SELECT c.fkfix_id FROM {from} AND {}{comes}",
                key.orphaned("c")
            );
            let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&ids, Type::INT8_ARRAY)];
            if let Some((_, parents)) = parent {
                parameters.push((parents, Type::INT8_ARRAY));
            }
            for id in numbers(transaction, &query, &parameters)? {
                lack.entry(id).or_default().push(key.named());
            }
        }
        for (id, keys) in lack {
            causes.entry(id).or_insert(Cause::BreakKeys(keys));
        }
        Ok(causes.into_iter().collect())
    }

    /// Whether triggers on the table allow rows to come back.
    pub fn may_come(&self, triggers: Triggers) -> Result<()> {
        match &self.table {
            Some(table) if !self.waiting.is_empty() => {
                preflight::must_fire(table, &self.shown, self.event(), triggers)
            }
            _ => Ok(()),
        }
    }

    fn event(&self) -> Event {
        match self.kind {
            Kind::Left => Event::Insert,
            Kind::Forgot => Event::Update,
        }
    }

    /// The table that its rows go back to, as SQL writes it.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        self.table.as_ref().map(|table| table.name.to_string())
    }

    /// The rows that wait, in batches.
    #[must_use]
    pub fn batches(&self, size: usize) -> Vec<Vec<i64>> {
        self.waiting
            .chunks(size.max(1))
            .map(<[i64]>::to_vec)
            .collect()
    }

    /// Puts those of `ids` back that are still in the archive.
    pub fn put_back(
        &self,
        transaction: &mut Transaction,
        schema: &Schema,
        ids: &[i64],
        triggers: Triggers,
    ) -> Result<Put> {
        let mut put = Put::default();
        let is_there = schema.by_oid(self.archive.table.oid).is_some();
        let Some(table) = self.table.as_ref().filter(|_| is_there) else {
            return Ok(put);
        };
        let now = schema.by_oid(table.oid).unwrap_or(table);
        let keys = keys::holding(transaction, schema, now, &[])?;
        let query = format!(
            "SELECT a.fkfix_id FROM {} AS a WHERE {} ORDER BY a.fkfix_id",
            self.archive.table.name,
            is_one_of("a", 1)
        );
        let mut rest = numbers(transaction, &query, &[(&ids, Type::INT8_ARRAY)])?;
        while !rest.is_empty() {
            let mut some = std::mem::take(&mut rest);
            let mut update = None;
            if self.kind == Kind::Forgot {
                let forgotten = forgotten::Forgotten::of(
                    transaction,
                    &self.archive,
                    table,
                    &self.shown,
                    &some,
                )?;
                (some, rest) = forgotten.lock(transaction, &some)?;
                update = Some(forgotten);
            }
            loop {
                let together = [(&self.archive, some.as_slice())];
                let coming = match self.kind {
                    Kind::Left => together.as_slice(),
                    Kind::Forgot => &[],
                };
                let lacking = self.lacking(transaction, &keys, coming, &some)?;
                if lacking.is_empty() {
                    break;
                }
                some.retain(|id| lacking.iter().all(|(it, _)| it != id));
                put.kept.extend(lacking);
            }
            let refused = schema.as_the_user(transaction, |transaction| {
                self.put_parts_back(transaction, table, update.as_ref(), &some, triggers)
            })?;
            put.rows += i64::try_from(some.len() - refused.len())?;
            for (id, error) in refused {
                put.kept.push((id, self.cause(schema, table, &error)?));
            }
        }
        Ok(put)
    }

    fn put_parts_back(
        &self,
        transaction: &mut Transaction,
        table: &Table,
        forgotten: Option<&forgotten::Forgotten>,
        ids: &[i64],
        triggers: Triggers,
    ) -> Result<Vec<(i64, postgres::Error)>> {
        let mut refused = Vec::new();
        carry::without_triggers(
            transaction,
            &[(table, self.event())],
            triggers,
            |transaction| {
                let mut parts = vec![ids.to_vec()];
                while let Some(part) = parts.pop() {
                    if part.is_empty() {
                        continue;
                    }
                    let sql = match forgotten {
                        Some(forgotten) => forgotten.set_back(),
                        None => self.insert_sql(table),
                    };
                    let Some(error) = self.try_part(transaction, &sql, &part)? else {
                        continue;
                    };
                    if let [only] = part.as_slice() {
                        refused.push((*only, error));
                    } else {
                        let (left, right) = part.split_at(part.len() / 2);
                        parts.extend([left.to_vec(), right.to_vec()]);
                    }
                }
                Ok(())
            },
        )?;
        Ok(refused)
    }

    fn insert_sql(&self, table: &Table) -> String {
        let columns = list(&archive::returning(&self.archive, table));
        format!(
            "WITH back AS (DELETE FROM {} AS a WHERE {} RETURNING a.*),
             put AS (INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM back ORDER BY fkfix_id RETURNING 1)
             SELECT (SELECT pg_catalog.count(*) FROM back), (SELECT pg_catalog.count(*) FROM put)",
            self.archive.table.name,
            is_one_of("a", 1),
            table.name
        )
    }

    /// Moves `ids` by one statement, which counts them twice; gives what the server refused.
    fn try_part(
        &self,
        transaction: &mut Transaction,
        sql: &str,
        ids: &[i64],
    ) -> Result<Option<postgres::Error>> {
        let mut attempt = transaction.transaction()?;
        let row = match attempt.query_typed_one(sql, &[(&ids, Type::INT8_ARRAY)]) {
            Ok(row) => row,
            Err(error) if is_about_a_row(&error) => {
                attempt.rollback()?;
                return Ok(Some(error));
            }
            Err(error) => {
                let doing = format!("could not put rows back into {}", self.shown);
                return Err(anyhow::Error::new(error).context(doing));
            }
        };
        let (back, put): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let all = i64::try_from(ids.len())?;
        if put != all || back != all {
            return Err(Failure::impossible(format!(
                "{} should have come back to {}, and {} did: a trigger keeps rows out; everything is rolled back",
                text::rows(all), self.shown, text::count(put)
            ))
            .hint("--triggers skip sets the triggers aside, --leave-orphans keeps the rows in the archive")
            .into());
        }
        attempt.commit()?;
        Ok(None)
    }

    fn cause(&self, schema: &Schema, table: &Table, error: &postgres::Error) -> Result<Cause> {
        let told = error.as_db_error();
        let constraint = told.and_then(DbError::constraint).unwrap_or_default();
        let code = error.code();
        if code == Some(&SqlState::FOREIGN_KEY_VIOLATION) {
            let key = table.foreign_keys.iter().find(|key| key.name == constraint);
            let named = key.map(|key| NamedKey {
                constraint: Some(key.name.clone()),
                key: keys::told(schema, table, key),
            });
            return Ok(Cause::BreakKeys(named.into_iter().collect()));
        }
        if code == Some(&SqlState::UNIQUE_VIOLATION) || code == Some(&SqlState::EXCLUSION_VIOLATION)
        {
            let index = table.indexes.iter().find(|index| index.name == constraint);
            let columns = index
                .into_iter()
                .flat_map(|it| it.columns.iter().flatten().cloned());
            return Ok(Cause::Taken(columns.collect()));
        }
        if code == Some(&SqlState::NOT_NULL_VIOLATION) {
            let column = told.and_then(DbError::column).unwrap_or_default();
            return Ok(Cause::NotNull(column.to_owned()));
        }
        let message = told.map_or_else(|| error.to_string(), |it| it.message().to_owned());
        Err(Failure::impossible(format!(
            "rows of {} can't go back to {}: {message}",
            self.archive_shown, self.shown
        ))
        .hint(
            "drop what keeps them out, or keep the rows in the archive: fkfix down --leave-orphans",
        )
        .into())
    }

    /// Notes what became of `ids` by a transaction that is committed, or ends with all the others.
    fn done(&mut self, ids: &[i64], put: Put) {
        self.restored += put.rows;
        let ids: BTreeSet<_> = ids.iter().copied().collect();
        self.waiting.retain(|id| !ids.contains(id));
        self.keep(put.kept);
    }

    /// Notes rows that stay in the archive.
    fn keep(&mut self, kept: Vec<(i64, Cause)>) {
        let ids: BTreeSet<_> = kept.iter().map(|(id, _)| *id).collect();
        self.waiting.retain(|id| !ids.contains(id));
        self.kept.extend(kept);
    }

    /// Has rows that lack a parent, or their own row, try again: it may have come back meanwhile.
    /// Gives how many.
    pub fn again(&mut self) -> usize {
        let lack: Vec<_> = self
            .kept
            .iter()
            .filter(|(_, cause)| matches!(cause, Cause::BreakKeys(_) | Cause::RowGone))
            .map(|(id, _)| *id)
            .collect();
        for id in &lack {
            self.kept.remove(id);
        }
        self.waiting.extend(&lack);
        lack.len()
    }

    /// How many rows wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many rows are back.
    #[must_use]
    pub fn restored(&self) -> i64 {
        self.restored
    }
}

/// The reports of `returns`, one an archive; where it is only `planned`, as if all that waits came
/// back.
#[must_use]
pub fn reports(returns: &[Return], planned: bool) -> Vec<RestoredRows> {
    let mut archives: BTreeMap<&str, (&str, i64, BTreeMap<String, Kept>)> = BTreeMap::new();
    for back in returns {
        let of_archive = archives.entry(&back.archive_shown);
        let (_, rows, kept) = of_archive.or_insert((&back.shown, 0, BTreeMap::new()));
        *rows += if planned {
            i64::try_from(back.waiting.len()).unwrap_or(i64::MAX)
        } else {
            back.restored
        };
        for cause in back.kept.values() {
            let same = kept.entry(format!("{cause:?}")).or_insert_with(|| Kept {
                rows: 0,
                cause: cause.clone(),
            });
            same.rows += 1;
        }
    }
    let reports = archives
        .into_iter()
        .map(|(archive, (table, rows, kept))| RestoredRows {
            table: table.to_owned(),
            archive: archive.to_owned(),
            rows,
            there_already: 0,
            kept: kept.values().map(|it| it.rows).sum(),
            kept_because: kept.values().map(|it| KeptRows::new(it, table)).collect(),
        });
    reports.collect()
}

/// Puts rows back, batch by batch and round by round: a row may wait for its parent from another
/// archive. `put_back` gives what is back and what stays; none where the run has come to its end elsewhere.
pub fn rounds(
    returns: &mut [Return],
    mut put_back: impl FnMut(&Return, &[i64]) -> Result<Option<Put>>,
    manner: &Manner,
) -> Result<bool> {
    loop {
        let before: i64 = returns.iter().map(Return::restored).sum();
        for back in returns.iter_mut() {
            for ids in back.batches(manner.batch) {
                let Some(put) = put_back(back, &ids)? else {
                    return Ok(false);
                };
                back.done(&ids, put);
            }
        }
        let after: i64 = returns.iter().map(Return::restored).sum();
        if after == before {
            return Ok(true);
        }
        let waiting: usize = returns.iter_mut().map(Return::again).sum();
        if waiting == 0 {
            return Ok(true);
        }
    }
}

/// Takes away the archives that are empty: also those that a run which was killed had emptied.
pub fn drop_empty(transaction: &mut Transaction, schema: &Schema) -> Result<()> {
    for archive in archive::all(schema) {
        let name = &archive.table.name;
        let left = transaction.query_typed(&format!("SELECT FROM {name} LIMIT 1"), &[])?;
        if left.is_empty() {
            schema
                .run_all(transaction, &[format!("DROP TABLE {name}")])
                .with_context(|| format!("could not drop {}", schema.shown(name)))?;
        }
    }
    Ok(())
}

/// Whether the server refused because of what a row holds: integrity (class 23).
fn is_about_a_row(error: &postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("23"))
}
