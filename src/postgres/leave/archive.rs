//! `<table>_orphans`: rows that left a table, and how they come back.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;

use crate::failure::Failure;
use crate::postgres::catalog::{Column, Generated, Kind, Name, Placement, Table, literal, quoted};
use crate::postgres::database::own::{HISTORY, PROGRESS};
use crate::postgres::orphans::Leaving;
use crate::postgres::schema::{Schema, rows};

const SUFFIX: &str = "_orphans";

/// The columns that stand before those of the table.
pub const OWN_COLUMNS: [&str; 4] = [
    "fkfix_id",
    "fkfix_constraints",
    "fkfix_version",
    "fkfix_archived_at",
];

/// The column that tells what a row that stayed forgot: an object of its columns and the literals
/// that were put there. NULL for a row that left. Archives that were made before are without it.
pub const KEPT: &str = "fkfix_kept";

/// An archive that exists.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The archive itself.
    pub table: Rc<Table>,
    /// It has the column [`KEPT`].
    pub has_kept: bool,
    /// The table that its rows come from.
    pub of: Name,
}

/// The name of the archive of `table`.
#[must_use]
pub fn name_of(table: &Name) -> Name {
    Name {
        schema: table.schema.clone(),
        table: format!("{}{SUFFIX}", table.table),
    }
}

/// Every archive.
#[must_use]
pub fn all(schema: &Schema) -> Vec<Archive> {
    schema.tables.iter().filter_map(read).collect()
}

fn read(table: &Rc<Table>) -> Option<Archive> {
    let of = table.name.table.strip_suffix(SUFFIX)?;
    let names = table.columns.iter().map(|column| column.name.as_str());
    let is_ours = table.kind == Kind::Table && names.take(4).eq(OWN_COLUMNS);
    is_ours.then(|| Archive {
        table: Rc::clone(table),
        has_kept: table.columns.iter().any(|it| it.name == KEPT),
        of: Name {
            schema: table.name.schema.clone(),
            table: of.to_owned(),
        },
    })
}

/// The archive of `table`, if there is one; fails where that name is something else's.
pub fn of(schema: &Schema, table: &Table) -> Result<Option<Archive>> {
    let name = name_of(&table.name);
    if name.table.len() > 63 {
        return Err(Failure::impossible(format!(
            "the archive of {} would be called {}, which PostgreSQL would cut to 63 bytes",
            schema.shown(&table.name),
            name.table
        ))
        .hint("rename the table, or run with --orphans delete to keep no archive")
        .into());
    }
    if let Some(own) = table
        .columns
        .iter()
        .find(|column| OWN_COLUMNS.contains(&column.name.as_str()) || column.name == KEPT)
    {
        return Err(Failure::impossible(format!(
            "{} has a column {}, which the archive needs for itself",
            schema.shown(&table.name),
            own.name
        ))
        .hint("rename the column, or run with --orphans delete to keep no archive")
        .into());
    }
    let Some(found) = schema.get(&name) else {
        return Ok(None);
    };
    match read(found) {
        Some(archive) if !lies_beside(&archive.table, table) => Err(Failure::impossible(format!(
            "{} is not spread as {} is, so rows can't move between them",
            schema.shown(&name),
            schema.shown(&table.name)
        ))
        .hint(match spreading(&archive.table.name, table) {
            Some(sql) if table.distribution_column().is_none() => sql,
            _ => {
                "fkfix orphans --archived lists its rows; export what you need of them, and drop it"
                    .to_owned()
            }
        })
        .into()),
        Some(archive) => Ok(Some(archive)),
        None => Err(Failure::impossible(format!(
            "{} exists already and is not an archive that fkfix made",
            schema.shown(&name)
        ))
        .hint(format!(
            "rename {}, or run with --orphans delete to keep no archive",
            schema.shown(&name)
        ))
        .into()),
    }
}

