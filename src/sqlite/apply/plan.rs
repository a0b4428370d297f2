//! What adding keys will do to a database, as data: found out before anything is written.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::model::key::KeyId;
use crate::policy::{Fates, Method, Policy, TableFate};
use crate::sqlite::apply::unfired;
use crate::sqlite::archive;
use crate::sqlite::file::guard;
use crate::sqlite::keys::conditions::{self, Lookup};
use crate::sqlite::keys::{self, NewKey, TableKeys};
use crate::sqlite::orphans::confirm;
use crate::sqlite::orphans::lists::{Reason, Removal, from_kept};
use crate::sqlite::orphans::{self, Found};
use crate::sqlite::rebuild::fidelity;
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::places;
use crate::sqlite::rebuild::steps::{ByRow, Step};
use crate::sqlite::rebuild::{self, Rebuild, Way};
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::index;
use crate::sqlite::schema::row_counts::{self, RowCounts};
use crate::sqlite::schema::scratch::{self, Obstacle};
use crate::sqlite::schema::snapshot::{self, Snapshot};
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::ddl::{self, quote, same_name};
use crate::sqlite::text::statement::AddForeignKey;
use crate::text;

/// A plan to add keys.
#[derive(Debug)]
pub struct KeyPlan {
    /// The child tables, in the order of the script.
    pub tables: Vec<TablePlan>,
    /// The rows that will leave.
    pub found: Found,
    /// What SQLite accepts and what will cost something.
    pub warnings: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The schema as it must be afterwards, archives left out.
    schema_after: Snapshot,
    /// What a table is called while it steps aside.
    passing_name: String,
    /// The tables that come by new definitions, and those with keys to them.
    around: Vec<String>,
    /// Whether it goes, only a run can tell: SQLite finds a full-text index that does not hold the words
    /// of its rows out when these are taken out of it.
    pub must_be_tried: bool,
}

/// What happens to one child table.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// The table's name.
    pub name: String,
    /// How many rows it has.
    pub rows: i64,
    /// The keys that it gets.
    pub added: Vec<NewKey>,
    /// The keys that it has already.
    pub adopted: Vec<NewKey>,
    /// How it comes by its new definition; none where no key is added.
    pub way: Option<Way>,
    /// Why no way would serve that inserts its rows.
    pub because: Option<String>,
    /// The text of its new definition; none where no key is added.
    pub definition: Option<String>,
}

/// Plans to add the keys that `requests` ask for, in the name of migration `version`.
///
/// Reads the database; writes only the temporary lists of the rows that will leave.
pub fn add_keys(
    connection: &Connection,
    requests: &[AddForeignKey],
    version: i64,
    policy: &Policy,
) -> Result<KeyPlan> {
    let declared = foreign_key::declared(connection)?;
    let targets = keys::resolve(connection, &declared, requests)?;
    plan(connection, &targets, &declared, Some(version), policy)
}

/// Plans to add the keys of `targets` that are to be added, and to deal with the orphans of all,
/// in the name of migration `version`, if it is for one.
pub fn plan(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
    version: Option<i64>,
    policy: &Policy,
) -> Result<KeyPlan> {
    // A dry run has it so already.
    guard::with_limited_values(connection, || {
        plan_within(connection, targets, declared, version, policy)
    })
}

