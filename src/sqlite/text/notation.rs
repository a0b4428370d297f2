//! A foreign key in one line, as people type it and fkfix prints it:
//! `orders.customer_id -> customers.id on delete cascade`.

use sqlite3_parser::dialect::TokenType::{
    self, TK_COMMA, TK_DOT, TK_ID, TK_LP, TK_PTR, TK_RP, TK_STRING,
};

use crate::model::key::{Action, ForeignKey};
use crate::sqlite::text::ddl::{self, Token};

const FORM: &str = "the form is: orders.customer_id -> customers.id on delete cascade; several columns: a(x, y) -> b(x, y); names with spaces: \"order lines\".\"order id\"";

/// Reads `text`; an error says what is wrong with it, and how it is written.
///
/// A table may stand behind its schema: the table of `app.orders.id` is `app.orders`, which
/// PostgreSQL knows and SQLite does not.
pub fn parse(text: &str) -> Result<ForeignKey, String> {
    read(text).map_err(|reason| format!("{reason}; {FORM}"))
}

fn read(text: &str) -> Result<ForeignKey, String> {
    let tokens = ddl::tokens(text).map_err(|_| "this can't be read".to_owned())?;
    let mut rest = Rest(&tokens);
    let (child, columns) = rest.side()?;
    if !rest.takes(|token| token.kind == TK_PTR || token.text == "→") {
        return Err("-> must stand behind the columns".to_owned());
    }
    let (parent, parent_columns) = rest.side()?;
    if columns.len() != parent_columns.len() {
        return Err(format!(
            "{} and {} are not as many columns",
            columns.join(", "),
            parent_columns.join(", ")
        ));
    }
    let [on_delete, on_update] = rest.actions()?;
    Ok(ForeignKey {
        child,
        columns,
        parent,
        parent_columns,
        on_delete,
        on_update,
    })
}

/// What is left to read.
struct Rest<'t, 's>(&'t [Token<'s>]);

