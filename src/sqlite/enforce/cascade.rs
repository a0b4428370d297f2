//! Rows that go with a parent: those that a chain of cascades reaches, and those that it will
//! reach soon.
//!
//! While `recursive_triggers` is off, as it is unless a connection asks for it, a trigger does
//! not fire within itself (<https://www.sqlite.org/pragma.html#pragma_recursive_triggers>). A
//! cascade that leads back to its own key would stop there. So the trigger of such a key deletes
//! at once all rows of its child table that the cycle reaches; for each of them, the triggers
//! of the other keys fire.

use super::conditions::{has_parent, is_complete, old_equals};
use super::keys::{Key, Keys};
use crate::sqlite::schema::foreign_key::Action;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{quote, quote_list, same_name};

fn follows(key: &Key, next: &Key) -> bool {
    same_name(&key.child.name, &next.parent.name)
}

/// The keys that a search from `start` meets, `start` itself where the way leads back to it.
fn reachable<'a>(start: &Key, keys: &[&'a Key], next: impl Fn(&Key, &Key) -> bool) -> Vec<&'a Key> {
    let mut found: Vec<&Key> = Vec::new();
    let is_found = |found: &[&Key], key: &Key| found.iter().any(|it| std::ptr::eq(*it, key));
    let mut ends: Vec<&Key> = vec![start];
    while let Some(end) = ends.pop() {
        for key in keys.iter().copied() {
            if next(end, key) && !is_found(&found, key) {
                found.push(key);
                ends.push(key);
            }
        }
    }
    found
}

/// The keys of the cycles of ON DELETE CASCADE that `key` is part of; none where it is not.
pub fn cycle_of<'a>(key: &Key, keys: &'a Keys) -> Vec<&'a Key> {
    let cascades: Vec<_> = keys
        .usable
        .iter()
        .filter(|it| it.declared.on_delete == Action::Cascade)
        .collect();
    let leads_back = |from: &Key| {
        let found = reachable(from, &cascades, follows);
        found.iter().any(|it| std::ptr::eq(*it, key))
    };
    let mut cycle = reachable(key, &cascades, follows);
    cycle.retain(|it| leads_back(it));
    cycle
}

/// Whether a change of the parent's key leads, by this key's action and those of others, to
/// another change of a key in the same parent table, so that the trigger would fire within
/// itself.
pub fn updates_itself(key: &Key, keys: &Keys) -> bool {
    let acting: Vec<_> = keys.usable.iter().filter(|it| acts_on_update(it)).collect();
    let changes = |key: &Key, next: &Key| {
        let is_changed =
            |column: &String| key.declared.columns.iter().any(|it| same_name(it, column));
        follows(key, next) && next.declared.parent_columns.iter().any(is_changed)
    };
    let found = reachable(key, &acting, changes);
    found.iter().any(|it| std::ptr::eq(*it, key))
}

/// Whether another key may change a column of `key` while rows are deleted, so that a row may
/// leave the cascade on the way.
pub fn shares_columns(key: &Key, keys: &Keys) -> bool {
    keys.usable.iter().any(|other| {
        let is_own = |column: &String| key.declared.columns.iter().any(|it| same_name(it, column));
        let acts = other.declared.on_delete.sets() || acts_on_update(other);
        !std::ptr::eq(other, key)
            && same_name(&other.child.name, &key.child.name)
            && acts
            && other.declared.columns.iter().any(is_own)
    })
}

fn acts_on_update(key: &Key) -> bool {
    ![Action::NoAction, Action::Restrict].contains(&key.declared.on_update)
}

/// The condition that a row of the child of `key` is reached by the keys of `cycle` from the
/// deleted parent; none where rows of a table of the cycle can't be told apart.
pub fn reached(key: &Key, cycle: &[&Key]) -> Option<String> {
    let mut tables: Vec<&Table> = Vec::new();
    for table in cycle.iter().map(|it| &it.child) {
        if table.row_key == RowKey::Hidden {
            return None;
        }
        if !tables.iter().any(|it| it.name == table.name) {
            tables.push(table);
        }
    }
    let width = tables.iter().map(|it| it.row_key.columns().len()).max()?;
    let mut name = "fkfix_reached".to_owned();
    while tables.iter().any(|it| same_name(&it.name, &name)) {
        name.push('_');
    }
    let closure = Closure {
        name,
        tables,
        width,
    };
    let names: Vec<_> = (1..=width).map(|place| format!("k{place}")).collect();
    let mut parts = vec![format!(
        "SELECT {} FROM {} AS w WHERE {}",
        closure.row(&key.child),
        quote(&key.child.name),
        old_equals(&key.declared, "w.")
    )];
    parts.extend(cycle.iter().map(|step| closure.step(step)));
    let own = key.child.row_key.columns();
    let place = closure.place(&key.child);
    let mut wanted = names.clone();
    wanted.truncate(own.len());
    Some(format!(
        "({}) IN (\n    WITH RECURSIVE {name} (t, {}) AS (\n      {}\n    )\n    SELECT {} FROM {name} WHERE t = {place})",
        quote_list("", own),
        names.join(", "),
        parts.join("\n      UNION "),
        wanted.join(", "),
        name = closure.name,
    ))
}

