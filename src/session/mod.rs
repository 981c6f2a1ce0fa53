//! (being written)

pub mod notation;

#[cfg(test)]
mod try_notation {
    #[test]
    fn zz() {
        for m in ["hs071", "acopf", "transport", "portfolio", "obstacle", "ridge_tuning", "saddle", "taste"] {
            let text = std::fs::read_to_string(format!("/work/shared/models/{m}.opt")).unwrap();
            let (f, d) = crate::syntax::parse(crate::diag::SourceId(0), &text);
            println!(
                "{m} {}\n{}\n{}",
                d.len(),
                super::notation::set_form(&f, super::notation::Style::Text),
                super::notation::set_form(&f, super::notation::Style::Latex)
            );
        }
    }
}
