//! The rows that leave: those that break a key, and those that hang on them. Which they are, only
//! the script finds out, in tables that list them.

use anyhow::Result;
use rusqlite::Connection;

use super::LISTS;
use super::script::Script;
use crate::model::key;
use crate::policy::Wish;
use crate::policy::{Limit, OrphanAction, Policy};
use crate::sqlite::keys::{NewKey, TableKeys, conditions};
use crate::sqlite::orphans::lists::{self, Removal, from_listed, listed};
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::{RowKey, Table, scratch};
use crate::sqlite::text::ddl::{literal, quote, quote_list, same_name};

/// How often keys that go round in a circle are followed; what is left then stops the script.
const ROUNDS: usize = 8;

/// The rows that leave.
pub struct Leaving {
    /// One list for each table that may lose rows.
    pub lists: Vec<Removal>,
    links: Vec<Link>,
    orphaned: Vec<Orphaned>,
    /// Several tables refer to each other in a circle.
    circular: bool,
}

/// A key that is asked for.
struct Orphaned {
    key: ForeignKey,
    label: String,
    /// The rows that break it leave; otherwise none may.
    leaves: bool,
}

/// A key to a table that may lose rows.
struct Link {
    key: ForeignKey,
    label: String,
    /// The rows that refer by it to one that leaves do so too.
    takes_along: bool,
}

/// The tables that may lose rows by the keys that `targets` ask for.
pub fn tables(
    schema: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
) -> Result<Vec<Table>> {
    // By that most rows may have left.
    let leaving = Leaving::of(schema, targets, declared, OrphanAction::Archive, &mut 0)?;
    Ok(leaving.tables().cloned().collect())
}

impl Leaving {
    /// Finds which tables may lose rows by the keys that `targets` ask for; `number` counts lists.
    pub fn of(
        schema: &Connection,
        targets: &[TableKeys],
        declared: &[NamedKey],
        action: OrphanAction,
        number: &mut usize,
    ) -> Result<Self> {
        let asked: Vec<_> = targets.iter().flat_map(TableKeys::asked_for).collect();
        let added = asked.iter().copied().map(NewKey::named);
        let keys = foreign_key::distinct(added.chain(declared.iter().cloned()));
        let labels = key::labels(&keys);
        let mut leaving = Leaving {
            lists: Vec::new(),
            links: Vec::new(),
            orphaned: Vec::new(),
            circular: false,
        };
        let is_asked = |key: &ForeignKey| asked.iter().any(|new| new.key.same_definition(key));
        for (named, label) in keys.iter().zip(&labels) {
            if is_asked(&named.key) {
                let leaves = Wish::of_orphans(action, named.key.on_delete) == Wish::Leave;
                leaving.orphaned.push(Orphaned {
                    key: named.key.clone(),
                    label: label.clone(),
                    leaves,
                });
                if leaves {
                    leaving.add_list(Table::read(schema, &named.key.child)?, number);
                }
            }
        }
        let links = keys.iter().zip(labels).map(|(named, label)| Link {
            takes_along: Wish::of_dependents(action, named.key.on_delete) == Wish::Leave,
            key: named.key.clone(),
            label,
        });
        let mut others: Vec<_> = links.collect();
        while let Some(at) = others
            .iter()
            .position(|link| leaving.list_of(&link.key.parent).is_some())
        {
            let link = others.remove(at);
            let parent = Table::read(schema, &link.key.parent)?;
            // SQLite could not act on it.
            if !is_asked(&link.key) && !scratch::is_parent_key(&parent, &link.key)? {
                continue;
            }
            if link.takes_along {
                leaving.add_list(Table::read(schema, &link.key.child)?, number);
            }
            leaving.links.push(link);
        }
        leaving.sort_links();
        Ok(leaving)
    }

    fn add_list(&mut self, table: Table, number: &mut usize) {
        if self.list_of(&table.name).is_none() {
            *number += 1;
            let list = format!("{LISTS}{number}");
            self.lists.push(Removal::new(table, list));
        }
    }

    /// Parents before children, as far as that goes.
    fn sort_links(&mut self) {
        let mut sorted: Vec<Link> = Vec::new();
        let mut left: Vec<_> = std::mem::take(&mut self.links);
        while !left.is_empty() {
            let is_ready = |link: &Link| {
                let feeds = |other: &Link| {
                    other.takes_along
                        && same_name(&other.key.child, &link.key.parent)
                        && !is_self(&other.key)
                };
                !left.iter().any(feeds)
            };
            let at = left.iter().position(is_ready);
            self.circular |= at.is_none();
            sorted.push(left.remove(at.unwrap_or(0)));
        }
        self.links = sorted;
    }