/// The rows that are reached, as the number of their table and its row key.
struct Closure<'a> {
    /// What the common table expression is called: no table that is looked at in it.
    name: String,
    tables: Vec<&'a Table>,
    width: usize,
}

impl Closure<'_> {
    fn place(&self, table: &Table) -> usize {
        let found = self.tables.iter().position(|it| it.name == table.name);
        found.unwrap_or_default()
    }

    /// A row `w` of `table`. The plus takes the affinity away, and the collation tells apart
    /// what any table tells apart: keys of several tables stand in one column here.
    fn row(&self, table: &Table) -> String {
        let columns = table.row_key.columns().into_iter();
        let mut values: Vec<_> = columns
            .map(|column| format!("+w.{} COLLATE BINARY", quote(column)))
            .collect();
        values.resize(self.width, "NULL".to_owned());
        format!("{}, {}", self.place(table), values.join(", "))
    }

    /// From a reached row to its children by `key`.
    fn step(&self, key: &Key) -> String {
        let own = key.parent.row_key.columns().into_iter().enumerate();
        let is_row: Vec<_> = own
            .map(|(at, column)| format!("p.{} = r.k{}", quote(column), at + 1))
            .collect();
        let is_child: Vec<_> = key
            .declared
            .pairs()
            .map(|(column, parent)| format!("p.{} = w.{}", quote(parent), quote(column)))
            .collect();
        format!(
            "SELECT {} FROM {} AS r CROSS JOIN {} AS p ON r.t = {} AND {} CROSS JOIN {} AS w ON {}",
            self.row(&key.child),
            self.name,
            quote(&key.parent.name),
            self.place(&key.parent),
            is_row.join(" AND "),
            quote(&key.child.name),
            is_child.join(" AND ")
        )
    }
}

/// The condition that a child row `w` of `key` is about to go: by another key it hangs, at
/// whatever remove, on a row that is deleted already, and the cascade has not come to it yet.
/// None where no such cascade exists.
pub fn is_about_to_go(key: &Key, keys: &Keys) -> Option<String> {
    let mut path = vec![key];
    hangs_on_deleted(&key.child, "w", keys, &mut path)
}

/// Each key stands at most once in a path: a chain that goes round in circles is looked at for
/// one round.
fn hangs_on_deleted<'a>(
    table: &Table,
    alias: &str,
    keys: &'a Keys,
    path: &mut Vec<&'a Key>,
) -> Option<String> {
    let parent_alias = format!("p{}", path.len());
    let mut ways = Vec::new();
    for key in &keys.usable {
        let is_way = key.declared.on_delete == Action::Cascade
            && same_name(&key.child.name, &table.name)
            && !path.iter().any(|it| std::ptr::eq(*it, key))
            && !shares_columns(key, keys);
        if !is_way {
            continue;
        }
        let complete = is_complete(&key.declared, alias);
        let parent = has_parent(&key.parent, &key.declared, alias, &parent_alias);
        ways.push(format!("({complete} AND NOT EXISTS ({parent}))"));
        path.push(key);
        if let Some(further) = hangs_on_deleted(&key.parent, &parent_alias, keys, path) {
            ways.push(format!("EXISTS ({parent} AND ({further}))"));
        }
        path.pop();
    }
    (!ways.is_empty()).then(|| ways.join(" OR "))
}

/// What leaves those out that another cascade is about to take.
pub fn but_those_about_to_go(key: &Key, keys: &Keys) -> String {
    let going = is_about_to_go(key, keys);
    going.map_or(String::new(), |going| format!(" AND NOT ({going})"))
}
