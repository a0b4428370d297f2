//! The keys that a migration asks for, held against those that the database has.

use std::fmt::Write as _;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;

use crate::failure::Failure;
use crate::model::key::{self as model, NamedKey};
use crate::postgres::catalog::{
    self, ForeignKey, Kind, Match, Name, Persistence, Table, list, quoted,
};
use crate::postgres::schema::Schema;
use crate::postgres::schema::compare::{Pair, pairs};
use crate::postgres::schema::rows::source;
use crate::postgres::text::script::Request;

/// A key and how its columns compare.
#[derive(Clone, Debug)]
pub struct Key {
    /// The child table.
    pub child: Rc<Table>,
    /// The parent table.
    pub parent: Rc<Table>,
    /// What it says; its name is that of the request, or of the schema.
    pub key: ForeignKey,
    /// Its columns, and how they are compared.
    pub pairs: Vec<Pair>,
    /// The key of the schema that says the same, if one does.
    pub there: Option<ForeignKey>,
    /// What people call the child …
    pub child_shown: String,
    /// … and the parent.
    pub parent_shown: String,
}

impl Key {
    /// The key as reports have it.
    #[must_use]
    pub fn model(&self) -> model::ForeignKey {
        model::ForeignKey {
            child: self.child_shown.clone(),
            columns: self.key.columns.clone(),
            parent: self.parent_shown.clone(),
            parent_columns: self.key.parent_columns.clone(),
            on_delete: action(self.key.on_delete),
            on_update: action(self.key.on_update),
        }
    }

    /// The same with its name.
    #[must_use]
    pub fn named(&self) -> NamedKey {
        let there = self.there.as_ref().map(|there| there.name.clone());
        NamedKey {
            constraint: Some(there.unwrap_or_else(|| self.key.name.clone())),
            key: self.model(),
        }
    }

    /// The condition that the row `child` of the child table breaks the key, by the question that
    /// PostgreSQL's own VALIDATE asks: `ONLY` on both sides, operators qualified.
    #[must_use]
    pub fn orphaned(&self, child: &str) -> String {
        format!(
            "{} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
            self.refers(child),
            source(&self.parent),
            self.joined(child, "p")
        )
    }

    /// The condition that the row refers to a parent at all.
    #[must_use]
    pub fn refers(&self, child: &str) -> String {
        let (open, word, close) = match self.key.matches {
            Match::Simple => ("", " AND ", ""),
            Match::Full => ("(", " OR ", ")"),
        };
        let given = self.pairs.iter();
        let given: Vec<_> = given
            .map(|pair| format!("{child}.{} IS NOT NULL", quoted(&pair.child)))
            .collect();
        format!("{open}{}{close}", given.join(word))
    }

    /// The condition that the row `parent` is the parent of the row `child`.
    #[must_use]
    pub fn joined(&self, child: &str, parent: &str) -> String {
        joined(&self.pairs, child, parent)
    }

    /// Whether it is added by partitions: PostgreSQL takes no key of a partitioned table NOT VALID
    /// before 18. One that all partitions have, validated, the whole takes over at once.
    #[must_use]
    pub fn is_by_parts(&self, schema: &Schema) -> bool {
        self.child.kind == Kind::Partitioned && schema.version < 180_000 && self.there.is_none()
    }

    /// The statements, each with its table, that add what is not there yet of the key and look at
    /// no row.
    #[must_use]
    pub fn adding(&self, schema: &Schema) -> Vec<(Rc<Table>, String)> {
        let child = schema.by_oid(self.child.oid).unwrap_or(&self.child);
        if self.there.is_some() || self.of(child).is_some() {
            return Vec::new();
        }
        let tables = if self.is_by_parts(schema) {
            schema.leaves(child)
        } else {
            vec![Rc::clone(child)]
        };
        let tables = tables.into_iter().filter(|it| self.of(it).is_none());
        tables
            .map(|it| (Rc::clone(&it), self.add_to(&it) + " NOT VALID"))
            .collect()
    }

