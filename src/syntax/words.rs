//! The words of the language: which are reserved, which open a statement, which join lines.
//!
//! Only the reserved words are never names. Every other keyword counts where the grammar expects it and what follows
//! it fits, so that `start`, `data` or `lower` may be variables.

/// Words that are never names (except after a dot).
pub const RESERVED: &[&str] = &[
    "if", "then", "else", "and", "or", "not", "in", "where", "perp", "inf", "true", "false", "minimize", "maximize",
    "ensure", "show",
];

/// Words that open a declaration where a name follows.
pub const DECLARING: &[&str] = &[
    "param",
    "data",
    "set",
    "var",
    "let",
    "def",
    "lower",
    "player",
    "optimality",
    "oracle",
    "external",
    "sensitivity",
];

/// Every word that can open a statement: for the nearest keyword of a misspelled one.
pub const OPENING: &[&str] = &[
    "param",
    "data",
    "set",
    "var",
    "let",
    "def",
    "use",
    "lower",
    "player",
    "optimality",
    "oracle",
    "external",
    "sensitivity",
    "minimize",
    "maximize",
    "subject",
    "show",
    "ensure",
    "solve",
];

/// Words that stand between two operands.
pub fn is_infix(word: &str) -> bool {
    matches!(word, "perp" | "and" | "or" | "where" | "then" | "else" | "in" | "∈" | "⊥")
}

/// Words that are operators only between two operands, names elsewhere.
pub fn is_contextual_infix(word: &str) -> bool {
    matches!(word, "union" | "inter" | "minus" | "cross" | "by")
}

/// Words that cannot end a statement, since an operand must follow.
pub fn wants_operand(word: &str) -> bool {
    is_infix(word) || matches!(word, "not" | "if" | "minimize" | "maximize")
}

/// Whether `word` goes on with a declaration that `keyword` opened: `start` of a `var`, `key` of `data`, ...
pub fn continues_declaration(keyword: &str, word: &str) -> bool {
    match keyword {
        "var" => matches!(word, "start" | "scale" | "integer" | "binary" | "lower_dual" | "upper_dual"),
        "param" => matches!(word, "default" | "integer" | "binary"),
        "data" => word == "key",
        "oracle" => matches!(word, "ranks" | "values" | "via" | "by"),
        "external" => matches!(word, "via" | "derivatives"),
        "sensitivity" => word == "to",
        _ => false,
    }
}

/// Whether a word before `[` is an operator or keyword, so that the bracket opens a literal even where it touches.
pub fn precedes_literal(word: &str) -> bool {
    wants_operand(word) || matches!(word, "start" | "scale" | "default" | "by" | "via" | "show" | "ensure")
}
