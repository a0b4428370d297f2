//! Rows that were to stay and forget a key, and can't: they leave.

use anyhow::Result;

use super::{Fates, defaults, note_why, without_parent};
use crate::sqlite::orphans::lists::{FORGETS, Forgetting, Lists, Removal};
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{quote, same_name};

impl Fates<'_> {
    /// Has the rows leave in `round` that are to stay and forget a key, and can't: their default
    /// has no parent, or an index or a CHECK does not allow it.
    pub fn demote(&self, lists: &mut Lists<'_>, round: i64) -> Result<()> {
        let mut tables: Vec<Table> = Vec::new();
        for removal in &lists.removals {
            let forgets = |it: &Forgetting| same_name(&it.child, &removal.table.name);
            if removal.mixed && lists.forgets.iter().any(forgets) {
                tables.push(removal.table.clone());
            }
        }
        for table in tables {
            self.demote_of(lists, &table, round)?;
        }
        Ok(())
    }

    fn demote_of(&self, lists: &mut Lists<'_>, table: &Table, round: i64) -> Result<()> {
        let Some(mut removal) = lists.removal(&table.name).cloned() else {
            return Ok(());
        };
        let own = |it: &&Forgetting| same_name(&it.child, &table.name);
        removal.forgets = lists.forgets.iter().filter(own).cloned().collect();
        let any = format!(
            "SELECT EXISTS (SELECT 1 FROM temp.{} WHERE {FORGETS})",
            quote(&removal.list)
        );
        if !self
            .connection
            .query_row(&any, [], |row| row.get::<_, bool>(0))?
        {
            return Ok(());
        }
        let to_default = removal.forgets.iter().filter(|it| it.defaults.is_some());
        for forgetting in to_default.collect::<Vec<_>>() {
            Self::read_defaults(lists, table, forgetting)?;
            self.demote_without_parent(lists, &removal, forgetting, round)?;
        }
        if self.needs_trial(&removal)? {
            self.demote_by_trial(lists, &removal, round)?;
        }
        Ok(())
    }

    /// Stores the defaults of the key's columns in a temporary table, where that is not there yet.
    fn read_defaults(lists: &mut Lists<'_>, table: &Table, forgetting: &Forgetting) -> Result<()> {
        let Some((name, statements)) = defaults(table, forgetting) else {
            return Ok(());
        };
        if lists.others.iter().any(|(_, known)| known == name) {
            return Ok(());
        }
        for sql in statements {
            lists.run(sql, &table.name)?;
        }
        lists.others.push((table.name.clone(), name.to_owned()));
        Ok(())
    }

    /// Has rows leave that would break a key by the defaults of `forgetting`.
    fn demote_without_parent(
        &self,
        lists: &mut Lists<'_>,
        removal: &Removal,
        forgetting: &Forgetting,
        round: i64,
    ) -> Result<()> {
        let table = &removal.table;
        for key in self.keys_over(table, forgetting)? {
            let condition =
                without_parent(removal, forgetting, &key, lists.removal(&key.parent.name));
            if lists.demote(&table.name, &condition, round)? {
                note_why(lists, forgetting.key, "the default has no parent");
            }
        }
        Ok(())
    }
}
