//! Index sets and the shapes of arrays.

use super::quick::QuickMap;
use std::sync::{Arc, OnceLock};

/// An element of a set.
#[derive(Clone, Debug)]
pub enum Element {
    Number(f64),
    Text(Arc<str>),
    /// Flat: parts are never tuples.
    Tuple(Arc<[Element]>),
}

impl PartialEq for Element {
    fn eq(&self, other: &Element) -> bool {
        match (self, other) {
            (Element::Number(a), Element::Number(b)) => a == b,
            (Element::Text(a), Element::Text(b)) => a == b,
            (Element::Tuple(a), Element::Tuple(b)) => a == b,
            (Element::Number(_) | Element::Text(_) | Element::Tuple(_), _) => false,
        }
    }
}

impl Eq for Element {}

impl std::hash::Hash for Element {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Element::Number(v) => (if *v == 0.0 { 0.0f64 } else { *v }).to_bits().hash(state),
            Element::Text(t) => t.hash(state),
            Element::Tuple(parts) => parts.hash(state),
        }
    }
}

impl Element {
    /// The parts of a tuple; any other element is its own only part.
    pub fn parts(&self) -> &[Element] {
        match self {
            Element::Tuple(parts) => parts,
            Element::Number(_) | Element::Text(_) => std::slice::from_ref(self),
        }
    }

