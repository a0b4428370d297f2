//! What is known of the rows of one table that are listed: how many leave, by which keys, and which
//! keys the others forget.

use crate::model::key::KeyId;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{quote, same_name};

/// The rows of one table that leave, and those that are listed to be counted.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The table that loses them.
    pub table: Table,
    /// The temporary table that lists them.
    pub list: String,
    /// How many.
    pub rows: i64,
    /// How many listed rows break a key themselves, each counted once, be it one that makes them
    /// leave or one that is only watched.
    pub orphans: i64,
    /// How many of these break more than one.
    pub break_several: i64,
    /// How many rows the table has in all.
    pub of: i64,
    /// How many of them break each key, and how many hang on a removed row by it. A row that
    /// breaks two keys counts for both; one that follows, for the key by which it was reached.
    pub reasons: Vec<Reason>,
    /// How many listed rows stay, and forget keys instead.
    pub kept: i64,
    /// The keys that listed rows may forget.
    pub forgets: Vec<Forgetting>,
    /// Some listed rows may stay.
    pub mixed: bool,
}

impl Removal {
    /// Of no row yet: those of `table` will be listed in `list`.
    #[must_use]
    pub fn new(table: Table, list: String) -> Self {
        Removal {
            table,
            list,
            rows: 0,
            orphans: 0,
            break_several: 0,
            of: 0,
            reasons: Vec::new(),
            kept: 0,
            forgets: Vec::new(),
            mixed: false,
        }
    }

    /// How many rows are moved or changed: those that leave, and those that stay and forget keys.
    #[must_use]
    pub fn touched(&self) -> i64 {
        self.rows + self.kept
    }

    /// The columns that rows which stay lose the value of, each once.
    #[must_use]
    pub fn set_columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        for column in self.forgets.iter().flat_map(|it| &it.columns) {
            if !columns.iter().any(|known| same_name(known, column)) {
                columns.push(column);
            }
        }
        columns
    }

    /// An expression for what `column` becomes in a row that forgets the keys of `forgets`, or
    /// `otherwise`. Where one key makes it NULL and another its default, it becomes NULL.
    #[must_use]
    pub fn set_value(&self, column: &str, forgets: &str, otherwise: &str) -> String {
        let has = |it: &&Forgetting| it.columns.iter().any(|name| same_name(name, column));
        let mut keys: Vec<_> = self.forgets.iter().filter(has).collect();
        keys.sort_by_key(|it| it.defaults.is_some());
        let cases = keys.iter().map(|it| {
            let value = it.value(column);
            format!(" WHEN {forgets} & {} THEN {value}", it.mark)
        });
        let cases: String = cases.collect();
        if cases.is_empty() {
            return otherwise.to_owned();
        }
        format!("CASE{cases} ELSE {otherwise} END")
    }
}

/// A key that rows forget: its columns become NULL or their default.
#[derive(Clone, Debug)]
pub struct Forgetting {
    /// The key, among those of the search.
    pub key: KeyId,
    /// The child table.
    pub child: String,
    /// The bit of `forgets` that tells which rows of the list.
    pub mark: i64,
    /// The columns.
    pub columns: Vec<String>,
    /// The temporary table whose one row has the defaults of the columns; none where they become
    /// NULL.
    pub defaults: Option<String>,
}

impl Forgetting {
    /// What `column` becomes, as an expression.
    #[must_use]
    pub fn value(&self, column: &str) -> String {
        match &self.defaults {
            Some(defaults) => format!("(SELECT {} FROM temp.{})", quote(column), quote(defaults)),
            None => "NULL".to_owned(),
        }
    }
}

/// Why rows leave.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The key, among those of the search.
    pub key: KeyId,
    /// The number of rows.
    pub rows: i64,
    /// The rows break the key themselves; otherwise they refer by it to rows that leave, and
    /// follow these.
    pub breaks: bool,
    /// The bit of `marks` that tells which rows of the list; 0 where none does.
    pub mark: i64,
    /// How many of the rows stay, and forget the key.
    pub kept: i64,
    /// Why rows leave all the same whose key says that they may stay.
    pub why: Option<String>,
}

/// The rows that leave `table`, if any of `removals` is of it.
#[must_use]
pub fn find<'r>(removals: &'r [Removal], table: &str) -> Option<&'r Removal> {
    let mut removals = removals.iter();
    removals.find(|removal| same_name(&removal.table.name, table))
}
