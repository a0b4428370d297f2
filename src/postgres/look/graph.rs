//! `fkfix graph`: the tables and the keys between them.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;

use crate::discover::DEFAULT_CONFIDENCE;
use crate::explain;
use crate::failure::Failure;
use crate::migrations::{Migrations, Origin};
use crate::model::asked::Shown;
use crate::model::diagram::{Attribute, Diagram, Entity, NotDrawn, Relation, State};
use crate::model::key::NamedKey;
use crate::postgres::catalog::{self, Kind, Name, Table};
use crate::postgres::database::own::Own;
use crate::postgres::database::{Database, applicable};
use crate::postgres::discover;
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::archive::is_own;
use crate::postgres::leave::preflight;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, source};
use crate::postgres::text::parts;
use crate::standing;

impl Database {
    /// The tables and keys, with those that `migrations` have pending, and what could not be drawn.
    pub fn diagram(
        &mut self,
        migrations: &Migrations,
        shown: Shown<'_>,
    ) -> Result<(Diagram, Vec<NotDrawn>)> {
        self.look(|transaction, schema, own| {
            let mut drawing = Drawing::of(schema, shown.own_tables);
            let mut not_drawn = drawing.add_pending(transaction, own, migrations)?;
            if migrations.origin() == Origin::BuiltIn {
                // It is for tables that most databases don't have.
                not_drawn.clear();
            }
            if shown.discovered {
                drawing.add_discovered(transaction)?;
            }
            // Counted before the keys that are left out lose their places.
            if shown.only_orphans {
                not_drawn.extend(drawing.count_orphans(transaction)?);
            }
            let center = shown.around.map(|(table, depth)| {
                let named = schema.named(table)?;
                let center = drawing.place(&root_of(schema, named).name);
                let center = center.ok_or_else(|| is_left_out(schema, named))?;
                Ok::<_, anyhow::Error>((center, depth))
            });
            let mut diagram = drawing.diagram;
            if let Some((center, depth)) = center.transpose()? {
                diagram.keep_around(center, depth);
            }
            if shown.only_orphans {
                diagram.keep_orphaned();
            }
            Ok((diagram, not_drawn))
        })
    }
}

/// The table itself, or the one that it is a partition of, which is drawn for it.
fn root_of<'s>(schema: &'s Schema, table: &'s Table) -> &'s Table {
    let has_keys = table.foreign_keys.iter().any(|key| !key.is_inherited);
    let root = table
        .inherits
        .first()
        .filter(|_| table.is_partition && !has_keys);
    match root.and_then(|it| schema.get(it)) {
        Some(root) => root_of(schema, root),
        None => table,
    }
}

fn is_left_out(schema: &Schema, table: &Table) -> Failure {
    let shown = schema.shown(&table.name);
    if is_own(schema, table) {
        return Failure::impossible(format!(
            "{shown} is one of fkfix's own tables, which are left out"
        ))
        .hint("add --all");
    }
    Failure::impossible(format!(
        "{shown} holds no rows of its own, and no key leads to it"
    ))
    .hint("name a table")
}

struct Drawing<'s> {
    schema: &'s Schema,
    diagram: Diagram,
    /// The table of each entity.
    tables: Vec<Option<Rc<Table>>>,
    /// The key of each relation.
    keys: Vec<Asked>,
}

/// A key as it is drawn.
enum Asked {
    /// The child declares it.
    Declared(Rc<Table>, catalog::ForeignKey),
    /// A migration asks for it.
    Pending(Box<Key>),
    /// It was perhaps meant; its orphans, as far as they were looked at.
    Discovered(i64),
}

impl<'s> Drawing<'s> {
    /// The tables that hold rows, partitions but for those that have keys of their own, and the keys
    /// that they declare.
    fn of(schema: &'s Schema, with_own: bool) -> Self {
        let mut drawing = Drawing {
            schema,
            diagram: Diagram::default(),
            tables: Vec::new(),
            keys: Vec::new(),
        };
        let is_table = |it: &&Rc<Table>| matches!(it.kind, Kind::Table | Kind::Partitioned);
        let own_keys = |it: &Table| it.foreign_keys.iter().any(|key| !key.is_inherited);
        for table in schema.tables.iter().filter(is_table) {
            let is_drawn = !table.is_partition || own_keys(table);
            if is_drawn && (with_own || !is_own(schema, table)) {
                drawing.add_table(&table.name);
            }
        }
        for table in &schema.tables {
            for key in table.foreign_keys.iter().filter(|key| !key.is_inherited) {
                if drawing.add(table, key, State::Declared) {
                    let key = Asked::Declared(Rc::clone(table), key.clone());
                    drawing.keys.push(key);
                }
            }
        }
        drawing
    }

    /// Adds the keys that pending `migrations` ask for and the database lacks. Those that could not
    /// be added are given back.
    fn add_pending(
        &mut self,
        transaction: &mut Transaction,
        own: &Own,
        migrations: &Migrations,
    ) -> Result<Vec<NotDrawn>> {
        let applied = own.history(transaction)?;
        let migrations = applicable(self.schema, migrations, &applied)?;
        let (mut drawn, mut not_drawn): (Vec<Key>, _) = (Vec::new(), Vec::new());
        for version in standing::pending(migrations, &applied, None, true)? {
            let Some(migration) = migrations.get(version) else {
                continue;
            };
            for request in parts::requests(migration)? {
                let one = std::slice::from_ref(&request);
                match keys::resolve(transaction, self.schema, one) {
                    Ok(keys) => {
                        for key in keys.into_iter().filter(|key| key.there.is_none()) {
                            let says = keys::saying(&key.key);
                            let is_same = |it: &Key| {
                                it.child.oid == key.child.oid && keys::saying(&it.key) == says
                            };
                            let is_new = !drawn.iter().any(is_same);
                            if is_new && self.add(&key.child, &key.key, State::Pending) {
                                drawn.push(key.clone());
                                self.keys.push(Asked::Pending(Box::new(key)));
                            }
                        }
                    }
                    Err(error) => not_drawn.push(NotDrawn {
                        key: request.constraint(),
                        reason: explain::message(&error),
                    }),
                }
            }
        }
        Ok(not_drawn)
    }

