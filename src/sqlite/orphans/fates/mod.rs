//! Whether a row whose parent is missing leaves, or stays and forgets its key.

mod demote;
mod trial;

use anyhow::Result;
use rusqlite::Connection;

use super::lists::{self, Fate, Forgetting, KEYS_PER_PASS, Lists, Removal};
use crate::model::key::KeyId;
use crate::policy::Wish;
use crate::sqlite::keys::conditions;
use crate::sqlite::schema::foreign_key::{ForeignKey, NamedKey};
use crate::sqlite::schema::full_text;
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Affinity, Table};
use crate::sqlite::text::ddl::{self, quote, same_name};

/// Decides for the keys of a search.
pub struct Fates<'a> {
    connection: &'a Connection,
    keys: &'a [NamedKey],
}

impl<'a> Fates<'a> {
    /// For `keys`, in the order in which the search numbers them.
    pub fn new(connection: &'a Connection, keys: &'a [NamedKey]) -> Self {
        Fates { connection, keys }
    }

    /// What happens to rows of `child` by the key `id`, for which `wish` asks. Why they can't have
    /// it is noted in `lists`.
    pub fn fate(
        &self,
        lists: &mut Lists<'_>,
        child: &Table,
        id: KeyId,
        wish: Wish,
    ) -> Result<Fate> {
        let Some(NamedKey { key, .. }) = self.keys.get(id.0) else {
            return Ok(Fate::Leaves);
        };
        let to_default = match wish {
            Wish::Leave | Wish::Block => return Ok(Fate::Leaves),
            Wish::ToNull => false,
            Wish::ToDefault => key.columns.iter().any(|name| has_default(child, name)),
        };
        if let Some(known) = lists.forgets.iter().find(|it| it.key == id) {
            return Ok(Fate::Forgets(known.mark));
        }
        let own = lists.forgets.iter();
        let own = own.filter(|it| same_name(&it.child, &child.name)).count();
        let why = match self.obstacle(child, key, to_default)? {
            Some(why) => Some(why),
            None => (own == KEYS_PER_PASS).then(|| "too many keys may be forgotten".to_owned()),
        };
        if let Some(why) = why {
            if !lists.whys.iter().any(|(known, _)| *known == id) {
                lists.whys.push((id, why));
            }
            return Ok(Fate::Leaves);
        }
        let defaults = if to_default {
            Some(lists.free_name(&format!("fkfix_defaults_{}", id.0 + 1))?)
        } else {
            None
        };
        let mark = 1 << own;
        lists.forgets.push(Forgetting {
            key: id,
            child: child.name.clone(),
            mark,
            columns: key.columns.clone(),
            defaults,
        });
        Ok(Fate::Forgets(mark))
    }

    /// Why no row of `child` can stay and forget `key`, if none can.
    fn obstacle(
        &self,
        child: &Table,
        key: &ForeignKey,
        to_default: bool,
    ) -> Result<Option<String>> {
        let primary_key = schema::primary_key(self.connection, &child.name)?;
        let has = |names: &[String], name: &str| names.iter().any(|it| same_name(it, name));
        for name in &key.columns {
            let Some(column) = child.column(name) else {
                continue;
            };
            if column.generated {
                return Ok(Some(format!("{name} is a generated column")));
            }
            if has(&primary_key, name) {
                return Ok(Some(format!("{name} is part of the PRIMARY KEY")));
            }
            if column.not_null && !(to_default && has_default(child, name)) {
                return Ok(Some(format!("{name} may not be NULL")));
            }
            if self.is_in_full_text(child, name) {
                return Ok(Some(format!("a full-text index has {name}")));
            }
            let refers = |it: &&NamedKey| {
                same_name(&it.key.parent, &child.name) && has(&it.key.parent_columns, name)
            };
            if self.keys.iter().any(|it| refers(&it)) {
                return Ok(Some(format!("other keys refer to {name}")));
            }
        }
        Ok(None)
    }