impl Rest<'_, '_> {
    fn takes(&mut self, is_wanted: impl Fn(&Token<'_>) -> bool) -> bool {
        match self.0 {
            [first, rest @ ..] if is_wanted(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn kind(&mut self, kind: TokenType) -> bool {
        self.takes(|token| token.kind == kind)
    }

    /// A name: in quotes of any kind, or any word; a keyword can be nothing else here.
    fn name(&mut self) -> Result<String, String> {
        let [first, rest @ ..] = self.0 else {
            return Err("a name is missing at the end".to_owned());
        };
        let is_word = first
            .text
            .starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
        if !is_word && !matches!(first.kind, TK_ID | TK_STRING) {
            return Err(format!("{} is no name", first.text));
        }
        self.0 = rest;
        Ok(ddl::unquote(first.text))
    }

    /// Whether what comes next is a name that more stands behind.
    fn is_followed_by_dot(&self) -> bool {
        let next = self.0.get(1);
        next.is_some_and(|token| matches!(token.kind, TK_DOT | TK_LP))
    }

    /// `table.column`, `table.(a, b)` or `table(a, b)`.
    fn side(&mut self) -> Result<(String, Vec<String>), String> {
        let mut table = self.name()?;
        let mut has_dot = self.kind(TK_DOT);
        if has_dot && self.is_followed_by_dot() {
            table = format!("{table}.{}", self.name()?);
            has_dot = self.kind(TK_DOT);
        }
        if !self.kind(TK_LP) {
            if !has_dot {
                return Err(format!("no column stands behind {table}"));
            }
            let column = self.name()?;
            if self.kind(TK_DOT) {
                return Err(format!("{table}.{column} is followed by another dot"));
            }
            return Ok((table, vec![column]));
        }
        let mut columns = vec![self.name()?];
        while self.kind(TK_COMMA) {
            columns.push(self.name()?);
        }
        if !self.kind(TK_RP) {
            return Err(format!("the columns of {table} are not closed by )"));
        }
        Ok((table, columns))
    }

    /// The actions on delete and on update.
    fn actions(&mut self) -> Result<[Action; 2], String> {
        let mut actions = [None, None];
        while let [first, ..] = self.0 {
            if !self.word("on") {
                return Err(format!("{} is not expected here", first.text));
            }
            let place = if self.word("delete") {
                0
            } else if self.word("update") {
                1
            } else {
                return Err("delete or update must stand behind on".to_owned());
            };
            let action = self.action()?;
            if let Some(slot) = actions.get_mut(place)
                && slot.replace(action).is_some()
            {
                return Err("an action is given twice".to_owned());
            }
        }
        Ok(actions.map(Option::unwrap_or_default))
    }

    fn action(&mut self) -> Result<Action, String> {
        for (words, action) in [
            (["cascade", ""], Action::Cascade),
            (["restrict", ""], Action::Restrict),
            (["no", "action"], Action::NoAction),
            (["set", "null"], Action::SetNull),
            (["set", "default"], Action::SetDefault),
        ] {
            let before = self.0;
            let found = words.iter().all(|word| word.is_empty() || self.word(word));
            if found {
                return Ok(action);
            }
            self.0 = before;
        }
        Err("the action must be cascade, set null, set default, restrict or no action".to_owned())
    }

    fn word(&mut self, word: &str) -> bool {
        self.takes(|token| token.text.eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::write;

    #[test]
    fn a_key_reads_in_every_form_and_writes_back() {
        for (text, written) in [
            (
                "orders.customer_id -> customers.id",
                "orders.customer_id -> customers.id",
            ),
            (
                "a.x->b.y ON DELETE Cascade on update no action",
                "a.x -> b.y on delete cascade",
            ),
            (
                "a.(x, y) -> b.(z,w) on delete set null",
                "a(x, y) -> b(z, w) on delete set null",
            ),
            (
                "a(x, y) -> b(z, w) on update restrict",
                "a(x, y) -> b(z, w) on update restrict",
            ),
            ("a(x) → b(y)", "a.x -> b.y"),
            (
                "\"order lines\".[order id] -> 'order'.`id`",
                "\"order lines\".\"order id\" -> order.id",
            ),
            (
                "order.group -> on.delete on delete set default",
                "order.group -> on.delete on delete set default",
            ),
            ("\"a\"\"b\".x -> \"2nd\".ü", "\"a\"\"b\".x -> \"2nd\".\"ü\""),
        ] {
            let key = parse(text).unwrap();
            assert_eq!(write(&key), written);
            assert_eq!(write(&parse(written).unwrap()), written);
        }
    }

    #[test]
    fn a_table_may_stand_behind_its_schema() {
        for (text, written) in [
            ("app.a.x -> b.y", "\"app.a\".x -> b.y"),
            ("a.(x, y) -> app.b(x, y)", "a(x, y) -> \"app.b\"(x, y)"),
            ("a.x -> \"A p\".b.(y)", "a.x -> \"A p.b\".y"),
        ] {
            let key = parse(text).unwrap();
            assert_eq!(write(&key), written);
            assert_eq!(write(&parse(written).unwrap()), written);
        }
        assert!(parse("db.app.a.x -> b.y").is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, reason) in [
            ("", "a name is missing at the end"),
            ("orders", "no column stands behind orders"),
            ("orders.a", "-> must stand behind the columns"),
            ("orders.a -> customers", "no column stands behind customers"),
            ("orders.a -> ", "a name is missing at the end"),
            (
                "db.main.orders.a -> b.c",
                "db.main.orders is followed by another dot",
            ),
            ("a(x, y) -> b.z", "x, y and z are not as many columns"),
            ("a(x, y -> b(z, w)", "the columns of a are not closed by )"),
            ("a.x -> b.y on delete explode", "the action must be"),
            ("a.x -> b.y on commit cascade", "delete or update must"),
            (
                "a.x -> b.y on delete cascade on delete cascade",
                "an action is given twice",
            ),
            ("a.x -> b.y; DROP TABLE a", "; is not expected here"),
            ("a.'x -> b.y", "this can't be read"),
            ("a.+ -> b.y", "+ is no name"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
            assert!(error.contains("the form is:"), "{error}");
        }
    }
}
