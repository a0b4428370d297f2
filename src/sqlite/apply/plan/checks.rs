//! What must hold before COMMIT.

use anyhow::Result;

use super::key_plan::TablePlan;
use super::planner::{Planner, asked_for};
use crate::model::key::KeyId;
use crate::sqlite::keys::TableKeys;
use crate::sqlite::keys::conditions::{self, Lookup};
use crate::sqlite::rebuild::steps::{ByRow, Step};
use crate::sqlite::schema::foreign_key::NamedKey;
use crate::sqlite::schema::row_counts;
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::ddl::{quote, same_name};
use crate::text;

impl Planner<'_> {
    /// What must hold before COMMIT: every row accounted for, in this table and in those
    /// around it, and no row that breaks a key that is asked for, be it new or adopted.
    pub(super) fn check(
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
                Some(way) if way.inserts_rows() => Lookup::EachRow,
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
}
