//! A schema with contents and statements, and the SQL for them.

use std::fmt::{self, Write as _};

const ACTIONS: [&str; 5] = [
    "NO ACTION",
    "RESTRICT",
    "CASCADE",
    "SET NULL",
    "SET DEFAULT",
];
const COLUMNS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What the columns of a schema are, so that values meet.
pub(super) const KINDS: [Kind; 5] = [
    Kind {
        declared: "INTEGER",
        values: &["1", "2", "3", "4", "5", "NULL"],
    },
    Kind {
        declared: "TEXT",
        values: &["'a'", "'b'", "'c'", "'A'", "'d'", "NULL"],
    },
    Kind {
        declared: "TEXT COLLATE NOCASE",
        values: &["'a'", "'b'", "'c'", "'A'", "'B'", "NULL"],
    },
    Kind {
        declared: "",
        values: &["1", "'1'", "x'31'", "1.5", "'b'", "NULL"],
    },
    Kind {
        declared: "NUMERIC",
        values: &["1", "'2'", "1.0", "'a'", "2.5", "NULL"],
    },
];

pub(super) struct Kind {
    declared: &'static str,
    values: &'static [&'static str],
}

/// A schema with its contents and what is done to it. Numbers are taken modulo what there is
/// to choose from.
#[derive(Clone)]
pub struct Case {
    pub(super) kind: usize,
    /// Every table has columns of another type.
    pub(super) mixed: bool,
    pub(super) tables: Vec<Table>,
    pub(super) rows: Vec<Row>,
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    /// How its primary key is declared.
    pub(super) shape: usize,
    pub(super) defaults: [Option<usize>; 5],
    pub(super) not_null: Option<usize>,
    /// A column that must not hold a value.
    pub(super) check: Option<(usize, usize)>,
    pub(super) keys: Vec<Key>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) columns: [usize; 2],
    pub(super) parent: usize,
    pub(super) on_delete: usize,
    pub(super) on_update: usize,
    /// It refers to the unique column `e` instead of the primary key.
    pub(super) unique: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) table: usize,
    pub(super) values: [usize; 5],
    /// Set a column of all rows with this first value instead of inserting.
    pub(super) update: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
pub struct Statement {
    pub(super) table: usize,
    pub(super) what: usize,
    pub(super) column: usize,
    pub(super) second: Option<usize>,
    pub(super) values: [usize; 10],
    pub(super) condition: usize,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statements = self.statements.iter().map(|it| self.sql(it).0);
        let all = self
            .schema()
            .into_iter()
            .chain(self.contents())
            .chain(statements);
        write!(f, "{}", all.collect::<Vec<_>>().join(";\n"))
    }
}

impl Table {
    /// Whether its primary key has two columns.
    fn is_composite(&self) -> bool {
        self.shape >= 4
    }
}

/// A key as it is declared.
#[derive(Debug)]
pub struct Declared {
    pub child: usize,
    pub parent: usize,
    pub columns: Vec<&'static str>,
    pub parent_columns: Vec<&'static str>,
    pub on_delete: &'static str,
    pub on_update: &'static str,
}