    /// The statements, each with its table, that have the key hold for all rows; it is added, so
    /// far as [`Key::adding`] goes.
    #[must_use]
    pub fn validating(&self, schema: &Schema) -> Vec<(Rc<Table>, String)> {
        if self.there.as_ref().is_some_and(|there| there.is_validated) {
            return Vec::new();
        }
        let child = schema.by_oid(self.child.oid).unwrap_or(&self.child);
        let validate = |table: Rc<Table>| {
            let sql = self.validate_sql_of(&table);
            (table, sql)
        };
        if !self.is_by_parts(schema) || self.of(child).is_some() {
            return vec![validate(Rc::clone(child))];
        }
        let is_open = |it: &Rc<Table>| !self.of(it).is_some_and(|key| key.is_validated);
        let leaves = schema.leaves(child).into_iter().filter(is_open);
        let whole = (Rc::clone(child), self.add_to(child));
        leaves.map(validate).chain([whole]).collect()
    }

    /// The key of this name that `table` has.
    fn of<'t>(&self, table: &'t Table) -> Option<&'t ForeignKey> {
        let mut keys = table.foreign_keys.iter();
        keys.find(|it| it.name == self.key.name)
    }

    /// The tables that adding it locks, as SQL writes them.
    #[must_use]
    pub fn tables(&self, schema: &Schema) -> Vec<String> {
        let mut tables = schema.family(&self.child);
        tables.extend(schema.family(&self.parent));
        tables.iter().map(|it| it.name.to_string()).collect()
    }

    /// `ALTER TABLE … ADD CONSTRAINT … NOT VALID`
    #[must_use]
    pub fn add_sql(&self) -> String {
        self.add_to(&self.child) + " NOT VALID"
    }

    fn add_to(&self, table: &Table) -> String {
        let key = &self.key;
        let mut sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
            table.name,
            quoted(&key.name),
            list(&key.columns),
            key.parent,
            list(&key.parent_columns)
        );
        if key.matches == Match::Full {
            sql.push_str(" MATCH FULL");
        }
        let set = if key.on_delete_columns.is_empty() {
            String::new()
        } else {
            format!(" ({})", list(&key.on_delete_columns))
        };
        for (event, taken, set) in [
            ("DELETE", key.on_delete, set.as_str()),
            ("UPDATE", key.on_update, ""),
        ] {
            if taken != catalog::Action::NoAction {
                let _ = write!(sql, " ON {event} {}{set}", action(taken).sql());
            }
        }
        if key.is_deferrable {
            sql.push_str(" DEFERRABLE");
        }
        if key.is_deferred {
            sql.push_str(" INITIALLY DEFERRED");
        }
        sql
    }

    /// `ALTER TABLE … VALIDATE CONSTRAINT …`
    #[must_use]
    pub fn validate_sql(&self) -> String {
        self.validate_sql_of(&self.child)
    }

    fn validate_sql_of(&self, table: &Table) -> String {
        let name = self
            .there
            .as_ref()
            .map_or(&self.key.name, |there| &there.name);
        format!(
            "ALTER TABLE {} VALIDATE CONSTRAINT {}",
            table.name,
            quoted(name)
        )
    }
}

/// The condition that the row `parent` is the parent of the row `child` by these columns.
#[must_use]
pub fn joined(pairs: &[Pair], child: &str, parent: &str) -> String {
    let pairs = pairs.iter().map(|pair| {
        let mut value = format!("{child}.{}", quoted(&pair.child));
        if let Some(cast) = &pair.cast {
            value = format!("{value}::{cast}");
        }
        if let Some(collation) = &pair.collation {
            value = format!("{value} COLLATE {collation}");
        }
        format!(
            "{parent}.{} OPERATOR({}) {value}",
            quoted(&pair.parent),
            pair.operator
        )
    });
    pairs.collect::<Vec<_>>().join(" AND ")
}

