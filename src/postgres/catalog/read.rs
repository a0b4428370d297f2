//! The catalogs, read in five queries.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use postgres::{Row, Transaction};

use super::foreign_key::{Action, ForeignKey, Match};
use super::name::Name;
use super::spread;
use super::table::{
    Column, Enabled, Generated, Identity, Index, Kind, Persistence, ReplicaIdentity, Table, Trigger,
};

/// What PostgreSQL has for itself, and the temporary tables of others, are left out.
const RELATIONS: &str = "
    WITH published AS MATERIALIZED (
        SELECT t.schemaname, t.tablename, array_agg(p.pubname::text ORDER BY p.pubname) AS names
        FROM pg_publication_tables t JOIN pg_publication p ON p.pubname = t.pubname
        WHERE p.pubdelete OR p.pubupdate GROUP BY 1, 2)
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text,
           pg_get_userbyid(c.relowner)::text, c.relispartition, c.reltuples,
           c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text,
           ARRAY(SELECT part FROM pg_inherits i
                 JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace,
                 unnest(ARRAY[pn.nspname, p.relname]::text[]) WITH ORDINALITY AS pair (part, place)
                 WHERE i.inhrelid = c.oid ORDER BY i.inhseqno, place),
           ARRAY(SELECT part FROM pg_inherits i
                 JOIN pg_class p ON p.oid = i.inhrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace,
                 unnest(ARRAY[pn.nspname, p.relname]::text[]) WITH ORDINALITY AS pair (part, place)
                 WHERE i.inhparent = c.oid ORDER BY pn.nspname, p.relname, place),
           coalesce(published.names, '{}'),
           ARRAY(SELECT r.rulename::text FROM pg_rewrite r
                 WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN' ORDER BY 1)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN published ON published.schemaname = n.nspname AND published.tablename = c.relname
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND NOT pg_is_other_temp_schema(n.oid)
    ORDER BY n.nspname, c.relname";

/// Of what `initdb` made, all of which has an OID below 16384 (`access/transam.h`), nothing is read:
/// the thousands of columns there took most of the time of a run on a small database.
const COLUMNS: &str = "
    SELECT a.attrelid, a.attname::text, format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation THEN
               (SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname)
                FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
                WHERE l.oid = a.attcollation) END,
           a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum";

/// A column number of 0 is an expression; what comes after `indnkeyatts` is under INCLUDE.
const INDEXES: &str = "
    SELECT i.indrelid, c.relname::text,
           ARRAY(SELECT a.attname::text FROM generate_series(0, i.indnkeyatts - 1) AS place
                 LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place]
                      AND a.attnum <> 0
                 ORDER BY place),
           (SELECT conname::text FROM pg_constraint
            WHERE conindid = i.indexrelid AND conrelid = i.indrelid AND contype IN ('p', 'u', 'x')),
           i.indisprimary, i.indisunique, i.indisvalid, i.indpred IS NOT NULL, NOT i.indimmediate,
           m.amname::text
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
    WHERE i.indrelid >= 16384
    ORDER BY i.indrelid, c.relname";

const TRIGGERS: &str = "
    SELECT tgrelid, tgname::text, tgenabled::text, tgtype
    FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY tgrelid, tgname";

/// What older versions do not have is what it would be there.
fn foreign_keys(version: u32) -> String {
    let since = |first: u32, column: &'static str, before: &'static str| {
        if version >= first { column } else { before }
    };
    let columns = |of: &str, numbers: &str| {
        format!(
            "ARRAY(SELECT a.attname::text FROM unnest({numbers}) WITH ORDINALITY AS k (number, place)
                   JOIN pg_attribute a ON a.attrelid = {of} AND a.attnum = k.number ORDER BY k.place)"
        )
    };
    format!(
        "SELECT c.conrelid, c.conname::text, {child}, n.nspname::text, p.relname::text, {parent},
                c.confdeltype::text, {set}, c.confupdtype::text, c.confmatchtype::text,
                c.condeferrable, c.condeferred, c.convalidated, {enforced}, {temporal},
                c.conparentid <> 0,
                EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = c.oid AND t.tgenabled = 'D')
         FROM pg_constraint c
         JOIN pg_class p ON p.oid = c.confrelid JOIN pg_namespace n ON n.oid = p.relnamespace
         -- Beside the key to a partitioned table there is one to each of its partitions.
         WHERE c.contype = 'f' AND NOT EXISTS (
             SELECT FROM pg_constraint whole WHERE whole.oid = c.conparentid AND whole.conrelid = c.conrelid)
         ORDER BY c.conrelid, c.conname",
        child = columns("c.conrelid", "c.conkey"),
        parent = columns("c.confrelid", "c.confkey"),
        set = columns(
            "c.conrelid",
            since(150_000, "c.confdelsetcols", "NULL::int2[]")
        ),
        enforced = since(180_000, "c.conenforced", "true"),
        temporal = since(180_000, "c.conperiod", "false"),
    )
}

