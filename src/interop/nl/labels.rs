//! Names of variables and rows, which stand in files of their own (`.col`, `.row`).

/// Names by position; empty lists where there are no such files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    pub columns: Vec<String>,
    /// Constraints, then objectives.
    pub rows: Vec<String>,
}

impl Labels {
    /// From the texts of the files, one name a line.
    pub fn of(columns: Option<&str>, rows: Option<&str>) -> Labels {
        let lines = |text: Option<&str>| text.unwrap_or_default().lines().map(|l| l.trim().to_string()).collect();
        Labels { columns: lines(columns), rows: lines(rows) }
    }

    /// The name of a variable; empty if there is none.
    pub fn column(&self, k: usize) -> &str {
        self.columns.get(k).map_or("", |name| name)
    }

    /// The name of a constraint, or of an objective by its number after the constraints.
    pub fn row(&self, k: usize) -> &str {
        self.rows.get(k).map_or("", |name| name)
    }

    /// How messages call a constraint: by its name, or by its number from 1.
    pub fn constraint(&self, k: usize) -> String {
        match self.row(k) {
            "" => format!("constraint {}", k + 1),
            name => format!("constraint `{name}`"),
        }
    }

    /// How messages call a variable.
    pub fn variable(&self, k: usize) -> String {
        match self.column(k) {
            "" => format!("variable {}", k + 1),
            name => format!("variable `{name}`"),
        }
    }
}