/// An action as reports have it.
#[must_use]
pub fn action(action: catalog::Action) -> model::Action {
    match action {
        catalog::Action::NoAction => model::Action::NoAction,
        catalog::Action::Restrict => model::Action::Restrict,
        catalog::Action::Cascade => model::Action::Cascade,
        catalog::Action::SetNull => model::Action::SetNull,
        catalog::Action::SetDefault => model::Action::SetDefault,
    }
}

/// What a key says: columns, parent, parent columns and actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    pairs: Vec<(String, String)>,
    parent: catalog::Name,
    actions: (catalog::Action, catalog::Action),
    set: Vec<String>,
    matches: Match,
}

/// What `key` says, in whatever order its columns are written.
#[must_use]
pub fn saying(key: &ForeignKey) -> Saying {
    let pairs = key
        .columns
        .iter()
        .cloned()
        .zip(key.parent_columns.iter().cloned());
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    Saying {
        pairs,
        parent: key.parent.clone(),
        actions: (key.on_delete, key.on_update),
        set: key.on_delete_columns.clone(),
        matches: key.matches,
    }
}

fn same_definition(one: &ForeignKey, other: &ForeignKey) -> bool {
    saying(one) == saying(other)
}

/// Whether both have the same columns of the child, in whatever order.
pub fn same_columns(one: &ForeignKey, other: &ForeignKey) -> bool {
    one.columns.len() == other.columns.len()
        && one.columns.iter().all(|name| other.columns.contains(name))
}

/// The keys that `requests` ask for, in order; what can't be is refused by name.
pub fn resolve(
    transaction: &mut Transaction,
    schema: &Schema,
    requests: &[Request],
) -> Result<Vec<Key>> {
    let mut keys: Vec<Key> = Vec::new();
    for request in requests {
        let label = request.constraint();
        let key = resolve_one(transaction, schema, request, &keys)
            .with_context(|| format!("could not add {label} to {}", request.table.shown()))?;
        keys.push(key);
    }
    Ok(keys)
}

/// The key that `request` asks for, by itself.
pub fn resolve_alone(
    transaction: &mut Transaction,
    schema: &Schema,
    request: &Request,
) -> Result<Key> {
    resolve_one(transaction, schema, request, &[])
}

fn resolve_one(
    transaction: &mut Transaction,
    schema: &Schema,
    request: &Request,
    before: &[Key],
) -> Result<Key> {
    let child = schema.table(&request.table)?;
    let parent = schema.table(&request.parent)?;
    let (child_shown, parent_shown) = (schema.shown(&child.name), schema.shown(&parent.name));
    let key = asked(request, parent, &parent_shown)?;
    must_have_columns(schema, child, parent, &key)?;
    let mut same: Vec<_> = child
        .foreign_keys
        .iter()
        .chain(
            before
                .iter()
                .filter(|it| it.child.oid == child.oid)
                .map(|it| &it.key),
        )
        .filter(|there| same_columns(there, &key))
        .collect();
    if let Some(other) = same.iter().find(|there| !same_definition(there, &key)) {
        return Err(different(&child_shown, other, &key).into());
    }
    // One that is valid already is the one that is meant, where there are several.
    same.sort_by_key(|there| !there.is_validated);
    let there = same.first().map(|there| (*there).clone());
    if let Some(there) = there.as_ref().filter(|there| !there.is_enforced) {
        return Err(Failure::impossible(format!(
            "{} has this key already as {}, which is NOT ENFORCED",
            child_shown, there.name
        ))
        .hint(format!(
            "ALTER TABLE {} ALTER CONSTRAINT {} ENFORCED, or drop it",
            child.name,
            quoted(&there.name)
        ))
        .into());
    }
    if there.is_none() {
        check_name(child, &child_shown, before, &key)?;
        check_tables(schema, child, parent, &child_shown, &parent_shown)?;
    }
    let pairs = pairs(transaction, child, parent, &key)?;
    let pairs = pairs.map_err(|misfit| misfit.told(child, &child_shown, &parent_shown))?;
    let clash = pairs.iter().find(|it| it.collations_clash);
    if let Some(pair) = clash.filter(|_| there.is_none() && schema.version >= 180_000) {
        let collation = pair.collation.clone().unwrap_or_default();
        return Err(Failure::impossible(format!(
            "{child_shown}.{} and {parent_shown}.{} have different collations, and one of them takes several spellings for one value",
            pair.child, pair.parent
        ))
        .hint(format!(
            "PostgreSQL 18 allows no key between them; ALTER TABLE {} ALTER COLUMN {} TYPE text COLLATE {collation} makes them one",
            child.name,
            quoted(&pair.child)
        ))
        .into());
    }
    Ok(Key {
        child: Rc::clone(child),
        parent: Rc::clone(parent),
        key,
        pairs,
        there,
        child_shown,
        parent_shown,
    })
}

