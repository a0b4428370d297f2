//! Boxes, lines and points, and how what is numbered is looked up.

/// The height of a row, and the grid on which boxes and lines stand, in pixels.
pub const ROW: i32 = 20;
/// Free height between two boxes of a layer.
pub const BETWEEN_BOXES: i32 = 24;

/// A box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its width.
    pub width: i32,
    /// Its height.
    pub height: i32,
}

/// A place at the side of a box where a line ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Which box.
    pub node: usize,
    /// How far below the top of the box; a multiple of [`ROW`].
    pub offset: i32,
}

/// A line from a parent to a child, which may be the same box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins.
    pub parent: End,
    /// Where it ends.
    pub child: End,
    /// Lines of one kind to the same end of a parent share a trunk.
    pub kind: u8,
}

/// A point, from the top left.
pub type Point = (i32, i32);

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The width of all of it.
    pub width: i32,
    /// The height of all of it.
    pub height: i32,
    /// The top left corner of each box.
    pub corners: Vec<Point>,
    /// The corners of each line, from its parent to its child; every part is upright or level.
    pub paths: Vec<Vec<Point>>,
}

/// The value at `index`; nothing is ever out of bounds here, and where it were, the picture
/// would be off and the program would go on.
pub fn at<T: Copy + Default>(values: &[T], index: usize) -> T {
    values.get(index).copied().unwrap_or_default()
}

/// Sets the value at `index`.
pub fn set<T>(values: &mut [T], index: usize, value: T) {
    if let Some(place) = values.get_mut(index) {
        *place = value;
    }
}
