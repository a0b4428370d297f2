//! Fills the lists of the rows that leave or forget a key, as far as SQL can tell beforehand, and
//! holds that nothing is left that would refer to one that leaves.

use anyhow::Result;
use rusqlite::Connection;

use super::{Leaving, Link, List, Orphaned};
use crate::sqlite::keys::conditions;
use crate::sqlite::orphans::fates::{self, Fates};
use crate::sqlite::orphans::lists::{
    Fate, Removal, demotion, from_leaving, has_listed_key, listed,
};
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{literal, quote, quote_list};
use crate::sqlite::write::portable::script::{Script, TRIAL};

/// How often keys that go round in a circle are followed; what is left then stops the script.
const ROUNDS: usize = 8;

/// What `round` of a list tells: the row stays; it breaks a key itself; it follows a row of another
/// table; it follows one of its own.
const STAYS: i64 = -1;
const BREAKS: i64 = 0;
const FOLLOWS: i64 = 1;
pub const FOLLOWS_WITHIN: i64 = 2;

impl Leaving {
    /// Writes what makes the lists and fills them.
    pub fn list_rows(&self, script: &mut Script<'_>) -> Result<()> {
        for List { removal, .. } in &self.lists {
            let Removal { table, list, .. } = removal;
            let key = key_columns(&table.row_key);
            let rest = "reasons TEXT, breaks INTEGER, round INTEGER, forgets INTEGER";
            let columns = match (&table.row_key, table.row_key.rowid()) {
                (_, Some(_)) => format!("{key} INTEGER PRIMARY KEY, {rest})"),
                (RowKey::Hidden, _) => format!("k1 INTEGER, {rest})"),
                _ => format!("{key}, {rest}, PRIMARY KEY ({key})) WITHOUT ROWID"),
            };
            script.run(
                &format!(
                    "a list of the rows that leave {} or forget a key",
                    table.name
                ),
                &format!("CREATE TABLE {list} ({columns}"),
            )?;
            for forgetting in &removal.forgets {
                if let Some((_, statements)) = fates::defaults(table, forgetting) {
                    for sql in statements {
                        script.run(&format!("the defaults of {}", table.name), &sql)?;
                    }
                }
            }
        }
        for orphaned in &self.orphaned {
            self.list_orphans(script, orphaned)?;
        }
        for list in &self.lists {
            self.demote(script, list)?;
        }
        let rounds = if self.circular { ROUNDS } else { 1 };
        for _ in 0..rounds {
            for link in &self.links {
                if let (Some(fate), Some(list)) = (link.fate, self.list(&link.key.child)) {
                    self.list_followers(script, link, fate, &list.removal)?;
                    self.demote(script, list)?;
                }
            }
        }
        for link in &self.links {
            let (child, refers) = self.refers(script.schema(), &link.key)?;
            let known = self.list(&child.name).map(|list| &list.removal);
            let known = known.filter(|_| child.row_key != RowKey::Hidden);
            let unlisted = known.map_or(String::new(), |removal| {
                format!(" AND NOT {}", accounted_for(removal, link.fate))
            });
            script.promise(
                &format!(
                    "no row that stays refers by {} to one that leaves",
                    link.label
                ),
                &format!(
                    "NOT EXISTS (SELECT 1 FROM {} WHERE {refers}{unlisted})",
                    child.source("w")
                ),
            )?;
        }
        Ok(())
    }

    fn list_orphans(&self, script: &mut Script<'_>, orphaned: &Orphaned) -> Result<()> {
        let Orphaned { key, label, fate } = orphaned;
        let parent = Table::read(script.schema(), &key.parent)?;
        let Some(List { removal, .. }) = self.list(&key.child) else {
            return Ok(());
        };
        let Removal { table, list, .. } = removal;
        let broken = conditions::orphaned(&parent, key);
        if table.row_key == RowKey::Hidden {
            return script.promise(
                &format!(
                    "no row breaks {label}, as the rows of {} can't be told apart",
                    table.name
                ),
                &format!(
                    "NOT EXISTS (SELECT 1 FROM {} WHERE {broken})",
                    table.source("w")
                ),
            );
        }
        let (columns, values) = (key_columns(&table.row_key), key_values(table));
        let (round, mark) = standing(*fate, BREAKS);
        script.run(
            &format!("list the rows that break {label}"),
            &format!(
                "INSERT INTO {list} ({columns}, reasons, breaks, round, forgets)\nSELECT {values}, {}, 1, {round}, {mark} FROM {}\nWHERE {broken}\nORDER BY {values}\nON CONFLICT ({columns}) DO UPDATE SET reasons = reasons || ', ' || excluded.reasons, breaks = breaks + 1, round = max(round, excluded.round), forgets = forgets | excluded.forgets",
                literal(label),
                table.source("w")
            ),
        )
    }

