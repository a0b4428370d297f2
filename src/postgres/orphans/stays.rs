//! Whether rows can stay without their key, and what they get in its place: NULL, or the default.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::policy::Wish;
use crate::postgres::catalog::{Match, Table};
use crate::postgres::keys::Key;
use crate::postgres::schema::Schema;

/// What a column becomes in a row that stays: NULL, or the constant that is its default, as SQL
/// writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The column.
    pub column: String,
    /// Its type, as SQL writes it.
    pub type_name: String,
    /// The default; none for NULL.
    pub default: Option<String>,
}

impl Assigned {
    /// The value as SQL writes it.
    #[must_use]
    pub fn value(&self) -> String {
        let value = self.default.as_deref().unwrap_or("NULL");
        format!("({value})::{}", self.type_name)
    }

    /// The text of the literal, as an expression: what the archive remembers to have been put there.
    #[must_use]
    pub fn literal(&self) -> String {
        literal_of(&self.value())
    }
}

/// The literal of a value, as an expression.
#[must_use]
pub fn literal_of(value: &str) -> String {
    format!("pg_catalog.quote_nullable(({value})::pg_catalog.text)")
}

/// What the catalogs say of a column that may be set.
struct Told {
    is_domain: bool,
    /// A unique index, or an exclusion, has it …
    is_unique: bool,
    /// … and goes by expressions, by some rows, or takes no NULL twice.
    is_odd: bool,
}

const TOLD: &str = "
    SELECT t.typtype = 'd', coalesce(bool_or(x.has), false), coalesce(bool_or(x.has AND x.odd), false)
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN LATERAL (
        SELECT a.attnum = ANY (i.indkey) OR EXISTS (
                   SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum) AS has,
               i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR
               coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS odd
        FROM pg_index i
        WHERE i.indrelid = a.attrelid AND (i.indisunique OR i.indisexclusion)) AS x ON true
    WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped
    GROUP BY 1";

fn told(transaction: &mut Transaction, table: &Table, column: &str) -> Result<Told> {
    let row =
        transaction.query_typed_one(TOLD, &[(&table.oid, Type::OID), (&column, Type::TEXT)])?;
    Ok(Told {
        is_domain: row.try_get(0)?,
        is_unique: row.try_get(1)?,
        is_odd: row.try_get(2)?,
    })
}

/// What rows of the child get in the place of `key`, as they `wish`; or why no row of it can stay.
/// `keeps` tells whether the archive has to find the row again.
pub fn instead(
    transaction: &mut Transaction,
    schema: &Schema,
    key: &Key,
    wish: Wish,
    keeps: bool,
    asked: &[Key],
) -> Result<Result<Vec<Assigned>, String>> {
    let child = &key.child;
    let to_default = wish == Wish::ToDefault;
    let names = if key.key.on_delete_columns.is_empty() {
        &key.key.columns
    } else {
        &key.key.on_delete_columns
    };
    if key.key.matches == Match::Full && names.len() < key.key.columns.len() {
        return Ok(Err("MATCH FULL takes no key that is partly NULL".to_owned()));
    }
    let mut assigned = Vec::new();
    for name in names {
        let Some(column) = child.columns.iter().find(|it| it.name == *name) else {
            return Ok(Err(format!("there is no column {name}")));
        };
        if column.generated.is_some() {
            return Ok(Err(format!("{name} is a generated column")));
        }
        let is_primary = |index: &&crate::postgres::catalog::Index| index.is_primary;
        let primary = child.indexes.iter().find(is_primary);
        if primary.is_some_and(|it| it.columns.iter().flatten().any(|it| it == name)) {
            return Ok(Err(format!("{name} is part of the PRIMARY KEY")));
        }
        let default = column.default.as_deref().filter(|_| to_default);
        let default = match default {
            Some(text) if !is_constant(text) => {
                return Ok(Err(format!("the default of {name} is no constant")));
            }
            Some(text) if is_null(text) => None,
            other => other,
        };
        if column.not_null && default.is_none() {
            return Ok(Err(format!("{name} may not be NULL")));
        }
        if is_referred_to(schema, asked, child, name) {
            return Ok(Err(format!("other keys refer to {name}")));
        }
        if let Some(other) = partly(schema, asked, child, names, name) {
            return Ok(Err(format!("{other} is MATCH FULL and has {name} too")));
        }
        let told = told(transaction, child, name)?;
        if told.is_odd || (told.is_unique && default.is_some()) {
            return Ok(Err(format!("a unique index has {name} and may forbid it")));
        }
        let set = Assigned {
            column: name.clone(),
            type_name: column.type_name.clone(),
            default: default.map(str::to_owned),
        };
        if told.is_domain && !takes(transaction, &set)? {
            return Ok(Err(match default {
                Some(_) => format!("the type of {name} does not take its default"),
                None => format!("{name} may not be NULL"),
            }));
        }
        assigned.push(set);
    }
    if keeps && child.identity().is_none() {
        return Ok(Err(format!(
            "{} has no PRIMARY KEY, by which the row could be found again",
            key.child_shown
        )));
    }
    Ok(Ok(assigned))
}

