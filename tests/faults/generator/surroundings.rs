//! Random rows, and what stands around a table.

use super::{ACTIONS, Generator, Table};

const VALUES: [&str; 24] = [
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
    "'5' || char(0) || ' x'",
    "'a' || char(0)",
];

impl Generator {
    pub(super) fn fill_parent(&mut self, parent: &Table) {
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

    pub(super) fn insert(&mut self, table: &Table, fixed: &[(String, String)]) {
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

    pub(super) fn fill_child(&mut self, child: &Table, parents: &[Table]) {
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
    pub(super) fn surround(&mut self, child: &Table, parents: &[Table]) {
        let table = self.quoted(&child.name);
        self.indexes(child, &table);
        self.triggers(child, parents, &table);
        self.views(&table);
        self.grandchildren(child, &table);
        self.full_text(child, &table);
        self.counters(child);
        if self.chance(8) {
            self.edit_types(&child.name);
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
        if self.chance(4) {
            self.of_the_application(child, parents, &table);
        }
    }

    /// An index that needs a function or a collation which only the application has.
    fn of_the_application(&mut self, child: &Table, parents: &[Table], table: &str) {
        let (table, of) = if self.chance(60) {
            (table.to_owned(), child)
        } else {
            let parent = &parents[self.random.usize(0..parents.len())];
            (self.quoted(&parent.name), parent)
        };
        let (name, column) = (
            self.name(),
            &of.columns[self.random.usize(0..of.columns.len())].name,
        );
        let (name, column) = (self.quoted(&name), self.quoted(column));
        let what = self.pick(&["own(#)", "# COLLATE LOCALIZED", "#) WHERE own(#) > ('a'"]);
        let what = what.replace('#', &column);
        self.statements
            .push(format!("CREATE INDEX {name} ON {table} ({what})"));
    }

    fn indexes(&mut self, child: &Table, table: &str) {
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
            let filter = self.pick(&[
                "",
                "",
                " WHERE # IS NOT NULL",
                " where # <> 'x;)'",
                " WHERE @.# > 0",
            ]);
            let end = self.pick(&["", "", "", " -- the end", " /* not closed", " /* closed */"]);
            let text = format!("CREATE {unique}INDEX {name} ON {table} ({what}){filter}{end}")
                .replace('#', &column)
                .replace('@', table);
            self.statements.push(text);
        }
    }

    fn triggers(&mut self, child: &Table, parents: &[Table], table: &str) {
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
            let body = body.replace('#', table);
            self.statements.push(format!(
                "CREATE TRIGGER {name} {when} ON {subject} BEGIN {body}; END"
            ));
        }
    }

    fn views(&mut self, table: &str) {
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
    }

    /// A table whose rows hang on those of the child.
    fn grandchildren(&mut self, child: &Table, table: &str) {
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
    }

    /// A full-text index over all rows of the child, and one over some.
    fn full_text(&mut self, child: &Table, table: &str) {
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
        if self.chance(15) {
            let (name, column) = (self.name(), &child.columns[0].name);
            let (name, column) = (self.quoted(&name), self.quoted(column));
            let content = child.name.replace('\'', "''");
            self.statements.push(format!(
                "CREATE VIRTUAL TABLE {name} USING fts5 ({column}, content='{content}')"
            ));
            self.statements.push(format!(
                "INSERT INTO {name} (rowid, {column}) SELECT rowid, {column} FROM {table} WHERE rowid % 2"
            ));
        }
    }

    /// Rows of `sqlite_sequence` that are left over, or gone.
    fn counters(&mut self, child: &Table) {
        if self.chance(15) {
            for row in ["('fkfix_old', 5)", "('gone', 'many')", "('gone', NULL)"] {
                self.statements
                    .push(format!("INSERT INTO sqlite_sequence VALUES {row}"));
            }
        }
        if self.chance(5) {
            let content = child.name.replace('\'', "''");
            self.statements.push(format!(
                "DELETE FROM sqlite_sequence WHERE name = '{content}'"
            ));
        }
    }

    /// Columns whose type was changed since they were filled: they hold what does not fit.
    fn edit_types(&mut self, table: &str) {
        let (from, to) =
            [(" TEXT", " NUMERIC"), (" BLOB", " REAL"), (" ANY", " TEXT")][self.random.usize(0..3)];
        let name = table.replace('\'', "''");
        for statement in [
            "PRAGMA writable_schema = ON".to_owned(),
            format!(
                "UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}') WHERE type = 'table' AND name = '{name}'"
            ),
            "PRAGMA writable_schema = RESET".to_owned(),
        ] {
            self.statements.push(statement);
        }
    }
}