    /// Whether a full-text index may take its text from `column` of `table`; also where it can't be
    /// told.
    fn is_in_full_text(&self, table: &Table, column: &str) -> bool {
        let query = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema AS m, pragma_table_xinfo AS x WHERE m.type = 'table' AND m.sql LIKE 'create virtual table%' AND m.sql LIKE '%fts%' AND m.sql LIKE '%content%' AND instr(lower(m.sql), lower(?1)) AND x.arg = m.name AND x.schema = 'main' AND x.name = ?2 COLLATE NOCASE)";
        let found = self
            .connection
            .query_row(query, [&table.name, column], |row| row.get(0));
        // The text may spell the name of the table otherwise, in any quoting.
        found.unwrap_or(true)
            || full_text::has_column(self.connection, &table.name, column).unwrap_or(true)
    }

    /// The keys of `table` that its rows could break by the defaults of `forgetting`.
    pub fn keys_over(&self, table: &Table, forgetting: &Forgetting) -> Result<Vec<KeyOver<'a>>> {
        let mut over = Vec::new();
        for NamedKey { key, .. } in self.keys {
            let touched = |it: &String| forgetting.columns.iter().any(|name| same_name(name, it));
            if !same_name(&key.child, &table.name) || !key.columns.iter().any(touched) {
                continue;
            }
            let Ok(parent) = Table::read(self.connection, &key.parent) else {
                continue;
            };
            if scratch::has_parent_key(&parent, key) {
                over.push(KeyOver { key, parent });
            }
        }
        Ok(over)
    }
}

/// A key over a column that becomes its default.
pub struct KeyOver<'a> {
    key: &'a ForeignKey,
    /// Its parent.
    pub parent: Table,
}

/// The temporary table with the defaults of the columns of `forgetting`, as `table` would store
/// them, and the statements that make it; none where they become NULL.
pub fn defaults<'f>(table: &Table, forgetting: &'f Forgetting) -> Option<(&'f str, [String; 2])> {
    let name = forgetting.defaults.as_deref()?;
    let columns = forgetting.columns.iter().filter_map(|it| table.column(it));
    let columns = columns.map(|column| {
        let default = column.default.as_deref().unwrap_or("NULL");
        let declared = match column.affinity {
            Affinity::Blob => String::new(),
            _ => format!(" {}", quote(&column.declared_type)),
        };
        // Behind a line break, where a comment at its end can't hide the parenthesis. A bare
        // name is a string, but not in parentheses.
        let bare = ddl::tokens(default).is_ok_and(|it| it.len() == 1);
        let default = if bare {
            format!("{default}\n")
        } else {
            format!("({default}\n)")
        };
        format!("{}{declared} DEFAULT {default}", quote(&column.name))
    });
    let (columns, quoted) = (columns.collect::<Vec<_>>().join(", "), quote(name));
    Some((
        name,
        [
            format!("CREATE TABLE temp.{quoted} ({columns})"),
            format!("INSERT INTO temp.{quoted} DEFAULT VALUES"),
        ],
    ))
}

/// The condition that the row `l` of the list of `removal` would break a key over columns of
/// `forgetting` by their defaults, whose parents may be `leaving`.
pub fn without_parent(
    removal: &Removal,
    forgetting: &Forgetting,
    over: &KeyOver<'_>,
    leaving: Option<&Removal>,
) -> String {
    let KeyOver { key, parent } = over;
    let values = key.columns.iter().map(|name| {
        let now = format!("w.{}", quote(name));
        let value = removal.set_value(name, "l.forgets", &now);
        format!("{value} AS {}", quote(name))
    });
    let complete = key.columns.iter();
    let complete = complete.map(|name| format!("n.{} IS NOT NULL", quote(name)));
    let (from, has_key) = conditions::parent_of(parent, key, "n");
    let stays = leaving.map_or(String::new(), |leaving| {
        format!(" AND NOT {}", lists::listed("p", leaving))
    });
    format!(
        "l.forgets & {} AND EXISTS (SELECT 1 FROM (SELECT {} FROM {} WHERE {}) AS n WHERE {} AND NOT EXISTS (SELECT 1 FROM {from} WHERE {has_key}{stays}))",
        forgetting.mark,
        values.collect::<Vec<_>>().join(", "),
        removal.table.source("w"),
        lists::has_listed_key("w", removal),
        complete.collect::<Vec<_>>().join(" AND "),
    )
}

fn note_why(lists: &mut Lists<'_>, key: KeyId, why: &str) {
    if !lists.whys.iter().any(|(known, _)| *known == key) {
        lists.whys.push((key, why.to_owned()));
    }
}

fn has_default(table: &Table, column: &str) -> bool {
    let default = table.column(column).and_then(|it| it.default.as_deref());
    default.is_some_and(|it| !same_name(it.trim(), "NULL"))
}
