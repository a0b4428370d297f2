//! `check --schema`: a dump of the schema held against the migrations. No server is asked, so what
//! only a server knows (types, rows) is not looked at.

use std::rc::Rc;

use anyhow::Result;

use crate::explain;
use crate::migrations::Migrations;
use crate::model::finding::{Code, Finding};
use crate::postgres::catalog::{
    Column, ForeignKey, Index, Kind, Name, Persistence, ReplicaIdentity, Table,
};
use crate::postgres::database::applicable;
use crate::postgres::schema::Schema;
use crate::postgres::text::alter_table::Path;
use crate::postgres::text::dump;
use crate::postgres::text::expected::{self, Expected};
use crate::postgres::text::made::{self, Made};
use crate::postgres::text::script::Request;
use crate::postgres::{check, keys};
use crate::standing::findings;

pub use crate::postgres::text::dump::is_one;

/// The version of which a dump's text is understood in full.
const VERSION: u32 = 180_000;

/// Holds the dump `text`, which is called `name`, against `migrations`: whether one is applied it
/// does not tell, so every key that one asks for must be there. Gives whether no migration applies
/// too.
pub fn check(name: &str, text: &str, migrations: &Migrations) -> Result<(Vec<Finding>, bool)> {
    let dump = dump::parse(name, text)?;
    let schema = schema_of(&dump.tables);
    let migrations = applicable(&schema, migrations, &[])?;
    let mut findings = findings::without_way_back(migrations.iter());
    for expected in expected::after(migrations.iter())? {
        findings.extend(presence(&schema, &expected));
    }
    findings.extend(declared(&schema));
    for finding in &mut findings {
        let is_it = |made: &&Made| {
            let name = name_of(&made.path);
            finding.table.as_ref() == Some(&schema.shown(&name))
        };
        finding.line = dump.tables.iter().find(is_it).map(|made| made.line);
    }
    Ok((findings, migrations.is_empty()))
}

/// What is not as `expected`.
fn presence(schema: &Schema, expected: &Expected) -> Option<Finding> {
    let Expected { migration, request } = expected;
    if schema.find(&request.table).is_none() {
        let name = request.table.shown();
        let message = format!("there is no table {name}, to which {migration} adds keys");
        let finding = Finding::of_table(Code::TableMissing, &name, message);
        return Some(finding.hint("check that this is the right database"));
    }
    let (child, wanted) = match asked(schema, request) {
        Ok(found) => found,
        Err(error) => {
            let finding = Finding::of_table(
                Code::KeyImpossible,
                &request.table.shown(),
                explain::message(&error),
            );
            return Some(finding.hint(explain::hint_for(&error).unwrap_or_default()));
        }
    };
    let on_same_columns = child.foreign_keys.iter();
    let on_same_columns = on_same_columns.filter(|it| keys::same_columns(it, &wanted));
    let on_same_columns: Vec<_> = on_same_columns.collect();
    let says = keys::saying(&wanted);
    if on_same_columns.iter().any(|it| keys::saying(it) == says) {
        return None;
    }
    let text = keys::told(schema, child, &wanted);
    Some(if let Some(other) = on_same_columns.first() {
        let other = keys::told(schema, child, other);
        let message = format!("the key is {other}, and {migration} asks for {text}");
        Finding::of_key(Code::KeyDiffers, &text, message)
            .hint("drop the one that is wrong, or change the migration so that both agree")
    } else {
        let message = format!(
            "{} has no key {text}, for which {migration} asks",
            text.child
        );
        Finding::of_key(Code::KeyMissing, &text, message)
            .hint("apply the migration with fkfix up, then take the dump again")
    })
}

fn asked<'s>(schema: &'s Schema, request: &Request) -> Result<(&'s Rc<Table>, ForeignKey)> {
    let (child, parent) = (
        schema.table(&request.table)?,
        schema.table(&request.parent)?,
    );
    let key = keys::asked(request, parent, &schema.shown(&parent.name))?;
    keys::must_have_columns(schema, child, parent, &key)?;
    Ok((child, key))
}

