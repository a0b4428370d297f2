//! Moves the rows that leave: into the archives, out of their tables, out of full-text indexes; and
//! has rows that stay forget their keys.

use anyhow::Result;

use super::Leaving;
use crate::failure::Failure;
use crate::sqlite::archive::{self, table::KEPT};
use crate::sqlite::orphans::lists::{Removal, from_leaving, from_listed, listed};
use crate::sqlite::rebuild::{self, full_text};
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{quote, quote_list};
use crate::sqlite::write::portable::script::Script;

impl Leaving {
    /// Writes what keeps the rows, as they were, in the archives of their tables.
    pub fn archive(&self, script: &mut Script<'_>, version: Option<i64>) -> Result<()> {
        let schema = script.schema();
        let mut runs = Vec::new();
        for Removal { table, mixed, .. } in self.listed() {
            let names: Vec<_> = table.columns.iter().map(|it| it.name.as_str()).collect();
            let name = archive::name_of(&table.name);
            archive::must_be_possible(&name, &names)?;
            let notes = !full_text::Indexes::of(schema, table)?.is_empty();
            script.run(
                &format!("an archive for {}", table.name),
                &create_archive(&name, &names, notes, *mixed),
            )?;
            if let Some(archive) = archive::of(schema, &table.name)? {
                let missing = names.iter().filter(|it| !archive.has(it));
                let missing = missing.map(|name| (*name, ""));
                let kept = *mixed && !archive.has_kept;
                let kept = kept.then_some((KEPT, " TEXT"));
                for (column, kind) in missing.chain(kept) {
                    script.run(
                        &format!("add the column {column} to {}", archive.name),
                        &format!(
                            "ALTER TABLE {} ADD COLUMN {}{kind}",
                            quote(&archive.name),
                            quote(column)
                        ),
                    )?;
                }
                runs.push(format!(
                    "SELECT max(fkfix_run) AS run FROM main.{}",
                    quote(&archive.name)
                ));
            }
        }
        if runs.is_empty() {
            return Ok(());
        }
        script.numbers.notes += 1;
        let run = format!("the run, {}", script.numbers.notes);
        script.note(
            &run,
            &format!(
                "SELECT ifnull(max(run), 0) + 1 FROM ({})",
                runs.join(" UNION ALL ")
            ),
        )?;
        for removal in self.listed() {
            store(script, removal, version, &Script::noted(&run))?;
        }
        Ok(())
    }

    /// Writes what has the rows that stay forget their keys.
    pub fn forget(&self, script: &mut Script<'_>) -> Result<()> {
        for removal in self.listed().filter(|it| it.mixed) {
            let table = &removal.table;
            script.triggers_aside(table)?;
            script.run(
                &format!("rows of {} forget a key without a parent", table.name),
                &rebuild::forget_sql(removal),
            )?;
            script.triggers_back(table)?;
        }
        Ok(())
    }

    /// Writes what deletes the rows from their tables, but for those in the list `but`. First what
    /// is about full-text indexes: they can follow where they hold all of their table.
    pub fn delete(&self, script: &mut Script<'_>, but: Option<&Removal>) -> Result<()> {
        for Removal { table, .. } in self.leaving() {
            full_text_is_whole(script, table)?;
        }
        // Children first: a key that says RESTRICT does not wait for COMMIT.
        let deleted = || {
            let leaving = self.leaving().rev();
            leaving.filter(|it| but.is_none_or(|but| but.list != it.list))
        };
        for removal in deleted() {
            script.triggers_aside(&removal.table)?;
        }
        for removal in deleted() {
            let table = &removal.table;
            script.run(
                &format!("delete the rows that leave {}", table.name),
                &format!(
                    "DELETE FROM main.{} AS w WHERE {}",
                    quote(&table.name),
                    listed("w", removal)
                ),
            )?;
        }
        for removal in deleted() {
            script.promise(
                &format!("they have left {}", removal.table.name),
                &format!("NOT EXISTS (SELECT 1 {})", from_leaving("w", removal)),
            )?;
            script.triggers_back(&removal.table)?;
        }
        Ok(())
    }

