//! Where a table keeps its indexes, they tell of the rows that the rows tell of.

use pretty_assertions::assert_eq;

use crate::foreign_indexes::{OF_CHILD, text_keys};

#[test]
fn an_index_that_stays_and_tells_of_other_rows_than_they_do_is_refused() {
    // With so many rows the table is not written anew, and keeps its index.
    let many = "INSERT INTO child WITH RECURSIVE n (id) AS (SELECT 3 UNION ALL SELECT id + 1 FROM n LIMIT 200) SELECT id, 'a', id FROM n;";
    for (with_index, without) in [
        // No orphan by the index.
        ("", "UPDATE child SET parent_id = 'x' WHERE id = 2"),
        // As many as by the rows, and another.
        (
            "UPDATE child SET parent_id = 'x' WHERE id = 1",
            "UPDATE child SET parent_id = 'a' WHERE id = 1; UPDATE child SET parent_id = 'x' WHERE id = 2",
        ),
    ] {
        let database = text_keys("('a', 1), ('b', 2)", OF_CHILD)
            .with(many)
            .with(with_index)
            .unheard_by("of_child", None, without);
        for options in ["", " --orphans set-null"] {
            database.refuses(&format!("up{options}"), 2, "is damaged");
        }
        database.execute("REINDEX child");
        assert_eq!(database.goes_up_and_down(), 1);
    }
}
