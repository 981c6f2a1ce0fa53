//! Expressions in prefix order, as they stand in the file.

use super::error::NlError;
use super::operators::{Meaning, Operands, Operator, by_code};
use super::tokens::Tokens;

/// One token of an expression.
#[derive(Clone, Copy, Debug)]
pub enum Token {
    Number(f64),
    /// A variable, or from the number of variables on a defined variable.
    Reference(u32),
    /// With as many operands as follow.
    Operator(&'static Operator, u32),
}

/// An expression: tokens `start..end` of the list that holds those of all expressions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    pub start: u32,
    pub end: u32,
}

impl Tokens<'_> {
    /// Reads an expression to the end of `list`. `references` is the number of variables and defined variables; `place`
    /// is what messages call the segment.
    pub fn expression(
        &mut self,
        list: &mut Vec<Token>,
        references: usize,
        place: &dyn Fn() -> String,
    ) -> Result<Expression, NlError> {
        let start = list.len();
        let mut missing = 1usize;
        while missing > 0 {
            missing -= 1;
            let letter = self.letter()?;
            let at = self.at - 1;
            list.push(match letter {
                b'n' => Token::Number(self.real()?),
                b's' => Token::Number(self.short()? as f64),
                b'l' => Token::Number(self.integer()? as f64),
                b'v' => Token::Reference(self.index(references, "variable or defined variable")? as u32),
                b'o' => {
                    let (operator, operands) = self.operator(at, place)?;
                    missing = missing.saturating_add(operands);
                    Token::Operator(operator, operands as u32)
                }
                b'f' => {
                    let sentence = format!("{} calls an imported function, which cannot be evaluated here", place());
                    return Err(NlError::unsupported(at, sentence));
                }
                b'h' => {
                    return Err(NlError::unsupported(
                        at,
                        format!("{} has a string, which only functions take", place()),
                    ));
                }
                other => {
                    let message = format!("an expression has no part that begins with `{}`", other.escape_ascii());
                    return Err(NlError::malformed(at, message));
                }
            });
        }
        Ok(Expression { start: start as u32, end: list.len() as u32 })
    }

    fn operator(&mut self, at: usize, place: &dyn Fn() -> String) -> Result<(&'static Operator, usize), NlError> {
        let code = self.integer()?;
        let refused = |name: &str| {
            NlError::unsupported(at, format!("{} uses the operator {name}, which is not supported", place()))
        };
        let Some(operator) = by_code(code) else { return Err(refused(&format!("number {code}"))) };
        if matches!(operator.meaning, Meaning::Unsupported) {
            return Err(refused(&format!("`{}`", operator.name)));
        }
        let operands = match operator.operands {
            Operands::Fixed(count) => count,
            Operands::Counted => self.entries()?,
            Operands::Special => return Err(refused(&format!("`{}`", operator.name))),
        };
        match operands {
            0 => Err(NlError::malformed(at, format!("`{}` has no operands", operator.name))),
            _ => Ok((operator, operands)),
        }
    }
}