    /// The flat tuple of all parts of all elements; a single part stands for itself.
    pub fn flat<'e>(elements: impl IntoIterator<Item = &'e Element>) -> Element {
        let mut parts: Vec<Element> = elements.into_iter().flat_map(|e| e.parts().iter().cloned()).collect();
        if parts.len() == 1 { parts.remove(0) } else { Element::Tuple(parts.into()) }
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Element::Number(v) => write!(f, "{v}"),
            Element::Text(t) => write!(f, "{t}"),
            Element::Tuple(parts) => {
                for (k, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if k > 0 { "," } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

/// Remembers answers about texts by their address: equal texts of a column share one allocation, so most of a million
/// rows are answered without reading them.
pub struct Recall<'e, T> {
    by_address: QuickMap<usize, T>,
    /// The texts stay where they are as long as this is used.
    texts: std::marker::PhantomData<&'e Element>,
}

impl<T> Default for Recall<'_, T> {
    fn default() -> Self {
        Recall { by_address: QuickMap::default(), texts: std::marker::PhantomData }
    }
}

impl<'e, T: Copy> Recall<'e, T> {
    /// What `find` says of this element.
    pub fn of(&mut self, element: &'e Element, find: impl FnOnce() -> T) -> T {
        match element {
            Element::Text(text) => *self.by_address.entry(text.as_ptr() as usize).or_insert_with(find),
            Element::Number(_) | Element::Tuple(_) => find(),
        }
    }
}

/// An ordered set without repetitions. Cheap to clone; equal iff the same elements in the same order.
#[derive(Clone, Debug)]
pub struct Set(Arc<SetData>);

#[derive(Debug)]
struct SetData {
    name: String,
    elements: Elements,
    positions: OnceLock<QuickMap<Element, u32>>,
}

#[derive(Debug, PartialEq)]
enum Elements {
    /// `start, start + step, ...`
    Range {
        start: f64,
        step: f64,
        len: u32,
    },
    List(Vec<Element>),
}

impl Set {
    pub fn range(start: f64, step: f64, len: usize) -> Set {
        Set::make(String::new(), Elements::Range { start, step, len: len as u32 })
    }

    /// The caller has removed repetitions.
    pub fn list(elements: Vec<Element>) -> Set {
        Set::make(String::new(), Elements::List(elements))
    }

    fn make(name: String, elements: Elements) -> Set {
        Set(Arc::new(SetData { name, elements, positions: OnceLock::new() }))
    }

    /// The same elements under a name for messages.
    pub fn named(self, name: &str) -> Set {
        let elements = match &self.0.elements {
            Elements::Range { start, step, len } => Elements::Range { start: *start, step: *step, len: *len },
            Elements::List(list) => Elements::List(list.clone()),
        };
        Set::make(name.to_string(), elements)
    }

    /// Tells objects apart; equal sets may have different addresses.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn len(&self) -> usize {
        match &self.0.elements {
            Elements::Range { len, .. } => *len as usize,
            Elements::List(list) => list.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, position: usize) -> Element {
        match &self.0.elements {
            Elements::Range { start, step, .. } => Element::Number(start + step * position as f64),
            Elements::List(list) => list[position].clone(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Element> + '_ {
        (0..self.len()).map(|k| self.get(k))
    }

    /// Start and step, where the set is a range of numbers.
    pub fn as_range(&self) -> Option<(f64, f64)> {
        match &self.0.elements {
            Elements::Range { start, step, .. } => Some((*start, *step)),
            Elements::List(_) => None,
        }
    }

    /// Number of parts of each element: 1, or the width of the tuples (1 for an empty set).
    pub fn width(&self) -> usize {
        match &self.0.elements {
            Elements::Range { .. } => 1,
            Elements::List(list) => match list.first() {
                Some(Element::Tuple(parts)) => parts.len(),
                Some(Element::Number(_) | Element::Text(_)) | None => 1,
            },
        }
    }

    pub fn position_of_number(&self, value: f64) -> Option<usize> {
        match &self.0.elements {
            Elements::Range { start, step, len } => {
                let at = ((value - start) / step).round();
                (at >= 0.0 && at < *len as f64 && start + step * at == value).then_some(at as usize)
            }
            Elements::List(_) => self.position(&Element::Number(value)),
        }
    }

    pub fn position(&self, element: &Element) -> Option<usize> {
        match (&self.0.elements, element) {
            (Elements::Range { .. }, Element::Number(value)) => self.position_of_number(*value),
            (Elements::Range { .. }, Element::Text(_) | Element::Tuple(_)) => None,
            (Elements::List(list), _) => self
                .0
                .positions
                .get_or_init(|| list.iter().cloned().zip(0..).collect())
                .get(element)
                .map(|&p| p as usize),
        }
    }

    /// The same object, or the same elements in the same order.
    pub fn same(&self, other: &Set) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || self.0.elements == other.0.elements
            || (self.len() == other.len()
                && std::mem::discriminant(&self.0.elements) != std::mem::discriminant(&other.0.elements)
                && self.iter().eq(other.iter()))
    }
}

impl PartialEq for Set {
    fn eq(&self, other: &Set) -> bool {
        self.same(other)
    }
}

/// The shape of an array: a product of sets, the last one running fastest, possibly filtered by a `where`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axes {
    pub sets: Vec<Set>,
    /// Positions in the full product that exist, ascending; `None`: all.
    pub filter: Option<Arc<[u32]>>,
}

impl Axes {
    pub fn scalar() -> Axes {
        Axes::default()
    }

    pub fn product(sets: Vec<Set>) -> Axes {
        Axes { sets, filter: None }
    }

    /// Number of elements; 1 for a scalar.
    pub fn len(&self) -> usize {
        match &self.filter {
            Some(kept) => kept.len(),
            None => self.sets.iter().map(Set::len).product(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_scalar(&self) -> bool {
        self.sets.is_empty()
    }

    /// The index values of an element, one for each axis.
    pub fn element(&self, position: usize) -> Vec<Element> {
        let mut flat = self.filter.as_ref().map_or(position, |kept| kept[position] as usize);
        let mut out = vec![];
        for set in self.sets.iter().rev() {
            out.push(set.get(flat % set.len().max(1)));
            flat /= set.len().max(1);
        }
        out.reverse();
        out
    }

    /// The elements of both, the second running fastest.
    pub fn followed_by(&self, other: &Axes) -> Axes {
        let sets: Vec<_> = self.sets.iter().chain(&other.sets).cloned().collect();
        if self.filter.is_none() && other.filter.is_none() {
            return Axes::product(sets);
        }
        let all: usize = other.sets.iter().map(|s| s.len()).product();
        let place = |axes: &Axes, p: usize| axes.filter.as_ref().map_or(p, |kept| kept[p] as usize);
        let pairs = (0..self.len()).flat_map(|p| (0..other.len()).map(move |q| (p, q)));
        let kept: Arc<[u32]> = pairs.map(|(p, q)| (place(self, p) * all + place(other, q)) as u32).collect();
        Axes { sets, filter: Some(kept) }
    }

    /// `[2,seattle]`, or nothing for a scalar.
    pub fn label(&self, position: usize) -> String {
        if self.is_scalar() {
            return String::new();
        }
        let parts: Vec<String> = self.element(position).iter().map(Element::to_string).collect();
        format!("[{}]", parts.join(","))
    }
}
