//! What a dump makes, and the statements that make it: tables, indexes, keys.

use super::alter_table::{self, Path};
use super::lexer::{Kind, Token};
use super::request;
use super::script::Request;

/// What a dump makes.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// The tables, in its order.
    pub tables: Vec<Made>,
}

/// A table and what is added to it.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its name.
    pub path: Path,
    /// The line on which its CREATE TABLE begins.
    pub line: usize,
    /// It holds no rows of its own.
    pub is_partitioned: bool,
    /// The table that it is a partition of.
    pub partition_of: Option<Path>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its unique constraints and indexes, and all others.
    pub indexes: Vec<Index>,
    /// The keys of which it is the child.
    pub keys: Vec<Key>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the dump writes it.
    pub type_name: String,
    /// Whether it takes no NULL.
    pub not_null: bool,
}

/// An index, or a constraint that makes one.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "so pg_index has them")]
pub struct Index {
    /// Its name; that of the constraint.
    pub name: String,
    /// Whether a constraint makes it.
    pub is_constraint: bool,
    /// `btree`, `gin`, …
    pub method: String,
    /// Its columns; none for an expression.
    pub columns: Vec<Option<String>>,
    /// PRIMARY KEY
    pub is_primary: bool,
    /// Whether it takes no value twice.
    pub is_unique: bool,
    /// Whether it has a WHERE.
    pub is_partial: bool,
    /// DEFERRABLE
    pub is_deferrable: bool,
}

/// A foreign key.
#[derive(Clone, Debug)]
pub struct Key {
    /// What it says.
    pub request: Request,
    /// It is not NOT VALID.
    pub is_validated: bool,
    /// It is not NOT ENFORCED.
    pub is_enforced: bool,
}

impl Dump {
    fn table(&mut self, path: &Path) -> Option<&mut Made> {
        let is_it = |it: &&mut Made| it.path.table == path.table && it.path.schema == path.schema;
        self.tables.iter_mut().find(is_it)
    }

    /// `CREATE [UNLOGGED] TABLE name (…) [INHERITS …] [PARTITION BY …]`
    pub(super) fn create_table(&mut self, text: &str, line: usize, tokens: &[Token]) -> bool {
        let rest = match tokens {
            [create, table, rest @ ..] if create.is("create") && table.is("table") => rest,
            [create, kind, table, rest @ ..]
                if create.is("create") && kind.is("unlogged") && table.is("table") =>
            {
                rest
            }
            _ => return false,
        };
        let Some((path, rest)) = alter_table::path(rest) else {
            return false;
        };
        let Some((body, behind)) = parenthesized(rest) else {
            return false;
        };
        let mut made = Made {
            path,
            line,
            is_partitioned: behind.first().is_some_and(|it| it.is("partition")),
            partition_of: None,
            columns: Vec::new(),
            indexes: Vec::new(),
            keys: Vec::new(),
        };
        for item in alter_table::actions(body) {
            let is_constraint = [
                "constraint",
                "check",
                "primary",
                "unique",
                "foreign",
                "exclude",
            ];
            match item {
                [] => {}
                [first, ..] if is_constraint.iter().any(|word| first.is(word)) => {
                    made.add(item);
                }
                _ => made.columns.extend(column(text, item)),
            }
        }
        self.tables.push(made);
        true
    }

    /// `CREATE [UNIQUE] INDEX name ON [ONLY] table USING method (…) … [WHERE …]`
    pub(super) fn create_index(&mut self, tokens: &[Token]) -> bool {
        let (is_unique, rest) = match tokens {
            [create, unique, index, rest @ ..]
                if create.is("create") && unique.is("unique") && index.is("index") =>
            {
                (true, rest)
            }
            [create, index, rest @ ..] if create.is("create") && index.is("index") => (false, rest),
            _ => return false,
        };
        let [name, on, rest @ ..] = rest else {
            return false;
        };
        let rest = match rest {
            [only, rest @ ..] if only.is("only") => rest,
            _ => rest,
        };
        let (Some(name), true, Some((path, rest))) =
            (name.name(), on.is("on"), alter_table::path(rest))
        else {
            return false;
        };
        let (method, rest) = match rest {
            [using, method, rest @ ..] if using.is("using") => (method.name(), rest),
            _ => (None, rest),
        };
        let Some((body, behind)) = parenthesized(rest) else {
            return false;
        };
        let index = Index {
            name: name.to_owned(),
            is_constraint: false,
            method: method.unwrap_or("btree").to_owned(),
            columns: alter_table::actions(body)
                .into_iter()
                .map(plain_column)
                .collect(),
            is_primary: false,
            is_unique,
            is_partial: behind.iter().any(|it| it.is("where")),
            is_deferrable: false,
        };
        if let Some(made) = self.table(&path) {
            made.indexes.push(index);
        }
        true
    }

