//! A track in each gap for each net, and the path of each line along them.

use super::nets::{Nets, Port, Strand};
use super::shapes::{End, Layout, Line, Node, Point, ROW, at, set};

/// Free width beside a parent, before the first line may turn.
const STUB_OF_PARENT: i32 = 22;
/// Free width beside a child, where the mark at the end of the line stands.
const STUB_OF_CHILD: i32 = 28;
/// Between two lines that run side by side.
const TRACK: i32 = 12;

/// What it costs that two lines of different nets lie on each other: never, if it can be helped.
const OVERLAP: usize = 1000;

/// Gives every box its corner, now that the items have their `tops`, and every line its path.
pub fn route(nets: &Nets, boxes: &[Node], lines: &[Line], tops: Vec<i32>) -> Layout {
    let tops = &apart(nets, tops);
    let gaps: Vec<_> = nets.gaps.iter().map(|gap| Gap::new(gap, tops)).collect();
    let mut columns = Vec::new();
    let mut starts = Vec::new();
    let mut x = 0;
    for (layer, gap) in nets.layers.iter().zip(&gaps) {
        let widths = layer.iter().filter_map(|item| boxes.get(*item));
        let width = widths.map(|node| node.width).max().unwrap_or_default();
        columns.push(x);
        starts.push(x + width);
        x += width + gap.width;
    }
    let mut corners = vec![(0, 0); boxes.len()];
    for (layer, left) in nets.layers.iter().zip(&columns) {
        for item in layer.iter().filter(|item| **item < boxes.len()) {
            set(&mut corners, *item, (*left, at(tops, *item)));
        }
    }
    let router = Router {
        nets,
        boxes,
        tops,
        gaps: &gaps,
        starts: &starts,
        corners: &corners,
    };
    let paths: Vec<_> = (0..lines.len())
        .filter_map(|line| Some(router.path(lines.get(line)?, at(&nets.of_line, line))))
        .collect();
    let bottoms = boxes
        .iter()
        .zip(&corners)
        .map(|(node, (_, top))| top + node.height);
    let right = boxes
        .iter()
        .zip(&corners)
        .map(|(node, (left, _))| left + node.width);
    let points = paths.iter().flatten();
    Layout {
        width: right
            .chain(points.clone().map(|(x, _)| *x))
            .max()
            .unwrap_or_default(),
        height: bottoms
            .chain(points.map(|(_, y)| *y))
            .max()
            .unwrap_or_default(),
        corners,
        paths,
    }
}

/// `tops` with everything right of a gap moved up or down where lines would lie on each other
/// in that gap whichever track they take, as those of two tables do that refer to each other.
fn apart(nets: &Nets, mut tops: Vec<i32>) -> Vec<i32> {
    for (index, gap) in nets.gaps.iter().enumerate() {
        let right = nets.layers.iter().skip(index + 1).flatten();
        let moved = |rows: i32| {
            let mut moved = tops.clone();
            for item in right.clone() {
                set(&mut moved, *item, at(&tops, *item) + rows * ROW);
            }
            moved
        };
        let rows = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6];
        let clear = rows
            .into_iter()
            .map(moved)
            .find(|tops| !overlaps(gap, tops));
        if let Some(clear) = clear {
            tops = clear;
        }
    }
    let least = tops.iter().copied().min().unwrap_or_default();
    tops.iter().map(|top| top - least).collect()
}

/// Whether lines lie on each other in a gap, with its strands in their best order.
fn overlaps(gap: &[Strand], tops: &[i32]) -> bool {
    let uprights = gap.iter().map(|strand| Upright::new(strand, tops));
    let mut uprights: Vec<_> = uprights.filter(|it| it.top < it.bottom).collect();
    sort(&mut uprights);
    uprights.iter().enumerate().any(|(index, left)| {
        let mut others = uprights.iter().skip(index + 1);
        others.any(|right| left.cost_left_of(right) >= OVERLAP)
    })
}

/// The upright parts of the strands of one gap.
struct Gap {
    /// The track of each strand by its net; none where the strand is level.
    tracks: Vec<(usize, Option<usize>)>,
    width: i32,
}

/// A strand by the heights that it connects.
struct Upright {
    net: usize,
    left: Vec<i32>,
    right: Vec<i32>,
    top: i32,
    bottom: i32,
}

impl Upright {
    fn new(strand: &Strand, tops: &[i32]) -> Self {
        let heights = |ports: &[Port]| -> Vec<i32> {
            ports
                .iter()
                .map(|port| at(tops, port.item) + port.offset)
                .collect()
        };
        let (left, right) = (heights(&strand.left), heights(&strand.right));
        let all = || left.iter().chain(&right).copied();
        Upright {
            net: strand.net,
            top: all().min().unwrap_or_default(),
            bottom: all().max().unwrap_or_default(),
            left,
            right,
        }
    }

