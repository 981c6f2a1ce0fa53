//! The table of functions.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    Pow,
    Abs,
    Sign,
    Min,
    Max,
    Floor,
    Ceil,
    Round,
    Mod,
    Sqrt,
    Square,
    Cbrt,
    Exp,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Atan2,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Erfc,
    Gamma,
    Lgamma,
    Digamma,
    Polygamma,
    Beta,
    Sigmoid,
    Softplus,
    LogAddExp,
    XLogX,
    XLogXY,
    /// Truth values are 1 and 0.
    Lt,
    Le,
    Eq,
    Ne,
    And,
    Or,
    Not,
    /// `select(c, a, b)`: a where c is not 0, else b; the other is never looked at.
    Select,
}
pub struct OpRow {
    pub arity: usize,
}
impl Op {
    pub fn row(self) -> &'static OpRow {
        &OpRow { arity: 1 }
    }
}
