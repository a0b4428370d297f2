//! What the user allows to happen to rows, as promises: how many there are only the script finds out.

use anyhow::Result;

use super::listing::FOLLOWS_WITHIN;
use super::{Leaving, Link};
use crate::policy::{Limit, OrphanAction, Policy};
use crate::sqlite::keys::TableKeys;
use crate::sqlite::orphans::lists::{Fate, Removal};
use crate::sqlite::text::ddl::{quote, same_name};
use crate::sqlite::write::portable::script::Script;

impl Leaving {
    /// Writes the promises that `policy` asks for.
    pub fn must_be_allowed(
        &self,
        script: &mut Script<'_>,
        targets: &[TableKeys],
        policy: &Policy,
    ) -> Result<()> {
        for Removal { table, list, .. } in self.listed() {
            let (name, table) = (&table.name, quote(&table.name));
            if policy.orphans == OrphanAction::Refuse {
                script.promise(
                    &format!("no row leaves {name} or forgets a key"),
                    &format!("NOT EXISTS (SELECT 1 FROM {list})"),
                )?;
            }
            let rows = format!("(SELECT count(*) FROM {list})");
            let allowed = match policy.max_orphans {
                None => continue,
                Some(Limit::Rows(limit)) => format!("{rows} <= {limit}"),
                Some(Limit::Percent(limit)) => {
                    format!("{rows} * 100.0 <= {limit:?} * (SELECT count(*) FROM main.{table})")
                }
            };
            let what = policy
                .max_orphans
                .map_or(String::new(), |it| it.to_string());
            script.promise(
                &format!("no more than {what} leave {name} or forget a key"),
                &allowed,
            )?;
        }
        if policy.max_orphans.is_some() {
            return Ok(());
        }
        for Removal { table, list, .. } in self.leaving() {
            let leave = format!("(SELECT count(*) FROM {list} WHERE round >= 0)");
            script.promise(
                &format!("{} does not lose all its rows", table.name),
                &format!(
                    "NOT EXISTS (SELECT 1 FROM {list} WHERE round >= 0) OR {leave} < (SELECT count(*) FROM {})",
                    table.scanned("w")
                ),
            )?;
            let within = |link: &Link| {
                let takes_along = link.is_self() && link.fate == Some(Fate::Leaves);
                takes_along && same_name(&link.key.child, &table.name)
            };
            if self.links.iter().any(within) {
                let orphans = format!("(SELECT count(*) FROM {list} WHERE breaks > 0)");
                script.promise(
                    &format!("{} loses no more than its own orphans", table.name),
                    &format!(
                        "NOT EXISTS (SELECT 1 FROM {list} WHERE round = {FOLLOWS_WITHIN}) OR {orphans} = 0 OR {leave} <= {orphans}"
                    ),
                )?;
            }
        }
        for target in targets {
            for new in target.asked_for() {
                let given = new
                    .key
                    .columns
                    .iter()
                    .map(|it| format!("w.{} IS NOT NULL", quote(it)));
                let (parent, child) = (quote(&new.key.parent), quote(&target.table.name));
                script.promise(
                    &format!("{} holds rows, or no row of {} names one", new.key.parent, target.table.name),
                    &format!(
                        "EXISTS (SELECT 1 FROM main.{parent}) OR NOT EXISTS (SELECT 1 FROM main.{child} AS w WHERE {})",
                        given.collect::<Vec<_>>().join(" AND ")
                    ),
                )?;
            }
        }
        Ok(())
    }
}
