//! The tables between which keys are looked for, with what their names say.

use anyhow::Result;
use rusqlite::Connection;

use super::roles;
use crate::sqlite::apply::history;
use crate::sqlite::schema::foreign_key::{self, Action, ForeignKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Column, Table};
use crate::sqlite::text::ddl::same_name;
use crate::words::{self, Word};

/// What people put before or behind the name of a table to say that it is one.
const TABLE_MARKS: [&str; 14] = [
    "tbl", "tb", "tab", "table", "t", "dim", "fact", "ref", "lkp", "lu", "lookup", "mst", "master",
    "m",
];

/// The tables of a database and the keys that they declare.
pub struct Catalog {
    /// The ordinary tables, in the order of the schema; fkfix's own left out.
    pub subjects: Vec<Subject>,
    /// The keys that are declared.
    pub declared: Vec<ForeignKey>,
    /// The rank of the table that most likely holds the people.
    pub best_people_rank: Option<usize>,
}

/// A table.
pub struct Subject {
    /// The table as found.
    pub table: Table,
    /// The words of its name, without marks such as `tbl`.
    pub words: Vec<Word>,
    /// How likely its rows are people: 0 is likeliest; none where they are not.
    pub people_rank: Option<usize>,
    /// What its rows can be referred to by, its primary key first.
    pub keys: Vec<ParentKey>,
}

/// What a row can be referred to by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentKey {
    /// The columns.
    pub columns: Vec<String>,
    /// They are the primary key, or look like it in a table that has none.
    pub is_primary: bool,
    /// Why SQLite could not take them as a parent key; none where it can.
    pub obstacle: Option<String>,
}

impl Catalog {
    /// Reads the tables of `connection`.
    pub fn read(connection: &Connection) -> Result<Self> {
        let own = history::own_tables(connection)?;
        let mut subjects = Vec::new();
        for name in schema::ordinary_tables(connection)? {
            if !own.iter().any(|it| same_name(it, &name)) {
                subjects.push(Subject::read(connection, &name)?);
            }
        }
        Ok(Catalog {
            best_people_rank: subjects.iter().filter_map(|it| it.people_rank).min(),
            subjects,
            declared: foreign_key::declared_keys(connection)?,
        })
    }

    /// The table called `name`.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects
            .iter()
            .find(|subject| same_name(&subject.table.name, name))
    }

    /// Whether several tables begin with these words and none is called by them alone, as with
    /// the name of an application in `auth_user` and `auth_group`.
    pub fn is_prefix(&self, words: &[Word]) -> bool {
        let begin = |subject: &&Subject| {
            subject.words.len() > words.len() && subject.words.starts_with(words)
        };
        self.subjects.iter().filter(begin).count() > 1
            && !self
                .subjects
                .iter()
                .any(|subject| words::same(&subject.words, words))
    }
}

impl Subject {
    fn read(connection: &Connection, name: &str) -> Result<Self> {
        let table = Table::read(connection, name)?;
        let words = without_marks(words::split(name));
        let mut keys = Vec::new();
        let primary = schema::primary_key(connection, name)?;
        let unique = schema::unique_keys(connection, name)?;
        if primary.is_empty() && unique.is_empty() {
            let column = table.columns.iter().find(|column| {
                let column = words::split(&column.name);
                column == ["id"] || column == ["uuid"] || is_id_of(&column, &words)
            });
            keys.extend(column.map(|column| ParentKey {
                columns: vec![column.name.clone()],
                is_primary: true,
                obstacle: None,
            }));
        } else if !primary.is_empty() {
            keys.push(ParentKey {
                columns: primary,
                is_primary: true,
                obstacle: None,
            });
        }
        for columns in unique {
            if !keys.iter().any(|key| key.columns == columns) {
                keys.push(ParentKey {
                    columns,
                    is_primary: false,
                    obstacle: None,
                });
            }
        }
        for key in &mut keys {
            key.obstacle = obstacle(&table, &key.columns);
        }
        Ok(Subject {
            people_rank: roles::people_rank(&words),
            table,
            words,
            keys,
        })
    }

    /// The keys of one column, each with that column.
    pub fn single_keys(&self) -> impl Iterator<Item = (&ParentKey, &Column)> {
        self.keys
            .iter()
            .filter_map(|key| match key.columns.as_slice() {
                [column] => Some((key, self.table.column(column)?)),
                _ => None,
            })
    }

    /// Whether `column` alone tells the table's rows apart.
    pub fn is_single_key(&self, column: &str) -> bool {
        self.single_keys()
            .any(|(_, key)| same_name(&key.name, column))
    }

    /// Whether `column` can hold no NULL: declared so, or a part of the primary key.
    pub fn is_required(&self, column: &str) -> bool {
        let in_primary = self
            .keys
            .iter()
            .any(|key| key.is_primary && key.columns.iter().any(|name| same_name(name, column)));
        in_primary
            || self
                .table
                .column(column)
                .is_some_and(|column| column.not_null)
    }
}

/// Why SQLite could not take `columns` as a parent key, if it could not.
fn obstacle(table: &Table, columns: &[String]) -> Option<String> {
    let to_itself = ForeignKey {
        child: table.name.clone(),
        columns: columns.to_vec(),
        parent: table.name.clone(),
        parent_columns: columns.to_vec(),
        on_delete: Action::NoAction,
        on_update: Action::NoAction,
    };
    match scratch::is_parent_key(table, &to_itself) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "{} ({}) is neither PRIMARY KEY nor UNIQUE",
            table.name,
            columns.join(", ")
        )),
        Err(error) => Some(crate::sqlite::file::errors::message(&error)),
    }
}

/// Whether `column` is made of the words of the table and `id`.
fn is_id_of(column: &[Word], table: &[Word]) -> bool {
    match column {
        [base @ .., last] => last == "id" && words::same(base, table),
        [] => false,
    }
}

/// The words of a table's name without those that only say that it is a table.
fn without_marks(mut words: Vec<Word>) -> Vec<Word> {
    let is_mark = |word: &Word| TABLE_MARKS.contains(&word.as_str());
    if words.len() > 1 && words.first().is_some_and(is_mark) {
        words.remove(0);
    }
    if words.len() > 1 && words.last().is_some_and(is_mark) {
        words.pop();
    }
    if let Some(first) = words.first_mut()
        && let Some(rest) = first.strip_prefix("tbl")
        && !rest.is_empty()
    {
        *first = Word::new(rest.to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_tables_are_no_part_of_their_names() {
        let words = |name| without_marks(words::split(name)).join(" ");
        for (name, bare) in [
            ("tblCustomer", "customer"),
            ("tblorderdetails", "orderdetails"),
            ("tbl_order_item", "order item"),
            ("customer_master", "customer"),
            ("T_USERS", "users"),
            ("table", "table"),
            ("t", "t"),
        ] {
            assert_eq!(words(name), bare);
        }
    }
}
