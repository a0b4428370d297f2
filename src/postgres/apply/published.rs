//! Publications that publish tables as they are made: fkfix's own among them.

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::postgres::database::own::{HISTORY, Own};
use crate::postgres::schema::Schema;
use crate::text;

/// What to know of them before a migration of `children` is applied: a subscriber stops at the first
/// row of a table that it lacks, until it has it ("logical replication target relation does not
/// exist", `logicalrep_rel_open` in relation.c).
pub fn warning(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    children: &[String],
) -> Result<Option<String>> {
    let of_schemas = if schema.version >= 150_000 {
        "OR EXISTS (SELECT FROM pg_publication_namespace n JOIN pg_namespace s ON s.oid = n.pnnspid
                    WHERE n.pnpubid = p.oid AND s.nspname = ANY ($1))"
    } else {
        "AND $1::text[] IS NOT NULL"
    };
    let rows = transaction.query_typed(
        &format!(
            "SELECT p.pubname::text FROM pg_publication p WHERE p.pubinsert AND (p.puballtables {of_schemas}) ORDER BY 1"
        ),
        &[(&schema.path, Type::TEXT_ARRAY)],
    )?;
    let names = rows.iter().map(|row| row.try_get(0));
    let names: Vec<String> = names.collect::<std::result::Result<_, _>>()?;
    if names.is_empty() {
        return Ok(None);
    }
    let archives: Vec<_> = children.iter().map(|it| format!("{it}_orphans")).collect();
    Ok(Some(format!(
        "{} publishes tables as they are made, and a subscriber that lacks one of them stops: make {} and {} there too, and refresh the subscription",
        text::listing(&names),
        own.table(HISTORY),
        text::listing(&archives)
    )))
}