    /// Adds the keys that were perhaps meant, unless there is another on their columns.
    fn add_discovered(&mut self, transaction: &mut Transaction) -> Result<()> {
        let (candidates, _) = discover::candidates(transaction, self.schema)?;
        for found in candidates {
            let is_known = self.diagram.relations.iter().any(|it| {
                it.named.key.child == found.key.child && it.named.key.same_columns(&found.key)
            });
            let place = |name: &str| {
                let mut entities = self.diagram.entities.iter();
                entities.position(|it| it.name == name)
            };
            let ends = place(&found.key.child).zip(place(&found.key.parent));
            let Some((child, parent)) = ends.filter(|_| !is_known) else {
                continue;
            };
            if found.confidence < DEFAULT_CONFIDENCE {
                continue;
            }
            let table = self.tables.get(child).and_then(Option::as_ref);
            let (unique, optional) =
                table.map_or((false, true), |table| shape(table, &found.key.columns));
            self.diagram.relations.push(Relation {
                named: NamedKey {
                    constraint: None,
                    key: found.key,
                },
                state: State::Discovered(found.confidence),
                unique,
                optional,
                child,
                parent,
                orphans: None,
            });
            self.keys.push(Asked::Discovered(found.values.orphans));
        }
        Ok(())
    }

    /// Counts the rows that break each key, as `fkfix orphans` does. Keys that could not be looked at
    /// are given back.
    fn count_orphans(&mut self, transaction: &mut Transaction) -> Result<Vec<NotDrawn>> {
        let mut not_drawn = Vec::new();
        for (relation, asked) in self.diagram.relations.iter_mut().zip(&self.keys) {
            let key = match asked {
                Asked::Pending(key) => Some((**key).clone()),
                Asked::Discovered(orphans) => {
                    relation.orphans = Some(*orphans);
                    continue;
                }
                Asked::Declared(_, key) if key.is_temporal => None,
                Asked::Declared(child, key) => {
                    keys::declared(transaction, self.schema, child, key)?
                }
            };
            let Some(key) = key else {
                not_drawn.push(NotDrawn {
                    key: relation.named.label(),
                    reason: "its columns can't be compared".to_owned(),
                });
                continue;
            };
            preflight::must_see(transaction, std::slice::from_ref(&key))?;
            let query = format!(
                "SELECT count(*) FROM {} AS c WHERE {}",
                source(&key.child),
                key.orphaned("c")
            );
            relation.orphans = Some(rows::count(transaction, &query, &[])?);
        }
        Ok(not_drawn)
    }

    /// Whether the child is one that is drawn, and so the key.
    fn add(&mut self, child: &Rc<Table>, key: &catalog::ForeignKey, state: State) -> bool {
        let Some(at) = self.place(&child.name) else {
            return false;
        };
        let parent = self.place(&key.parent);
        let parent = parent.unwrap_or_else(|| self.add_table(&key.parent));
        let (unique, optional) = shape(child, &key.columns);
        self.diagram.relations.push(Relation {
            named: NamedKey {
                constraint: Some(key.name.clone()),
                key: keys::told(self.schema, child, key),
            },
            state,
            unique,
            optional,
            child: at,
            parent,
            orphans: None,
        });
        true
    }

    fn place(&self, name: &Name) -> Option<usize> {
        let is_it = |it: &Option<Rc<Table>>| it.as_ref().is_some_and(|it| it.name == *name);
        self.tables.iter().position(is_it)
    }

    fn add_table(&mut self, name: &Name) -> usize {
        let table = self.schema.get(name);
        let columns = table.into_iter().flat_map(|it| &it.columns);
        let primary = table.and_then(|it| it.indexes.iter().find(|index| index.is_primary));
        let primary = primary
            .into_iter()
            .flat_map(|it| it.columns.iter().flatten());
        self.diagram.entities.push(Entity {
            name: self.schema.shown(name),
            columns: columns
                .map(|it| Attribute {
                    name: it.name.clone(),
                    declared_type: it.type_name.clone(),
                    not_null: it.not_null,
                })
                .collect(),
            primary_key: primary.cloned().collect(),
            exists: table.is_some(),
        });
        self.tables.push(table.cloned());
        self.tables.len() - 1
    }
}

/// Whether at most one row of `child` has the same values in `columns`, and whether one of these may be
/// NULL.
fn shape(child: &Table, columns: &[String]) -> (bool, bool) {
    let is_of_key = |name: &String| columns.contains(name);
    let mut all = child.columns.iter();
    let optional = all.any(|it| is_of_key(&it.name) && !it.not_null);
    let mut indexes = child.parent_keys();
    let unique = indexes.any(|it| it.columns.iter().flatten().all(is_of_key));
    (unique, optional)
}
