//! Random schemas that SQLite accepts, with rows, and a migration for them. One seed makes one
//! case.

use fastrand::Rng;
use fkfix::policy::Method;

/// A database and the keys that it is to get.
#[derive(Clone, Debug)]
pub struct Case {
    /// Statements, each run on its own; those that SQLite refuses are left out.
    pub statements: Vec<String>,
    /// The migration.
    pub up: String,
    /// The way back.
    pub down: String,
    /// How orphans are treated.
    pub delete_orphans: bool,
    /// How the table is changed.
    pub method: Method,
}

const NAMES: [&str; 44] = [
    "plain",
    "select",
    "two words",
    "quo\"te",
    "it's",
    "brack]et",
    "br[acket",
    "back`tick",
    "naïve",
    "日本",
    "emoji🦀",
    "percent%_",
    "semi;colon",
    "--dash",
    "/*c*/",
    " lead",
    "new\nline",
    "tab\t",
    "paren)",
    "(open",
    "x'00'",
    "group",
    "\u{1}ctl",
    "\u{2400}nul",
    "w",
    "l",
    "p",
    "a",
    "k1",
    "main",
    "temp",
    "excluded",
    "new",
    "old",
    "rank",
    "fkfix_old",
    "fkfix_child",
    "reasons",
    "round",
    "Upper",
    "ÜMLAUT",
    "?1",
    "$x",
    "",
];

const TYPES: [&str; 15] = [
    "",
    "INTEGER",
    "INT",
    "TEXT",
    "VARCHAR(36)",
    "BLOB",
    "REAL",
    "NUMERIC",
    "DECIMAL(10, 2)",
    "ANY",
    "double precision",
    "\"odd type\"",
    "BOOLEAN",
    "DATETIME",
    "CHARINT",
];

const STRICT_TYPES: [&str; 6] = ["INTEGER", "INT", "TEXT", "BLOB", "REAL", "ANY"];

const VALUES: [&str; 22] = [
    "NULL",
    "0",
    "1",
    "-1",
    "2",
    "3",
    "9223372036854775807",
    "-9223372036854775808",
    "1.0",
    "2.5",
    "-0.0",
    "9e999",
    "'1'",
    "'1.0'",
    "'a'",
    "'A'",
    "'a '",
    "''",
    "'it''s'",
    "x''",
    "x'31'",
    "CAST(x'ff00' AS TEXT)",
];

const ACTIONS: [&str; 6] = [
    "",
    " ON DELETE CASCADE",
    " on delete set null",
    " ON DELETE RESTRICT ON UPDATE CASCADE",
    " ON DELETE SET DEFAULT",
    " ON UPDATE SET NULL",
];

struct Column {
    name: String,
    definition: String,
    generated: bool,
}

struct Table {
    name: String,
    columns: Vec<Column>,
    /// Columns that make a parent key, if the table is one.
    key: Vec<String>,
}

struct Generator {
    random: Rng,
    statements: Vec<String>,
    taken: Vec<String>,
}

/// The case of `seed`.
pub fn case(seed: u64) -> Case {
    let mut generator = Generator {
        random: Rng::with_seed(seed),
        statements: Vec::new(),
        taken: ["fkfix_schema_history", "audit"]
            .map(str::to_owned)
            .to_vec(),
    };
    generator.make()
}

