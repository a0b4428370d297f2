//! The tables of a database and the keys between them, for a picture.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::migrations::Migrations;
use crate::model::diagram::{Attribute, Diagram, Entity, NotDrawn, Relation, State};
use crate::sqlite::apply::history;
use crate::sqlite::keys;
use crate::sqlite::look::survey;
use crate::sqlite::schema;
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::text::ddl::same_name;

impl Diagram {
    /// The tables of the database and the keys that it declares. SQLite's own tables and those
    /// inside of virtual ones are left out; those of fkfix too, unless `with_own` asks for them.
    pub fn read(connection: &Connection, with_own: bool) -> Result<Self> {
        let mut diagram = Diagram::default();
        let own = history::own_tables(connection)?;
        for name in schema::ordinary_tables(connection)? {
            if with_own || !own.iter().any(|other| same_name(other, &name)) {
                diagram.entities.push(entity(connection, name)?);
            }
        }
        for named in foreign_key::distinct(foreign_key::declared(connection)?) {
            diagram.add(connection, named, State::Declared)?;
        }
        Ok(diagram)
    }

    /// Adds the keys that pending `migrations` ask for and the database lacks. Those that could
    /// not be added are given back.
    pub fn add_pending(
        &mut self,
        connection: &Connection,
        migrations: &Migrations,
    ) -> Result<Vec<NotDrawn>> {
        let declared = self.relations.iter().map(|it| it.named.clone());
        let mut declared: Vec<_> = declared.collect();
        let mut not_drawn = Vec::new();
        for request in survey::pending_requests(connection, migrations)? {
            let resolved = keys::resolve(connection, &declared, std::slice::from_ref(&request));
            match resolved {
                Ok(tables) => {
                    for new in tables.into_iter().flat_map(|table| table.added) {
                        declared.push(new.named());
                        self.add(connection, new.named(), State::Pending)?;
                    }
                }
                Err(error) => not_drawn.push(NotDrawn {
                    key: request.name.unwrap_or(request.constraint),
                    reason: crate::sqlite::file::errors::message(&error),
                }),
            }
        }
        Ok(not_drawn)
    }

    /// Adds a key that was perhaps meant, `confidence` percent sure, unless there is another on
    /// its columns.
    pub fn add_discovered(
        &mut self,
        connection: &Connection,
        key: ForeignKey,
        confidence: u8,
    ) -> Result<()> {
        if self
            .relations
            .iter()
            .any(|it| it.named.key.same_columns(&key))
        {
            return Ok(());
        }
        let named = NamedKey {
            constraint: None,
            key,
        };
        self.add(connection, named, State::Discovered(confidence))
    }

    fn add(&mut self, connection: &Connection, named: NamedKey, state: State) -> Result<()> {
        let key = &named.key;
        let Some(child) = self.position(&key.child) else {
            return Ok(());
        };
        let parent = self.position(&key.parent).unwrap_or_else(|| {
            self.entities.push(Entity {
                name: key.parent.clone(),
                columns: Vec::new(),
                primary_key: Vec::new(),
                exists: false,
            });
            self.entities.len() - 1
        });
        let optional = self.entities.get(child).is_some_and(|entity| {
            let mut columns = entity.columns.iter();
            columns.any(|column| !column.not_null && has(&key.columns, &column.name))
        });
        let unique = match self.entities.get(child) {
            Some(entity) => is_unique(connection, entity, &key.columns)?,
            None => false,
        };
        self.relations.push(Relation {
            named,
            state,
            unique,
            optional,
            child,
            parent,
            orphans: None,
        });
        Ok(())
    }

    /// The place of `table`.
    #[must_use]
    pub fn position(&self, table: &str) -> Option<usize> {
        let mut entities = self.entities.iter();
        entities.position(|entity| same_name(&entity.name, table))
    }
}

fn entity(connection: &Connection, name: String) -> Result<Entity> {
    let mut statement = connection.prepare_cached(
        "SELECT name, type, \"notnull\" FROM pragma_table_xinfo WHERE arg = ?1 AND schema = 'main'",
    )?;
    let columns = statement.query_map([&name], |row| {
        Ok(Attribute {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            not_null: row.get(2)?,
        })
    })?;
    let columns = columns
        .collect::<Result<_, _>>()
        .with_context(|| format!("could not read the columns of {name}"))?;
    Ok(Entity {
        primary_key: schema::primary_key(connection, &name)?,
        columns,
        name,
        exists: true,
    })
}

/// Whether no two rows have the same values in `columns`.
fn is_unique(connection: &Connection, entity: &Entity, columns: &[String]) -> Result<bool> {
    let covers = |key: &[String]| !key.is_empty() && key.iter().all(|name| has(columns, name));
    if covers(&entity.primary_key) {
        return Ok(true);
    }
    let keys = schema::unique_keys(connection, &entity.name)?;
    Ok(keys.iter().any(|key| covers(key)))
}

fn has(columns: &[String], name: &str) -> bool {
    columns.iter().any(|column| same_name(column, name))
}