/// What is to be said of the keys that are there.
fn declared(schema: &Schema) -> Vec<Finding> {
    let mut findings = Vec::new();
    for child in &schema.tables {
        let mut seen = Vec::new();
        for key in &child.foreign_keys {
            let text = keys::told(schema, child, key);
            let says = keys::saying(key);
            if seen.contains(&says) {
                let message = format!("{} declares more than once {text}", text.child);
                let hint = check::drop_hint(child, key);
                findings.push(Finding::of_key(Code::KeyTwice, &text, message).hint(hint));
                continue;
            }
            seen.push(says);
            findings.extend(check::standing_of(child, key, &text, 0));
            if schema.get(&key.parent).is_none() {
                let message = format!(
                    "{} refers to {}, which is not there",
                    text.child, text.parent
                );
                let hint = "check that the dump has all tables";
                findings.push(Finding::of_key(Code::ParentMissing, &text, message).hint(hint));
            }
            findings.extend(check::without_index(schema, child, key, &text, 0));
        }
    }
    findings
}

/// The tables as the catalogs would have them, as far as the dump tells. A name without a schema is
/// one of `public`, or of another where there is none such in `public`.
fn schema_of(made: &[Made]) -> Schema {
    let mut path = vec!["public".to_owned()];
    for name in made.iter().map(|it| name_of(&it.path)) {
        if !path.contains(&name.schema) {
            path.push(name.schema);
        }
    }
    let tables = made.iter().enumerate();
    let tables = tables
        .map(|(at, it)| Rc::new(table(it, made, at)))
        .collect();
    Schema::of(tables, path, VERSION)
}

fn name_of(path: &Path) -> Name {
    Name {
        schema: path.schema.clone().unwrap_or_else(|| "public".to_owned()),
        table: path.table.clone(),
    }
}

fn table(made: &Made, all: &[Made], at: usize) -> Table {
    let partitions = all.iter().filter(|it| {
        let of = it.partition_of.as_ref();
        of.is_some_and(|of| name_of(of) == name_of(&made.path))
    });
    Table {
        oid: u32::try_from(at).unwrap_or(u32::MAX),
        name: name_of(&made.path),
        kind: if made.is_partitioned {
            Kind::Partitioned
        } else {
            Kind::Table
        },
        persistence: Persistence::Permanent,
        owner: String::new(),
        is_partition: made.partition_of.is_some(),
        inherits: made.partition_of.iter().map(name_of).collect(),
        inherited_by: partitions.map(|it| name_of(&it.path)).collect(),
        estimated_rows: None,
        row_security: false,
        force_row_security: false,
        replica_identity: ReplicaIdentity::PrimaryKey,
        published_by: Vec::new(),
        columns: made.columns.iter().map(column).collect(),
        indexes: made.indexes.iter().map(index).collect(),
        foreign_keys: made.keys.iter().map(|key| foreign_key(key, all)).collect(),
        triggers: Vec::new(),
        triggers_of_parts: Vec::new(),
        unidentified_parts: Vec::new(),
        spread: None,
        rules: Vec::new(),
    }
}

fn column(made: &made::Column) -> Column {
    Column {
        name: made.name.clone(),
        type_name: made.type_name.clone(),
        collation: None,
        not_null: made.not_null,
        default: None,
        identity: None,
        generated: None,
    }
}

fn index(made: &made::Index) -> Index {
    Index {
        name: made.name.clone(),
        method: made.method.clone(),
        columns: made.columns.clone(),
        constraint: made.is_constraint.then(|| made.name.clone()),
        is_primary: made.is_primary,
        is_unique: made.is_unique,
        is_valid: true,
        is_partial: made.is_partial,
        is_deferrable: made.is_deferrable,
    }
}

fn foreign_key(made: &made::Key, all: &[Made]) -> ForeignKey {
    let request = &made.request;
    let parent = name_of(&request.parent);
    let mut parent_columns = request.parent_columns.clone();
    if parent_columns.is_empty() {
        let of_parent = all.iter().find(|it| name_of(&it.path) == parent);
        let primary = of_parent.and_then(|it| it.indexes.iter().find(|index| index.is_primary));
        let columns = primary
            .into_iter()
            .flat_map(|it| it.columns.iter().flatten());
        parent_columns.extend(columns.cloned());
    }
    ForeignKey {
        is_validated: made.is_validated,
        is_enforced: made.is_enforced,
        ..keys::of_request(request, &parent, &parent_columns)
    }
}