impl Generator {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.random.usize(0..from.len())]
    }

    fn make(&mut self) -> Case {
        let size = ["512", "1024", "4096"];
        let settings = format!("PRAGMA page_size = {}", self.pick(&size));
        self.statements.push(settings);
        if self.chance(10) {
            let encoding = format!(
                "PRAGMA encoding = '{}'",
                ["UTF-16le", "UTF-16be"][self.random.usize(0..2)]
            );
            self.statements.push(encoding);
        }
        if self.chance(15) {
            self.statements.push("PRAGMA auto_vacuum = FULL".into());
        }
        self.statements
            .push("CREATE TABLE audit (what TEXT, x)".into());
        let parents: Vec<_> = (0..1 + self.random.usize(0..2))
            .map(|_| self.table(true))
            .collect();
        let child = self.table(false);
        for parent in &parents {
            self.fill_parent(parent);
        }
        let keys = self.keys(&child, &parents);
        self.fill_child(&child, &parents);
        self.surround(&child, &parents);
        let (up, down) = self.migration(&child, keys);
        Case {
            statements: std::mem::take(&mut self.statements),
            up,
            down,
            delete_orphans: self.chance(20),
            method: [Method::Fastest, Method::Documented, Method::InPlace][self.random.usize(0..3)],
        }
    }

    fn name(&mut self) -> String {
        for _ in 0..100 {
            let base = self.pick(&NAMES).to_owned();
            let name = match self.random.u32(0..4) {
                0 => base,
                1 => format!("{base}{}", self.random.u32(0..9)),
                2 => format!("t{base}"),
                _ => format!("n{}", self.random.u32(0..999)),
            };
            let clash = self
                .taken
                .iter()
                .any(|taken| taken.to_lowercase() == name.to_lowercase());
            if !clash && !name.to_lowercase().starts_with("sqlite_") {
                self.taken.push(name.clone());
                return name;
            }
        }
        unreachable!("a hundred names are taken")
    }

    /// `name` in one of the quotings that can hold it.
    fn quoted(&mut self, name: &str) -> String {
        let plain = name.len() > 1
            && name.starts_with(['n', 't'])
            && name
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || it == '_')
            && name.chars().any(|it| it.is_ascii_digit());
        match self.random.u32(0..5) {
            0 if plain => name.to_owned(),
            1 if !name.contains(']') => format!("[{name}]"),
            2 => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    fn space(&mut self) -> &'static str {
        self.pick(&[
            " ",
            " ",
            " ",
            "\n",
            "\t",
            "  ",
            " /* a , ) comment */ ",
            " -- to the end ( '\n",
            "\r\n",
        ])
    }

    fn table(&mut self, parent: bool) -> Table {
        let name = self.name();
        let strict = self.chance(25);
        let outer = std::mem::take(&mut self.taken);
        let rowid_names = self.chance(5);
        let mut columns: Vec<Column> = Vec::new();
        let count = if self.chance(2) {
            60
        } else {
            2 + self.random.usize(0..5)
        };
        for at in 0..count {
            let name = if rowid_names && at < 2 {
                ["rowid", "OID"][at].to_owned()
            } else {
                self.name()
            };
            let column = self.column(name, &columns, strict);
            columns.push(column);
        }
        self.taken = outer;
        let plain: Vec<_> = columns
            .iter()
            .filter(|it| !it.generated)
            .map(|it| it.name.clone())
            .collect();
        let mut constraints = Vec::new();
        let mut suffix = Vec::new();
        let mut key = Vec::new();
        let shape = self.random.u32(0..8);
        if let Some(first) = plain.first() {
            let quoted = self.quoted(first);
            let position = columns.iter().position(|it| it.name == *first).unwrap();
            match shape {
                0 | 1 => {
                    columns[position].definition = match self.random.u32(0..3) {
                        0 => format!("{quoted} INTEGER PRIMARY KEY AUTOINCREMENT"),
                        1 => format!("{quoted} INTEGER NOT NULL PRIMARY KEY"),
                        _ => format!("{quoted} INTEGER PRIMARY KEY ON CONFLICT FAIL"),
                    };
                    key = vec![first.clone()];
                }
                2 => {
                    constraints.push(format!("PRIMARY KEY ({quoted})"));
                    suffix.push("WITHOUT ROWID");
                    key = vec![first.clone()];
                }
                3 if plain.len() > 1 => {
                    let second = self.quoted(&plain[1]);
                    constraints.push(format!(
                        "constraint [the key] PRIMARY KEY ({quoted}, {second})"
                    ));
                    if self.chance(50) {
                        suffix.push("without rowid");
                    }
                    key = vec![first.clone(), plain[1].clone()];
                }
                4 => {
                    let conflict = self.pick(&["", " ON CONFLICT IGNORE", " ON CONFLICT REPLACE"]);
                    constraints.push(format!("UNIQUE ({quoted}){conflict}"));
                    key = vec![first.clone()];
                }
                5 => {
                    columns[position].definition = format!("{quoted} INTEGER PRIMARY KEY DESC");
                    key = vec![first.clone()];
                }
                _ if parent => {
                    constraints.push(format!("PRIMARY KEY ({quoted})"));
                    key = vec![first.clone()];
                }
                _ => {}
            }
        }
        if self.chance(20) {
            constraints.push("CHECK (1 <> 2 /* ) */)".into());
        }
        if self.chance(20) && !plain.is_empty() {
            let at = self.random.usize(0..plain.len());
            let column = self.quoted(&plain[at]);
            constraints.push(format!(
                "CONSTRAINT \"c )\" CHECK ({column} IS NOT 'never; )')"
            ));
        }
        if strict {
            suffix.push("STRICT");
        }
        let space = self.space();
        let mut body: Vec<String> = columns.iter().map(|it| it.definition.clone()).collect();
        body.extend(constraints);
        let separator = format!(",{space}");
        let (head, quoted, end) = (self.space(), self.quoted(&name), self.space());
        let create = self.pick(&[
            "CREATE TABLE",
            "create table",
            "Create /* ( */ Table",
            "CREATE TABLE IF NOT EXISTS",
        ]);
        self.statements.push(format!(
            "{}{head}{quoted} ({space}{}{end}) {}",
            create,
            body.join(&separator),
            suffix.join(", ")
        ));
        Table { name, columns, key }
    }

    fn column(&mut self, name: String, others: &[Column], strict: bool) -> Column {
        let kind = if strict {
            self.pick(&STRICT_TYPES)
        } else {
            self.pick(&TYPES)
        };
        let mut definition = format!("{}{}{kind}", self.quoted(&name), self.space());
        let base = others
            .iter()
            .rfind(|it| !it.generated)
            .map(|it| it.name.clone());
        if let (true, Some(base)) = (self.chance(12), base) {
            let base = self.quoted(&base);
            let how = self.pick(&[" VIRTUAL", " STORED", ""]);
            let expression = self.pick(&["typeof(#)", "coalesce(#, ')')", "# || 'x'", "length(#)"]);
            let expression = expression.replace('#', &base);
            let lead = self.pick(&["GENERATED ALWAYS AS", "AS"]);
            definition = format!(
                "{} {lead} ({expression}){how}",
                if strict {
                    format!("{} ANY", self.quoted(&name))
                } else {
                    definition
                }
            );
            return Column {
                name,
                definition,
                generated: true,
            };
        }
        if self.chance(20) {
            definition += self.pick(&[
                " DEFAULT 7",
                " DEFAULT ('a' || 'b')",
                " DEFAULT CURRENT_TIMESTAMP",
                " DEFAULT NULL",
                " DEFAULT ')'",
                " default -1.5e3",
                " DEFAULT x'00'",
                " DEFAULT (abs(-3) /* ) */)",
            ]);
        }
        if self.chance(15) {
            definition += self.pick(&[" COLLATE NOCASE", " collate RTRIM", " COLLATE \"binary\""]);
        }
        if self.chance(8) {
            definition += " NOT NULL DEFAULT 'd'";
        }
        if self.chance(8) {
            definition += self.pick(&[
                " UNIQUE",
                " UNIQUE ON CONFLICT IGNORE",
                " CONSTRAINT u UNIQUE ON CONFLICT REPLACE",
            ]);
        }
        if self.chance(10) {
            let quoted = self.quoted(&name);
            definition += &format!(" CHECK ({quoted} <> 'x)' OR {quoted} IS NULL)");
        }
        Column {
            name,
            definition,
            generated: false,
        }
    }

    fn fill_parent(&mut self, parent: &Table) {
        for row in 1..=2 + self.random.u32(0..4) {
            let value = if self.chance(60) {
                row.to_string()
            } else {
                self.pick(&VALUES).to_owned()
            };
            self.insert(
                parent,
                &parent
                    .key
                    .iter()
                    .map(|it| (it.clone(), value.clone()))
                    .collect::<Vec<_>>(),
            );
        }
    }

    fn insert(&mut self, table: &Table, fixed: &[(String, String)]) {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in table.columns.iter().filter(|it| !it.generated) {
            let value = match fixed.iter().find(|(name, _)| *name == column.name) {
                Some((_, value)) => value.clone(),
                None if self.chance(30) => continue,
                None => self.pick(&VALUES).to_owned(),
            };
            names.push(format!("\"{}\"", column.name.replace('"', "\"\"")));
            values.push(value);
        }
        let table = format!("\"{}\"", table.name.replace('"', "\"\""));
        self.statements.push(if names.is_empty() {
            format!("INSERT INTO {table} DEFAULT VALUES")
        } else {
            format!(
                "INSERT INTO {table} ({}) VALUES ({})",
                names.join(", "),
                values.join(", ")
            )
        });
    }

    /// Some keys of the child: each its columns, its parent and the parent's columns.
    fn keys(
        &mut self,
        child: &Table,
        parents: &[Table],
    ) -> Vec<(Vec<String>, String, Vec<String>)> {
        let free: Vec<_> = child.columns.iter().map(|it| it.name.clone()).collect();
        let mut keys: Vec<(Vec<String>, String, Vec<String>)> = Vec::new();
        for _ in 0..1 + self.random.usize(0..3) {
            let parent = if self.chance(10) && !child.key.is_empty() {
                child
            } else {
                &parents[self.random.usize(0..parents.len())]
            };
            let mut columns = Vec::new();
            for _ in 0..parent.key.len() {
                columns.push(free[self.random.usize(0..free.len())].clone());
            }
            columns.dedup();
            let used = keys
                .iter()
                .any(|(other, ..)| other.iter().any(|it| columns.contains(it)));
            if !used && columns.len() == parent.key.len() && !columns.is_empty() {
                keys.push((columns, parent.name.clone(), parent.key.clone()));
            }
        }
        keys
    }

    fn fill_child(&mut self, child: &Table, parents: &[Table]) {
        if self.chance(30) {
            self.statements
                .push("PRAGMA ignore_check_constraints = ON".into());
        }
        let most = parents.len() * 8;
        for _ in 0..self.random.usize(0..=most + 4) {
            self.insert(child, &[]);
        }
        self.statements
            .push("PRAGMA ignore_check_constraints = OFF".into());
        if self.chance(20) {
            let name = self.quoted(&child.name);
            self.statements.push(format!("DELETE FROM {name} WHERE random() % 1 = 1 OR rowid IN (SELECT max(rowid) FROM {name})"));
        }
    }

    /// What stands around the child: indexes, triggers, views, tables that refer to it,
    /// full-text and R-tree indexes, statistics.
    fn surround(&mut self, child: &Table, parents: &[Table]) {
        let table = self.quoted(&child.name);
        for _ in 0..self.random.usize(0..4) {
            let (name, column) = (
                self.name(),
                &child.columns[self.random.usize(0..child.columns.len())].name,
            );
            let (name, column) = (self.quoted(&name), self.quoted(column));
            let unique = if self.chance(15) { "UNIQUE " } else { "" };
            let what = self.pick(&[
                "#",
                "# DESC",
                "# COLLATE NOCASE",
                "lower(#)",
                "# || ')', #",
                "typeof(#), # DESC",
            ]);
            let filter = self.pick(&["", "", " WHERE # IS NOT NULL", " where # <> 'x;)'"]);
            let text = format!("CREATE {unique}INDEX {name} ON {table} ({what}){filter}")
                .replace('#', &column);
            self.statements.push(text);
        }
        let mut on: Vec<String> = vec![child.name.clone()];
        on.extend(parents.iter().map(|it| it.name.clone()));
        for _ in 0..self.random.usize(0..4) {
            let name = self.name();
            let subject = on[self.random.usize(0..on.len())].clone();
            let (name, subject) = (self.quoted(&name), self.quoted(&subject));
            let when = self.pick(&[
                "AFTER INSERT",
                "BEFORE DELETE",
                "AFTER DELETE",
                "after update",
                "BEFORE INSERT",
            ]);
            let body = self.pick(&[
                "INSERT INTO audit VALUES ('t; END;', 1)",
                "DELETE FROM # WHERE 0; SELECT CASE WHEN 1 THEN 2 END",
                "UPDATE # SET rowid = rowid WHERE 0; INSERT INTO audit SELECT 'x', count(*) FROM #",
                "SELECT RAISE(IGNORE) WHERE 0",
            ]);
            let body = body.replace('#', &table);
            self.statements.push(format!(
                "CREATE TRIGGER {name} {when} ON {subject} BEGIN {body}; END"
            ));
        }
        if self.chance(30) {
            let (name, second) = (self.name(), self.name());
            let (name, second) = (self.quoted(&name), self.quoted(&second));
            self.statements.push(format!(
                "CREATE VIEW {name} AS SELECT * FROM {table} WHERE 1"
            ));
            self.statements.push(format!(
                "CREATE VIEW {second} AS SELECT count(*) AS n FROM {name}"
            ));
            if self.chance(40) {
                let trigger = self.name();
                let trigger = self.quoted(&trigger);
                self.statements.push(format!("CREATE TRIGGER {trigger} INSTEAD OF INSERT ON {name} BEGIN INSERT INTO audit SELECT 'v', count(*) FROM {table}; END"));
            }
        }
        if self.chance(35) && !child.key.is_empty() {
            let name = self.name();
            let (name, action) = (self.quoted(&name), self.pick(&ACTIONS));
            let columns: Vec<_> = (0..child.key.len()).map(|at| format!("g{at}")).collect();
            let key: Vec<_> = child.key.clone().iter().map(|it| self.quoted(it)).collect();
            self.statements.push(format!(
                "CREATE TABLE {name} (id INTEGER PRIMARY KEY, {0}, FOREIGN KEY ({0}) REFERENCES {table} ({1}){action})",
                columns.join(", "),
                key.join(", ")
            ));
            self.statements.push(format!(
                "INSERT INTO {name} ({}) SELECT {} FROM {table}",
                columns.join(", "),
                key.join(", ")
            ));
        }
        if self.chance(15) {
            let (name, column) = (self.name(), &child.columns[0].name);
            let (name, column) = (self.quoted(&name), self.quoted(column));
            let content = child.name.replace('\'', "''");
            self.statements.push(format!(
                "CREATE VIRTUAL TABLE {name} USING fts5 ({column}, content='{content}')"
            ));
            self.statements
                .push(format!("INSERT INTO {name} ({name}) VALUES ('rebuild')"));
        }
        if self.chance(10) {
            self.statements
                .push("CREATE VIRTUAL TABLE area USING rtree (id, x0, x1)".into());
            self.statements
                .push("INSERT INTO area VALUES (1, 0, 2)".into());
        }
        if self.chance(10) {
            self.statements
                .push("CREATE VIEW broken AS SELECT * FROM no_such_table".into());
        }
        if self.chance(25) {
            self.statements.push("ANALYZE".into());
        }
    }

    fn migration(
        &mut self,
        child: &Table,
        keys: Vec<(Vec<String>, String, Vec<String>)>,
    ) -> (String, String) {
        let (mut up, mut down) = (String::new(), String::new());
        for (at, (columns, parent, parent_columns)) in keys.into_iter().enumerate() {
            let name = if self.chance(50) {
                format!("fk {at} )")
            } else {
                format!("fk{at}_\"x'")
            };
            let (name, table, parent) = (
                self.quoted(&name),
                self.quoted(&child.name),
                self.quoted(&parent),
            );
            let columns: Vec<_> = columns.iter().map(|it| self.quoted(it)).collect();
            let references: Vec<_> = parent_columns.iter().map(|it| self.quoted(it)).collect();
            // SQLite can't drop a key with SET DEFAULT, so such a migration is refused.
            let action = match self.pick(&ACTIONS) {
                set_default if set_default.contains("DEFAULT") && self.chance(80) => "",
                action => action,
            };
            let deferred = self.pick(&[
                "",
                "",
                " DEFERRABLE INITIALLY DEFERRED",
                " DEFERRABLE",
                " MATCH FULL",
            ]);
            let (one, two) = (self.space(), self.space());
            up += &format!(
                "ALTER TABLE {table}{one}ADD CONSTRAINT {name}{two}FOREIGN KEY ({}) REFERENCES {parent} ({}){action}{deferred};\n",
                columns.join(", "),
                references.join(", ")
            );
            down = format!("ALTER TABLE {table} DROP CONSTRAINT {name};\n{down}");
        }
        (up, down)
    }
}
