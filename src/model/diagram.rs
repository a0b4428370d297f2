//! The tables of a database and the keys between them, for a picture.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::model::key::NamedKey;

/// Tables and keys.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Diagram {
    /// The tables in the order of the schema, then parents that are not there.
    #[serde(rename = "tables")]
    pub entities: Vec<Entity>,
    /// The keys: declared, pending, discovered.
    #[serde(rename = "keys")]
    pub relations: Vec<Relation>,
}

/// A table.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// Whether there is such a table; otherwise a key only names it.
    pub exists: bool,
    /// Its primary key, in its order.
    pub primary_key: Vec<String>,
    /// Its columns in order; none where there is no such table.
    pub columns: Vec<Attribute>,
}

/// A column.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type as declared; may be empty.
    #[serde(rename = "type")]
    pub declared_type: String,
    /// It takes no NULL.
    pub not_null: bool,
}

/// A key between two tables of a [`Diagram`].
#[derive(Clone, Debug, serde::Serialize)]
pub struct Relation {
    /// The key.
    #[serde(flatten)]
    pub named: NamedKey,
    /// Whether it is there, asked for, or found.
    #[serde(flatten)]
    pub state: State,
    /// At most one row of the child refers to each row of the parent.
    pub unique: bool,
    /// A row of the child may refer to none.
    pub optional: bool,
    /// The place of the child among the tables.
    #[serde(skip)]
    pub child: usize,
    /// The place of the parent.
    #[serde(skip)]
    pub parent: usize,
    /// How many rows break it, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphans: Option<i64>,
}

impl Diagram {
    /// Keeps the tables that are at most `depth` keys away from the one at `center`, whichever way
    /// the keys point, and the keys between them.
    pub fn keep_around(&mut self, center: usize, depth: usize) {
        let mut near = vec![center];
        let mut edge = vec![center];
        for _ in 0..depth {
            let beyond = self.relations.iter().flat_map(|relation| {
                let ways = [
                    (relation.child, relation.parent),
                    (relation.parent, relation.child),
                ];
                ways.into_iter()
                    .filter(|(from, _)| edge.contains(from))
                    .map(|(_, to)| to)
            });
            let mut beyond: Vec<_> = beyond.filter(|table| !near.contains(table)).collect();
            beyond.sort_unstable();
            beyond.dedup();
            if beyond.is_empty() {
                break;
            }
            near.extend(&beyond);
            edge = beyond;
        }
        self.keep(&near);
    }

    /// Keeps the keys that rows break, as far as they were counted, and the tables of these.
    pub fn keep_orphaned(&mut self) {
        self.relations
            .retain(|relation| relation.orphans.is_some_and(|orphans| orphans > 0));
        let ends = self.relations.iter();
        let ends: Vec<_> = ends.flat_map(|it| [it.child, it.parent]).collect();
        self.keep(&ends);
    }

    /// Keeps the tables at `places`, and the keys that have both ends among them.
    fn keep(&mut self, places: &[usize]) {
        let mut next = 0..;
        let count = self.entities.len();
        let moved: Vec<Option<usize>> = (0..count)
            .map(|place| places.contains(&place).then(|| next.next()).flatten())
            .collect();
        let moved = |place: usize| moved.get(place).copied().flatten();
        let mut place = 0..;
        self.entities
            .retain(|_| place.next().and_then(moved).is_some());
        self.relations.retain_mut(|relation| {
            let (Some(child), Some(parent)) = (moved(relation.child), moved(relation.parent))
            else {
                return false;
            };
            (relation.child, relation.parent) = (child, parent);
            true
        });
    }
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The database declares it.
    Declared,
    /// A migration that is not applied yet asks for it.
    Pending,
    /// It was perhaps meant: how sure that is, in percent.
    Discovered(u8),
}

/// In a document, `declared`, `pending` or `discovered`, and how sure that is.
impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, confidence) = match self {
            State::Declared => ("declared", None),
            State::Pending => ("pending", None),
            State::Discovered(confidence) => ("discovered", Some(confidence)),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", state)?;
        map.serialize_entry("confidence", &confidence)?;
        map.end()
    }
}

/// A key that is not drawn, and why.
#[derive(Clone, Debug)]
pub struct NotDrawn {
    /// The key, by its name or its columns.
    pub key: String,
    /// Why.
    pub reason: String,
}
