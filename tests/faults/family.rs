//! Random families: tables with keys to each other and to themselves, filled as SQLite allows with
//! foreign keys on. One seed makes one.

use std::fmt::Write as _;

use fastrand::Rng;

/// A family.
#[derive(Clone, Debug)]
pub struct Family {
    /// Statements that make the tables with their keys, and what stands around them.
    pub create: Vec<String>,
    /// The same tables without keys, and the rest.
    pub without_keys: Vec<String>,
    /// A migration that adds the keys.
    pub up: String,
    /// Its way back.
    pub down: String,
    /// Rows, each on its own; those that SQLite refuses are left out.
    pub rows: Vec<String>,
}

struct Column {
    name: String,
    kind: String,
    rest: String,
    generated: bool,
}

struct Table {
    name: String,
    columns: Vec<Column>,
    constraints: Vec<String>,
    suffix: String,
    /// The columns of its parent key, with their types.
    key: Vec<(String, String)>,
}

struct Key {
    child: usize,
    columns: Vec<String>,
    parent: usize,
    clauses: String,
}

const ACTIONS: [&str; 9] = [
    "",
    "",
    "ON DELETE CASCADE",
    "ON DELETE CASCADE ON UPDATE CASCADE",
    "ON DELETE SET NULL",
    "ON DELETE SET NULL ON UPDATE CASCADE",
    "ON DELETE SET DEFAULT",
    "ON DELETE RESTRICT",
    "ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED",
];

const NAMES: [&str; 8] = [
    "t0",
    "two words",
    "select",
    "it's",
    "w",
    "l",
    "naïve",
    "round",
];

const VALUES: [&str; 11] = [
    "NULL", "NULL", "1", "2", "3", "'a'", "'A'", "1.0", "2.5", "x'31'", "'1'",
];

struct Maker {
    random: Rng,
}

