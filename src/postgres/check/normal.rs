//! The whole schema as text that two databases share where their schemas are the same, for
//! `check --snapshot`. The server writes it, with every name qualified; what it writes may change
//! with its major version.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use postgres::Transaction;

use crate::postgres::catalog::{
    Column, Enabled, Generated, Identity, Kind, Name, Persistence, Table, quoted,
};
use crate::postgres::leave::archive;
use crate::postgres::schema::Schema;

/// What no table holds: rank, name, statement. What an extension made is the extension's.
const OBJECTS: &str = "
    WITH own AS (SELECT oid, nspname FROM pg_namespace
                 WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
    of_extension AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
    SELECT 0, extname::text, 'CREATE EXTENSION ' || quote_ident(extname) || ';' FROM pg_extension
    WHERE extname <> 'plpgsql'
    UNION ALL
    SELECT 1, nspname::text, 'CREATE SCHEMA ' || quote_ident(nspname) || ';' FROM own
    WHERE nspname <> 'public' AND NOT EXISTS (SELECT FROM of_extension
        WHERE classid = 'pg_namespace'::regclass AND objid = own.oid)
    UNION ALL
    SELECT 2, t.oid::regtype::text, CASE t.typtype
        WHEN 'e' THEN 'CREATE TYPE ' || t.oid::regtype || ' AS ENUM (' ||
            (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
             FROM pg_enum WHERE enumtypid = t.oid) || ');'
        WHEN 'd' THEN 'CREATE DOMAIN ' || t.oid::regtype || ' AS ' || format_type(t.typbasetype, t.typtypmod) ||
            coalesce(' DEFAULT ' || t.typdefault, '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END ||
            coalesce((SELECT string_agg(' CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(c.oid), '' ORDER BY conname)
                      FROM pg_constraint c WHERE contypid = t.oid AND contype <> 'n'), '') || ';'
        ELSE 'CREATE TYPE ' || t.oid::regtype || ' AS (' ||
            (SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped) || ');' END
    FROM pg_type t JOIN own ON own.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE (t.typtype IN ('e', 'd') OR (t.typtype = 'c' AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM of_extension WHERE classid = 'pg_type'::regclass AND objid = t.oid)
    UNION ALL
    SELECT 3, s.oid::regclass::text, 'CREATE SEQUENCE ' || s.oid::regclass || ' AS ' || format_type(q.seqtypid, NULL) ||
        ' INCREMENT ' || seqincrement || ' MINVALUE ' || seqmin || ' MAXVALUE ' || seqmax ||
        ' START ' || seqstart || ' CACHE ' || seqcache || CASE WHEN seqcycle THEN ' CYCLE;' ELSE ';' END
    FROM pg_class s JOIN own ON own.oid = s.relnamespace JOIN pg_sequence q ON q.seqrelid = s.oid
    WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = s.oid
                      AND (deptype = 'e' OR (deptype IN ('a', 'i') AND refclassid = 'pg_class'::regclass)))
    UNION ALL
    SELECT 4, p.oid::regprocedure::text, pg_get_functiondef(p.oid) || ';'
    FROM pg_proc p JOIN own ON own.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p', 'w')
      AND NOT EXISTS (SELECT FROM of_extension WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
    UNION ALL
    SELECT 6, c.oid::regclass::text,
        CASE c.relkind WHEN 'v' THEN 'CREATE VIEW ' ELSE 'CREATE MATERIALIZED VIEW ' END || c.oid::regclass ||
        coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') || ' AS' || E'\\n' || pg_get_viewdef(c.oid)
    FROM pg_class c JOIN own ON own.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm')
      AND NOT EXISTS (SELECT FROM of_extension WHERE classid = 'pg_class'::regclass AND objid = c.oid)
    ORDER BY 1, 2, 3";

/// What lies behind a table's columns: table, whether it stands within the parentheses, text.
const PARTS: &str = "
    SELECT conrelid, true, 'CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE conrelid <> 0 AND contype IN ('p', 'u', 'f', 'c', 'x') AND conparentid = 0
      AND (conislocal OR coninhcount = 0)
    UNION ALL
    SELECT i.indrelid, false, pg_get_indexdef(i.indexrelid)
    FROM pg_index i
    WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND conrelid = i.indrelid
                      AND contype IN ('p', 'u', 'x'))
      AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.indexrelid)
    UNION ALL
    SELECT tgrelid, false, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
    UNION ALL
    SELECT ev_class, false, rtrim(pg_get_ruledef(oid), ';') FROM pg_rewrite WHERE rulename <> '_RETURN'
    UNION ALL
    SELECT polrelid, false, 'CREATE POLICY ' || quote_ident(polname) || ' ON ' || polrelid::regclass ||
        CASE WHEN polpermissive THEN '' ELSE ' AS RESTRICTIVE' END ||
        CASE polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' WHEN 'w' THEN ' FOR UPDATE'
                    WHEN 'd' THEN ' FOR DELETE' ELSE '' END ||
        coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '') ||
        coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
    FROM pg_policy
    UNION ALL
    SELECT c.oid, false, 'ALTER TABLE ' || p.inhparent::regclass || ' ATTACH PARTITION ' || c.oid::regclass ||
        ' ' || pg_get_expr(c.relpartbound, c.oid)
    FROM pg_class c JOIN pg_inherits p ON p.inhrelid = c.oid WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f')
    ORDER BY 1, 2, 3";

const PARTITIONED: &str = "SELECT oid, pg_get_partkeydef(oid) FROM pg_class WHERE relkind = 'p'";

const OF_EXTENSIONS: &str = "
    SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e'";

/// The whole schema, but for what fkfix and extensions have made. `transaction` has the search path
/// of the catalogs.
pub fn schema(transaction: &mut Transaction, schema: &Schema) -> Result<String> {
    let mut statements: Vec<(i32, String, String)> = Vec::new();
    for row in transaction.query_typed(OBJECTS, &[])? {
        statements.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    }
    let mut parts: BTreeMap<u32, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for row in transaction.query_typed(PARTS, &[])? {
        let (within, behind) = parts.entry(row.try_get(0)?).or_default();
        let list = if row.try_get(1)? { within } else { behind };
        list.push(row.try_get(2)?);
    }
    let mut partitioned: BTreeMap<u32, String> = BTreeMap::new();
    for row in transaction.query_typed(PARTITIONED, &[])? {
        partitioned.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let of_extensions = transaction.query_typed(OF_EXTENSIONS, &[])?;
    let of_extensions: Vec<u32> = of_extensions
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    for table in &schema.tables {
        let is_table = matches!(table.kind, Kind::Table | Kind::Partitioned | Kind::Foreign);
        let is_temporary = table.persistence == Persistence::Temporary;
        let is_left_out =
            is_temporary || of_extensions.contains(&table.oid) || archive::is_own(schema, table);
        if !is_table || is_left_out {
            continue;
        }
        let (within, behind) = parts.remove(&table.oid).unwrap_or_default();
        let by = partitioned.get(&table.oid).map(String::as_str);
        let text = table_text(table, &within, &behind, by);
        statements.push((5, table.name.to_string(), text));
    }
    statements.sort();
    let texts: Vec<_> = statements.into_iter().map(|(.., text)| text).collect();
    Ok(texts.join("\n\n"))
}

fn table_text(table: &Table, within: &[String], behind: &[String], by: Option<&str>) -> String {
    let kind = match (table.kind, table.persistence) {
        (Kind::Foreign, _) => "FOREIGN TABLE",
        (_, Persistence::Unlogged) => "UNLOGGED TABLE",
        _ => "TABLE",
    };
    let name = shown(&table.name);
    let lines = table.columns.iter().map(column_text);
    let lines: Vec<_> = lines.chain(within.iter().cloned()).collect();
    let mut text = format!("CREATE {kind} {name}(\n  {}\n)", lines.join(",\n  "));
    if !table.inherits.is_empty() && !table.is_partition {
        let parents: Vec<_> = table.inherits.iter().map(shown).collect();
        let _ = write!(text, " INHERITS ({})", parents.join(", "));
    }
    if let Some(by) = by {
        let _ = write!(text, " PARTITION BY {by}");
    }
    text.push(';');
    for statement in behind {
        let _ = write!(text, "\n{statement};");
    }
    for (holds, what) in [
        (table.row_security, "ENABLE ROW LEVEL SECURITY"),
        (table.force_row_security, "FORCE ROW LEVEL SECURITY"),
    ] {
        if holds {
            let _ = write!(text, "\nALTER TABLE {name} {what};");
        }
    }
    for trigger in &table.triggers {
        let what = match trigger.enabled {
            Enabled::Origin => continue,
            Enabled::Disabled => "DISABLE TRIGGER",
            Enabled::Replica => "ENABLE REPLICA TRIGGER",
            Enabled::Always => "ENABLE ALWAYS TRIGGER",
        };
        let _ = write!(
            text,
            "\nALTER TABLE {name} {what} {};",
            quoted(&trigger.name)
        );
    }
    text
}

fn column_text(column: &Column) -> String {
    let mut text = format!("{} {}", plain(&column.name), column.type_name);
    if let Some(collation) = &column.collation {
        let _ = write!(text, " COLLATE {collation}");
    }
    let default = column.default.as_deref().unwrap_or_default();
    match (column.generated, column.identity) {
        (Some(Generated::Stored), _) => {
            let _ = write!(text, " GENERATED ALWAYS AS ({default}) STORED");
        }
        (Some(Generated::Virtual), _) => {
            let _ = write!(text, " GENERATED ALWAYS AS ({default}) VIRTUAL");
        }
        (None, Some(Identity::Always)) => text.push_str(" GENERATED ALWAYS AS IDENTITY"),
        (None, Some(Identity::ByDefault)) => text.push_str(" GENERATED BY DEFAULT AS IDENTITY"),
        (None, None) if column.default.is_some() => {
            let _ = write!(text, " DEFAULT {default}");
        }
        (None, None) => {}
    }
    if column.not_null {
        text.push_str(" NOT NULL");
    }
    text
}

fn shown(name: &Name) -> String {
    format!("{}.{}", plain(&name.schema), plain(&name.table))
}

fn plain(name: &str) -> String {
    crate::migrations::draft::plain(name)
}
