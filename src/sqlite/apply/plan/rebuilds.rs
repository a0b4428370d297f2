//! How each table comes by its new definition, and back to its place in the schema.

use anyhow::{Context as _, Result};

use super::planner::{Planner, asked_for};
use crate::model::key::KeyId;
use crate::policy::Method;
use crate::sqlite::keys::TableKeys;
use crate::sqlite::orphans::confirm;
use crate::sqlite::orphans::lists::Reason;
use crate::sqlite::rebuild::fidelity;
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::places;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::rebuild::{Rebuild, Way};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::index;
use crate::sqlite::schema::scratch::{self, Obstacle};
use crate::sqlite::schema::snapshot;
use crate::sqlite::text::constraints;

impl Planner<'_> {
    /// How each table that gets a key comes by it.
    pub(super) fn rebuilds<'t>(
        &self,
        targets: &'t [TableKeys],
        method: Method,
    ) -> Result<Vec<Rebuild<'t>>>
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
        let definition = constraints::add_constraints(&table.sql, &constraints)?;
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
        let removal = self.found.leaving().find(|it| it.table.name == table.name);
        let (mut way, mut because) = (Way::choose(table, rehearsal, removal, method)?, None);
        if way.inserts_rows()
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
    pub(super) fn must_agree_with_indexes(
        &self,
        targets: &[TableKeys],
        rebuilds: &[Rebuild<'_>],
    ) -> Result<()> {
        for (place, (child, new)) in asked_for(targets).enumerate() {
            let own = rebuilds.iter().find(|it| it.table.name == child.name);
            if own.is_some_and(|it| it.way.inserts_rows()) {
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

    /// The step that gives what is dropped and made again its place in the schema back. Only an
    /// edit of `sqlite_schema` can.
    pub(super) fn places(&self, rebuilds: &[Rebuild<'_>], method: Method) -> Result<Option<Step>> {
        if method == Method::Documented {
            return Ok(None);
        }
        let copied = rebuilds.iter().filter(|it| it.way.copies());
        let mut tables: Vec<_> = copied.map(|it| it.table.name.as_str()).collect();
        let without_triggers = self
            .found
            .touched()
            .filter(|it| !it.table.triggers.is_empty());
        tables.extend(without_triggers.map(|it| it.table.name.as_str()));
        places::keep(self.connection, &tables)
    }

    pub(super) fn rebuild(&mut self, rebuilds: &[Rebuild<'_>]) -> Result<()> {
        let taken = snapshot::taken_names(self.connection)?;
        for rebuild in rebuilds {
            self.steps.extend(rebuild.steps(&taken));
            for (kind, name, _, sql) in &mut self.schema {
                if kind == "table" && *name == rebuild.table.name {
                    *sql = Some(rebuild.definition.clone());
                }
            }
        }
        for removal in self.found.touched() {
            let indexes = full_text::Indexes::of(self.connection, &removal.table)?;
            self.steps.extend(indexes.refresh());
        }
        Ok(())
    }
}
