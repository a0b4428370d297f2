//! Random tables: columns, constraints, quoting, white space.

use super::{Column, Generator, Table};

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

const CREATE: [&str; 4] = [
    "CREATE TABLE",
    "create table",
    "Create /* ( */ Table",
    "CREATE TABLE IF NOT EXISTS",
];

impl Generator {
    pub(super) fn table(&mut self, parent: bool) -> Table {
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
        self.checks(&name, &plain, &mut constraints);
        if strict {
            suffix.push("STRICT");
        }
        let note = self.pick(&["", "", "", " -- a note", " /* not closed", " /* closed; */"]);
        let space = self.space();
        let mut body: Vec<String> = columns.iter().map(|it| it.definition.clone()).collect();
        body.extend(constraints);
        let separator = format!(",{space}");
        let (head, quoted, end) = (self.space(), self.quoted(&name), self.space());
        let create = self.pick(&CREATE);
        self.statements.push(format!(
            "{}{head}{quoted} ({space}{}{end}) {}{note}",
            create,
            body.join(&separator),
            suffix.join(", ")
        ));
        Table { name, columns, key }
    }

    fn checks(&mut self, table: &str, plain: &[String], constraints: &mut Vec<String>) {
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
        if self.chance(15) && !plain.is_empty() {
            let at = self.random.usize(0..plain.len());
            let (table, column) = (self.quoted(table), self.quoted(&plain[at]));
            constraints.push(format!("CHECK ({table}.{column} IS NOT 'never')"));
        }
    }

    pub(super) fn column(&mut self, name: String, others: &[Column], strict: bool) -> Column {
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
            definition = format!("{definition} CHECK ({quoted} <> 'x)' OR {quoted} IS NULL)");
        }
        Column {
            name,
            definition,
            generated: false,
        }
    }
}