/// Whether Citus keeps both in the same way.
fn lies_beside(archive: &Table, table: &Table) -> bool {
    let of = |table: &Table| match table.spread.as_ref().map(|it| &it.placement) {
        // Of those of a table and its archive it is one.
        Some(Placement::Distributed { colocation, .. }) => Some((None, *colocation)),
        other => other.map(|it| (Some(it.clone()), 0)),
    };
    of(archive) == of(table)
}

/// The statement that has Citus spread the archive as it does `table`, if it does.
fn spreading(name: &Name, table: &Table) -> Option<String> {
    match &table.spread.as_ref()?.placement {
        Placement::Distributed { column, .. } => Some(format!(
            "SELECT pg_catalog.create_distributed_table({}, {}, colocate_with => {})",
            literal(&name.to_string()),
            literal(column),
            literal(&table.name.to_string())
        )),
        Placement::Reference => Some(format!(
            "SELECT pg_catalog.create_reference_table({})",
            literal(&name.to_string())
        )),
        Placement::Local => Some(format!(
            "SELECT pg_catalog.citus_add_local_table_to_metadata({})",
            literal(&name.to_string())
        )),
        Placement::Other => None,
    }
}

impl Archive {
    /// The columns of the table that it keeps.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        let columns = self.table.columns.iter().skip(OWN_COLUMNS.len());
        columns.filter(|it| it.name != KEPT)
    }

    /// Whether it keeps values of the column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.columns().any(|it| it.name == column)
    }
}

/// Whose rows these are in the archive.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The migration; none for `clean`.
    pub version: Option<i64>,
    /// When the run began: a literal.
    pub at: String,
}

impl Mark {
    /// Of a run that begins now.
    pub fn new(transaction: &mut Transaction, version: Option<i64>) -> Result<Self> {
        let row = transaction.query_typed_one(
            "SELECT pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
            &[],
        )?;
        Ok(Mark {
            version,
            at: row.try_get(0)?,
        })
    }

    /// The values of the own columns behind the reasons.
    pub(super) fn values(&self) -> String {
        let version = self.version.map_or("NULL".to_owned(), |it| it.to_string());
        format!("{version}, '{}'::timestamptz", self.at)
    }

    /// The condition that the archive's row `alias` is of this run.
    pub(super) fn condition(&self, alias: &str) -> String {
        let version = match self.version {
            Some(version) => format!("OPERATOR(pg_catalog.=) {version}"),
            None => "IS NULL".to_owned(),
        };
        format!(
            "{alias}.fkfix_version {version} AND {alias}.fkfix_archived_at OPERATOR(pg_catalog.=) '{}'::timestamptz",
            self.at
        )
    }
}

