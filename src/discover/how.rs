//! How the name of a column speaks of a table.

use super::catalog::{ParentKey, Subject};
use super::column::Ending;
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