fn plan_within(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
    version: Option<i64>,
    policy: &Policy,
) -> Result<KeyPlan> {
    let schema_before = snapshot::take(connection)?;
    let counts = RowCounts::new(connection);
    let found = orphans::find(connection, targets, declared, &counts, policy.orphans)?;
    let mut planner = Planner {
        connection,
        counts: &counts,
        schema: schema_before,
        found: &found,
        steps: Vec::new(),
        must_be_tried: false,
    };
    planner.must_keep_indexes()?;
    planner.must_take_rows_back()?;
    let rebuilds = planner.rebuilds(targets, policy.method)?;
    planner.must_agree_with_indexes(targets, &rebuilds)?;
    let places = planner.places(&rebuilds, policy.method)?;
    planner.move_rows_out(&rebuilds, version, policy)?;
    planner.rebuild(&rebuilds)?;
    planner.steps.extend(places);
    let tables = planner.tables(targets, &rebuilds)?;
    let mut around: Vec<_> = rebuilds.iter().map(|it| it.table.name.clone()).collect();
    let refers = |named: &&NamedKey| {
        rebuilds
            .iter()
            .any(|it| same_name(&it.table.name, &named.key.parent))
    };
    around.extend(
        declared
            .iter()
            .filter(refers)
            .map(|it| it.key.child.clone()),
    );
    drop(rebuilds);
    let passing_name = snapshot::free_name(&snapshot::taken_names(connection)?, rebuild::OLD);
    planner.check(targets, declared, &tables)?;
    let warnings = planner.warnings(targets)?;
    let Planner {
        schema: schema_after,
        steps,
        must_be_tried,
        ..
    } = planner;
    Ok(KeyPlan {
        tables,
        found,
        warnings,
        steps,
        schema_after,
        passing_name,
        around,
        must_be_tried,
    })
}

struct Planner<'a> {
    connection: &'a Connection,
    counts: &'a RowCounts<'a>,
    schema: Snapshot,
    found: &'a Found,
    steps: Vec<Step>,
    must_be_tried: bool,
}

