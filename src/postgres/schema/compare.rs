//! How the columns of a key compare.

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::postgres::catalog::{ForeignKey, Table, quoted};

/// A column of the child and the one of the parent.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The child's column.
    pub(crate) child: String,
    /// The parent's column.
    pub(crate) parent: String,
    /// As PostgreSQL compares them in a key: `pg_catalog.=`.
    pub(crate) operator: String,
    /// The type that the child's value is taken as, where it is another.
    pub(crate) cast: Option<String>,
    /// The parent's collation, where the child has another: a plain join fails (42P22).
    pub(crate) collation: Option<String>,
    /// The collations differ, and one of them takes several spellings for one value: PostgreSQL 18
    /// allows no key between them.
    pub(crate) collations_clash: bool,
}

/// Columns that PostgreSQL can't compare in a key (42804).
pub(crate) struct Misfit {
    child: String,
    child_type: String,
    parent: String,
    parent_type: String,
}

impl Misfit {
    pub(crate) fn told(&self, child: &Table, child_shown: &str, parent_shown: &str) -> Failure {
        let column = quoted(&self.child);
        Failure::impossible(format!(
            "{child_shown}.{} is {} and {parent_shown}.{} is {}; PostgreSQL can't compare them in a key",
            self.child, self.child_type, self.parent, self.parent_type
        ))
        .hint(format!(
            "ALTER TABLE {} ALTER COLUMN {column} TYPE {} USING {column}::{}; it rewrites the table, and values that can't be cast are orphans",
            child.name, self.parent_type, self.parent_type
        ))
    }
}

/// How PostgreSQL compares the columns of a key: by the equality of the parent's index, for the
/// child's type or, where it converts by itself, for the index's own (`ATAddForeignKeyConstraint` in
/// tablecmds.c).
const PAIRS: &str = "
    WITH RECURSIVE pair AS (
        SELECT k.place, ca.atttypid AS child, pa.atttypid AS parent, pa.attnum AS number,
               k.c, k.p, format_type(ca.atttypid, ca.atttypmod) AS child_type,
               format_type(pa.atttypid, pa.atttypmod) AS parent_type,
               CASE WHEN ca.attcollation <> pa.attcollation AND pa.attcollation <> 0 THEN
                   (SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname)
                    FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
                    WHERE l.oid = pa.attcollation) END AS collation,
               ca.attcollation <> pa.attcollation AND EXISTS (
                   SELECT FROM pg_collation l WHERE l.oid IN (ca.attcollation, pa.attcollation)
                   AND NOT l.collisdeterministic) AS clash
        FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS k (c, p, place)
        JOIN pg_attribute ca ON ca.attrelid = $1 AND ca.attname = k.c AND NOT ca.attisdropped
        JOIN pg_attribute pa ON pa.attrelid = $2 AND pa.attname = k.p AND NOT pa.attisdropped),
    based (place, is_child, oid) AS (
        (SELECT place, true, child FROM pair UNION ALL SELECT place, false, parent FROM pair)
        UNION ALL
        SELECT b.place, b.is_child, t.typbasetype FROM based b
        JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd'),
    base AS (SELECT b.* FROM based b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd'),
    parent_key AS (
        SELECT i.* FROM pg_index i
        WHERE i.indrelid = $2 AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL
          AND ARRAY(SELECT i.indkey[n] FROM generate_series(0, i.indnkeyatts - 1) n ORDER BY 1)
            = ARRAY(SELECT number FROM pair ORDER BY 1)
        ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)
    SELECT p.c, p.p, p.child_type, p.parent_type, p.collation,
           (SELECT quote_ident(n.nspname) || '.' || o.oprname FROM pg_operator o
            JOIN pg_namespace n ON n.oid = o.oprnamespace
            WHERE o.oid = CASE WHEN exact.amopopr IS NOT NULL THEN exact.amopopr
                WHEN child.oid = oc.opcintype
                  OR (ot.typtype = 'p' AND child.oid = parent.oid)
                  OR EXISTS (SELECT FROM pg_cast WHERE castsource = child.oid
                             AND casttarget = oc.opcintype AND castcontext = 'i')
                THEN own.amopopr END),
           CASE WHEN exact.amopopr IS NULL AND ot.typtype <> 'p' AND child.oid <> oc.opcintype
                THEN format_type(oc.opcintype, NULL) END,
           p.clash
    FROM pair p
    JOIN base child ON child.place = p.place AND child.is_child
    JOIN base parent ON parent.place = p.place AND NOT parent.is_child
    CROSS JOIN parent_key i
    JOIN generate_series(0, i.indnkeyatts - 1) AS n ON i.indkey[n] = p.number
    JOIN pg_opclass oc ON oc.oid = i.indclass[n]
    JOIN pg_type ot ON ot.oid = oc.opcintype
    LEFT JOIN pg_amop exact ON exact.amopfamily = oc.opcfamily AND exact.amopstrategy = 3
        AND exact.amoplefttype = oc.opcintype AND exact.amoprighttype = child.oid
    LEFT JOIN pg_amop own ON own.amopfamily = oc.opcfamily AND own.amopstrategy = 3
        AND own.amoplefttype = oc.opcintype AND own.amoprighttype = oc.opcintype
    ORDER BY p.place";

/// How the columns of `key` compare, or which of them do not.
pub(crate) fn pairs(
    transaction: &mut Transaction,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
) -> Result<Result<Vec<Pair>, Misfit>> {
    let rows = transaction.query_typed(
        PAIRS,
        &[
            (&child.oid, Type::OID),
            (&parent.oid, Type::OID),
            (&key.columns, Type::TEXT_ARRAY),
            (&key.parent_columns, Type::TEXT_ARRAY),
        ],
    )?;
    let mut pairs = Vec::new();
    for row in &rows {
        let (child, parent) = (row.try_get(0)?, row.try_get(1)?);
        let operator: Option<String> = row.try_get(5)?;
        let Some(operator) = operator else {
            return Ok(Err(Misfit {
                child,
                child_type: row.try_get(2)?,
                parent,
                parent_type: row.try_get(3)?,
            }));
        };
        pairs.push(Pair {
            child,
            parent,
            operator,
            cast: row.try_get(6)?,
            collation: row.try_get(4)?,
            collations_clash: row.try_get(7)?,
        });
    }
    anyhow::ensure!(
        pairs.len() == key.columns.len(),
        "the columns of {} could not be read",
        key.name
    );
    Ok(Ok(pairs))
}
