//! Formulas over `x1..xn` as text, evaluated with exact first and second derivatives by Taylor arithmetic.

/// An expression.
#[derive(Clone, Debug)]
pub enum Formula {
    Number(f64),
    Variable(usize),
    Binary(char, Box<Formula>, Box<Formula>),
    Call(String, Box<Formula>),
}

/// A value with its gradient and Hessian (`n × n`, row by row).
#[derive(Clone, Debug)]
pub struct Taylor {
    pub value: f64,
    pub gradient: Vec<f64>,
    pub hessian: Vec<f64>,
}

/// Reads a formula; panics on text that is not one, which is a mistake in a test.
pub fn parse(text: &str) -> Formula {
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    let formula = reader.sum();
    assert_eq!(reader.at, text.len(), "rest of {text:?} not understood");
    formula
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn accept(&mut self, wanted: u8) -> bool {
        let found = self.peek() == wanted;
        self.at += usize::from(found);
        found
    }

    fn sum(&mut self) -> Formula {
        let mut left = self.product();
        while matches!(self.peek(), b'+' | b'-') {
            let op = self.peek() as char;
            self.at += 1;
            left = Formula::Binary(op, Box::new(left), Box::new(self.product()));
        }
        left
    }

    fn product(&mut self) -> Formula {
        let mut left = self.signed();
        while matches!(self.peek(), b'*' | b'/') {
            let op = self.peek() as char;
            self.at += 1;
            left = Formula::Binary(op, Box::new(left), Box::new(self.signed()));
        }
        left
    }

    fn signed(&mut self) -> Formula {
        if self.accept(b'-') {
            return Formula::Binary('-', Box::new(Formula::Number(0.0)), Box::new(self.signed()));
        }
        let base = self.atom();
        if self.accept(b'^') {
            return Formula::Binary('^', Box::new(base), Box::new(self.signed()));
        }
        base
    }

    fn atom(&mut self) -> Formula {
        if self.accept(b'(') {
            let inner = self.sum();
            assert!(self.accept(b')'));
            return inner;
        }
        let from = self.at;
        if self.peek().is_ascii_alphabetic() {
            while self.peek().is_ascii_alphanumeric() {
                self.at += 1;
            }
            let name = std::str::from_utf8(&self.text[from..self.at]).unwrap();
            if self.accept(b'(') {
                let inner = self.sum();
                assert!(self.accept(b')'));
                return Formula::Call(name.into(), Box::new(inner));
            }
            return match name.strip_prefix('x').and_then(|digits| digits.parse::<usize>().ok()) {
                Some(number) => Formula::Variable(number - 1),
                None => {
                    assert_eq!(name, "pi");
                    Formula::Number(std::f64::consts::PI)
                }
            };
        }
        while self.peek().is_ascii_digit() || self.peek() == b'.' {
            self.at += 1;
        }
        if self.peek() == b'e' {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            while self.peek().is_ascii_digit() {
                self.at += 1;
            }
        }
        Formula::Number(std::str::from_utf8(&self.text[from..self.at]).unwrap().parse().unwrap())
    }
}

impl Formula {
    pub fn evaluate(&self, x: &[f64]) -> Taylor {
        let n = x.len();
        match self {
            Formula::Number(value) => Taylor::constant(*value, n),
            Formula::Variable(i) => {
                let mut taylor = Taylor::constant(x[*i], n);
                taylor.gradient[*i] = 1.0;
                taylor
            }
            Formula::Binary(op, a, b) => {
                let a = a.evaluate(x);
                match (op, &**b) {
                    ('^', Formula::Number(p)) => {
                        let square = if *p == 1.0 { 0.0 } else { p * (p - 1.0) * a.value.powf(p - 2.0) };
                        a.chain(a.value.powf(*p), p * a.value.powf(p - 1.0), square)
                    }
                    ('^', b) => {
                        let b = b.evaluate(x);
                        assert!(b.gradient.iter().all(|g| *g == 0.0), "exponents are constants");
                        let p = b.value;
                        a.chain(a.value.powf(p), p * a.value.powf(p - 1.0), p * (p - 1.0) * a.value.powf(p - 2.0))
                    }
                    ('+', b) => a.plus(&b.evaluate(x), 1.0),
                    ('-', b) => a.plus(&b.evaluate(x), -1.0),
                    ('*', b) => a.times(&b.evaluate(x)),
                    ('/', b) => {
                        let b = b.evaluate(x);
                        let v = b.value;
                        a.times(&b.chain(1.0 / v, -1.0 / (v * v), 2.0 / (v * v * v)))
                    }
                    (op, _) => panic!("no operator {op}"),
                }
            }
            Formula::Call(name, a) => {
                let a = a.evaluate(x);
                let v = a.value;
                match name.as_str() {
                    "abs" => a.chain(v.abs(), v.signum(), 0.0),
                    "exp" => a.chain(v.exp(), v.exp(), v.exp()),
                    "log" => a.chain(v.ln(), 1.0 / v, -1.0 / (v * v)),
                    "sin" => a.chain(v.sin(), v.cos(), -v.sin()),
                    "cos" => a.chain(v.cos(), -v.sin(), -v.cos()),
                    "sqrt" => a.chain(v.sqrt(), 0.5 / v.sqrt(), -0.25 / (v * v.sqrt())),
                    "erf" => {
                        let slope = std::f64::consts::FRAC_2_SQRT_PI * (-v * v).exp();
                        a.chain(erf(v), slope, -2.0 * v * slope)
                    }
                    name => panic!("no function {name}"),
                }
            }
        }
    }
}

impl Taylor {
    fn constant(value: f64, n: usize) -> Taylor {
        Taylor { value, gradient: vec![0.0; n], hessian: vec![0.0; n * n] }
    }

    /// `g(self)` from the value and the derivatives of `g`.
    fn chain(&self, value: f64, first: f64, second: f64) -> Taylor {
        let n = self.gradient.len();
        let mut out = Taylor::constant(value, n);
        for i in 0..n {
            out.gradient[i] = first * self.gradient[i];
            for j in 0..n {
                let cross = self.gradient[i] * self.gradient[j];
                let bend = if cross == 0.0 { 0.0 } else { second * cross };
                let own = self.hessian[i * n + j];
                out.hessian[i * n + j] = if own == 0.0 { bend } else { first * own + bend };
            }
        }
        out
    }

    fn plus(&self, other: &Taylor, t: f64) -> Taylor {
        let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + t * b).collect();
        Taylor {
            value: self.value + t * other.value,
            gradient: add(&self.gradient, &other.gradient),
            hessian: add(&self.hessian, &other.hessian),
        }
    }

    fn times(&self, other: &Taylor) -> Taylor {
        let n = self.gradient.len();
        let mut out = Taylor::constant(self.value * other.value, n);
        for i in 0..n {
            out.gradient[i] = self.value * other.gradient[i] + other.value * self.gradient[i];
            for j in 0..n {
                out.hessian[i * n + j] = self.value * other.hessian[i * n + j]
                    + other.value * self.hessian[i * n + j]
                    + self.gradient[i] * other.gradient[j]
                    + self.gradient[j] * other.gradient[i];
            }
        }
        out
    }
}

/// By the series `2/sqrt(pi) exp(-x²) Σ 2^k x^(2k+1) / (2k+1)!!`, whose terms all have one sign.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut k) = (x, x, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        k += 1.0;
        term *= 2.0 * x * x / (2.0 * k + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}