    fn list_followers(
        &self,
        script: &mut Script<'_>,
        link: &Link,
        fate: Fate,
        removal: &Removal,
    ) -> Result<()> {
        let (child, refers) = self.refers(script.schema(), &link.key)?;
        if child.row_key == RowKey::Hidden {
            return script.promise(
                &format!("no row refers by {} to one that leaves", link.label),
                &format!(
                    "NOT EXISTS (SELECT 1 FROM {} WHERE {refers})",
                    child.source("w")
                ),
            );
        }
        let (list, label) = (&removal.list, literal(&link.label));
        let (columns, values) = (key_columns(&child.row_key), key_values(&child));
        let title = format!("list the rows that refer by {} to those", link.label);
        let follows = if link.is_self() {
            FOLLOWS_WITHIN
        } else {
            FOLLOWS
        };
        let (round, mark) = standing(fate, follows);
        let known = match fate {
            Fate::Forgets(_) => {
                "DO UPDATE SET forgets = forgets | excluded.forgets WHERE round < 0"
            }
            _ if removal.mixed => "DO UPDATE SET round = excluded.round WHERE round < 0",
            _ => "DO NOTHING",
        };
        let into = format!("INSERT INTO {list} ({columns}, reasons, breaks, round, forgets)");
        let rest = format!("{label}, 0, {round}, {mark}");
        if !link.is_self() || fate != Fate::Leaves {
            let sql = format!(
                "{into}\nSELECT {values}, {rest} FROM {}\nWHERE {refers}\nORDER BY {values}\nON CONFLICT ({columns}) {known}",
                child.source("w")
            );
            return script.run(&title, &sql);
        }
        let same: Vec<_> = child
            .row_key
            .columns()
            .iter()
            .zip(1..)
            .map(|(name, at)| format!("p.{} = x.k{at}", quote(name)))
            .collect();
        let refers = if conditions::compares_alike(&child, &child, &link.key) {
            let pairs = link
                .key
                .pairs()
                .map(|(column, parent)| format!("w.{} = p.{}", quote(column), quote(parent)));
            pairs.collect::<Vec<_>>().join(" AND ")
        } else {
            conditions::equals_parent(&link.key)
        };
        script.run(&title, &format!(
            "{into}\nWITH RECURSIVE x({columns}) AS (SELECT {columns} FROM {list} WHERE round >= 0 UNION SELECT {values} FROM x CROSS JOIN {} ON {} CROSS JOIN {} ON {refers}) SELECT {columns}, {rest} FROM x WHERE TRUE\nON CONFLICT ({columns}) {known}",
            child.source("p"),
            same.join(" AND "),
            child.source("w"),
        ))
    }

    /// Writes what has rows leave that are to stay and forget a key, and can't.
    fn demote(&self, script: &mut Script<'_>, list: &List) -> Result<()> {
        let removal = &list.removal;
        if !list.may_be_demoted || removal.table.row_key == RowKey::Hidden {
            return Ok(());
        }
        let name = &removal.table.name;
        let fates = Fates::new(script.schema(), &self.keys);
        for forgetting in removal.forgets.iter().filter(|it| it.defaults.is_some()) {
            for key in fates.keys_over(&removal.table, forgetting)? {
                let leaving = self.list_of(&key.parent.name);
                let leaving = leaving.filter(|it| it.table.row_key != RowKey::Hidden);
                let condition = fates::without_parent(removal, forgetting, &key, leaving);
                script.run(
                    &format!("rows of {name} whose default has no parent leave"),
                    &demotion(removal, &condition, FOLLOWS),
                )?;
            }
        }
        if !fates.needs_trial(removal)? {
            return Ok(());
        }
        let trial = fates.trial(removal, TRIAL)?;
        let title = format!("try what {name} allows");
        script.run(&title, &trial.create)?;
        for sql in trial.copy_others.iter().chain(&trial.indexes) {
            script.run(&title, sql)?;
        }
        script.run(&title, &trial.take)?;
        script.run(
            &format!("rows that {name} would not allow so leave"),
            &demotion(removal, &trial.not_taken, FOLLOWS),
        )?;
        script.run(&title, &trial.drop)
    }

    /// The child of `key`, and the condition that its row `w` refers to a row that leaves.
    fn refers(&self, schema: &Connection, key: &ForeignKey) -> Result<(Table, String)> {
        let child = Table::read(schema, &key.child)?;
        let Some(removal) = self
            .list_of(&key.parent)
            .filter(|it| it.table.row_key != RowKey::Hidden)
        else {
            return Ok((child, "FALSE".to_owned()));
        };
        let parents = from_leaving("p", removal);
        let refers = conditions::refers_to(&child, &removal.table, key, &parents);
        Ok((child, refers))
    }

    /// Writes what drops the lists.
    pub fn drop_lists(&self, script: &mut Script<'_>) -> Result<()> {
        for List { removal, .. } in &self.lists {
            let defaults = removal.forgets.iter().filter_map(|it| it.defaults.as_ref());
            for defaults in defaults {
                let title = format!("drop the defaults of {}", removal.table.name);
                script.run(&title, &format!("DROP TABLE {defaults}"))?;
            }
            let title = format!("drop the list of rows of {}", removal.table.name);
            script.run(&title, &format!("DROP TABLE {}", removal.list))?;
        }
        Ok(())
    }
}

/// What a list notes of rows that fare so: `round`, and the bit of `forgets`.
fn standing(fate: Fate, round: i64) -> (i64, i64) {
    match fate {
        Fate::Leaves | Fate::Counted => (round, 0),
        Fate::Forgets(mark) => (STAYS, mark),
    }
}

/// The condition that the row `w` leaves, or that it forgets the key by which it refers to one that
/// does.
fn accounted_for(removal: &Removal, fate: Option<Fate>) -> String {
    match fate {
        Some(Fate::Forgets(mark)) => format!(
            "EXISTS (SELECT 1 FROM {} AS l WHERE {} AND (l.round >= 0 OR l.forgets & {mark}))",
            removal.list,
            has_listed_key("w", removal)
        ),
        _ => listed("w", removal),
    }
}

/// `k1, k2`
fn key_columns(row_key: &RowKey) -> String {
    let places = 1..=row_key.columns().len();
    let names: Vec<_> = places.map(|place| format!("k{place}")).collect();
    names.join(", ")
}

/// `w."a", w."b"`
fn key_values(table: &Table) -> String {
    quote_list("w.", table.row_key.columns())
}