/// Fails where a column of `key` is not there.
pub fn must_have_columns(
    schema: &Schema,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
) -> Result<()> {
    for (table, columns) in [(child, &key.columns), (parent, &key.parent_columns)] {
        let missing = columns
            .iter()
            .find(|name| !table.columns.iter().any(|it| it.name == **name));
        if let Some(missing) = missing {
            return Err(no_column(table, &schema.shown(&table.name), missing).into());
        }
    }
    Ok(())
}

/// A key that the database declares.
pub fn declared(
    transaction: &mut Transaction,
    schema: &Schema,
    child: &Rc<Table>,
    key: &ForeignKey,
) -> Result<Option<Key>> {
    let Some(parent) = schema.get(&key.parent) else {
        return Ok(None);
    };
    let Ok(pairs) = pairs(transaction, child, parent, key)? else {
        return Ok(None);
    };
    Ok(Some(Key {
        child: Rc::clone(child),
        parent: Rc::clone(parent),
        key: key.clone(),
        pairs,
        there: Some(key.clone()),
        child_shown: schema.shown(&child.name),
        parent_shown: schema.shown(&parent.name),
    }))
}

/// What `key` of `child` says, for reports.
#[must_use]
pub fn told(schema: &Schema, child: &Table, key: &ForeignKey) -> model::ForeignKey {
    model::ForeignKey {
        child: schema.shown(&child.name),
        columns: key.columns.clone(),
        parent: schema.shown(&key.parent),
        parent_columns: key.parent_columns.clone(),
        on_delete: action(key.on_delete),
        on_update: action(key.on_update),
    }
}

/// A key that the database declares; or why its orphans can't be looked for.
pub fn usable(
    transaction: &mut Transaction,
    schema: &Schema,
    child: &Rc<Table>,
    key: &ForeignKey,
) -> Result<Result<Key, String>> {
    if key.is_temporal {
        return Ok(Err("keys with PERIOD are not supported".to_owned()));
    }
    let found = declared(transaction, schema, child, key)?;
    Ok(found.ok_or_else(|| "its columns can't be compared".to_owned()))
}

/// The keys of `table` that hold: those by whose parents its rows may be kept out. Those of
/// `without`, which are named by the table and their name, are about to go.
pub fn holding(
    transaction: &mut Transaction,
    schema: &Schema,
    table: &Rc<Table>,
    without: &[(u32, String)],
) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for key in &table.foreign_keys {
        let goes = without
            .iter()
            .any(|(oid, name)| *oid == table.oid && *name == key.name);
        if !goes && key.is_enforced && !key.is_temporal {
            keys.extend(declared(transaction, schema, table, key)?);
        }
    }
    Ok(keys)
}

/// How a row of `archive` finds the row of `table` that it was: by `columns`, as if they were a
/// key between the two. None where they can't be compared.
pub fn between(
    transaction: &mut Transaction,
    archive: &Rc<Table>,
    table: &Rc<Table>,
    columns: &[String],
) -> Result<Option<Key>> {
    let key = ForeignKey::to_compare(columns, &table.name, columns);
    let Ok(pairs) = pairs(transaction, archive, table, &key)? else {
        return Ok(None);
    };
    Ok(Some(Key {
        child: Rc::clone(archive),
        parent: Rc::clone(table),
        key,
        pairs,
        there: None,
        child_shown: String::new(),
        parent_shown: String::new(),
    }))
}

