//! Families of scalar names: `x[1]`, `x[2]`, ... are one array `x` over a set again.

use crate::problem::index::{Axes, Element, Set};
use std::collections::{HashMap, HashSet};

/// Scalars under one name. `members[p]` is the number of the scalar at position p of `axes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub name: String,
    pub axes: Axes,
    pub members: Vec<u32>,
}

/// Families of scalars in order of their first members. A scalar without a name is an element of `unnamed(k)`, by its
/// number from 1. Scalars share a family if their names do, their subscripts differ and are equally long, and `alike`
/// holds for the members; otherwise each keeps its whole name for itself.
pub fn families(names: &[&str], unnamed: impl Fn(usize) -> &'static str, alike: impl Fn(&[u32]) -> bool) -> Vec<Named> {
    let mut by_base: HashMap<(bool, &str), usize> = HashMap::new();
    let mut groups: Vec<Group> = vec![];
    for (k, name) in names.iter().enumerate() {
        let given = !name.is_empty();
        let (base, subscripts) = match given {
            true => parsed(name),
            false => (unnamed(k), Some(vec![Element::Number(k as f64 + 1.0)])),
        };
        let at = *by_base.entry((given, base)).or_insert_with(|| {
            groups.push(Group { base, subscripts: vec![], members: vec![] });
            groups.len() - 1
        });
        groups[at].subscripts.push(subscripts);
        groups[at].members.push(k as u32);
    }
    let mut taken = HashSet::new();
    let mut out = vec![];
    for group in groups {
        match group.set().filter(|_| alike(&group.members)) {
            Some((set, order)) if taken.insert(group.base.to_string()) => {
                let members = order.into_iter().map(|p| group.members[p]).collect();
                out.push(Named { name: group.base.to_string(), axes: set, members });
            }
            Some(_) | None => {
                for (&k, subscripts) in group.members.iter().zip(&group.subscripts) {
                    let mut name = match names[k as usize] {
                        "" => labelled(group.base, subscripts.as_deref()),
                        given => given.to_string(),
                    };
                    if !taken.insert(name.clone()) {
                        // A name that stands twice in the file.
                        name = format!("{name}@{}", k + 1);
                        taken.insert(name.clone());
                    }
                    out.push(Named { name, axes: Axes::scalar(), members: vec![k] });
                }
            }
        }
    }
    out
}

fn labelled(base: &str, subscripts: Option<&[Element]>) -> String {
    let parts: Vec<String> = subscripts.unwrap_or_default().iter().map(Element::to_string).collect();
    format!("{base}[{}]", parts.join(","))
}

struct Group<'a> {
    base: &'a str,
    /// `None` for a name without subscripts.
    subscripts: Vec<Option<Vec<Element>>>,
    members: Vec<u32>,
}

impl Group<'_> {
    /// The set that the members run over, and which of them stands at each position.
    fn set(&self) -> Option<(Axes, Vec<usize>)> {
        if let [None] = self.subscripts.as_slice() {
            return Some((Axes::scalar(), vec![0]));
        }
        let keys: Vec<&Vec<Element>> = self.subscripts.iter().map(Option::as_ref).collect::<Option<_>>()?;
        let width = keys.first()?.len();
        let distinct: HashSet<&Vec<Element>> = keys.iter().copied().collect();
        if distinct.len() < keys.len() || keys.iter().any(|key| key.len() != width) {
            return None;
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        let numbers = |key: &[Element]| -> Option<Vec<f64>> {
            key.iter().map(|e| if let Element::Number(v) = e { Some(*v) } else { None }).collect()
        };
        if let Some(numbers) = keys.iter().map(|key| numbers(key)).collect::<Option<Vec<Vec<f64>>>>() {
            // Files list nonlinear variables first; numbers have an order of their own.
            order.sort_by(|&a, &b| numbers[a].partial_cmp(&numbers[b]).unwrap_or(std::cmp::Ordering::Equal));
            let is_count = width == 1 && order.iter().zip(1..).all(|(&p, k)| numbers[p][0] == k as f64);
            if is_count {
                return Some((Axes::product(vec![Set::range(1.0, 1.0, order.len())]), order));
            }
        }
        let element = |p: &usize| match keys[*p].as_slice() {
            [one] => one.clone(),
            several => Element::Tuple(several.into()),
        };
        let elements = order.iter().map(element).collect();
        Some((Axes::product(vec![Set::list(elements)]), order))
    }
}

/// Base and subscripts of a name: `flow[1].x[2,'a b']` is `flow[1].x` with `2` and `a b`.
fn parsed(name: &str) -> (&str, Option<Vec<Element>>) {
    let Some(inner) = name.strip_suffix(']') else { return (name, None) };
    let Some(open) = inner.rfind('[').filter(|&at| at > 0) else { return (name, None) };
    let parts = split(&inner[open + 1..]);
    if parts.iter().any(|part| part.is_empty()) {
        return (name, None);
    }
    (&name[..open], Some(parts.into_iter().map(element).collect()))
}

/// At commas outside of single quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = vec![];
    let (mut quoted, mut start) = (false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A number if it is written as we would write it.
fn element(text: &str) -> Element {
    let bare = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(text);
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value.to_string() == text => Element::Number(value),
        Ok(_) | Err(_) => Element::Text(bare.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str], alike: impl Fn(&[u32]) -> bool) -> Vec<String> {
        let tell = |family: Named| {
            let labels: Vec<String> = (0..family.members.len())
                .map(|p| format!("{}{}={}", family.name, family.axes.label(p), family.members[p]))
                .collect();
            labels.join(" ")
        };
        families(names, |_| "x", alike).into_iter().map(tell).collect()
    }

    #[test]
    fn subscripts_become_sets() {
        let names = ["x[3]", "cost", "x[1]", "y[a,1]", "x[2]", "y[b,1]", "b[1].z[2]", "b[2].z[2]"];
        let expected = ["x[1]=2 x[2]=4 x[3]=0", "cost=1", "y[a,1]=3 y[b,1]=5", "b[1].z[2]=6", "b[2].z[2]=7"];
        assert_eq!(told(&names, |_| true), expected);
    }

    #[test]
    fn names_that_make_no_set_stay_as_they_are() {
        let names = ["x", "x[1]", "y[1]", "y[1,2]", "z", "z", "w[']", "v[]", "]", "[1]"];
        let expected = ["x=0", "x[1]=1", "y[1]=2", "y[1,2]=3", "z=4", "z@6=5", "w[']=6", "v[]=7", "]=8", "[1]=9"];
        assert_eq!(told(&names, |_| true), expected);
        assert_eq!(told(&["x[1]", "x[2]"], |_| false), ["x[1]=0", "x[2]=1"]);
    }

    #[test]
    fn nameless_scalars_are_counted() {
        assert_eq!(told(&["", "", ""], |_| true), ["x[1]=0 x[2]=1 x[3]=2"]);
        assert_eq!(told(&["x", ""], |_| true), ["x=0", "x[2]=1"]);
    }

    #[test]
    fn quotes_hide_commas() {
        assert_eq!(parsed("x['a,b',2]").1.unwrap(), [Element::Text("a,b".into()), Element::Number(2.0)]);
    }
}
