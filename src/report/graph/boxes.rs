//! What stands in the box of a table: a row for each key, and how many columns there are beside.

use super::words::beside;
use crate::model::diagram::{Diagram, Entity, Relation, State};
use crate::model::key::same_name;

/// The box of a table.
#[derive(Clone, Debug)]
pub struct TableBox {
    /// The table's name.
    pub name: String,
    /// The keys: the primary key first, then foreign keys, then others that are referred to.
    pub rows: Vec<BoxRow>,
    /// What is said of the columns that have no row.
    pub rest: Option<String>,
    /// Whether there is such a table.
    pub exists: bool,
}

/// A row of a box: the columns of one key.
#[derive(Clone, Debug)]
pub struct BoxRow {
    /// `PK`, `FK`, `UK` or several of them.
    pub mark: String,
    /// The columns.
    pub columns: Vec<String>,
    /// What stands at the end of the row.
    pub note: String,
    /// The state of the foreign key, if it is one.
    pub state: Option<State>,
}

/// The rows at which a relation ends.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The row in the box of the child.
    pub child: usize,
    /// The row in the box of the parent.
    pub parent: usize,
}

/// The boxes of the tables of `diagram` in their order, and where the relations end in them.
pub fn boxes(diagram: &Diagram) -> (Vec<TableBox>, Vec<Ends>) {
    let mut boxes: Vec<_> = diagram.entities.iter().map(TableBox::new).collect();
    let mut ends = vec![
        Ends {
            child: 0,
            parent: 0
        };
        diagram.relations.len()
    ];
    for (at, (table, entity)) in boxes.iter_mut().zip(&diagram.entities).enumerate() {
        let own = diagram.relations.iter().zip(&mut ends);
        let mut own: Vec<_> = own.filter(|(relation, _)| relation.child == at).collect();
        own.sort_by_key(|(relation, _)| entity.place(&relation.named.key.columns));
        for (relation, ends) in own {
            ends.child = table.add_key(relation);
        }
    }
    for (relation, ends) in diagram.relations.iter().zip(&mut ends) {
        if let Some(table) = boxes.get_mut(relation.parent) {
            ends.parent = table.row_of(&relation.named.key.parent_columns);
        }
    }
    for (table, entity) in boxes.iter_mut().zip(&diagram.entities) {
        table.count_rest(entity);
    }
    (boxes, ends)
}

impl Entity {
    /// Where the first of `columns` stands.
    fn place(&self, columns: &[String]) -> Option<usize> {
        let first = columns.first()?;
        let mut own = self.columns.iter();
        own.position(|column| same_name(&column.name, first))
    }
}

impl TableBox {
    fn new(entity: &Entity) -> Self {
        let mut table = TableBox {
            name: entity.name.clone(),
            rows: Vec::new(),
            rest: None,
            exists: entity.exists,
        };
        if !entity.primary_key.is_empty() {
            table.rows.push(BoxRow {
                mark: "PK".to_owned(),
                columns: entity.primary_key.clone(),
                note: String::new(),
                state: None,
            });
        }
        table
    }

    /// Adds a foreign key, to the row of its columns where these are the primary key.
    fn add_key(&mut self, relation: &Relation) -> usize {
        let note = beside(relation);
        let columns = &relation.named.key.columns;
        let mut rows = self.rows.iter_mut().enumerate();
        let same = rows.find(|(_, row)| row.state.is_none() && row.columns == *columns);
        if let Some((at, row)) = same {
            "PK FK".clone_into(&mut row.mark);
            row.note = note;
            row.state = Some(relation.state);
            return at;
        }
        self.rows.push(BoxRow {
            mark: "FK".to_owned(),
            columns: columns.clone(),
            note,
            state: Some(relation.state),
        });
        self.rows.len() - 1
    }

    /// The row of `columns`, which a key refers to in whatever order; made where there is none.
    fn row_of(&mut self, columns: &[String]) -> usize {
        let same = |row: &BoxRow| {
            let has = |name: &String| row.columns.iter().any(|it| same_name(it, name));
            row.columns.len() == columns.len() && columns.iter().all(has)
        };
        if let Some(at) = self.rows.iter().position(same) {
            return at;
        }
        self.rows.push(BoxRow {
            mark: if self.exists { "UK" } else { "" }.to_owned(),
            columns: columns.to_vec(),
            note: String::new(),
            state: None,
        });
        self.rows.len() - 1
    }

    fn count_rest(&mut self, entity: &Entity) {
        if !self.exists {
            self.rest = Some("no such table".to_owned());
            return;
        }
        let in_a_row = |name: &str| {
            let mut columns = self.rows.iter().flat_map(|row| &row.columns);
            columns.any(|column| same_name(column, name))
        };
        let columns = entity.columns.iter();
        let rest = columns.filter(|column| !in_a_row(&column.name)).count();
        self.rest = match (rest, self.rows.is_empty()) {
            (0, _) => None,
            (1, true) => Some("1 column".to_owned()),
            (rest, true) => Some(format!("{rest} columns")),
            (1, false) => Some("+ 1 column".to_owned()),
            (rest, false) => Some(format!("+ {rest} columns")),
        };
    }
}
