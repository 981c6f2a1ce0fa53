//! How deeply a statement nests, measured on its tokens, so that nothing deep is ever parsed.
//!
//! The parser, the tree and everyone who walks the tree recurse once per bracket, per factor of a product, per unary
//! sign and per branch of an `if`. This measure bounds them all before the first recursion. Sums and lists are flat
//! and cost nothing.

/// Deepest nesting that is read: brackets and chains of products, powers, signs, subscripts, `if` and `not` together.
pub const LIMIT: u32 = 200;

/// One bracket level.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Chained operators since the last flat separator.
    chain: u32,
    /// Deepest bracket closed since the last flat separator.
    child: u32,
    /// `if` and `not` since the last comma: they hold what follows, sums included.
    held: u32,
    /// Deepest part of this level so far.
    deepest: u32,
}

impl Level {
    fn depth(&self) -> u32 {
        self.deepest.max(self.chain + self.child + self.held)
    }

    fn split(&mut self) {
        *self = Level { chain: 0, child: 0, held: self.held, deepest: self.depth() };
    }
}

/// The running measure of one statement.
pub struct Depth {
    levels: Vec<Level>,
    pub deepest: u32,
}

impl Depth {
    pub fn new() -> Depth {
        Depth { levels: vec![Level::default()], deepest: 0 }
    }

    pub fn open(&mut self) {
        self.levels.push(Level::default());
        self.note(self.levels.len() as u32);
    }

    pub fn close(&mut self) {
        if self.levels.len() < 2 {
            return;
        }
        let inner = self.levels.pop().map_or(0, |level| level.depth() + 1);
        let level = self.top();
        level.child = level.child.max(inner);
        let depth = level.depth();
        self.note(depth);
    }

    /// An operator whose nodes nest: a factor, a power, a sign before an operand, a subscript, a field.
    pub fn chain(&mut self) {
        let level = self.top();
        level.chain += 1;
        let depth = level.depth();
        self.note(depth);
    }

    /// `if` or `not`.
    pub fn hold(&mut self) {
        let level = self.top();
        level.held += 1;
        let depth = level.depth();
        self.note(depth);
    }

    /// `+`, `-`, a relation: what stands on both sides are siblings.
    pub fn flat(&mut self) {
        self.top().split();
    }

    /// A comma or semicolon.
    pub fn comma(&mut self) {
        let level = self.top();
        level.split();
        level.held = 0;
    }

    fn top(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the statement's own level is never closed")
    }

    fn note(&mut self, depth: u32) {
        // The levels above count too: their chains hold this one.
        let above: u32 = self.levels.len() as u32 - 1;
        self.deepest = self.deepest.max(depth.max(above));
    }
}
