//! Which file asks which, by the names in it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The files that each of `modules` asks, which are its own code by its path: those that define what
/// it names.
pub fn arrows(modules: BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let files: BTreeMap<_, _> = modules
        .into_iter()
        .map(|(module, code)| (module, Named::read(&code)))
        .collect();
    let mut arrows = BTreeMap::new();
    for (module, named) in &files {
        let is_mentioned = |name: &str| named.mentions.iter().any(|it| it[0] == name);
        let used = named.imports.iter();
        let used = used.filter(|(name, (_, goes_on))| !goes_on || is_mentioned(name));
        let used = used.map(|(_, (from, _))| from);
        let paths = named.mentions.iter().filter(|it| it.len() > 1);
        let asked = used
            .chain(paths)
            .filter_map(|path| lead(&files, module, path));
        let asked = asked.filter(|(file, is_whole)| file != module && !is_whole);
        arrows.insert(module.clone(), asked.map(|(file, _)| file).collect());
    }
    arrows
}

/// A path as its names: `crate`, `policy`, `Wish`.
type Names = Vec<String>;

/// What a file names of others.
#[derive(Default)]
struct Named {
    /// By `use`: where a name comes from, and whether it goes on to others, as behind `pub use`.
    imports: BTreeMap<String, (Names, bool)>,
    /// All else.
    mentions: BTreeSet<Names>,
}

impl Named {
    fn read(code: &str) -> Self {
        let mut tokens = Vec::new();
        flatten(code.parse().unwrap(), &mut tokens);
        let mut named = Named::default();
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map_or("", |it| &tokens[it]);
            let is_name = tokens[at].starts_with(|it: char| it == '_' || it.is_alphabetic());
            if tokens[at] == "use" {
                let (leaves, length) = leaves(&tokens[at + 1..], &[]);
                let goes_on = before == "pub" || before == ")";
                let imports = leaves
                    .into_iter()
                    .map(|(name, from)| (name, (from, goes_on)));
                named.imports.extend(imports);
                at += length;
            } else if is_name && before != "." {
                let (leaves, length) = leaves(&tokens[at..], &[]);
                named
                    .mentions
                    .extend(leaves.into_iter().map(|(_, path)| path));
                at += length - 1;
            }
            at += 1;
        }
        named
    }
}

/// Adds the tokens of `stream` one by one, `::` as one of them.
fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    _ => ("(", ")"),
                };
                tokens.push(open.to_owned());
                flatten(group.stream(), tokens);
                tokens.push(close.to_owned());
            }
            TokenTree::Punct(it) if it.as_char() == ':' => match tokens.last_mut() {
                Some(last) if last == ":" => last.push(':'),
                _ => tokens.push(":".to_owned()),
            },
            other => tokens.push(other.to_string()),
        }
    }
}

/// The paths at the beginning of `tokens`, each with the name that it gets by `use`, and how many
/// tokens they are: `a::{b, c as d}` are two behind `prefix`.
fn leaves(tokens: &[String], prefix: &[String]) -> (Vec<(String, Names)>, usize) {
    let (mut path, mut at) = (prefix.to_vec(), 0);
    loop {
        if tokens[at] == "{" {
            let mut found = Vec::new();
            at += 1;
            while tokens[at] != "}" {
                let (more, length) = leaves(&tokens[at..], &path);
                found.extend(more);
                at += length;
                at += usize::from(tokens[at] == ",");
            }
            return (found, at + 1);
        }
        path.push(tokens[at].clone());
        at += 1;
        let goes_on =
            |next: &String| next == "{" || next == "*" || next.starts_with(char::is_alphabetic);
        if tokens.get(at).is_none_or(|it| it != "::") || !tokens.get(at + 1).is_some_and(goes_on) {
            break;
        }
        at += 1;
    }
    if path.len() > 1 && path.last().unwrap() == "self" {
        path.pop();
    }
    let mut name = path.last().unwrap().clone();
    if tokens.get(at).is_some_and(|it| it == "as") {
        name.clone_from(&tokens[at + 1]);
        at += 2;
    }
    (vec![(name, path)], at)
}

/// The file that defines what `path` leads to in the file `asking`, through all that only hands it
/// on; and whether it leads to the file itself. None where that is another crate's, or local.
fn lead(files: &BTreeMap<String, Named>, asking: &str, path: &[String]) -> Option<(String, bool)> {
    let mut place: Names = asking.split("::").map(str::to_owned).collect();
    let ups = path.iter().take_while(|it| *it == "super").count();
    let (first, rest) = path[ups..].split_first()?;
    place.truncate(place.len().saturating_sub(ups));
    let import = files[asking].imports.get(first).filter(|_| ups == 0);
    match import {
        _ if first == "crate" => place.clear(),
        _ if first == "self" => {}
        // Not one that is called like the crate that it is of.
        Some((from, _)) if from[0] != *first => {
            return lead(files, asking, &[from, rest].concat());
        }
        _ => {
            place.push(first.clone());
            if ups == 0 && !files.contains_key(&place.join("::")) {
                return None;
            }
        }
    }
    place.extend_from_slice(rest);
    let mut depths = (1..=place.len()).rev();
    let depth = depths.find(|depth| files.contains_key(&place[..*depth].join("::")))?;
    let is_whole = depth == place.len();
    // Or to an item that is called like the file which defines it.
    let item = depth - usize::from(is_whole);
    let file = place[..item].join("::");
    let import = files.get(&file).and_then(|it| it.imports.get(&place[item]));
    if let Some((from, goes_on)) = import
        && (*goes_on || asking.starts_with(&format!("{file}::")))
        && let Some(found) = lead(files, &file, &[from, &place[item + 1..]].concat())
    {
        return Some(found);
    }
    Some((place[..depth].join("::"), is_whole))
}
