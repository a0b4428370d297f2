//! What a database has, as one moment shows it, and what its names mean to the user.

pub mod compare;
mod leaf;
pub mod rows;

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;

use crate::failure::Failure;
use crate::postgres::catalog::{self, Kind, Name, Table};
use crate::postgres::text::alter_table::Path;

/// The tables of a database, and where names without a schema are looked up.
#[derive(Clone, Debug)]
pub struct Schema {
    /// All tables and what looks like one, by schema and name.
    pub tables: Vec<Rc<Table>>,
    /// The schemas of the user's search path that exist.
    pub path: Vec<String>,
    /// That path as the setting has it.
    search_path: String,
    /// `server_version_num`
    pub version: u32,
}

/// From here on names are looked up in the catalogs alone.
pub const CATALOG_PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

impl Schema {
    /// Reads the catalogs. `transaction` begins with the search path of the user
    /// ([`Step::with_the_users_names`](crate::postgres::session::Step::with_the_users_names)), and has that of
    /// the catalogs from here on.
    pub fn read(transaction: &mut Transaction, version: u32) -> Result<Self> {
        let path = transaction.query_typed_one(
            "SELECT pg_catalog.current_schemas(false)::text[], pg_catalog.current_setting('search_path')",
            &[],
        )?;
        transaction.batch_execute(CATALOG_PATH)?;
        let tables = catalog::read(transaction, version)?;
        Ok(Schema {
            tables: tables.into_iter().map(Rc::new).collect(),
            path: path.try_get(0)?,
            search_path: path.try_get(1)?,
            version,
        })
    }

    /// The same of what is known otherwise: names are looked up in the schemas of `path`.
    #[must_use]
    pub fn of(tables: Vec<Rc<Table>>, path: Vec<String>, version: u32) -> Self {
        Schema {
            tables,
            search_path: path.join(", "),
            path,
            version,
        }
    }

    /// The search path of the user, as the setting has it.
    #[must_use]
    pub fn search_path(&self) -> &str {
        &self.search_path
    }

    /// Runs `work` with names looked up as the user's statements have them: triggers, checks and
    /// event triggers of the user may run on the way, and are made for that. Own SQL in it must
    /// qualify every name and operator.
    pub fn as_the_user<T>(
        &self,
        transaction: &mut Transaction,
        work: impl FnOnce(&mut Transaction) -> Result<T>,
    ) -> Result<T> {
        self.leave(transaction)?;
        let value = work(transaction)?;
        transaction.batch_execute(CATALOG_PATH)?;
        Ok(value)
    }

    /// Runs statements so, one after the other.
    pub fn run_all(&self, transaction: &mut Transaction, statements: &[String]) -> Result<()> {
        self.as_the_user(transaction, |transaction| {
            for statement in statements {
                transaction.batch_execute(statement)?;
            }
            Ok(())
        })
    }

    /// From here on names are looked up as the user's statements have them.
    pub fn leave(&self, transaction: &mut Transaction) -> Result<()> {
        transaction.query_typed(
            "SELECT pg_catalog.set_config('search_path', $1, true)",
            &[(&self.search_path, postgres::types::Type::TEXT)],
        )?;
        Ok(())
    }

    /// The table of this name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Rc<Table>> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The table with this number.
    #[must_use]
    pub fn by_oid(&self, oid: u32) -> Option<&Rc<Table>> {
        self.tables.iter().find(|table| table.oid == oid)
    }

    /// The table that a script means by `path`, if there is one.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<&Rc<Table>> {
        let in_schema = |schema: &String| {
            self.get(&Name {
                schema: schema.clone(),
                table: path.table.clone(),
            })
        };
        match &path.schema {
            Some(schema) => in_schema(schema),
            None => self.path.iter().find_map(in_schema),
        }
    }

    /// The table that a user means by a name on the command line: `table` or `schema.table`.
    pub fn named(&self, text: &str) -> Result<&Rc<Table>> {
        let path = |schema: Option<&str>, table: &str| Path {
            schema: schema.map(str::to_owned),
            table: table.to_owned(),
            folded: true,
        };
        let whole = path(None, text);
        let found = self.find(&whole).or_else(|| {
            let (schema, table) = text.split_once('.')?;
            self.find(&path(Some(schema), table))
        });
        found.ok_or_else(|| self.no_such_table(&whole).into())
    }

    /// The table of a script, which must be one that can have keys.
    pub fn table(&self, path: &Path) -> Result<&Rc<Table>> {
        let table = self.find(path).ok_or_else(|| self.no_such_table(path))?;
        let what = match table.kind {
            Kind::Table | Kind::Partitioned => return Ok(table),
            Kind::View => "a view",
            Kind::MaterializedView => "a materialized view",
            Kind::Foreign => "a foreign table",
        };
        Err(Failure::impossible(format!(
            "{} is {what}, and can neither have a key nor be referred to by one",
            self.shown(&table.name)
        ))
        .hint("name the table that holds the rows")
        .into())
    }

    fn no_such_table(&self, path: &Path) -> Failure {
        let failure = Failure::impossible(format!("there is no table {}", path.shown()));
        let is_like = |it: &&Rc<Table>| {
            it.name.table.to_lowercase() == path.table.to_lowercase()
                && path
                    .schema
                    .as_ref()
                    .is_none_or(|schema| *schema == it.name.schema)
        };
        match self.tables.iter().find(is_like) {
            // PostgreSQL folds what is not quoted; SQLite does not care.
            Some(like) if like.name.table != path.table => failure.hint(format!(
                "PostgreSQL folds names without quotes to lower case; the table is {}",
                catalog::quoted(&like.name.table)
            )),
            Some(like) => failure.hint(format!(
                "{} is not on the search path: name its schema",
                like.name
            )),
            None => failure.hint("check that this is the right database, and the name"),
        }
    }

    /// What people call a table: its name, with the schema where the name alone means another or
    /// none.
    #[must_use]
    pub fn shown(&self, name: &Name) -> String {
        let path = Path {
            schema: None,
            table: name.table.clone(),
            folded: false,
        };
        match self.find(&path) {
            Some(found) if found.name == *name => name.table.clone(),
            _ => format!("{}.{}", name.schema, name.table),
        }
    }
}
