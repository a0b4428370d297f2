//! What a statement of a migration asks for.

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Line of its first token in the file, from 1.
    pub line: usize,
    /// What it asks for.
    pub action: Action,
}

/// What a statement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Add a foreign key to a table that exists.
    AddForeignKey(AddForeignKey),
    /// Take a named constraint from a table; SQLite runs `sql` itself.
    DropConstraint {
        /// The table.
        table: String,
        /// The constraint's name.
        constraint: String,
        /// The statement as it stands in the script.
        sql: String,
    },
    /// Anything else: SQLite runs it as it stands.
    Other(String),
}

/// `ALTER TABLE <table> ADD [CONSTRAINT <name>] FOREIGN KEY …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddForeignKey {
    /// The child table.
    pub table: String,
    /// The constraint's name, if it has one.
    pub name: Option<String>,
    /// The table constraint in one line, as it will stand in `CREATE TABLE`.
    pub constraint: String,
}
