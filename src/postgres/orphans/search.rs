//! Finds the rows that break keys.

use anyhow::Result;
use postgres::Transaction;

use super::found::{Found, Why, elsewhere};
use super::parts::Parts;
use crate::failure::Failure;
use crate::model::key;
use crate::policy::{OrphanAction, Wish};
use crate::postgres::catalog::Table;
use crate::postgres::keys::{self, Key};
use crate::postgres::orphans::stays::{self, Assigned};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, RowId, source};

/// The keys of a run: those that are asked for, and those along which rows hang on others.
#[derive(Debug)]
pub struct Search {
    /// The keys whose orphans are looked for.
    pub asked: Vec<Key>,
    /// What people call each of these.
    pub labels: Vec<String>,
    /// What becomes of orphans.
    pub action: OrphanAction,
    pub(super) links: Vec<Link>,
    pub(super) parts: Parts,
}

/// A key along which rows hang on others; the first ones are those asked for.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) key: Key,
    pub(super) label: String,
    /// A bit that no other key of the same child has.
    pub(super) mark: u64,
    /// What becomes of rows that break it.
    pub(super) orphans: Wish,
    /// What becomes of rows that refer by it to rows that leave.
    pub(super) dependents: Wish,
    /// What rows that stay get in its place.
    pub(super) instead: Vec<Assigned>,
    /// Why rows leave all the same that it would keep.
    pub(super) why: Option<String>,
}

impl Link {
    /// Why a row is found by this key, and so what becomes of it.
    pub(super) fn found(&self, wish: Wish, why: Why) -> Why {
        let sets = matches!(wish, Wish::ToNull | Wish::ToDefault);
        if sets && self.why.is_none() {
            return Why {
                forgets: self.mark,
                ..why
            };
        }
        Why {
            leaves: true,
            ..why
        }
    }
}

impl Search {
    /// For the keys `asked`, with every key that `schema` declares as a way along which rows hang
    /// on others. `action` is what is to happen to orphans.
    pub fn new(
        transaction: &mut Transaction,
        schema: &Schema,
        asked: Vec<Key>,
        action: OrphanAction,
    ) -> Result<Self> {
        Search::by(transaction, schema, asked, action, |on_delete| {
            Wish::of_dependents(action, on_delete)
        })
    }

    /// For what the deletion of rows takes along by CASCADE; all other keys block it.
    pub fn of_deletion(transaction: &mut Transaction, schema: &Schema) -> Result<Self> {
        let action = OrphanAction::Follow;
        Search::by(
            transaction,
            schema,
            Vec::new(),
            action,
            |on_delete| match on_delete {
                key::Action::Cascade => Wish::Leave,
                _ => Wish::Block,
            },
        )
    }

    fn by(
        transaction: &mut Transaction,
        schema: &Schema,
        asked: Vec<Key>,
        action: OrphanAction,
        of_dependents: impl Fn(key::Action) -> Wish,
    ) -> Result<Self> {
        let named: Vec<_> = asked.iter().map(Key::named).collect();
        let mut keys = asked.clone();
        for child in &schema.tables {
            for key in &child.foreign_keys {
                let is_asked = asked.iter().any(|it| {
                    it.child.oid == child.oid
                        && it
                            .there
                            .as_ref()
                            .is_some_and(|there| there.name == key.name)
                });
                // Those of partitions come with the key of the root.
                if is_asked || key.is_inherited || !key.is_enforced || key.is_temporal {
                    continue;
                }
                keys.extend(keys::declared(transaction, schema, child, key)?);
            }
        }
        let mut links: Vec<Link> = Vec::new();
        for (place, key) in keys.into_iter().enumerate() {
            let siblings = links.iter().filter(|it| it.key.child.oid == key.child.oid);
            let Some(mark) = 1_u64.checked_shl(u32::try_from(siblings.count())?) else {
                return Err(Failure::impossible(format!(
                    "{} has more than 64 keys",
                    key.child_shown
                ))
                .hint("drop those that say the same: fkfix check names them")
                .into());
            };
            let on_delete = keys::action(key.key.on_delete);
            let dependents = of_dependents(on_delete);
            let orphans = if place < asked.len() {
                Wish::of_orphans(action, on_delete)
            } else {
                dependents
            };
            let sets = |it: &Wish| matches!(it, Wish::ToNull | Wish::ToDefault);
            let found = match [orphans, dependents].into_iter().find(sets) {
                Some(wish) => {
                    stays::instead(transaction, schema, &key, wish, action.keeps(), &asked)?
                }
                None => Ok(Vec::new()),
            };
            let (instead, why) = match found {
                Ok(instead) => (instead, None),
                Err(why) => (Vec::new(), Some(why)),
            };
            links.push(Link {
                label: key.named().label(),
                mark,
                orphans,
                dependents,
                instead,
                why,
                key,
            });
        }
        let labels = key::labels(&named);
        for (link, label) in links.iter_mut().zip(&labels) {
            link.label.clone_from(label);
        }
        Ok(Search {
            asked,
            labels,
            action,
            links,
            parts: Parts::of(schema),
        })
    }