/// All tables, by schema and name.
///
/// `transaction` must have the search path of the catalogs (`Step::look`), for types to be named
/// with their schema; `version` is the server's `server_version_num`.
pub fn read(transaction: &mut Transaction, version: u32) -> Result<Vec<Table>> {
    let relations = transaction.query_typed(RELATIONS, &[])?;
    let mut tables = relations.iter().map(table).collect::<Result<Vec<_>>>()?;
    let mut columns = grouped(transaction, COLUMNS, column)?;
    let mut indexes = grouped(transaction, INDEXES, index)?;
    let mut keys = grouped(transaction, &foreign_keys(version), foreign_key)?;
    let mut triggers = grouped(transaction, TRIGGERS, trigger)?;
    for table in &mut tables {
        table.columns = columns.remove(&table.oid).unwrap_or_default();
        table.indexes = indexes.remove(&table.oid).unwrap_or_default();
        table.foreign_keys = keys.remove(&table.oid).unwrap_or_default();
        table.triggers = triggers.remove(&table.oid).unwrap_or_default();
    }
    let told: Vec<_> = tables.iter().map(|it| parts(&tables, it)).collect();
    for (table, parts) in tables.iter_mut().zip(told) {
        (table.triggers_of_parts, table.unidentified_parts) = parts;
    }
    spread::note(transaction, &mut tables)?;
    Ok(tables)
}

/// Values by the table that they are of, which the first column names.
fn grouped<T>(
    transaction: &mut Transaction,
    sql: &str,
    value: fn(&Row) -> Result<T>,
) -> Result<BTreeMap<u32, Vec<T>>> {
    let mut groups: BTreeMap<u32, Vec<T>> = BTreeMap::new();
    for row in transaction.query_typed(sql, &[])? {
        groups
            .entry(row.try_get(0)?)
            .or_default()
            .push(value(&row)?);
    }
    Ok(groups)
}

/// What the partitions of a table have, at any depth: triggers, and no replica identity where they
/// need one.
fn parts(tables: &[Table], table: &Table) -> (Vec<Trigger>, Vec<Name>) {
    let (mut triggers, mut unidentified) = (Vec::new(), Vec::new());
    if table.kind != Kind::Partitioned {
        return (triggers, unidentified);
    }
    for part in tables
        .iter()
        .filter(|it| table.inherited_by.contains(&it.name))
    {
        triggers.extend(part.triggers.clone());
        let is_published = !table.published_by.is_empty() || !part.published_by.is_empty();
        if part.kind == Kind::Table && is_published && !part.has_identity() {
            unidentified.push(part.name.clone());
        }
        let (more, others) = parts(tables, part);
        triggers.extend(more);
        unidentified.extend(others);
    }
    (triggers, unidentified)
}

fn table(row: &Row) -> Result<Table> {
    let rows: f32 = row.try_get(7)?;
    Ok(Table {
        oid: row.try_get(0)?,
        name: Name {
            schema: row.try_get(1)?,
            table: row.try_get(2)?,
        },
        kind: one_of(
            row.try_get(3)?,
            &[
                ("r", Kind::Table),
                ("p", Kind::Partitioned),
                ("v", Kind::View),
                ("m", Kind::MaterializedView),
                ("f", Kind::Foreign),
            ],
        )?,
        persistence: one_of(
            row.try_get(4)?,
            &[
                ("p", Persistence::Permanent),
                ("u", Persistence::Unlogged),
                ("t", Persistence::Temporary),
            ],
        )?,
        owner: row.try_get(5)?,
        is_partition: row.try_get(6)?,
        // -1 since PostgreSQL 14, and 0 before, of a table that was never analysed.
        estimated_rows: (rows > 0.0).then_some(rows),
        row_security: row.try_get(8)?,
        force_row_security: row.try_get(9)?,
        replica_identity: one_of(
            row.try_get(10)?,
            &[
                ("d", ReplicaIdentity::PrimaryKey),
                ("n", ReplicaIdentity::Nothing),
                ("f", ReplicaIdentity::Full),
                ("i", ReplicaIdentity::Index),
            ],
        )?,
        inherits: names(row, 11)?,
        inherited_by: names(row, 12)?,
        published_by: row.try_get(13)?,
        rules: row.try_get(14)?,
        columns: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        triggers: Vec::new(),
        triggers_of_parts: Vec::new(),
        unidentified_parts: Vec::new(),
        spread: None,
    })
}