fn is_referred_to(schema: &Schema, asked: &[Key], child: &Rc<Table>, name: &str) -> bool {
    // A key may refer to the whole of which this is a partition.
    let kin = schema.kin(child);
    let declared = schema.tables.iter().flat_map(|it| &it.foreign_keys);
    let mut declared = declared.filter(|key| kin.iter().any(|it| it.name == key.parent));
    let mut asked = asked
        .iter()
        .filter(|key| kin.iter().any(|it| it.oid == key.parent.oid));
    declared.any(|key| key.parent_columns.iter().any(|it| it == name))
        || asked.any(|key| key.key.parent_columns.iter().any(|it| it == name))
}

/// Another key of the child that is MATCH FULL, has `name` and not only `names`.
fn partly(
    schema: &Schema,
    asked: &[Key],
    child: &Rc<Table>,
    names: &[String],
    name: &str,
) -> Option<String> {
    let declared = schema.by_oid(child.oid);
    let declared = declared.into_iter().flat_map(|it| &it.foreign_keys);
    let asked = asked.iter().filter(|key| key.child.oid == child.oid);
    let mut keys = declared.chain(asked.map(|it| &it.key));
    let found = keys.find(|key| {
        key.matches == Match::Full
            && key.columns.iter().any(|it| it == name)
            && !key.columns.iter().all(|it| names.contains(it))
    });
    found.map(|key| key.name.clone())
}

/// Whether the type takes the value: a domain may not.
fn takes(transaction: &mut Transaction, set: &Assigned) -> Result<bool> {
    let mut attempt = transaction.transaction()?;
    let found = attempt.query_typed(&format!("SELECT {}", set.value()), &[]);
    let takes = found.is_ok();
    attempt.rollback()?;
    if let Err(error) = found
        && !error
            .code()
            .is_some_and(|code| code.code().starts_with("23"))
    {
        return Err(error.into());
    }
    Ok(takes)
}

/// Whether a default, as PostgreSQL writes it, is the same for every row: a literal with a type
/// behind it. What may be computed anew is none.
fn is_constant(default: &str) -> bool {
    let rest = if let Some(quoted) = default.strip_prefix('\'') {
        behind_literal(quoted)
    } else {
        let (word, rest) = default.split_at(default.find("::").unwrap_or(default.len()));
        let is_number = word.starts_with(|it: char| it == '-' || it.is_ascii_digit());
        let mut digits = word.bytes().skip(1);
        let is_number = is_number && digits.all(|it| it == b'.' || it.is_ascii_digit());
        (is_number || ["true", "false", "NULL"].contains(&word)).then_some(rest)
    };
    rest.is_some_and(|it| it.is_empty() || (it.starts_with("::") && !it.contains(['\'', '|', '+'])))
}

/// What stands behind the quote that ends a literal; none where there is none.
fn behind_literal(quoted: &str) -> Option<&str> {
    let mut from = 0;
    loop {
        let at = from + quoted.get(from..)?.find('\'')?;
        let rest = quoted.get(at + 1..)?;
        if !rest.starts_with('\'') {
            return Some(rest);
        }
        from = at + 2;
    }
}

fn is_null(default: &str) -> bool {
    default == "NULL" || default.starts_with("NULL::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_for_every_row_is_a_constant() {
        for text in [
            "1",
            "-1",
            "'-1'::integer",
            "0.5",
            "true",
            "NULL::character varying",
            "'it''s'::text",
            "'1.5'::numeric(10,2)",
            "'a'::app.verdict",
            "'2026-01-01 00:00:00+00'::timestamp with time zone",
            "'{}'::text[]",
        ] {
            assert!(is_constant(text), "{text}");
        }
        for text in [
            "now()",
            "CURRENT_TIMESTAMP",
            "CURRENT_USER",
            "nextval('s'::regclass)",
            "gen_random_uuid()",
            "('a'::text || 'b'::text)",
            "'a'::text || now()",
            "(1 + 1)",
            "lower('A'::text)",
            "ARRAY[1, 2]",
            "",
        ] {
            assert!(!is_constant(text), "{text}");
        }
    }
}