/// The statements that make the archive of `table`, or give one that is there the columns that
/// the table has got since.
pub fn prepare(schema: &Schema, table: &Table) -> Result<Vec<String>> {
    let name = name_of(&table.name);
    if let Some(archive) = of(schema, table)? {
        let new = table.columns.iter().filter(|it| !archive.has(&it.name));
        let mut statements: Vec<_> = new
            .map(|column| format!("ALTER TABLE {name} ADD COLUMN {}", definition(column)))
            .collect();
        if !archive.has_kept {
            statements.push(format!("ALTER TABLE {name} ADD COLUMN {KEPT} jsonb"));
        }
        let mut own = archive.table.columns.iter();
        let must_have = own.any(|it| it.name == "fkfix_version" && it.not_null);
        if must_have {
            statements.push(format!(
                "ALTER TABLE {name} ALTER COLUMN fkfix_version DROP NOT NULL"
            ));
        }
        return Ok(statements);
    }
    let columns: Vec<_> = table.columns.iter().map(definition).collect();
    // A key of a distributed table must have its distribution column.
    let (own, of_all) = match table.distribution_column() {
        None => (" PRIMARY KEY", String::new()),
        Some(column) => ("", format!(", PRIMARY KEY (fkfix_id, {})", quoted(column))),
    };
    let mut statements = vec![format!(
        "CREATE TABLE {name} (fkfix_id bigint GENERATED ALWAYS AS IDENTITY{own}, fkfix_constraints text NOT NULL, fkfix_version bigint, fkfix_archived_at timestamptz NOT NULL, {KEPT} jsonb, {}{of_all})",
        columns.join(", ")
    )];
    statements.extend(spreading(&name, table));
    statements.push(private(&name));
    if table.row_security {
        statements.push(format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"));
    }
    Ok(statements)
}

/// Takes from everyone what default privileges gave: nobody but the owner reads an archive.
fn private(name: &Name) -> String {
    let table = name.to_string().replace('\'', "''");
    format!(
        "DO $fkfix$ DECLARE other text; BEGIN
    FOR other IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END
        FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
        WHERE c.oid = '{table}'::pg_catalog.regclass AND a.grantee <> c.relowner
    LOOP EXECUTE pg_catalog.format('REVOKE ALL ON {} FROM %s', other); END LOOP;
END $fkfix$",
        table.replace('%', "%%")
    )
}

/// A column without NOT NULL, default and generation: values as they were.
fn definition(column: &Column) -> String {
    let collation = column.collation.as_ref();
    let collation = collation.map_or(String::new(), |it| format!(" COLLATE {it}"));
    format!("{} {}{collation}", quoted(&column.name), column.type_name)
}

/// How many rows of `version` an archive holds; of every version, where none is given.
pub fn count(
    transaction: &mut Transaction,
    archive: &Archive,
    version: Option<i64>,
) -> Result<i64> {
    let of = version.map_or(String::new(), |it| format!(" WHERE fkfix_version = {it}"));
    let query = format!("SELECT count(*) FROM {}{of}", archive.table.name);
    rows::count(transaction, &query, &[])
}

/// How many of its rows tell what a row that stayed was before it forgot a key.
pub fn count_stayed(transaction: &mut Transaction, archive: &Archive) -> Result<i64> {
    if !archive.has_kept {
        return Ok(0);
    }
    let query = format!("SELECT count({KEPT}) FROM {}", archive.table.name);
    rows::count(transaction, &query, &[])
}

/// The columns whose values can be written back to `table`, and are in the archive.
#[must_use]
pub fn returning(archive: &Archive, table: &Table) -> Vec<String> {
    let writable = table.columns.iter().filter(|column| {
        !matches!(
            column.generated,
            Some(Generated::Stored | Generated::Virtual)
        )
    });
    writable
        .filter(|column| archive.has(&column.name))
        .map(|column| column.name.clone())
        .collect()
}

/// Whether the table is fkfix's own: its history, its progress, an archive.
pub fn is_own(schema: &Schema, table: &Table) -> bool {
    let is_archive = || {
        let archives = all(schema);
        archives.iter().any(|it| it.table.oid == table.oid)
    };
    [HISTORY, PROGRESS].contains(&table.name.table.as_str()) || is_archive()
}

/// The rows to archive: the places of parameter `number`, and the reasons that are the parameter behind it.
pub(super) fn listed(number: usize) -> String {
    format!(
        "ROWS FROM (pg_catalog.unnest(${number}::pg_catalog.text[]), pg_catalog.unnest(${}::pg_catalog.text[])) AS l (place, reasons)",
        number + 1
    )
}

/// The columns that stand before those of the table, without the one that fills itself.
pub(super) fn filled_columns() -> Vec<String> {
    let own = OWN_COLUMNS.iter().skip(1);
    own.map(|it| (*it).to_owned()).collect()
}

/// The columns of the rows that leave, each of the row `alias`.
pub(super) fn columns_of(leaving: &Leaving, alias: &str) -> String {
    let names = leaving.table.columns.iter();
    let names: Vec<_> = names
        .map(|it| format!("{alias}{}", quoted(&it.name)))
        .collect();
    names.join(", ")
}
