//! Reads what `ADD FOREIGN KEY …` asks for.

use super::alter_table::{Path, path};
use super::lexer::Token;
use crate::postgres::catalog::{Action, Match};

/// `ALTER TABLE <table> ADD [CONSTRAINT <name>] FOREIGN KEY …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The child table.
    pub table: Path,
    /// The name of the constraint, if it is given one.
    pub name: Option<String>,
    /// The child's columns.
    pub columns: Vec<String>,
    /// The parent table.
    pub parent: Path,
    /// The parent's columns; none for its primary key.
    pub parent_columns: Vec<String>,
    /// What a NULL in the key means.
    pub matches: Match,
    /// ON DELETE
    pub on_delete: Action,
    /// The columns that SET NULL or SET DEFAULT is for; none for all.
    pub on_delete_columns: Vec<String>,
    /// ON UPDATE
    pub on_update: Action,
    /// DEFERRABLE …
    pub deferrable: bool,
    /// … INITIALLY DEFERRED
    pub deferred: bool,
}

impl Request {
    /// The name that PostgreSQL would give the key, where the script gives none
    /// (`ChooseForeignKeyConstraintNameAddition` in tablecmds.c).
    #[must_use]
    pub fn constraint(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| format!("{}_{}_fkey", self.table.table, self.columns.join("_")))
    }
}

/// Reads tokens one after the other.
struct Reader<'t>(&'t [Token]);

impl<'t> Reader<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Takes these keywords, if they come next.
    fn takes(&mut self, keywords: &[&str]) -> bool {
        let are_next = keywords.len() <= self.0.len()
            && self
                .0
                .iter()
                .zip(keywords)
                .all(|(token, word)| token.is(word));
        if are_next {
            self.0 = self.0.get(keywords.len()..).unwrap_or_default();
        }
        are_next
    }

    /// `(a, b)`; none at all where no parenthesis comes next.
    fn names(&mut self) -> Option<Vec<String>> {
        if !self.0.first().is_some_and(|it| it.is_char('(')) {
            return Some(Vec::new());
        }
        self.next();
        let mut names = Vec::new();
        loop {
            names.push(self.next()?.name()?.to_owned());
            let separator = self.next()?;
            if separator.is_char(')') {
                return Some(names);
            }
            if !separator.is_char(',') {
                return None;
            }
        }
    }

    fn action(&mut self) -> Option<Action> {
        let known: [(&[&str], Action); 5] = [
            (&["no", "action"], Action::NoAction),
            (&["restrict"], Action::Restrict),
            (&["cascade"], Action::Cascade),
            (&["set", "null"], Action::SetNull),
            (&["set", "default"], Action::SetDefault),
        ];
        let found = known.iter().find(|(words, _)| self.takes(words));
        found.map(|(_, action)| *action)
    }
}

/// None where the action says something else than one key.
pub(super) fn request(table: &Path, action: &[Token]) -> Option<Request> {
    constraint(table, action.get(1..)?)
}

/// `[CONSTRAINT name] FOREIGN KEY …`; none where it is something else.
pub(super) fn constraint(table: &Path, tokens: &[Token]) -> Option<Request> {
    let mut reader = Reader(tokens);
    let name = if reader.takes(&["constraint"]) {
        Some(reader.next()?.name()?.to_owned())
    } else {
        None
    };
    if !reader.takes(&["foreign", "key"]) {
        return None;
    }
    let columns = reader.names().filter(|names| !names.is_empty())?;
    if !reader.takes(&["references"]) {
        return None;
    }
    let (parent, rest) = path(reader.0)?;
    reader.0 = rest;
    let mut request = Request {
        table: table.clone(),
        name,
        columns,
        parent,
        parent_columns: reader.names()?,
        matches: Match::Simple,
        on_delete: Action::NoAction,
        on_delete_columns: Vec::new(),
        on_update: Action::NoAction,
        deferrable: false,
        deferred: false,
    };
    while !reader.0.is_empty() {
        if reader.takes(&["match", "full"]) {
            request.matches = Match::Full;
        } else if reader.takes(&["match", "simple"]) {
        } else if reader.takes(&["on", "delete"]) {
            request.on_delete = reader.action()?;
            request.on_delete_columns = reader.names()?;
        } else if reader.takes(&["on", "update"]) {
            request.on_update = reader.action()?;
        } else if reader.takes(&["not", "deferrable"]) || reader.takes(&["initially", "immediate"])
        {
        } else if reader.takes(&["deferrable"]) {
            request.deferrable = true;
        } else if reader.takes(&["initially", "deferred"]) {
            (request.deferrable, request.deferred) = (true, true);
        } else if !(reader.takes(&["not", "valid"]) || reader.takes(&["enforced"])) {
            // NOT VALID is how fkfix adds a key anyway; all rows are looked at afterwards.
            return None;
        }
    }
    Some(request)
}
