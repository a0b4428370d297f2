//! No box touches another, no line runs through a box, and the same input gives the same picture.

use fastrand::Rng;

use super::*;

/// A graph with up to `most` boxes; hubs, rings, lines from a box to itself and twins included.
fn graph(random: &mut Rng, most: usize) -> (Vec<Node>, Vec<Line>) {
    let nodes: Vec<_> = (0..random.usize(1..=most))
        .map(|_| Node {
            width: random.i32(60..300),
            height: 36 + ROW * random.i32(1..7),
        })
        .collect();
    let end = |random: &mut Rng, node: usize| End {
        node,
        offset: 2 * ROW + ROW * random.i32(0..(nodes[node].height - 36) / ROW),
    };
    let lines = (0..random.usize(0..=nodes.len() * 2))
        .map(|_| {
            let hub = random.usize(0..3) == 0;
            let (parent, child) = (random.usize(0..nodes.len()), random.usize(0..nodes.len()));
            Line {
                parent: end(random, if hub { 0 } else { parent }),
                child: end(random, child),
                kind: random.u8(0..3),
            }
        })
        .collect();
    (nodes, lines)
}

/// Whether a level or upright part of a path touches the inside of a box.
fn runs_through(part: &[Point], corner: Point, node: Node) -> bool {
    let (xs, ys) = ([part[0].0, part[1].0], [part[0].1, part[1].1]);
    xs.iter().min() < Some(&(corner.0 + node.width))
        && xs.iter().max() > Some(&corner.0)
        && ys.iter().min() < Some(&(corner.1 + node.height))
        && ys.iter().max() > Some(&corner.1)
}

fn check(nodes: &[Node], lines: &[Line], layout: &Layout) {
    assert_eq!(layout.corners.len(), nodes.len());
    assert_eq!(layout.paths.len(), lines.len());
    for (id, (node, corner)) in nodes.iter().zip(&layout.corners).enumerate() {
        assert!(corner.0 >= 0 && corner.0 + node.width <= layout.width);
        assert!(corner.1 >= 0 && corner.1 + node.height <= layout.height);
        for (other, place) in nodes.iter().zip(&layout.corners).skip(id + 1) {
            let apart = corner.0 + node.width + ROW <= place.0
                || place.0 + other.width + ROW <= corner.0
                || corner.1 + node.height + ROW <= place.1
                || place.1 + other.height + ROW <= corner.1;
            assert!(apart, "{corner:?} {node:?} touches {place:?} {other:?}");
        }
    }
    for (line, path) in lines.iter().zip(&layout.paths) {
        let at_side = |point: &Point, end: End| {
            let (corner, node) = (layout.corners[end.node], nodes[end.node]);
            point.1 == corner.1 + end.offset
                && (point.0 == corner.0 || point.0 == corner.0 + node.width)
        };
        assert!(at_side(&path[0], line.parent), "{line:?} {path:?}");
        assert!(
            at_side(&path[path.len() - 1], line.child),
            "{line:?} {path:?}"
        );
        for part in path.windows(2) {
            assert!(part[0].0 == part[1].0 || part[0].1 == part[1].1, "{path:?}");
            for point in part {
                assert!(
                    (0..=layout.width).contains(&point.0) && (0..=layout.height).contains(&point.1)
                );
            }
            for (corner, node) in layout.corners.iter().zip(nodes) {
                assert!(
                    !runs_through(part, *corner, *node),
                    "{path:?} runs through {corner:?} {node:?}"
                );
            }
        }
    }
}

#[test]
fn boxes_stand_apart_and_lines_run_between_them() {
    for seed in 0..300 {
        let most = [4, 12, 40][usize::try_from(seed % 3).unwrap()];
        let (nodes, lines) = graph(&mut Rng::with_seed(seed), most);
        let layout = lay_out(&nodes, &lines);
        check(&nodes, &lines, &layout);
        assert_eq!(layout, lay_out(&nodes, &lines));
    }
}

/// Level or upright parts of two paths that lie on each other though their lines have no end in
/// common.
fn lie_on_each_other(one: &[Point], other: &[Point]) -> bool {
    let along = |from: i32, to: i32, a: i32, b: i32| {
        from.max(to).min(a.max(b)) > from.min(to).max(a.min(b))
    };
    one.windows(2).any(|a| {
        other.windows(2).any(|b| {
            let level = a[0].1 == a[1].1 && b[0].1 == b[1].1 && a[0].1 == b[0].1;
            let upright = a[0].0 == a[1].0 && b[0].0 == b[1].0 && a[0].0 == b[0].0;
            level && along(a[0].0, a[1].0, b[0].0, b[1].0)
                || upright && along(a[0].1, a[1].1, b[0].1, b[1].1)
        })
    })
}

#[test]
fn lines_that_have_no_end_in_common_do_not_lie_on_each_other() {
    let (mut lying, mut pairs) = (0, 0);
    for seed in 0..200 {
        let (nodes, mut lines) = graph(&mut Rng::with_seed(seed), 12);
        // At most one line for each row of a child, as keys have it.
        let mut ends: Vec<End> = Vec::new();
        lines.retain(|line| {
            let free = !ends.contains(&line.child);
            ends.push(line.child);
            free
        });
        let layout = lay_out(&nodes, &lines);
        for (index, (line, path)) in lines.iter().zip(&layout.paths).enumerate() {
            for (other, way) in lines.iter().zip(&layout.paths).skip(index + 1) {
                if line.parent == other.parent
                    || line.parent == other.child
                    || line.child == other.parent
                {
                    continue;
                }
                pairs += 1;
                lying += usize::from(lie_on_each_other(path, way));
            }
        }
    }
    assert_eq!((lying, pairs > 3000), (0, true), "{lying} of {pairs}");
}

#[test]
fn a_parent_stands_left_of_its_child_on_a_straight_line() {
    let node = Node {
        width: 100,
        height: 76,
    };
    let end = |node, offset| End { node, offset };
    let line = Line {
        parent: end(1, 40),
        child: end(0, 60),
        kind: 0,
    };
    let layout = lay_out(&[node, node], &[line]);
    assert_eq!(layout.corners, [(150, 0), (0, 20)]);
    assert_eq!(layout.paths, [[(100, 60), (150, 60)]]);
}

#[test]
fn nothing_is_laid_out_to_nothing() {
    assert_eq!(lay_out(&[], &[]), Layout::default());
}

#[test]
fn a_line_back_to_its_own_box_shares_no_track_with_those_that_go_on() {
    let node = Node {
        width: 100,
        height: 76,
    };
    let line = |child: usize| Line {
        parent: End {
            node: 0,
            offset: 40,
        },
        child: End {
            node: child,
            offset: 60,
        },
        kind: 0,
    };
    let nets = Nets::new(&[node, node], &[line(0), line(1)], &[0, 1]);
    assert_ne!(nets.of_line[0], nets.of_line[1]);
    let layout = lay_out(&[node, node], &[line(0), line(1)]);
    assert_eq!(layout.paths[0].len(), 4, "{:?}", layout.paths);
}