/// What `request` says, with the parent's columns filled in.
pub fn asked(request: &Request, parent: &Table, parent_shown: &str) -> Result<ForeignKey> {
    let mut parent_columns = request.parent_columns.clone();
    if parent_columns.is_empty() {
        let primary = parent.indexes.iter().find(|index| index.is_primary);
        let names = primary
            .into_iter()
            .flat_map(|it| it.columns.iter().flatten().cloned());
        parent_columns = names.collect();
        if parent_columns.is_empty() {
            return Err(Failure::impossible(format!(
                "the key names no columns of {parent_shown}, which has no primary key"
            ))
            .hint(format!("write REFERENCES {parent_shown} (<column>)"))
            .into());
        }
    }
    if parent_columns.len() != request.columns.len() {
        return Err(Failure::impossible(format!(
            "the key has {} columns, and names {} of {parent_shown}",
            request.columns.len(),
            parent_columns.len()
        ))
        .hint("name as many columns of the parent as of the child")
        .into());
    }
    let name = request.constraint();
    if name.len() > 63 {
        return Err(Failure::impossible(format!(
            "the name {name} has {} bytes, and PostgreSQL would cut it to 63",
            name.len()
        ))
        .hint("give the key a shorter name in the migration and its down script")
        .into());
    }
    let mut columns: Vec<_> = parent_columns.clone();
    columns.sort();
    let is_key = |index: &catalog::Index| {
        let mut names: Vec<_> = index.columns.iter().flatten().cloned().collect();
        names.sort();
        names == columns
    };
    let has_all = columns
        .iter()
        .all(|name| parent.columns.iter().any(|it| it.name == *name));
    if has_all && !parent.parent_keys().any(is_key) {
        return Err(Failure::impossible(format!(
            "{parent_shown} ({}) is neither PRIMARY KEY nor UNIQUE",
            parent_columns.join(", ")
        ))
        .hint(format!(
            "ALTER TABLE {} ADD UNIQUE ({}); a partial, an invalid or a deferrable one does not count",
            parent.name,
            list(&parent_columns)
        ))
        .into());
    }
    Ok(ForeignKey {
        name,
        ..of_request(request, &parent.name, &parent_columns)
    })
}

/// What `request` says of a key to `parent_columns` of `parent`; nobody has looked at rows yet.
#[must_use]
pub fn of_request(request: &Request, parent: &Name, parent_columns: &[String]) -> ForeignKey {
    ForeignKey {
        name: request.constraint(),
        on_delete: request.on_delete,
        on_delete_columns: request.on_delete_columns.clone(),
        on_update: request.on_update,
        matches: request.matches,
        is_deferrable: request.deferrable,
        is_deferred: request.deferred,
        ..ForeignKey::to_compare(&request.columns, parent, parent_columns)
    }
}

fn no_column(table: &Table, shown: &str, name: &str) -> Failure {
    let failure = Failure::impossible(format!("{shown} has no column {name}"));
    let like = table
        .columns
        .iter()
        .find(|it| it.name.to_lowercase() == name.to_lowercase());
    match like {
        Some(like) => failure.hint(format!(
            "PostgreSQL folds names without quotes to lower case; the column is {}",
            quoted(&like.name)
        )),
        None => failure.hint("check the name in the migration"),
    }
}

fn different(child: &str, there: &ForeignKey, wanted: &ForeignKey) -> Failure {
    let text = |key: &ForeignKey| {
        let key = model::ForeignKey {
            child: child.to_owned(),
            columns: key.columns.clone(),
            parent: key.parent.table.clone(),
            parent_columns: key.parent_columns.clone(),
            on_delete: action(key.on_delete),
            on_update: action(key.on_update),
        };
        key.to_string()
    };
    Failure::impossible(format!("{child} has another key on the same columns"))
        .detail(format!("there is   {} {}", there.name, text(there)))
        .detail(format!("wanted is  {} {}", wanted.name, text(wanted)))
        .hint("drop the one that is wrong, or change the migration so that both agree")
}

