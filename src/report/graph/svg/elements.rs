//! What every part of the picture is made of: text at its place, and strokes.

use unicode_width::UnicodeWidthStr as _;

use crate::model::diagram::State;
use crate::report::graph::words::markup;

/// Advance of the usual monospaced fonts, 0.6 em, in tenths of a pixel; `textLength` holds
/// others to it.
pub const WIDE: i32 = 78;
/// The same for notes.
pub const NARROW: i32 = 66;
/// Around the picture.
pub const MARGIN: i32 = 24;

/// The width of `text` in pixels, by the advance of a character in tenths of one.
pub fn width(text: &str, advance: i32) -> i32 {
    let columns = i32::try_from(text.width()).unwrap_or(i32::MAX / advance);
    (columns * advance + 9) / 10
}

/// How the stroke of a key in this state is called.
pub fn class(state: State) -> &'static str {
    match state {
        State::Declared => "declared",
        State::Pending => "pending",
        State::Discovered(_) => "discovered",
    }
}

/// Text at its place, held to its width whatever the font.
pub fn label(class: &str, text: &str, x: i32, y: i32, advance: i32) -> String {
    if text.is_empty() {
        return String::new();
    }
    let class = match class {
        "" => String::new(),
        class => format!(" class=\"{class}\""),
    };
    let tenths = i32::try_from(text.width()).unwrap_or_default() * advance;
    format!(
        "<text{class} x=\"{x}\" y=\"{y}\" textLength=\"{}.{}\">{}</text>",
        tenths / 10,
        tenths % 10,
        markup(text)
    )
}
