//! What was planned or done, as the values that are reported.

use crate::report::key::Key;
use crate::sqlite::keys::NewKey;

impl From<&NewKey> for Key {
    fn from(new: &NewKey) -> Self {
        let there = new.there.as_ref();
        let called = there.and_then(|there| there.constraint.clone());
        Key {
            called: called.filter(|name| new.name.as_ref() != Some(name)),
            ..Key::new(&new.key, new.name.clone())
        }
    }
}