    /// The same, with the keys along which rows hang on others called by their columns.
    #[must_use]
    pub fn by_place(mut self) -> Self {
        for link in &mut self.links {
            link.label = link.key.model().place();
        }
        self
    }

    /// The keys along which rows hang on others.
    pub fn links(&self) -> impl Iterator<Item = &Key> {
        self.links.iter().map(|link| &link.key)
    }

    /// Whether rows of `table` that forgot a key in one batch may be met in another: a second key
    /// of theirs may lose its parent there.
    #[must_use]
    pub fn may_come_back_to(&self, table: &Table) -> bool {
        let own = self.links.iter().filter(|it| it.key.child.oid == table.oid);
        let (set, other): (Vec<_>, Vec<_>) = own.partition(|it| !it.instead.is_empty());
        !set.is_empty() && set.len() + other.len() > 1
    }

    /// The links of a child that have these bits.
    pub(super) fn forgotten(&self, child: u32, marks: u64) -> impl Iterator<Item = (usize, &Link)> {
        let links = self.links.iter().enumerate();
        links.filter(move |(_, link)| link.key.child.oid == child && link.mark & marks != 0)
    }

    /// What the columns of rows become that forget the keys with these bits. Where one key makes a
    /// column NULL and another its default, it becomes NULL.
    #[must_use]
    pub fn assigned(&self, child: u32, marks: u64) -> Vec<Assigned> {
        let mut assigned: Vec<Assigned> = Vec::new();
        for set in self.forgotten(child, marks).flat_map(|it| &it.1.instead) {
            match assigned.iter_mut().find(|it| it.column == set.column) {
                Some(known) if set.default.is_none() => known.default = None,
                Some(_) => {}
                None => assigned.push(set.clone()),
            }
        }
        assigned
    }

    /// The columns that rows of a table may forget.
    #[must_use]
    pub fn forgettable(&self, child: u32) -> Vec<String> {
        let set = self.assigned(child, u64::MAX).into_iter();
        set.map(|it| it.column).collect()
    }

    /// The bit of the key at `place` of those asked for.
    #[must_use]
    pub fn mark(&self, place: usize) -> u64 {
        self.links.get(place).map_or(0, |it| it.mark)
    }

    /// What rows get that break the key at `place` of those asked for; none where they leave.
    #[must_use]
    pub fn instead(&self, place: usize) -> Option<&[Assigned]> {
        let link = self.links.get(place)?;
        let leaves = link.found(link.orphans, Why::default()).leaves;
        (!leaves).then_some(link.instead.as_slice())
    }

    pub(super) fn asked_links(&self) -> impl Iterator<Item = (usize, &Link)> {
        self.links.iter().enumerate().take(self.asked.len())
    }

    /// All rows that break the keys asked for.
    pub fn orphans(&self, transaction: &mut Transaction) -> Result<Found> {
        let mut found = Found::default();
        for (place, link) in self.asked_links() {
            let key = &link.key;
            let query = format!(
                "SELECT {} FROM {} AS c WHERE {}",
                rows::place(&key.child, "c"),
                source(&key.child),
                key.orphaned("c")
            );
            let why = Why {
                breaks: link.mark,
                ..Why::default()
            };
            let why = link.found(link.orphans, why);
            for row in rows::read(transaction, &query, &[])? {
                if !self.note_elsewhere(&mut found, place, &row) {
                    found.add(&key.child, &key.child_shown, &row, why);
                }
            }
        }
        Ok(found)
    }

    /// Notes that a row breaks the key at `place` of those asked for which was found as a row of
    /// another table; false where it was not. One that would stay there, and forget something
    /// else, is met again when that is done.
    pub(super) fn note_elsewhere(&self, found: &mut Found, place: usize, row: &RowId) -> bool {
        let Some(link) = self.links.get(place) else {
            return false;
        };
        let Some((at, row)) = self.parts.elsewhere(found, link.key.child.oid, row) else {
            return false;
        };
        let leaves = link.found(link.orphans, Why::default()).leaves;
        let Some(leaving) = found.tables.get_mut(at) else {
            return false;
        };
        let oid = leaving.table.oid;
        if let Some(why) = leaving.rows.get_mut(&row) {
            let forgets = self.assigned(oid, why.forgets);
            let mut forgets = forgets.iter().filter(|it| it.default.is_none());
            let forgets = forgets.any(|it| link.key.key.columns.contains(&it.column));
            if why.leaves || leaves || forgets {
                why.leaves |= leaves;
                why.also |= elsewhere(place);
            }
        }
        true
    }
}
