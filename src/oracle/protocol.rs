//! Lines of JSON between Merit and whoever answers; `docs/oracles.md` describes them.
//!
//! Numbers are written so that they read back as the same numbers; those that JSON has not are the texts `inf`, `-inf` and
//! `nan`.

use serde_json::{Value, json};

pub(super) fn number(value: f64) -> Value {
    match value {
        v if v.is_nan() => "nan".into(),
        f64::INFINITY => "inf".into(),
        f64::NEG_INFINITY => "-inf".into(),
        v => v.into(),
    }
}

pub(super) fn numbers(values: &[f64]) -> Value {
    values.iter().map(|v| number(*v)).collect()
}

/// `{"id": 3, "oracle": "cost", "value": [0.5, 1.0]}`: which number does this question have?
pub(super) fn value_request(id: u64, oracle: &str, question: &[f64]) -> String {
    json!({"id": id, "oracle": oracle, "value": numbers(question)}).to_string()
}

/// `{"id": 3, "oracle": "taste", "rank": [[0.5], [0.7]], "best": 2}`: in which order are these, the greatest first?
pub(super) fn rank_request(id: u64, oracle: &str, candidates: &[Vec<f64>], best: usize) -> String {
    let candidates: Value = candidates.iter().map(|q| numbers(q)).collect();
    json!({"id": id, "oracle": oracle, "rank": candidates, "best": best}).to_string()
}

/// A line that is no answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NoAnswer {
    /// Whoever was asked says that there is none, and why.
    Refused(String),
    /// It cannot be read as an answer to the question: in words what is wrong with it.
    Nonsense(String),
}

impl From<String> for NoAnswer {
    fn from(why: String) -> NoAnswer {
        NoAnswer::Nonsense(why)
    }
}

impl From<&str> for NoAnswer {
    fn from(why: &str) -> NoAnswer {
        NoAnswer::Nonsense(why.to_string())
    }
}

/// The answer to a question for a number.
pub(super) fn value_response(id: u64, line: &str) -> Result<f64, NoAnswer> {
    let answer = response(id, line)?;
    let value = answer.get("value").ok_or("it has no `value`")?;
    Ok(number_of(value).ok_or("`value` is not a number")?)
}

/// The answer to a question for an order: numbers of candidates from 1, or groups of tied ones, the greatest first.
pub(super) fn rank_response(id: u64, line: &str, count: usize) -> Result<Vec<Vec<usize>>, NoAnswer> {
    let answer = response(id, line)?;
    let order = answer.get("order").ok_or("it has no `order`")?;
    let order = order.as_array().ok_or("`order` is not an array")?;
    let one = |v: &Value| match v.as_u64() {
        Some(c) if (1..=count as u64).contains(&c) => Ok(c as usize - 1),
        Some(_) | None => Err(format!("`order` names candidate {v}, and they are 1 to {count}")),
    };
    let group = |v: &Value| match v.as_array() {
        Some(members) => members.iter().map(one).collect(),
        None => one(v).map(|c| vec![c]),
    };
    let groups: Vec<Vec<usize>> = order.iter().map(group).collect::<Result<_, String>>()?;
    valid_groups(&groups, count)?;
    Ok(groups)
}

/// Each candidate at most once, and at least one of them.
pub(super) fn valid_groups(groups: &[Vec<usize>], count: usize) -> Result<(), String> {
    let mut seen = vec![false; count];
    for &c in groups.iter().flatten() {
        match seen.get_mut(c) {
            None => return Err(format!("the order names candidate {}, and there are {count}", c + 1)),
            Some(true) => return Err(format!("the order names candidate {} twice", c + 1)),
            Some(seen) => *seen = true,
        }
    }
    if seen.contains(&true) || count == 0 { Ok(()) } else { Err("the order names no candidate".to_string()) }
}

/// The object of a line that answers request `id`.
fn response(id: u64, line: &str) -> Result<Value, NoAnswer> {
    let answer: Value = serde_json::from_str(line).map_err(|_| "it is not a line of JSON")?;
    if let Some(why) = answer.get("error") {
        return Err(NoAnswer::Refused(why.as_str().map_or(why.to_string(), str::to_string)));
    }
    match answer.get("id") {
        Some(given) if given.as_u64() == Some(id) => Ok(answer),
        Some(given) => Err(format!("it answers request {given} instead of {id}").into()),
        None => Err(format!("it does not say that it answers request {id}").into()),
    }
}

pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("nan") => Some(f64::NAN),
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => value.as_f64(),
    }
}

/// An array of `width` numbers.
pub(super) fn numbers_of(value: &Value, width: usize) -> Option<Vec<f64>> {
    let values: Vec<f64> = value.as_array()?.iter().map(number_of).collect::<Option<_>>()?;
    (values.len() == width).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_went() {
        let values = [0.1 + 0.2, -0.0, 1e-300, f64::MAX, 5e-324, 1.0, f64::INFINITY, f64::NEG_INFINITY];
        for value in values {
            let line = format!("{{\"id\": 1, \"value\": {}}}", number(value));
            assert_eq!(value_response(1, &line), Ok(value), "{line}");
        }
        assert!(value_response(1, "{\"id\": 1, \"value\": \"nan\"}").unwrap().is_nan());
    }

    #[test]
    fn orders_may_have_ties_and_leave_the_rest_out() {
        let order = |order: &str| rank_response(7, &format!("{{\"id\": 7, \"order\": {order}}}"), 3);
        assert_eq!(order("[2, 1, 3]"), Ok(vec![vec![1], vec![0], vec![2]]));
        assert_eq!(order("[[2, 3], 1]"), Ok(vec![vec![1, 2], vec![0]]));
        assert_eq!(order("[[2], [1, 3]]"), Ok(vec![vec![1], vec![0, 2]]));
        assert_eq!(order("[3]"), Ok(vec![vec![2]]));
        assert_eq!(order("[[1, 2, 3]]"), Ok(vec![vec![0, 1, 2]]));
    }

    #[test]
    fn nonsense_is_told_from_answers() {
        for (line, why) in [
            ("hello", "not a line of JSON"),
            ("{\"id\": 7}", "no `order`"),
            ("{\"id\": 6, \"order\": [1]}", "answers request 6 instead of 7"),
            ("{\"order\": [1]}", "does not say"),
            ("{\"id\": 7, \"order\": [1, 1]}", "names candidate 1 twice"),
            ("{\"id\": 7, \"order\": [4]}", "names candidate 4"),
            ("{\"id\": 7, \"order\": [1.5]}", "names candidate 1.5"),
            ("{\"id\": 7, \"order\": []}", "candidate"),
            ("{\"id\": 7, \"order\": \"2 1 3\"}", "not an array"),
        ] {
            let Err(NoAnswer::Nonsense(said)) = rank_response(7, line, 3) else { panic!("{line}") };
            assert!(said.contains(why), "{line}: {said}");
        }
        let much = value_response(1, "{\"id\": 1, \"value\": \"much\"}");
        assert_eq!(much, Err(NoAnswer::Nonsense("`value` is not a number".to_string())));
    }

    #[test]
    fn a_refusal_is_not_nonsense() {
        let refused = |words: &str| Some(NoAnswer::Refused(words.to_string()));
        let paper = rank_response(7, "{\"id\": 7, \"error\": \"out of paper\"}", 3);
        assert_eq!(paper.err(), refused("out of paper"));
        // Whoever could not read the request does not know its number.
        assert_eq!(value_response(7, "{\"error\": {\"code\": 4}}").err(), refused("{\"code\":4}"));
    }
}
