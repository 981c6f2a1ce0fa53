//! Nearest names, for "did you mean".

/// Known names that `name` may be a misspelling of, nearest first, at most three.
///
/// Distance is Damerau-Levenshtein (optimal string alignment) over lower-case characters; a name of `n` characters
/// may differ by a third of `n`, at least 1. Names of one character match only another case of themselves.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let cutoff = if wanted.len() < 2 { 0 } else { (wanted.len() / 3).max(1) };
    let mut found: Vec<(usize, &str)> = known
        .filter(|candidate| *candidate != name)
        .filter_map(|candidate| {
            let other: Vec<char> = candidate.to_lowercase().chars().collect();
            if other.len().abs_diff(wanted.len()) > cutoff {
                return None;
            }
            let distance = distance(&wanted, &other);
            (distance <= cutoff).then_some((distance, candidate))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. `O(|a| |b|)`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut above_that: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(above_that[j - 2] + 1);
            }
        }
        above_that = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_finds_its_neighbours() {
        let known = ["demand", "capacity", "distance", "x", "fit"];
        let rows: &[(&str, &[&str])] = &[
            ("demnad", &["demand"]),
            ("Demand", &["demand"]),
            ("capacty", &["capacity"]),
            ("distances", &["distance"]),
            ("y", &[]),
            ("X", &["x"]),
            ("fti", &["fit"]),
            ("unrelated", &[]),
        ];
        for (name, expected) in rows {
            assert_eq!(nearest(name, known.iter().copied()), *expected, "{name}");
        }
    }

    #[test]
    fn the_nearest_comes_first_and_three_are_enough() {
        let known = ["capacity", "capacities", "capacity1", "capacitor", "capcity", "ghost"];
        assert_eq!(nearest("capacitx", known.iter().copied()), ["capacity", "capacitor", "capacity1"]);
    }
}
