//! Names that a format can hold, each different.

use std::collections::HashSet;

/// The names, or what is nearest to them: characters that are not `allowed` become `_`, and a number tells apart what
/// would be equal. `sound` says whether a whole name may stand.
pub fn legal(
    names: impl Iterator<Item = String>,
    allowed: impl Fn(char) -> bool,
    sound: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut next = 1;
    names
        .map(|name| {
            let mut legal: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
            if !sound(&legal) {
                legal = format!("_{legal}");
            }
            while !taken.insert(legal.clone()) {
                next += 1;
                legal = format!("{legal}_{next}");
            }
            legal
        })
        .collect()
}