    /// The tables that may lose rows.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.lists.iter().map(|list| &list.table)
    }

    /// The list of the rows that leave `table`.
    pub fn list_of(&self, table: &str) -> Option<&Removal> {
        lists::find(&self.lists, table)
    }

    /// What people call `key`, which is asked for.
    pub fn label(&self, key: &ForeignKey) -> &str {
        let mut keys = self.orphaned.iter();
        let found = keys.find(|it| it.key.same_definition(key));
        found.map_or("the key", |it| &it.label)
    }

    /// Writes what makes the lists and fills them.
    pub fn list(&self, script: &mut Script<'_>) -> Result<()> {
        for Removal { table, list, .. } in &self.lists {
            let key = key_columns(&table.row_key);
            let columns = match (&table.row_key, table.row_key.rowid()) {
                (_, Some(_)) => format!("{key} INTEGER PRIMARY KEY, reasons TEXT)"),
                (RowKey::Hidden, _) => "k1 INTEGER, reasons TEXT)".to_owned(),
                _ => format!("{key}, reasons TEXT, PRIMARY KEY ({key})) WITHOUT ROWID"),
            };
            script.run(
                &format!("a list of the rows that leave {}", table.name),
                &format!("CREATE TABLE {list} ({columns}"),
            )?;
        }
        for orphaned in &self.orphaned {
            self.list_orphans(script, orphaned)?;
        }
        let rounds = if self.circular { ROUNDS } else { 1 };
        for _ in 0..rounds {
            for link in self.links.iter().filter(|it| it.takes_along) {
                self.list_followers(script, link)?;
            }
        }
        for link in self
            .links
            .iter()
            .filter(|it| self.circular || !it.takes_along)
        {
            let (child, refers) = self.refers(script.schema(), &link.key)?;
            let unlisted = match self.list_of(&child.name) {
                Some(removal) if removal.table.row_key != RowKey::Hidden => {
                    format!(" AND NOT {}", listed("w", removal))
                }
                _ => String::new(),
            };
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
        let Orphaned { key, label, leaves } = orphaned;
        let parent = Table::read(script.schema(), &key.parent)?;
        if !leaves {
            // To have rows forget a key is more than a script can do so far.
            let child = Table::read(script.schema(), &key.child)?;
            return script.promise(
                &format!("no row breaks {label}, which would become NULL or its default"),
                &format!(
                    "NOT EXISTS (SELECT 1 FROM {} WHERE {})",
                    child.source("w"),
                    conditions::orphaned(&parent, key)
                ),
            );
        }
        let Some(Removal { table, list, .. }) = self.list_of(&key.child) else {
            return Ok(());
        };
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
        script.run(
            &format!("list the rows that break {label}"),
            &format!(
                "INSERT INTO {list} ({columns}, reasons)\nSELECT {values}, {} FROM {}\nWHERE {broken}\nORDER BY {values}\nON CONFLICT ({columns}) DO UPDATE SET reasons = reasons || ', ' || excluded.reasons",
                literal(label),
                table.source("w")
            ),
        )
    }

    fn list_followers(&self, script: &mut Script<'_>, link: &Link) -> Result<()> {
        let (child, refers) = self.refers(script.schema(), &link.key)?;
        let Some(Removal { list, .. }) = self.list_of(&child.name) else {
            return Ok(());
        };
        if child.row_key == RowKey::Hidden {
            return script.promise(
                &format!("no row refers by {} to one that leaves", link.label),
                &format!(
                    "NOT EXISTS (SELECT 1 FROM {} WHERE {refers})",
                    child.source("w")
                ),
            );
        }
        let (columns, values) = (key_columns(&child.row_key), key_values(&child));
        let title = format!("list the rows that refer by {} to those", link.label);
        let label = literal(&link.label);
        if !is_self(&link.key) {
            let sql = format!(
                "INSERT OR IGNORE INTO {list} ({columns}, reasons)\nSELECT {values}, {label} FROM {}\nWHERE {refers}\nORDER BY {values}",
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
            "INSERT OR IGNORE INTO {list} ({columns}, reasons)\nWITH RECURSIVE x({columns}) AS (SELECT {columns} FROM {list} UNION SELECT {values} FROM x CROSS JOIN {} ON {} CROSS JOIN {} ON {refers}) SELECT {columns}, {label} FROM x",
            child.source("p"),
            same.join(" AND "),
            child.source("w"),
        ))
    }

    /// The child of `key`, and the condition that its row `w` refers to a row that is listed.
    fn refers(&self, schema: &Connection, key: &ForeignKey) -> Result<(Table, String)> {
        let child = Table::read(schema, &key.child)?;
        let Some(removal) = self
            .list_of(&key.parent)
            .filter(|it| it.table.row_key != RowKey::Hidden)
        else {
            return Ok((child, "FALSE".to_owned()));
        };
        let parents = from_listed("p", removal);
        let refers = conditions::refers_to(&child, &removal.table, key, &parents);
        Ok((child, refers))
    }

    /// Writes the promises that `policy` asks for.
    pub fn must_be_allowed(
        &self,
        script: &mut Script<'_>,
        targets: &[TableKeys],
        policy: &Policy,
    ) -> Result<()> {
        for Removal { table, list, .. } in &self.lists {
            let (name, table) = (&table.name, quote(&table.name));
            if policy.orphans == OrphanAction::Refuse {
                script.promise(
                    &format!("no row leaves {name}"),
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
            script.promise(&format!("no more than {what} leave {name}"), &allowed)?;
        }
        if policy.max_orphans.is_some() {
            return Ok(());
        }
        for Removal { table, list, .. } in &self.lists {
            script.promise(
                &format!("{} does not lose all its rows", table.name),
                &format!(
                    "NOT EXISTS (SELECT 1 FROM {list}) OR (SELECT count(*) FROM {list}) < (SELECT count(*) FROM {})",
                    table.scanned("w")
                ),
            )?;
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

    /// Writes what drops the lists.
    pub fn drop_lists(&self, script: &mut Script<'_>) -> Result<()> {
        for Removal { table, list, .. } in &self.lists {
            let title = format!("drop the temporary list of orphans of {}", table.name);
            script.run(&title, &format!("DROP TABLE {list}"))?;
        }
        Ok(())
    }
}

fn is_self(key: &ForeignKey) -> bool {
    same_name(&key.child, &key.parent)
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