    /// `ALTER TABLE [ONLY] name ADD CONSTRAINT …`, and `ATTACH PARTITION`; others say nothing of keys.
    pub(super) fn alter_table(&mut self, tokens: &[Token]) -> bool {
        let Some((path, body)) = alter_table::alter_table(tokens) else {
            return false;
        };
        if let [attach, partition, rest @ ..] = body
            && attach.is("attach")
            && partition.is("partition")
        {
            if let Some((child, _)) = alter_table::path(rest)
                && let Some(made) = self.table(&child)
            {
                made.partition_of = Some(path);
            }
            return true;
        }
        let Some(made) = self.table(&path) else {
            return !is_about_keys(tokens);
        };
        for action in alter_table::actions(body) {
            if let [add, rest @ ..] = action
                && add.is("add")
                && !made.add(rest)
                && is_about_keys(tokens)
            {
                return false;
            }
        }
        true
    }
}

impl Made {
    /// Adds the constraint that `tokens` say; whether it could be read, or is of no interest.
    fn add(&mut self, tokens: &[Token]) -> bool {
        let (name, rest) = match tokens {
            [constraint, name, rest @ ..] if constraint.is("constraint") => (name.name(), rest),
            _ => (None, tokens),
        };
        let (is_primary, is_unique, rest) = match rest {
            [primary, key, rest @ ..] if primary.is("primary") && key.is("key") => {
                (true, true, rest)
            }
            [unique, rest @ ..] if unique.is("unique") => (false, true, rest),
            [foreign, ..] if foreign.is("foreign") => return self.add_key(tokens),
            _ => return true,
        };
        let body = rest.iter().position(|it| it.is_char('('));
        let Some((body, behind)) = body.and_then(|at| parenthesized(rest.get(at..)?)) else {
            return false;
        };
        let columns: Vec<_> = alter_table::actions(body)
            .into_iter()
            .map(plain_column)
            .collect();
        let is_deferrable = behind.windows(2).any(|it| match it {
            [before, it] => it.is("deferrable") && !before.is("not"),
            _ => false,
        }) || behind.first().is_some_and(|it| it.is("deferrable"));
        for column in self.columns.iter_mut().filter(|_| is_primary) {
            let is_of_key = columns.iter().flatten().any(|it| *it == column.name);
            column.not_null |= is_of_key;
        }
        self.indexes.push(Index {
            name: name.unwrap_or_default().to_owned(),
            is_constraint: true,
            method: "btree".to_owned(),
            columns,
            is_primary,
            is_unique,
            is_partial: false,
            is_deferrable,
        });
        true
    }

    fn add_key(&mut self, tokens: &[Token]) -> bool {
        let (mut tokens, mut is_validated, mut is_enforced) = (tokens, true, true);
        loop {
            match tokens {
                [rest @ .., not, valid] if not.is("not") && valid.is("valid") => {
                    (tokens, is_validated) = (rest, false);
                }
                [rest @ .., not, enforced] if not.is("not") && enforced.is("enforced") => {
                    (tokens, is_validated, is_enforced) = (rest, false, false);
                }
                _ => break,
            }
        }
        let Some(request) = request::constraint(&self.path, tokens) else {
            return false;
        };
        self.keys.push(Key {
            request,
            is_validated,
            is_enforced,
        });
        true
    }
}

/// `name type … [NOT NULL]`
fn column(text: &str, item: &[Token]) -> Option<Column> {
    let (name, rest) = item.split_first()?;
    let ends = [
        "not",
        "default",
        "generated",
        "collate",
        "constraint",
        "null",
    ];
    let end = rest
        .iter()
        .position(|it| ends.iter().any(|word| it.is(word)))
        .unwrap_or(rest.len());
    let kind = rest.get(..end)?;
    let (first, last) = (kind.first()?, kind.last()?);
    let not_null = rest.windows(2).any(|it| match it {
        [not, null] => not.is("not") && null.is("null"),
        _ => false,
    });
    Some(Column {
        name: name.name()?.to_owned(),
        type_name: text.get(first.start..last.end)?.to_owned(),
        not_null,
    })
}

/// The column of an index; none where it is an expression.
fn plain_column(item: &[Token]) -> Option<String> {
    match item {
        [_, open, ..] if open.is_char('(') => None,
        [first, ..] => first.name().map(str::to_owned),
        [] => None,
    }
}

/// What stands within the parentheses that `tokens` begin with, and what behind them.
fn parenthesized(tokens: &[Token]) -> Option<(&[Token], &[Token])> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Other('(') => depth += 1,
            Kind::Other(')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then_some((tokens.get(1..at)?, tokens.get(at + 1..)?));
        }
    }
    None
}

/// Whether a statement that could not be read is about a table or a key.
pub(super) fn is_about_keys(tokens: &[Token]) -> bool {
    let begins = |words: &[&str]| {
        words.len() <= tokens.len() && words.iter().zip(tokens).all(|(word, it)| it.is(word))
    };
    let adds = tokens.windows(2).any(|it| match it {
        [foreign, key] => foreign.is("foreign") && key.is("key"),
        _ => false,
    });
    begins(&["create", "table"]) || (begins(&["alter", "table"]) && adds)
}