impl Planner<'_> {
    /// Rows that leave a table leave its indexes, all of them; those that forget a key change there.
    fn must_keep_indexes(&self) -> Result<()> {
        for removal in touched(self.found) {
            let Removal { table, rows, .. } = removal;
            table.must_be_exact()?;
            if let Some((index, reason)) = table.unkept_index() {
                let rows = rows + removal.kept;
                return Err(Failure::impossible(format!(
                    "{} would leave {}, and this SQLite can't keep its index {index}: {reason}",
                    text::rows(rows), table.name
                ))
                .hint(if table.indexes.iter().any(|it| it.name == index) {
                    format!("drop the index {index} first and let the application make it again, or give those rows a parent")
                } else {
                    "give those rows a parent first, or delete them by the application, which has what it takes".to_owned()
                })
                .into());
            }
        }
        Ok(())
    }

    /// Nobody can insert into a table whose AUTOINCREMENT has no counter: SQLite says "malformed"
    /// (`autoIncBegin` in its `insert.c`).
    fn must_take_rows_back(&self) -> Result<()> {
        for removal in leaving(self.found) {
            let table = &removal.table;
            if self.lacks_counter(table)? {
                return Err(Failure::impossible(format!(
                    "{} would leave {} and could not come back: it counts its rowids by AUTOINCREMENT, and the table sqlite_sequence is missing",
                    text::rows(removal.rows),
                    table.name
                ))
                .hint("SQLite makes sqlite_sequence anew with: CREATE TABLE x (id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE x")
                .into());
            }
        }
        Ok(())
    }

    fn lacks_counter(&self, table: &Table) -> Result<bool> {
        let counts = ddl::counts_rowids(&table.sql)?;
        let names = snapshot::taken_names(self.connection)?;
        Ok(counts && !names.iter().any(|it| it == "sqlite_sequence"))
    }

    /// How each table that gets a key comes by it.
    fn rebuilds<'t>(&self, targets: &'t [TableKeys], method: Method) -> Result<Vec<Rebuild<'t>>>
    where
        Self: 't,
    {
        let mut rebuilds = Vec::new();
        for keys in targets.iter().filter(|keys| !keys.added.is_empty()) {
            let rebuild = self
                .rebuild_of(keys, method)
                .with_context(|| format!("could not plan the rebuild of {}", keys.table.name))?;
            rebuilds.push(rebuild);
        }
        Ok(rebuilds)
    }

    fn rebuild_of<'t>(&self, keys: &'t TableKeys, method: Method) -> Result<Rebuild<'t>> {
        let TableKeys { table, added, .. } = keys;
        table.must_be_exact()?;
        let constraints: Vec<_> = added.iter().map(|key| key.constraint.as_str()).collect();
        let definition = ddl::add_constraints(&table.sql, &constraints)?;
        let names: Vec<_> = added.iter().filter_map(|key| key.name.as_deref()).collect();
        // Without a name a key can't be dropped again, so there is no way back to rehearse.
        let names = if names.len() == added.len() {
            names
        } else {
            Vec::new()
        };
        let mut rehearsal = scratch::rehearse(table, &definition, &names)?;
        // One such index anywhere keeps SQLite from renaming any table.
        if !index::all_collations_are_known(self.connection)?
            || !scratch::renames_beside_others(self.connection, &table.name)?
        {
            rehearsal.obstacle.get_or_insert(Obstacle::Rename);
        }
        if self.lacks_counter(table)? {
            rehearsal.obstacle = Some(Obstacle::Counter);
        }
        let removal = leaving(self.found).find(|it| it.table.name == table.name);
        let (mut way, mut because) = (Way::choose(table, rehearsal, removal, method)?, None);
        if matches!(way, Way::Rows | Way::TwoCopies)
            && let Some(misfit) = fidelity::of_kept_rows(self.connection, table, removal)?
        {
            way = Way::keeping_records(table, rehearsal, method)
                .ok_or_else(|| misfit.not_copied())?;
            because = Some(misfit.reason);
        }
        Ok(Rebuild {
            way,
            because,
            removal: removal.cloned(),
            rows: self.counts.of(&table.name)?,
            table,
            definition,
        })
    }

    /// The last look at the keys goes by indexes where these are not built anew: they must tell as
    /// many orphans as the rows did.
    fn must_agree_with_indexes(
        &self,
        targets: &[TableKeys],
        rebuilds: &[Rebuild<'_>],
    ) -> Result<()> {
        for (place, (child, new)) in asked_for(targets).enumerate() {
            let own = rebuilds.iter().find(|it| it.table.name == child.name);
            if own.is_some_and(|it| by_row(it.way)) {
                continue;
            }
            let parent = Table::read(self.connection, &new.key.parent)?;
            let reasons = self.found.removal(&child.name).map(|it| &it.reasons);
            let is_it = |it: &&Reason| it.key == KeyId(place) && it.breaks;
            let reason = reasons.and_then(|it| it.iter().find(is_it));
            let ends = (child, &parent, &new.key);
            let rows = reason.map_or(0, |it| it.rows);
            confirm::confirm_number(self.connection, self.counts, ends, rows)?;
        }
        Ok(())
    }

    /// Archives the rows that leave and those that forget keys, has these forget them, and deletes
    /// the others whose tables are not copied.
    fn move_rows_out(
        &mut self,
        rebuilds: &[Rebuild<'_>],
        version: Option<i64>,
        policy: &Policy,
    ) -> Result<()> {
        let mut comparisons = Vec::new();
        for removal in touched(self.found) {
            let own = rebuilds
                .iter()
                .find(|it| it.table.name == removal.table.name);
            let built_anew = own.is_some_and(|it| matches!(it.way, Way::Rows | Way::TwoCopies));
            if !built_anew || removal.kept > 0 {
                confirm::confirm_indexed(self.connection, removal)?;
            }
            if policy.orphans.keeps() {
                if let Some(misfit) = fidelity::of_leaving_rows(self.connection, removal)? {
                    return Err(misfit.not_brought_back().into());
                }
                let storing = archive::store(self.connection, removal, version)?;
                self.steps.extend(storing.steps);
                comparisons.extend(storing.comparison);
            }
            if removal.kept == 0 {
                continue;
            }
            self.must_leave_indexes_as_they_are(removal)?;
            if let Some(misfit) = fidelity::of_forgetting_rows(self.connection, removal)? {
                return Err(misfit.not_updated().into());
            }
            if !policy.orphans.keeps() {
                let taken = snapshot::taken_names(self.connection)?;
                let aside = format!("fkfix_before_{}", comparisons.len() + 1);
                let aside = snapshot::free_name(&taken, &aside);
                let (keep, compare) = fidelity::compared_aside(removal, &aside);
                self.steps.push(keep);
                comparisons.extend(compare);
            }
        }
        for removal in leaving(self.found) {
            let indexes = full_text::Indexes::of(self.connection, &removal.table)?;
            let taken_out = indexes.take_out(removal);
            self.must_be_tried |= !taken_out.is_empty();
            self.steps.extend(taken_out);
        }
        for removal in touched(self.found).filter(|it| it.kept > 0) {
            self.steps.extend(rebuild::drop_triggers(&removal.table));
            self.steps.push(rebuild::forget(removal).scattered());
            self.steps.extend(rebuild::create_triggers(&removal.table));
        }
        self.steps.extend(comparisons);
        for removal in leaving(self.found) {
            let name = &removal.table.name;
            let copied = |it: &&Rebuild<'_>| it.table.name == *name && it.way.copies();
            if rebuilds.iter().find(copied).is_none() {
                self.steps.extend(rebuild::drop_triggers(&removal.table));
                let indexes = removal.table.indexes.len();
                self.steps
                    .push(rebuild::delete(removal, indexes).scattered());
                self.steps.extend(rebuild::create_triggers(&removal.table));
            }
        }
        Ok(())
    }

    /// A full-text index that holds some rows alone can't be built anew, and would go on knowing a row by
    /// the key that it forgets.
    fn must_leave_indexes_as_they_are(&self, removal: &Removal) -> Result<()> {
        let table = &removal.table;
        let indexes = full_text::Indexes::of(self.connection, table)?;
        let kept = from_kept("w", removal);
        for index in indexes.knowing_some_rows_by(table, &removal.set_columns()) {
            if index.holds_one(self.connection, &kept)? {
                return Err(Failure::impossible(format!(
                    "{} of {} would forget a key, and the full-text index {}, which holds some rows alone, knows one of them by it",
                    text::rows(removal.kept), table.name, index.name
                ))
                .hint(format!(
                    "drop {} and create it again afterwards, or have the rows leave: --orphans archive",
                    index.name
                ))
                .into());
            }
        }
        Ok(())
    }

    /// The step that gives what is dropped and made again its place in the schema back. Only an
    /// edit of `sqlite_schema` can.
    fn places(&self, rebuilds: &[Rebuild<'_>], method: Method) -> Result<Option<Step>> {
        if method == Method::Documented {
            return Ok(None);
        }
        let copied = rebuilds.iter().filter(|it| it.way.copies());
        let mut tables: Vec<_> = copied.map(|it| it.table.name.as_str()).collect();
        let without_triggers = touched(self.found).filter(|it| !it.table.triggers.is_empty());
        tables.extend(without_triggers.map(|it| it.table.name.as_str()));
        places::keep(self.connection, &tables)
    }

    fn rebuild(&mut self, rebuilds: &[Rebuild<'_>]) -> Result<()> {
        let taken = snapshot::taken_names(self.connection)?;
        for rebuild in rebuilds {
            self.steps.extend(rebuild.steps(&taken)?);
            for (kind, name, _, sql) in &mut self.schema {
                if kind == "table" && *name == rebuild.table.name {
                    *sql = Some(rebuild.definition.clone());
                }
            }
        }
        for removal in touched(self.found) {
            let indexes = full_text::Indexes::of(self.connection, &removal.table)?;
            self.steps.extend(indexes.refresh());
        }
        Ok(())
    }

    fn tables(&self, targets: &[TableKeys], rebuilds: &[Rebuild<'_>]) -> Result<Vec<TablePlan>> {
        let mut tables = Vec::new();
        for keys in targets {
            let name = &keys.table.name;
            let rebuild = rebuilds.iter().find(|it| it.table.name == *name);
            tables.push(TablePlan {
                rows: self.counts.of(name)?,
                name: name.clone(),
                added: keys.added.clone(),
                adopted: keys.adopted.clone(),
                way: rebuild.map(|it| it.way),
                because: rebuild.and_then(|it| it.because.clone()),
                definition: rebuild.map(|it| it.definition.clone()),
            });
        }
        Ok(tables)
    }

    /// What must hold before COMMIT: every row accounted for, in this table and in those
    /// around it, and no row that breaks a key that is asked for, be it new or adopted.
    fn check(
        &mut self,
        targets: &[TableKeys],
        declared: &[NamedKey],
        tables: &[TablePlan],
    ) -> Result<()> {
        let is_touched = |name: &str| {
            self.found.removal(name).is_some()
                || targets.iter().any(|keys| same_name(&keys.table.name, name))
        };
        let mut names: Vec<String> = targets.iter().map(|keys| keys.table.name.clone()).collect();
        names.extend(self.found.removals.iter().map(|it| it.table.name.clone()));
        let added = targets
            .iter()
            .flat_map(|keys| keys.added.iter().map(|new| &new.key));
        for key in declared.iter().map(|named| &named.key).chain(added) {
            if is_touched(&key.child) || is_touched(&key.parent) {
                names.extend([key.child.clone(), key.parent.clone()]);
            }
        }
        names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
        names.dedup_by(|left, right| same_name(left, right));
        for name in names {
            if !schema::table_exists(self.connection, &name)? {
                continue;
            }
            let leaving = self.found.removal(&name).map_or(0, |removal| removal.rows);
            let rows = self.counts.of(&name)? - leaving;
            self.steps.push(Step::Expect {
                what: format!("{name} has {}", text::rows(rows)),
                query: row_counts::count_sql(&name),
                value: rows,
                by_row: None,
            });
        }
        for (place, (child, new)) in asked_for(targets).enumerate() {
            let parent = Table::read(self.connection, &new.key.parent)?;
            let own = tables.iter().find(|it| it.name == child.name);
            let lookup = match own.and_then(|it| it.way) {
                Some(way) if by_row(way) => Lookup::EachRow,
                _ => Lookup::choose(self.connection, self.counts, child, &parent, &new.key)?,
            };
            let (broken, by_row) = if lookup == Lookup::EachRow {
                let by_row = ByRow {
                    key: new.key.clone(),
                    rows: self.counts.of(&new.key.child)?,
                };
                (conditions::orphaned(&parent, &new.key), Some(by_row))
            } else {
                (conditions::broken(child, &parent, &new.key, lookup), None)
            };
            self.steps.push(Step::Expect {
                what: format!("no row breaks {}", self.found.label(KeyId(place))),
                query: format!("SELECT count(*) FROM {} WHERE {broken}", child.source("w")),
                value: 0,
                by_row,
            });
        }
        for removal in &self.found.removals {
            let name = &removal.table.name;
            let others = self.found.others.iter();
            let others = others.filter(|(table, _)| same_name(table, name));
            let lists = [&removal.list].into_iter();
            let lists = lists.chain(others.map(|(_, other)| other));
            let drops: Vec<_> = lists
                .map(|list| format!("DROP TABLE temp.{}", quote(list)))
                .collect();
            self.steps.push(Step::run(
                format!("drop the temporary list of orphans of {name}"),
                drops.join(";\n"),
            ));
        }
        Ok(())
    }

    fn warnings(&self, targets: &[TableKeys]) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for keys in targets {
            for new in &keys.added {
                let parent = Table::read(self.connection, &new.key.parent)?;
                warnings.extend(keys::warnings(&keys.table, &parent, &new.key));
            }
        }
        for removal in touched(self.found) {
            let indexes = full_text::Indexes::of(self.connection, &removal.table)?;
            warnings.extend(unfired::warnings(removal, &indexes));
        }
        Ok(warnings)
    }
}

/// The keys that are added, each with its child table.
fn asked_for(targets: &[TableKeys]) -> impl Iterator<Item = (&Table, &NewKey)> {
    let keys = targets.iter();
    keys.flat_map(|keys| keys.asked_for().map(|new| (&keys.table, new)))
}

/// Whether a table that comes by its definition in `way` is looked at row by row in the end: few of
/// its rows may be left, and its indexes are new.
fn by_row(way: Way) -> bool {
    matches!(way, Way::Rows | Way::TwoCopies)
}

/// The removals that have rows.
fn leaving(found: &Found) -> impl Iterator<Item = &Removal> {
    found.removals.iter().filter(|removal| removal.rows > 0)
}

/// The removals that have rows, be it that they leave or that they forget keys.
fn touched(found: &Found) -> impl Iterator<Item = &Removal> {
    let removals = found.removals.iter();
    removals.filter(|removal| removal.rows + removal.kept > 0)
}

/// What would happen to the rows of `removal`.
fn fate<'a>(found: &Found, removal: &'a Removal) -> TableFate<'a> {
    let table = &removal.table.name;
    let within = |it: &Reason| {
        let parent = found.key(it.key).map(|key| &key.parent);
        !it.breaks && parent.is_some_and(|parent| same_name(parent, table))
    };
    TableFate {
        table,
        of: removal.of,
        leave: removal.rows,
        kept: removal.kept,
        orphans: removal.orphans,
        follows_itself: removal.reasons.iter().any(within),
    }
}

impl KeyPlan {
    /// The tables of which rows leave or forget keys, in the order in which they were found.
    pub fn touched(&self) -> impl Iterator<Item = &Removal> {
        touched(&self.found)
    }

    /// The keys whose orphans leave or forget them: those that are added, and those that are there.
    pub fn keys(&self) -> impl Iterator<Item = &ForeignKey> {
        let keys = self
            .tables
            .iter()
            .flat_map(|it| it.added.iter().chain(&it.adopted));
        keys.map(|it| &it.key)
    }

    /// The removals that have rows, in the order in which they were found.
    pub fn removals(&self) -> impl Iterator<Item = &Removal> {
        leaving(&self.found)
    }

    /// Why `policy` does not let this plan be carried out, if it does not.
    pub fn refusal(&self, policy: &Policy) -> Option<Failure> {
        let blocked = self.found.blocked.first();
        policy.refusal(&Fates {
            is_new: self.tables.iter().any(|table| !table.added.is_empty()),
            blocked: blocked.map(|it| (&it.key, it.rows)),
            tables: self.touched().map(|it| fate(&self.found, it)).collect(),
            empty_parent: self.found.empty_parents.first().map(|it| &it.key),
        })
    }

    /// The schema as it must be afterwards; archives may have come.
    pub fn schema_after(&self) -> &Snapshot {
        &self.schema_after
    }

    /// What a table is called while it steps aside.
    pub fn passing_name(&self) -> &str {
        &self.passing_name
    }

    /// The tables that come by new definitions and those with keys to them, each with the text
    /// that it must have afterwards.
    pub fn definitions_around(&self) -> impl Iterator<Item = (&str, &str)> {
        let objects = self.schema_after.iter();
        objects.filter_map(|(kind, name, _, sql)| {
            let is_around = self.around.iter().any(|it| same_name(it, name));
            let sql = sql.as_deref().filter(|_| kind == "table" && is_around)?;
            Some((name.as_str(), sql))
        })
    }

    /// Compares the schema with what the plan promised; archives may have come.
    pub fn verify_schema(&self, connection: &Connection) -> Result<()> {
        let tables: Vec<_> = self.touched().map(|it| it.table.name.as_str()).collect();
        let others = |snapshot: Snapshot| -> Snapshot {
            let kept = snapshot.into_iter();
            kept.filter(|(_, _, table, _)| !archive::is_archive_name(table, &tables))
                .collect()
        };
        let expected = others(self.schema_after.clone());
        let found = others(snapshot::take(connection)?);
        let names = snapshot::differences(&expected, &found);
        if names.is_empty() {
            return Ok(());
        }
        Err(Failure::impossible(format!(
            "the rebuild would have changed more than the keys: {}; everything is rolled back",
            names.join(", ")
        ))
        .hint("please report this with the output of: sqlite3 FILE .schema")
        .into())
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
