//! Random schemas that SQLite accepts, with rows, and a migration for them. One seed makes one
//! case.

mod database;
mod surroundings;
mod table;

use fastrand::Rng;
use fkfix::policy::{Method, OrphanAction};

pub use database::{as_the_application, build};

/// A database and the keys that it is to get.
#[derive(Clone, Debug)]
pub struct Case {
    /// Statements, each run on its own; those that SQLite refuses are left out.
    pub statements: Vec<String>,
    /// The table that gets the keys; it has none before.
    pub child: String,
    /// The migration.
    pub up: String,
    /// The way back.
    pub down: String,
    /// What happens to orphans.
    pub orphans: OrphanAction,
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

const ACTIONS: [&str; 6] = [
    "",
    " ON DELETE CASCADE",
    " on delete set null",
    " ON DELETE RESTRICT ON UPDATE CASCADE",
    " ON DELETE SET DEFAULT",
    " ON UPDATE SET NULL",
];

/// All that may happen to orphans.
pub const POLICIES: [OrphanAction; 5] = [
    OrphanAction::Follow,
    OrphanAction::Archive,
    OrphanAction::SetNull,
    OrphanAction::Delete,
    OrphanAction::Refuse,
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
        let parents: Vec<_> = (0..=self.random.usize(0..2))
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
            child: child.name,
            up,
            down,
            orphans: POLICIES[self.random.usize(0..POLICIES.len())],
            method: [Method::Fastest, Method::Documented][self.random.usize(0..2)],
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

    /// Some keys of the child: each its columns, its parent and the parent's columns.
    fn keys(
        &mut self,
        child: &Table,
        parents: &[Table],
    ) -> Vec<(Vec<String>, String, Vec<String>)> {
        let free: Vec<_> = child.columns.iter().map(|it| it.name.clone()).collect();
        let mut keys: Vec<(Vec<String>, String, Vec<String>)> = Vec::new();
        for _ in 0..=self.random.usize(0..3) {
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
            let action = self.pick(&ACTIONS);
            let deferred = self.pick(&[
                "",
                "",
                " DEFERRABLE INITIALLY DEFERRED",
                " DEFERRABLE",
                " MATCH FULL",
            ]);
            let (one, two) = (self.space(), self.space());
            up = format!(
                "{up}ALTER TABLE {table}{one}ADD CONSTRAINT {name}{two}FOREIGN KEY ({}) REFERENCES {parent} ({}){action}{deferred};\n",
                columns.join(", "),
                references.join(", ")
            );
            down = format!("ALTER TABLE {table} DROP CONSTRAINT {name};\n{down}");
        }
        (up, down)
    }
}