impl Case {
    fn value(&self, at: usize) -> &'static str {
        KINDS[self.kind].values[at]
    }

    /// Whether values that are equal are always the same.
    pub fn equal_is_same(&self) -> bool {
        self.kind == 0 && !self.mixed
    }

    pub fn keys(&self) -> Vec<Declared> {
        let mut keys = Vec::new();
        for (child, table) in self.tables.iter().enumerate() {
            for key in &table.keys {
                let parent = key.parent % self.tables.len();
                let parent_columns = match (key.unique, self.tables[parent].is_composite()) {
                    (true, _) => vec!["e"],
                    (false, true) => vec!["a", "b"],
                    (false, false) => vec!["a"],
                };
                let first = key.columns[0] % 5;
                // Mostly a column that is no part of the primary key.
                let first = if key.columns[0] < 200 {
                    1 + first % 4
                } else {
                    first
                };
                let second = (first + 1 + key.columns[1] % 4) % 5;
                let mut columns = vec![COLUMNS[first], COLUMNS[second]];
                columns.truncate(parent_columns.len());
                keys.push(Declared {
                    child,
                    parent,
                    columns,
                    parent_columns,
                    on_delete: ACTIONS.get(key.on_delete).unwrap_or(&"CASCADE"),
                    on_update: ACTIONS.get(key.on_update).unwrap_or(&"CASCADE"),
                });
            }
        }
        keys
    }

    /// Whether the children of `key` have a CHECK.
    pub fn has_check(&self, key: &Declared) -> bool {
        self.tables[key.child].check.is_some()
    }

    pub fn table_count(&self) -> usize {
        self.tables.len()
    }

    /// The statements that make the tables.
    pub fn schema(&self) -> Vec<String> {
        let keys = self.keys();
        let tables = self.tables.iter().enumerate();
        tables
            .map(|(at, table)| {
                let kind = if self.mixed {
                    self.kind + at
                } else {
                    self.kind
                };
                let declared = KINDS[kind % KINDS.len()].declared;
                let mut parts: Vec<String> = Vec::new();
                for (place, name) in COLUMNS.iter().enumerate() {
                    let mut column = format!("{name} {declared}");
                    if place == 0 {
                        match table.shape {
                            0 | 1 => column = format!("{name} INTEGER PRIMARY KEY"),
                            2 | 3 => column.push_str(" PRIMARY KEY"),
                            _ => {}
                        }
                    }
                    if let Some(default) = table.defaults[place] {
                        let _ = write!(column, " DEFAULT {}", self.value(default));
                    }
                    if table.not_null == Some(place) {
                        column.push_str(" NOT NULL");
                    }
                    if name == &"e"
                        && keys
                            .iter()
                            .any(|key| key.parent == at && key.parent_columns == ["e"])
                    {
                        column.push_str(" UNIQUE");
                    }
                    parts.push(column);
                }
                if let Some((column, value)) = table.check {
                    let (column, value) = (COLUMNS[column], self.value(value));
                    parts.push(format!("CHECK ({column} IS NOT {value})"));
                }
                if table.is_composite() {
                    parts.push("PRIMARY KEY (a, b)".to_owned());
                }
                for key in keys.iter().filter(|key| key.child == at) {
                    parts.push(format!(
                        "FOREIGN KEY ({}) REFERENCES t{} ({}) ON DELETE {} ON UPDATE {}",
                        key.columns.join(", "),
                        key.parent,
                        key.parent_columns.join(", "),
                        key.on_delete,
                        key.on_update
                    ));
                }
                let suffix = if matches!(table.shape, 3 | 5) {
                    " WITHOUT ROWID"
                } else {
                    ""
                };
                format!("CREATE TABLE t{at} ({}){suffix}", parts.join(", "))
            })
            .collect()
    }

    /// Statements that fill the tables; those that break a key fail.
    pub fn contents(&self) -> Vec<String> {
        let rows = self.rows.iter();
        rows.map(|row| {
            let table = row.table % self.tables.len();
            if let Some((column, value)) = row.update {
                return format!(
                    "UPDATE t{table} SET {} = {} WHERE a IS {}",
                    COLUMNS[column],
                    self.value(value),
                    self.value(row.values[0])
                );
            }
            format!("INSERT INTO t{table} VALUES ({})", self.tuple(&row.values))
        })
        .collect()
    }

    fn tuple(&self, values: &[usize]) -> String {
        let values: Vec<_> = values.iter().map(|at| self.value(*at)).collect();
        values.join(", ")
    }

    fn condition(&self, statement: &Statement) -> String {
        let value = self.value(statement.values[9]);
        match statement.condition {
            0..4 => format!("a IS {value}"),
            4 => format!("b IS {value}"),
            5 => format!("c IS NOT {value}"),
            6 => format!(
                "{} IN ({value}, {})",
                COLUMNS[statement.values[8] % 5],
                self.value(statement.values[7])
            ),
            _ => "1".to_owned(),
        }
    }

    /// The text of `statement`, and whether it may give a child a key.
    pub fn sql(&self, statement: &Statement) -> (String, bool) {
        let table = statement.table % self.tables.len();
        let condition = self.condition(statement);
        match statement.what {
            0..4 => (format!("DELETE FROM t{table} WHERE {condition}"), false),
            4 | 5 | 10 | 11 | 14 => {
                let rows = [&statement.values[..5], &statement.values[5..]];
                let rows: Vec<_> = rows
                    .iter()
                    .map(|row| format!("({})", self.tuple(row)))
                    .collect();
                let rows = if statement.what == 4 {
                    &rows[..1]
                } else {
                    &rows[..]
                };
                let conflict = match statement.what {
                    10 => " OR REPLACE",
                    11 => " OR IGNORE",
                    14 => " OR FAIL",
                    _ => "",
                };
                (
                    format!("INSERT{conflict} INTO t{table} VALUES {}", rows.join(", ")),
                    true,
                )
            }
            what => {
                // A conflict clause matters most where a parent key changes.
                let is_key = what >= 12 && statement.values[9] < 4;
                let mut columns = vec![if is_key { 0 } else { statement.column }];
                columns.extend(statement.second.filter(|it| *it != columns[0]));
                let sets: Vec<_> = columns
                    .iter()
                    .zip(&statement.values)
                    .map(|(column, value)| {
                        let name = COLUMNS[*column];
                        if what == 9 && KINDS[self.kind].declared == "INTEGER" {
                            format!("{name} = {name} + 1")
                        } else {
                            format!("{name} = {}", self.value(*value))
                        }
                    })
                    .collect();
                let conflict = match what {
                    12 => " OR REPLACE",
                    13 => " OR IGNORE",
                    15 | 16 => " OR FAIL",
                    17 => " OR ROLLBACK",
                    _ => "",
                };
                let is_child = self.keys().iter().any(|key| {
                    key.child == table
                        && columns
                            .iter()
                            .any(|column| key.columns.contains(&COLUMNS[*column]))
                });
                (
                    format!(
                        "UPDATE{conflict} t{table} SET {} WHERE {condition}",
                        sets.join(", ")
                    ),
                    is_child,
                )
            }
        }
    }
}