/// Partitions must have no such key of their own: that of the whole would take it over, and drop it
/// with itself.
pub fn must_be_of_the_whole(schema: &Schema, keys: &[Key]) -> Result<()> {
    for key in keys.iter().filter(|key| key.there.is_none()) {
        for part in schema.family(&key.child).iter().skip(1) {
            let mut own = part.foreign_keys.iter();
            let own = own.find(|it| {
                !it.is_inherited && (same_columns(it, &key.key) || it.name == key.key.name)
            });
            if let Some(own) = own {
                let shown = schema.shown(&part.name);
                return Err(Failure::impossible(format!(
                    "{shown}, a partition of {}, has the key {} of its own, which that of {} would take over",
                    key.child_shown, own.name, key.child_shown
                ))
                .hint(format!(
                    "ALTER TABLE {} DROP CONSTRAINT {}; the key of {} covers it",
                    part.name,
                    quoted(&own.name),
                    key.child_shown
                ))
                .into());
            }
        }
    }
    Ok(())
}

fn check_name(child: &Table, shown: &str, before: &[Key], key: &ForeignKey) -> Result<()> {
    let of_indexes = child.indexes.iter().filter_map(|it| it.constraint.as_ref());
    let of_keys = child.foreign_keys.iter().map(|it| &it.name);
    let asked = before.iter().filter(|it| it.child.oid == child.oid);
    let mut taken = of_indexes
        .chain(of_keys)
        .chain(asked.map(|it| &it.key.name));
    if taken.any(|name| *name == key.name) {
        return Err(Failure::impossible(format!(
            "{shown} has another constraint called {}",
            key.name
        ))
        .hint("give the new key a name of its own in the migration and its down script")
        .into());
    }
    Ok(())
}

/// What PostgreSQL would refuse, or would lie about.
fn check_tables(
    schema: &Schema,
    child: &Rc<Table>,
    parent: &Table,
    child_shown: &str,
    parent_shown: &str,
) -> Result<()> {
    let plain_heirs = |table: &Table| table.kind == Kind::Table && !table.inherited_by.is_empty();
    for (table, shown) in [(&**child, child_shown), (parent, parent_shown)] {
        if plain_heirs(table) {
            let heirs: Vec<_> = table
                .inherited_by
                .iter()
                .map(|it| schema.shown(it))
                .collect();
            return Err(Failure::impossible(format!(
                "{} inherits from {shown}, and a key does not see the rows of tables that inherit",
                heirs.join(", ")
            ))
            .hint("make them partitions, or take them out of the inheritance: ALTER TABLE … NO INHERIT …")
            .into());
        }
    }
    let family = schema.family(child);
    if let Some(part) = family.iter().find(|it| it.kind == Kind::Foreign) {
        return Err(Failure::impossible(format!(
            "{}, a partition of {child_shown}, is a foreign table, and can have no key",
            schema.shown(&part.name)
        ))
        .hint(format!(
            "ALTER TABLE {} DETACH PARTITION {}, or give the key to the other partitions alone",
            child.name, part.name
        ))
        .into());
    }
    let refused = match (child.persistence, parent.persistence) {
        (Persistence::Temporary, Persistence::Temporary) => false,
        (_, Persistence::Temporary)
        | (Persistence::Temporary, _)
        | (Persistence::Permanent, Persistence::Unlogged) => true,
        _ => false,
    };
    if refused {
        let word = |it: Persistence| match it {
            Persistence::Permanent => "permanent",
            Persistence::Unlogged => "unlogged",
            Persistence::Temporary => "temporary",
        };
        return Err(Failure::impossible(format!(
            "{child_shown} is {}, and {parent_shown} is {}; PostgreSQL allows no key between them",
            word(child.persistence),
            word(parent.persistence)
        ))
        .hint("make both tables of one kind: ALTER TABLE … SET LOGGED")
        .into());
    }
    Ok(())
}