fn column(row: &Row) -> Result<Column> {
    let [identity, generated]: [String; 2] = [row.try_get(6)?, row.try_get(7)?];
    Ok(Column {
        name: row.try_get(1)?,
        type_name: row.try_get(2)?,
        collation: row.try_get(3)?,
        not_null: row.try_get(4)?,
        default: row.try_get(5)?,
        identity: one_of(
            &identity,
            &[
                ("", None),
                ("a", Some(Identity::Always)),
                ("d", Some(Identity::ByDefault)),
            ],
        )?,
        generated: one_of(
            &generated,
            &[
                ("", None),
                ("s", Some(Generated::Stored)),
                ("v", Some(Generated::Virtual)),
            ],
        )?,
    })
}

fn index(row: &Row) -> Result<Index> {
    Ok(Index {
        name: row.try_get(1)?,
        columns: row.try_get(2)?,
        constraint: row.try_get(3)?,
        is_primary: row.try_get(4)?,
        is_unique: row.try_get(5)?,
        is_valid: row.try_get(6)?,
        is_partial: row.try_get(7)?,
        is_deferrable: row.try_get(8)?,
        method: row.try_get(9)?,
    })
}

fn foreign_key(row: &Row) -> Result<ForeignKey> {
    let action = |place: usize| {
        one_of(
            row.try_get(place)?,
            &[
                ("a", Action::NoAction),
                ("r", Action::Restrict),
                ("c", Action::Cascade),
                ("n", Action::SetNull),
                ("d", Action::SetDefault),
            ],
        )
    };
    Ok(ForeignKey {
        name: row.try_get(1)?,
        columns: row.try_get(2)?,
        parent: Name {
            schema: row.try_get(3)?,
            table: row.try_get(4)?,
        },
        parent_columns: row.try_get(5)?,
        on_delete: action(6)?,
        on_delete_columns: row.try_get(7)?,
        on_update: action(8)?,
        matches: one_of(row.try_get(9)?, &[("s", Match::Simple), ("f", Match::Full)])?,
        is_deferrable: row.try_get(10)?,
        is_deferred: row.try_get(11)?,
        is_validated: row.try_get(12)?,
        is_enforced: row.try_get(13)?,
        is_temporal: row.try_get(14)?,
        is_inherited: row.try_get(15)?,
        is_silenced: row.try_get(16)?,
    })
}

/// The bits of `tgtype`: `catalog/pg_trigger.h`.
fn trigger(row: &Row) -> Result<Trigger> {
    let bits: i16 = row.try_get(3)?;
    let has = |bit: u8| bits & (1 << bit) != 0;
    Ok(Trigger {
        name: row.try_get(1)?,
        enabled: one_of(
            row.try_get(2)?,
            &[
                ("O", Enabled::Origin),
                ("D", Enabled::Disabled),
                ("R", Enabled::Replica),
                ("A", Enabled::Always),
            ],
        )?,
        for_each_row: has(0),
        on_insert: has(2),
        on_delete: has(3),
        on_update: has(4),
        on_truncate: has(5),
    })
}

fn names(row: &Row, place: usize) -> Result<Vec<Name>> {
    // The crate reads arrays of one dimension, so the pairs lie flat.
    let flat: Vec<String> = row.try_get(place)?;
    let pairs = flat.chunks_exact(2).filter_map(|pair| match pair {
        [schema, table] => Some(Name {
            schema: schema.clone(),
            table: table.clone(),
        }),
        _ => None,
    });
    Ok(pairs.collect())
}

/// The meaning of a letter; a new one of a version to come is an error, not a guess.
fn one_of<T: Copy>(letter: &str, meanings: &[(&str, T)]) -> Result<T> {
    let found = meanings.iter().find(|(known, _)| *known == letter);
    let meaning = found.map(|(_, meaning)| *meaning);
    meaning.ok_or_else(|| anyhow!("the catalogs hold {letter:?}, which fkfix does not know"))
}
