//! How the name of a column speaks of a table.

use super::catalog::{Catalog, ParentKey, Subject};
use super::column::{self, Ending, Reading};
use super::index::Index;
use super::table::Column;
use crate::model::key::same_name;
use crate::words::{Word, same};

/// How a name speaks of a table; the plainest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// It is the name of the table's key, which names the table.
    NamedKey,
    /// It is the name of the table.
    Name,
    /// It is the name of the table behind a word that many tables begin with.
    Tail,
    /// The name of the table stands behind other words.
    Role,
    /// A word tells another row of the same table, as `parent` does.
    Relative,
    /// It is the name of the table's key.
    SharedKey,
    /// The name of the same table stands behind other words.
    OwnRole,
    /// [`How::Tail`] behind other words.
    RoleTail,
    /// A word tells a person, and the table holds the people.
    Person,
    /// The name of the table's key stands behind other words.
    KeyRole,
    /// One of two such as `from` and `to`, in a table named after this one.
    Pair,
    /// [`How::Tail`], but the first words are not those of other tables.
    LooseTail,
    /// The name of the table stands before other words.
    Head,
    /// It differs from the name of the table in the last letters, as a plural may.
    Inflected,
    /// It shortens the name of the table.
    Short,
    /// The name of the table stands at the end of a word.
    Glued,
    /// The name of the table begins with it.
    Start,
    /// It is made of the first letters of the table's name.
    Initials,
    /// [`How::LooseTail`] behind other words.
    LooseRoleTail,
    /// It ends like a word for a person, and the table holds the people.
    Agent,
    /// It tells some row, in a table that is named after this one.
    Part,
    /// Not at all.
    Nothing,
}

/// A table that a column may speak of.
#[derive(Clone)]
pub struct Match<'a> {
    /// The table.
    pub parent: &'a Subject,
    /// The key of it.
    pub key: &'a ParentKey,
    /// How.
    pub how: How,
    /// How the name says that it tells a row.
    pub ending: Ending,
    /// The key ends otherwise than the name: 0 where it does not, 1 where it is another.
    pub misfit: f64,
    /// The base is a word for a number or a text, or a plural.
    pub is_plain_word: bool,
    /// How many tables the name speaks of in the same way.
    pub alike: usize,
    /// The name speaks of another table more plainly, and the values do not speak against it.
    pub is_outdone: bool,
    /// How the first words of the parent's name relate to the child's.
    pub prefix: Prefix,
    /// What the name says, in words.
    pub evidence: String,
}

/// The words of a parent's name that a column leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// None, or such as say nothing.
    Other,
    /// They are the name of the child: `type_id` of a product leads to product types.
    IsChild,
    /// The name of the child begins with them too.
    Shared,
    /// Some are in the name of the child.
    Kin,
}

impl Prefix {
    /// How `prefix` relates to the words of a child.
    pub fn of(prefix: &[Word], child: &[Word]) -> Self {
        let is_kin = |word: &Word| child.iter().any(|it| it.is_like(word));
        if prefix.is_empty() {
            Prefix::Other
        } else if same(prefix, child) {
            Prefix::IsChild
        } else if child.starts_with(prefix) {
            Prefix::Shared
        } else if prefix.iter().any(is_kin) {
            Prefix::Kin
        } else {
            Prefix::Other
        }
    }
}

impl How {
    /// Its name among the weights.
    pub fn name(self) -> &'static str {
        match self {
            How::NamedKey => "named key",
            How::Name => "name",
            How::Tail => "tail",
            How::Role => "role",
            How::Relative => "relative",
            How::SharedKey => "shared key",
            How::OwnRole => "own role",
            How::RoleTail => "role tail",
            How::Person => "person",
            How::KeyRole => "key role",
            How::Pair => "pair",
            How::LooseTail => "loose tail",
            How::Head => "head",
            How::Inflected => "inflected",
            How::Short => "short",
            How::Glued => "glued",
            How::Start => "start",
            How::Initials => "initials",
            How::LooseRoleTail => "loose role tail",
            How::Agent => "agent",
            How::Part => "part",
            How::Nothing => "nothing",
        }
    }
}

/// A search for the tables that a column may speak of.
pub(super) struct Search<'a, 's> {
    pub(super) catalog: &'a Catalog,
    pub(super) index: &'s Index,
    pub(super) child: &'s Subject,
    pub(super) column: &'s Column,
    pub(super) found: Vec<Match<'a>>,
}

impl<'a> Search<'a, '_> {
    /// Whether the column is in `parent` itself.
    pub(super) fn is_self(&self, parent: &Subject) -> bool {
        parent.table.name == self.child.table.name
    }

    /// Adds `new`, unless the same key is found already, more plainly.
    pub(super) fn add(&mut self, new: Match<'a>) {
        let is_itself = self.is_self(new.parent)
            && matches!(new.key.columns.as_slice(), [key] if same_name(key, &self.column.name));
        if is_itself {
            return;
        }
        let same_place = |it: &&mut Match<'a>| {
            it.parent.table.name == new.parent.table.name && it.key == new.key
        };
        let is_plainer =
            |old: &Match<'_>| new.how < old.how || new.how == old.how && new.misfit < old.misfit;
        match self.found.iter_mut().find(same_place) {
            Some(old) if !is_plainer(old) => {}
            Some(old) => *old = new,
            None => self.found.push(new),
        }
    }

    /// Adds the keys of `parent` that a name read so may mean.
    pub(super) fn add_keys(
        &mut self,
        parent: &'a Subject,
        reading: &Reading,
        how: How,
        evidence: &str,
    ) {
        self.add_keys_behind(parent, &[], reading, how, evidence);
    }

    /// As `add_keys`, where the column leaves the words `prefix` of the parent's name out.
    pub(super) fn add_keys_behind(
        &mut self,
        parent: &'a Subject,
        prefix: &[Word],
        reading: &Reading,
        how: How,
        evidence: &str,
    ) {
        let prefix = Prefix::of(prefix, &self.child.words);
        let base = reading.base.as_slice();
        let last = base.last();
        // A column called `posts` counts them.
        if reading.ending == Ending::None && last.is_some_and(|it| column::is_plural(it)) {
            return;
        }
        let is_plain_word = last.is_some_and(|last| {
            let of_child = [&self.child.words, base].concat();
            column::is_number(last) || column::is_generic(last) && !same(&of_child, &parent.words)
        });
        for (key, column) in parent.single_keys() {
            let Some(misfit) = misfit(&reading.ending, key, parent, column) else {
                continue;
            };
            self.add(Match {
                parent,
                key,
                how,
                ending: reading.ending.clone(),
                misfit,
                is_plain_word,
                alike: 1,
                prefix,
                is_outdone: false,
                evidence: format!("{} {evidence}", self.column.name),
            });
        }
    }
}

/// How badly `key` fits a name with this ending, from 0 to 1; none where it can't be meant.
fn misfit(ending: &Ending, key: &ParentKey, parent: &Subject, column: &Column) -> Option<f64> {
    let words = parent.bare(&column.name);
    let last = words.last().map_or("", Word::as_str);
    let glued = |end: &str| last.ends_with(end);
    Some(match ending {
        Ending::Id(id) if key.is_primary => {
            if id == "id" || glued(id) {
                0.0
            } else {
                0.1
            }
        }
        Ending::Id(id) if glued(id) => 0.2,
        Ending::Id(_) => 1.0,
        Ending::Code(code) if glued(code) => 0.0,
        Ending::Code(_) if key.is_primary => 0.7,
        Ending::Code(_) => return None,
        Ending::None if key.is_primary => 0.0,
        Ending::None => 0.4,
    })
}
