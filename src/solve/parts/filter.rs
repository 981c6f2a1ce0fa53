//! A filter: pairs (infeasibility, objective) that a new point must not be dominated by.
//! Source: Fletcher and Leyffer, "Nonlinear programming without a penalty function" (2002).

/// The pairs that nothing may fall behind any more.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    corners: Vec<(f64, f64)>,
}

impl Filter {
    pub fn clear(&mut self) {
        self.corners.clear();
    }

    /// Forbids all pairs with `infeasibility >= corner.0` and `objective >= corner.1`.
    pub fn forbid(&mut self, infeasibility: f64, objective: f64) {
        self.corners.retain(|(i, o)| *i < infeasibility || *o < objective);
        self.corners.push((infeasibility, objective));
    }

    pub fn allows(&self, infeasibility: f64, objective: f64) -> bool {
        self.corners.iter().all(|(i, o)| infeasibility < *i || objective < *o)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dominated_pairs_are_refused_and_forgotten_corners_are_implied() {
        let mut filter = Filter::default();
        filter.forbid(1.0, 5.0);
        filter.forbid(2.0, 3.0);
        assert!(filter.allows(0.5, 9.0) && filter.allows(1.5, 4.0) && filter.allows(9.0, 2.0));
        assert!(!filter.allows(1.0, 5.0) && !filter.allows(3.0, 3.0));
        filter.forbid(0.5, 2.0);
        assert_eq!(filter.corners, [(0.5, 2.0)]);
    }
}
