//! Numbers as texts that read back as the same numbers.

/// The shortest decimal that reads back as the same number, such as `2.5`, `1e-7`, `-3`.
pub fn decimal(value: f64) -> String {
    let digits = format!("{value:?}");
    digits.strip_suffix(".0").map(str::to_string).unwrap_or(digits)
}
