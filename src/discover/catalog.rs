//! The tables between which keys are looked for, with what their names say.

use std::collections::{HashMap, HashSet};

use super::roles;
use super::table::{Column, Table};
use crate::model::key::{Action, ForeignKey, NamedKey, same_name};
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
    /// The keys that are declared, and whose parents are there.
    pub declared: Vec<ForeignKey>,
    /// The keys that are declared to tables that are gone.
    pub lost: Vec<NamedKey>,
    /// The rank of the table that most likely holds the people.
    pub best_people_rank: Option<usize>,
    /// Words that begin several names of tables and are no table, such as the application's.
    prefixes: HashSet<String>,
    places: HashMap<String, usize>,
    /// The same by their names in lower case.
    folded: HashMap<String, usize>,
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
    /// The word that its columns begin with, as in `c_name` and `c_phone`.
    pub mark: Option<Word>,
}

/// What a row can be referred to by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentKey {
    /// The columns.
    pub columns: Vec<String>,
    /// They are the primary key, or look like it in a table that has none.
    pub is_primary: bool,
    /// They are declared to be a key, and no column that only looks like one.
    pub is_declared: bool,
}

impl Catalog {
    /// Of these tables and the keys that they declare.
    #[must_use]
    pub fn new(subjects: Vec<Subject>, declared: Vec<ForeignKey>) -> Self {
        let places = subjects.iter().enumerate();
        Catalog {
            places: places.map(|(at, it)| (it.table.name.clone(), at)).collect(),
            folded: subjects
                .iter()
                .enumerate()
                .map(|(at, it)| (it.table.name.to_ascii_lowercase(), at))
                .collect(),
            best_people_rank: subjects.iter().filter_map(|it| it.people_rank).min(),
            prefixes: prefixes(&subjects),
            subjects,
            declared,
            lost: Vec::new(),
        }
    }

    /// The same, of whose declared keys those that are `lost` have no parent table any more.
    #[must_use]
    pub fn with_lost(mut self, lost: Vec<NamedKey>) -> Self {
        self.declared
            .retain(|key| !lost.iter().any(|it| it.key.parent == key.parent));
        self.lost = lost;
        self
    }

    /// The table called `name`.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.get(self.place(name)?)
    }

    /// Where the table called `name` stands among the tables.
    pub fn place(&self, name: &str) -> Option<usize> {
        let exact = self.places.get(name);
        exact
            .or_else(|| self.folded.get(&name.to_ascii_lowercase()))
            .copied()
    }

    /// Whether several tables begin with these words and none is called by them alone, as with
    /// the name of an application in `auth_user` and `auth_group`.
    pub fn is_prefix(&self, words: &[Word]) -> bool {
        self.prefixes.contains(&joined(words))
    }
}

/// The words that begin the names of two tables or more, and are the name of none.
fn prefixes(subjects: &[Subject]) -> HashSet<String> {
    let mut begin: HashMap<String, usize> = HashMap::new();
    for subject in subjects {
        for length in 1..subject.words.len() {
            let words = subject.words.get(..length).unwrap_or_default();
            *begin.entry(joined(words)).or_default() += 1;
        }
    }
    begin.retain(|_, tables| *tables > 1);
    let is_table = |words: &String| {
        let words = words::split(words);
        subjects.iter().any(|it| words::same(&it.words, &words))
    };
    begin.into_keys().filter(|it| !is_table(it)).collect()
}

fn joined(words: &[Word]) -> String {
    let texts: Vec<_> = words.iter().map(Word::as_str).collect();
    texts.join("_")
}

impl Subject {
    /// The table with its primary key, empty where it has none, and its other unique keys.
    #[must_use]
    pub fn new(table: Table, primary: Vec<String>, unique: Vec<Vec<String>>) -> Self {
        let words = without_marks(words::split(&table.bare));
        let mut keys = Vec::new();
        if primary.is_empty() && unique.is_empty() {
            let column = table.columns.iter().find(|column| {
                let column = words::split(&column.name);
                column == ["id"] || column == ["uuid"] || is_id_of(&column, &words)
            });
            keys.extend(column.map(|column| ParentKey {
                columns: vec![column.name.clone()],
                is_primary: true,
                is_declared: false,
            }));
        } else if !primary.is_empty() {
            keys.push(ParentKey {
                columns: primary,
                is_primary: true,
                is_declared: true,
            });
        }
        for columns in unique {
            if !keys.iter().any(|key| key.columns == columns) {
                keys.push(ParentKey {
                    columns,
                    is_primary: false,
                    is_declared: true,
                });
            }
        }
        Subject {
            people_rank: roles::people_rank(&words).or_else(|| roles::people_by_columns(&table)),
            mark: mark(&table),
            table,
            words,
            keys,
        }
    }

    /// The words of `column` without the one that all columns of the table begin with.
    pub fn bare(&self, column: &str) -> Vec<Word> {
        let mut words = words::split(column);
        if words.len() > 1 && words.first() == self.mark.as_ref() {
            words.remove(0);
        }
        words
    }

    /// The key from `columns` of this table to the key `to` of `parent`.
    pub fn key_to(&self, columns: &[&Column], parent: &Subject, to: &ParentKey) -> ForeignKey {
        ForeignKey {
            child: self.table.name.clone(),
            columns: columns.iter().map(|column| column.name.clone()).collect(),
            parent: parent.table.name.clone(),
            parent_columns: to.columns.clone(),
            on_delete: Action::NoAction,
            on_update: Action::NoAction,
        }
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

/// The word that three in four columns begin with.
fn mark(table: &Table) -> Option<Word> {
    let names = table
        .columns
        .iter()
        .map(|column| words::split(&column.name));
    let firsts: Vec<Word> = names
        .filter(|words| words.len() > 1)
        .filter_map(|words| words.into_iter().next())
        .collect();
    let columns = table.columns.len();
    let is_mark = |word: &&Word| {
        let with_it = firsts.iter().filter(|it| it == word).count();
        with_it >= 3 && with_it * 4 >= columns * 3
    };
    firsts.iter().find(is_mark).cloned()
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