    /// Writes what has full-text indexes read the tables anew.
    pub fn refresh(&self, script: &mut Script<'_>) -> Result<()> {
        for Removal { table, .. } in self.leaving() {
            let indexes = full_text::Indexes::of(script.schema(), table)?;
            script.steps(&indexes.refresh())?;
        }
        Ok(())
    }
}

/// Holds that full-text indexes over `table` hold each of its rows, so that they can be built anew.
pub fn full_text_is_whole(script: &mut Script<'_>, table: &Table) -> Result<()> {
    let indexes = full_text::Indexes::of(script.schema(), table)?;
    for (index, whole) in indexes.whole(&table.name) {
        script.promise(
            &format!(
                "the full-text index {index} holds {} and no more",
                table.name
            ),
            &whole,
        )?;
    }
    if !indexes.of_views().is_empty() {
        return Err(Failure::impossible(format!(
            "the full-text index {} takes its text from a view of {}, and a script can't tell whether it holds all of it",
            indexes.of_views().join(", "), table.name
        ))
        .hint("without --for, fkfix up finds that out; or drop the index and create it again afterwards")
        .into());
    }
    Ok(())
}

fn store(
    script: &mut Script<'_>,
    removal: &Removal,
    version: Option<i64>,
    run: &str,
) -> Result<()> {
    let Removal { table, list, .. } = removal;
    let archive = quote(&archive::name_of(&table.name));
    let names = || table.columns.iter().map(|it| it.name.as_str());
    let indexes = full_text::Indexes::of(script.schema(), table)?;
    let (note, noted) = if indexes.is_empty() {
        (String::new(), String::new())
    } else {
        (
            "fkfix_full_text, ".to_owned(),
            format!("{}, ", indexes.holding()),
        )
    };
    let (keep, kept) = if removal.mixed {
        script.needs_json = true;
        let forgets = archive::store::forgets(removal);
        (format!("{KEPT}, "), format!("{forgets}, "))
    } else {
        (String::new(), String::new())
    };
    let version = version.map_or_else(|| "NULL".to_owned(), |it| it.to_string());
    let rowid = table.row_key.rowid();
    let rowid = rowid.map_or_else(|| "NULL".to_owned(), |name| format!("w.{}", quote(name)));
    script.run(
        &format!("keep the rows of {} as they are", table.name),
        &format!(
            "INSERT INTO main.{archive} (fkfix_rowid, fkfix_constraints, fkfix_version, fkfix_archived_at, fkfix_run, {note}{keep}{})\nSELECT {rowid}, l.reasons, {version}, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), {run}, {noted}{kept}{}\n{}",
            quote_list("", names()),
            quote_list("w.", names()),
            from_listed("w", removal),
        ),
    )?;
    let stored: Vec<_> = table.stored_columns().collect();
    script.promise(
        &format!("the archive of {} holds every one of them", table.name),
        &format!(
            "(SELECT count(*) FROM main.{archive} AS a CROSS JOIN main.{} AS w WHERE a.fkfix_run = {run} AND {}) = (SELECT count(*) FROM {list})",
            quote(&table.name),
            archive::same_row(table, &stored)
        ),
    )
}

/// What makes the archive called `name` of a table with `columns`, where it is not there: with a
/// column for what rows have forgotten, where they may do so.
pub fn create_archive(
    name: &str,
    columns: &[&str],
    notes_full_text: bool,
    may_forget: bool,
) -> String {
    let note = if notes_full_text {
        "fkfix_full_text TEXT, "
    } else {
        ""
    };
    let kept = if may_forget { "fkfix_kept TEXT, " } else { "" };
    format!(
        "CREATE TABLE IF NOT EXISTS {} (fkfix_rowid INTEGER, fkfix_constraints TEXT, fkfix_version INTEGER, fkfix_archived_at TEXT, fkfix_run INTEGER, {note}{kept}{})",
        quote(name),
        quote_list("", columns.iter().copied())
    )
}