/// The family of `seed`.
pub fn family(seed: u64) -> Family {
    Maker {
        random: Rng::with_seed(seed),
    }
    .make()
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Maker {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.random.usize(0..from.len())]
    }

    fn make(&mut self) -> Family {
        let count = 2 + self.random.usize(0..4);
        let mut tables: Vec<_> = (0..count).map(|at| self.table(NAMES[at])).collect();
        let mut keys: Vec<Key> = Vec::new();
        for child in 0..count {
            for _ in 0..self.random.usize(0..4) {
                let parent = self.random.usize(0..count);
                self.key(&mut tables, &mut keys, child, parent);
            }
        }
        for table in &mut tables {
            self.odds(table);
        }
        let around = self.around(&tables);
        let mut family = Family {
            create: Vec::new(),
            without_keys: Vec::new(),
            up: String::new(),
            down: String::new(),
            rows: self.rows(&tables),
        };
        for (at, table) in tables.iter().enumerate() {
            let own = keys.iter().filter(|key| key.child == at);
            let own = own.map(|key| clause(key, &tables)).collect();
            family.create.push(definition(table, own));
            family.without_keys.push(definition(table, Vec::new()));
        }
        for (at, key) in keys.iter().enumerate() {
            let table = quoted(&tables[key.child].name);
            let add = clause(key, &tables);
            let _ = writeln!(
                family.up,
                "ALTER TABLE {table} ADD CONSTRAINT fk{at} {add};"
            );
            family.down = format!(
                "ALTER TABLE {table} DROP CONSTRAINT fk{at};\n{}",
                family.down
            );
        }
        family.create.extend(around.iter().cloned());
        family.without_keys.extend(around);
        family
    }

    fn table(&mut self, name: &str) -> Table {
        let strict = self.chance(20);
        let column = |name: &str, kind: &str, rest: &str| Column {
            name: name.to_owned(),
            kind: kind.to_owned(),
            rest: rest.to_owned(),
            generated: false,
        };
        let (mut constraints, mut suffix) = (Vec::new(), Vec::new());
        let text = self.pick(&["", "COLLATE NOCASE", "COLLATE RTRIM"]);
        let (mut columns, key): (Vec<_>, Vec<_>) = match self.random.u32(0..6) {
            0 => (
                vec![column("id", "INTEGER", "PRIMARY KEY AUTOINCREMENT")],
                vec![("id", "INTEGER")],
            ),
            1 => (
                vec![column("id", "TEXT", &format!("{text} PRIMARY KEY"))],
                vec![("id", "TEXT")],
            ),
            2 => {
                suffix.push("WITHOUT ROWID");
                (
                    vec![column(
                        "id",
                        "TEXT",
                        &format!("{text} NOT NULL PRIMARY KEY"),
                    )],
                    vec![("id", "TEXT")],
                )
            }
            3 => {
                constraints.push("PRIMARY KEY (a, b)".to_owned());
                if self.chance(50) {
                    suffix.push("WITHOUT ROWID");
                }
                (
                    vec![column("a", "INTEGER", ""), column("b", "TEXT", text)],
                    vec![("a", "INTEGER"), ("b", "TEXT")],
                )
            }
            4 => (
                vec![column("u", if strict { "ANY" } else { "" }, "UNIQUE")],
                vec![("u", "")],
            ),
            _ => (
                vec![column("id", "INTEGER", "PRIMARY KEY")],
                vec![("id", "INTEGER")],
            ),
        };
        columns.push(column("v", if strict { "ANY" } else { "" }, ""));
        if strict {
            suffix.push("STRICT");
        }
        Table {
            name: name.to_owned(),
            columns,
            constraints,
            suffix: suffix.join(", "),
            key: key
                .into_iter()
                .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
                .collect(),
        }
    }

    /// A key from new columns of the child, or from some that it has.
    fn key(&mut self, tables: &mut [Table], keys: &mut Vec<Key>, child: usize, parent: usize) {
        let wanted = tables[parent].key.clone();
        let own = &mut tables[child];
        let strict = own.suffix.contains("STRICT");
        let mut columns = Vec::new();
        for (_, kind) in wanted {
            let there = own.columns.len();
            if self.chance(25) {
                let at = self.random.usize(0..there);
                columns.push(own.columns[at].name.clone());
                continue;
            }
            let name = format!("f{there}");
            let kind = match self.random.u32(0..8) {
                0 if !strict => String::new(),
                1 if !strict => "NUMERIC".to_owned(),
                _ if strict && kind.is_empty() => "ANY".to_owned(),
                _ => kind,
            };
            let mut rest = match self.random.u32(0..10) {
                0 => "NOT NULL",
                1 => "DEFAULT 1",
                2 => "DEFAULT 'a'",
                3 => "UNIQUE",
                4 => "NOT NULL DEFAULT 2",
                5 => "COLLATE NOCASE DEFAULT (1 + 1 /* ) */)",
                _ => "",
            }
            .to_owned();
            if strict && kind == "INTEGER" {
                rest = rest.replace("'a'", "3");
            }
            if self.chance(10) {
                let _ = write!(rest, " CHECK ({name} IS NOT NULL)");
            }
            let mut generated = false;
            if self.chance(6) {
                generated = true;
                rest = format!("AS (v) {}", self.pick(&["STORED", "VIRTUAL"]));
            }
            own.columns.push(Column {
                name: name.clone(),
                kind,
                rest,
                generated,
            });
            columns.push(name);
        }
        let mut distinct = columns.clone();
        distinct.sort();
        distinct.dedup();
        let known = |key: &Key| key.child == child && key.columns == columns;
        if distinct.len() == columns.len() && !keys.iter().any(known) {
            let clauses = self.pick(&ACTIONS).to_owned();
            keys.push(Key {
                child,
                columns,
                parent,
                clauses,
            });
        }
    }

    /// What makes a table odd: a generated column over a key, a CHECK.
    fn odds(&mut self, table: &mut Table) {
        let last = table.columns.last().map(|it| it.name.clone()).unwrap();
        if self.chance(20) {
            table.columns.push(Column {
                name: "g".to_owned(),
                kind: if table.suffix.contains("STRICT") {
                    "ANY"
                } else {
                    ""
                }
                .to_owned(),
                rest: format!("AS (ifnull({last}, 'none'))"),
                generated: true,
            });
        }
        if self.chance(10) {
            table
                .constraints
                .push(format!("CHECK ({last} IS NOT NULL OR v IS NOT NULL)"));
        }
    }

    /// Indexes and triggers; these note what fires while `switch` is on.
    fn around(&mut self, tables: &[Table]) -> Vec<String> {
        let mut around = vec![
            "CREATE TABLE switch (is_on)".to_owned(),
            "INSERT INTO switch VALUES (0)".to_owned(),
            "CREATE TABLE seen (what)".to_owned(),
        ];
        for (at, table) in tables.iter().enumerate() {
            let name = quoted(&table.name);
            let column = &table.columns[self.random.usize(0..table.columns.len())].name;
            let last = &table.columns[table.columns.len() - 1].name;
            if self.chance(40) {
                let (unique, filter) = match self.random.u32(0..6) {
                    0 => ("UNIQUE", format!("WHERE {last} IS NULL")),
                    1 => ("", format!("WHERE {column} IS NOT NULL")),
                    _ => ("", String::new()),
                };
                around.push(format!(
                    "CREATE {unique} INDEX i{at} ON {name} ({column}, v) {filter}"
                ));
            }
            if self.chance(40) {
                let when = self.pick(&[
                    "BEFORE UPDATE",
                    "AFTER UPDATE",
                    "BEFORE DELETE",
                    "AFTER DELETE",
                    "AFTER INSERT",
                ]);
                let body = match self.random.u32(0..3) {
                    0 if when.contains("UPDATE") => {
                        format!("UPDATE {name} SET v = 'changed' WHERE {last} IS new.{last}")
                    }
                    1 => "SELECT RAISE(IGNORE)".to_owned(),
                    _ => "INSERT INTO seen VALUES (1)".to_owned(),
                };
                around.push(format!(
                    "CREATE TRIGGER r{at} {when} ON {name} WHEN (SELECT is_on FROM switch) BEGIN {body}; END"
                ));
            }
        }
        if self.chance(20) {
            around.push("ANALYZE".to_owned());
        }
        around
    }

    fn rows(&mut self, tables: &[Table]) -> Vec<String> {
        let mut rows = Vec::new();
        for pass in 0..5 {
            for table in tables {
                for _ in 0..5 + pass {
                    let columns = table.columns.iter().filter(|it| !it.generated);
                    let (mut names, mut values) = (Vec::new(), Vec::new());
                    for column in columns {
                        if self.chance(15) {
                            continue;
                        }
                        names.push(quoted(&column.name));
                        let value = match column.kind.as_str() {
                            "INTEGER" => self.pick(&["1", "2", "3", "4", "NULL"]),
                            "TEXT" => self.pick(&["'a'", "'A'", "'b '", "'1'", "NULL"]),
                            _ => self.pick(&VALUES),
                        };
                        values.push(value);
                    }
                    let name = quoted(&table.name);
                    rows.push(if names.is_empty() {
                        format!("INSERT INTO {name} DEFAULT VALUES")
                    } else {
                        let (names, values) = (names.join(", "), values.join(", "));
                        format!("INSERT INTO {name} ({names}) VALUES ({values})")
                    });
                }
            }
        }
        rows
    }
}

fn clause(key: &Key, tables: &[Table]) -> String {
    let parent = &tables[key.parent];
    let columns: Vec<_> = key.columns.iter().map(|it| quoted(it)).collect();
    let parents: Vec<_> = parent.key.iter().map(|(it, _)| quoted(it)).collect();
    format!(
        "FOREIGN KEY ({}) REFERENCES {} ({}) {}",
        columns.join(", "),
        quoted(&parent.name),
        parents.join(", "),
        key.clauses
    )
}

fn definition(table: &Table, keys: Vec<String>) -> String {
    let columns = table.columns.iter();
    let columns = columns.map(|it| format!("{} {} {}", quoted(&it.name), it.kind, it.rest));
    let parts: Vec<_> = columns
        .chain(table.constraints.iter().cloned())
        .chain(keys)
        .collect();
    format!(
        "CREATE TABLE {} ({}) {}",
        quoted(&table.name),
        parts.join(", "),
        table.suffix
    )
}
