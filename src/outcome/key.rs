//! A key of a table that the document has named already.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::model::key::NamedKey;

/// A key of a table that the document has named already.
#[derive(Debug)]
pub struct Key {
    /// The key, as it was asked for.
    pub named: NamedKey,
    /// What the schema calls it, where that is another name.
    pub called: Option<String>,
}

impl From<NamedKey> for Key {
    fn from(named: NamedKey) -> Self {
        let called = None;
        Key { named, called }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.named.serialize_within_table(&mut map)?;
        map.end()
    }
}