    /// What it costs that this one stands left of `other`: lines that cross, and parts that lie
    /// on each other.
    fn cost_left_of(&self, other: &Upright) -> usize {
        let crossed = |heights: &[i32], by: &Upright| {
            let inside = |y: &&i32| by.top <= **y && **y <= by.bottom;
            heights.iter().filter(inside).count()
        };
        let onto = |y: &&i32| other.left.contains(y);
        crossed(&self.right, other)
            + crossed(&other.left, self)
            + OVERLAP * self.right.iter().filter(onto).count()
    }

    fn overlaps(&self, other: &Upright) -> bool {
        self.top <= other.bottom + TRACK && other.top <= self.bottom + TRACK
    }
}

impl Gap {
    fn new(strands: &[Strand], tops: &[i32]) -> Self {
        let all: Vec<_> = strands
            .iter()
            .map(|strand| Upright::new(strand, tops))
            .collect();
        let (mut uprights, level): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|it| it.top < it.bottom);
        sort(&mut uprights);
        let mut tracks: Vec<usize> = Vec::new();
        for (index, upright) in uprights.iter().enumerate() {
            let before = uprights.iter().zip(&tracks).take(index);
            let taken = before.filter(|(other, _)| other.overlaps(upright));
            tracks.push(taken.map(|(_, track)| track + 1).max().unwrap_or_default());
        }
        let count = tracks.iter().max().map_or(0, |most| most + 1);
        let count = i32::try_from(count).unwrap_or_default();
        let named = uprights.iter().zip(tracks);
        let named = named.map(|(upright, track)| (upright.net, Some(track)));
        Gap {
            width: STUB_OF_PARENT + STUB_OF_CHILD + TRACK * (count - 1).max(0),
            tracks: named.chain(level.iter().map(|it| (it.net, None))).collect(),
        }
    }

    fn track(&self, net: usize) -> Option<usize> {
        let mut tracks = self.tracks.iter();
        tracks.find(|(other, _)| *other == net)?.1
    }
}

/// Orders strands from left to right so that the pairs cost little: each is taken out and put
/// in where it costs least, until nothing gets better.
fn sort(uprights: &mut Vec<Upright>) {
    uprights.sort_by_key(|it| (it.top, it.bottom));
    for _ in 0..uprights.len() {
        let mut moved = false;
        for index in 0..uprights.len() {
            let upright = uprights.remove(index);
            let mut cost: usize = uprights.iter().map(|it| upright.cost_left_of(it)).sum();
            let mut costs = vec![cost];
            for other in uprights.iter() {
                cost = cost + other.cost_left_of(&upright) - upright.cost_left_of(other);
                costs.push(cost);
            }
            let now = at(&costs, index);
            let best = (0..costs.len()).min_by_key(|place| at(&costs, *place));
            let best = best
                .filter(|place| at(&costs, *place) < now)
                .unwrap_or(index);
            moved |= best != index;
            uprights.insert(best, upright);
        }
        if !moved {
            break;
        }
    }
}

struct Router<'a> {
    nets: &'a Nets,
    boxes: &'a [Node],
    tops: &'a [i32],
    gaps: &'a [Gap],
    starts: &'a [i32],
    corners: &'a [Point],
}

impl Router<'_> {
    /// The path of a line, corner by corner.
    fn path(&self, line: &Line, net: usize) -> Vec<Point> {
        let (parent, child) = (self.layer(line.parent.node), self.layer(line.child.node));
        let height = |end: End| at(self.tops, end.node) + end.offset;
        let (mut y, last) = (height(line.parent), height(line.child));
        let mut path = vec![(self.side(line.parent.node, parent <= child), y)];
        let gaps: Vec<_> = if parent <= child {
            (parent..child.max(parent + 1)).collect()
        } else {
            (child..parent).rev().collect()
        };
        for (index, gap) in gaps.iter().enumerate() {
            let layer = gaps.get(index + 1).map(|following| following.max(gap));
            let passing = layer.and_then(|layer| self.nets.passing.get(&(net, *layer)));
            let below = passing.map_or(last, |item| at(self.tops, *item));
            if let Some(x) = self.track(*gap, net)
                && y != below
            {
                path.extend([(x, y), (x, below)]);
            }
            y = below;
        }
        path.push((self.side(line.child.node, parent >= child), last));
        path
    }

    fn layer(&self, node: usize) -> usize {
        let mut layers = self.nets.layers.iter();
        let holds = |layer: &Vec<usize>| layer.contains(&node);
        layers.position(holds).unwrap_or_default()
    }

    /// The right or the left side of a box.
    fn side(&self, node: usize, right: bool) -> i32 {
        let (left, _) = at(self.corners, node);
        let width = self.boxes.get(node).map_or(0, |node| node.width);
        if right { left + width } else { left }
    }

    fn track(&self, gap: usize, net: usize) -> Option<i32> {
        let track = self.gaps.get(gap)?.track(net)?;
        let track = i32::try_from(track).unwrap_or_default();
        Some(at(self.starts, gap) + STUB_OF_PARENT + TRACK * track)
    }
}
