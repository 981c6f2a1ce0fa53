//! Methods for systems of equations: one file and one row each. Where complementary pairs stand beside equations see
//! `complementarity`; the interior point method takes smooth systems as well.

pub mod anderson;
