//! Puts groups of boxes beside and below each other.

use super::shapes::{BETWEEN_BOXES, Layout, Line, Node, Point, ROW, at, set};

/// Free space between two groups.
const BETWEEN_GROUPS: i32 = 2 * ROW;
/// How much wider than high a picture should be.
const ASPECT: f64 = 1.5;

/// Boxes that hang together, laid out by themselves.
pub struct Part {
    pub nodes: Vec<usize>,
    pub lines: Vec<usize>,
    pub layout: Layout,
}

/// The boxes that hang together by `lines`, each group in the order of its boxes.
pub fn groups(nodes: usize, lines: &[Line]) -> Vec<Vec<usize>> {
    let mut group: Vec<usize> = (0..nodes).collect();
    for line in lines {
        let (one, other) = (at(&group, line.parent.node), at(&group, line.child.node));
        let (least, most) = (one.min(other), one.max(other));
        for id in &mut group {
            if *id == most {
                *id = least;
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    for (node, id) in group.iter().enumerate() {
        if let Some(members) = groups.get_mut(*id) {
            members.push(node);
        }
    }
    groups.retain(|members| !members.is_empty());
    groups
}

/// Puts `parts` where there is room, the largest first, and the boxes that are `alone` in rows
/// below them.
#[allow(clippy::cast_possible_truncation)] // a picture has fewer than 2^31 pixels
pub fn pack(nodes: &[Node], lines: usize, mut parts: Vec<Part>, alone: &[usize]) -> Layout {
    let area = |width: i32, height: i32| {
        f64::from(width + BETWEEN_GROUPS) * f64::from(height + BETWEEN_GROUPS)
    };
    parts.sort_by_key(|part| -(i64::from(part.layout.width) * i64::from(part.layout.height)));
    let areas = parts
        .iter()
        .map(|part| area(part.layout.width, part.layout.height));
    let boxes = alone.iter().filter_map(|node| nodes.get(*node));
    let areas: f64 = areas.chain(boxes.map(|it| area(it.width, it.height))).sum();
    let widest = parts.iter().map(|part| part.layout.width).max();
    let limit = widest
        .unwrap_or_default()
        .max((areas * ASPECT).sqrt() as i32);

    let mut layout = Layout {
        corners: vec![(0, 0); nodes.len()],
        paths: vec![Vec::new(); lines],
        ..Layout::default()
    };
    let mut taken: Vec<Taken> = Vec::new();
    for part in parts {
        let place = free_place(&taken, &part.layout, limit);
        taken.push(Taken {
            left: place.0,
            top: place.1,
            right: place.0 + part.layout.width,
            bottom: place.1 + part.layout.height,
        });
        layout.include(&part, place);
    }
    layout.add_rows(nodes, alone, limit);
    layout
}

/// A rectangle that is not free.
#[derive(Clone, Copy)]
struct Taken {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

/// The highest place within `limit` at which `layout` touches nothing, and of these the leftmost.
fn free_place(taken: &[Taken], layout: &Layout, limit: i32) -> Point {
    let tops = taken.iter().map(|it| it.bottom + BETWEEN_GROUPS);
    let lefts: Vec<_> = taken
        .iter()
        .map(|it| it.right + BETWEEN_GROUPS)
        .chain([0])
        .collect();
    let places = tops
        .chain([0])
        .flat_map(|top| lefts.iter().map(move |left| (*left, top)));
    let is_free = |(left, top): &Point| {
        let (right, bottom) = (left + layout.width, top + layout.height);
        let clear = |it: &Taken| {
            it.right + BETWEEN_GROUPS <= *left
                || right + BETWEEN_GROUPS <= it.left
                || it.bottom + BETWEEN_GROUPS <= *top
                || bottom + BETWEEN_GROUPS <= it.top
        };
        (right <= limit || *left == 0) && taken.iter().all(clear)
    };
    let place = places
        .filter(is_free)
        .min_by_key(|(left, top)| (*top, *left));
    place.unwrap_or_default()
}

impl Layout {
    /// Puts a part at `place`.
    fn include(&mut self, part: &Part, place: Point) {
        let moved = |(x, y): &Point| (x + place.0, y + place.1);
        for (node, corner) in part.nodes.iter().zip(&part.layout.corners) {
            set(&mut self.corners, *node, moved(corner));
        }
        for (line, path) in part.lines.iter().zip(&part.layout.paths) {
            set(&mut self.paths, *line, path.iter().map(moved).collect());
        }
        self.width = self.width.max(place.0 + part.layout.width);
        self.height = self.height.max(place.1 + part.layout.height);
    }

    /// Puts boxes into rows at the bottom, in columns of one width.
    fn add_rows(&mut self, nodes: &[Node], alone: &[usize], limit: i32) {
        let node = |id: &usize| nodes.get(*id).copied();
        let widest = alone.iter().filter_map(node).map(|node| node.width).max();
        let Some(widest) = widest else { return };
        let column = widest + 2 * ROW;
        let columns = ((limit.max(self.width) + 2 * ROW) / column).max(1);
        let columns = usize::try_from(columns).unwrap_or(1);
        let mut top = if self.height > 0 {
            self.height + BETWEEN_GROUPS
        } else {
            0
        };
        for row in alone.chunks(columns) {
            let mut left = 0;
            let mut bottom = top;
            for id in row {
                let Some(node) = node(id) else { continue };
                set(&mut self.corners, *id, (left, top));
                self.width = self.width.max(left + node.width);
                bottom = bottom.max(top + node.height);
                left += column;
            }
            self.height = bottom;
            top = bottom + BETWEEN_BOXES;
        }
    }
}
