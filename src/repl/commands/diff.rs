//! `:diff [EXPRESSION]`

use super::{Line, expression, wrong};
use crate::answer::layout::array;
use crate::diag::{Diagnostic, Span};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::expression::{evaluated, shape};
use crate::repl::reply::Reply;
use crate::session::shown::Reads;
use crate::session::{Prepared, derivatives};
use crate::syntax::ast::{Argument, Expr, ExprKind, Ident};
use crate::syntax::print;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return match conversation.ready() {
            Ok(ready) => compared(&ready.prepared),
            Err(errors) => Reply::refused(errors),
        };
    }
    let asked = expression(conversation, line.rest_at).and_then(|expr| {
        let (shown, _) = evaluated(conversation, &expr).map_err(Reply::refused)?;
        Ok((expr, shown))
    });
    let (expr, shown) = match asked {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    let text = print::expression(&expr);
    if let Some(oracle) = &shown.asks {
        return wrong(conversation, derivatives::known_by_asking(&text, oracle, line.rest_at));
    }
    if let Reads::Answer | Reads::Solve = shown.reads {
        let message = format!("`{text}` is known after a solve; it is no expression in the variables");
        let said = Diagnostic::error("not-differentiable", line.rest_at, message);
        return wrong(conversation, said.help("`:sens` gives the derivative of an answer by a parameter"));
    }
    if shown.variables.is_empty() {
        return Reply::said(format!("{} reads no variables: its derivatives are 0", line.rest));
    }
    let function = if shown.axes.is_scalar() { "grad" } else { "jac" };
    let mut reply = Reply::default();
    for variable in &shown.variables {
        let by = named(variable, expr.span);
        let name = Expr { kind: ExprKind::Name(function.to_string()), span: expr.span };
        let arguments = vec![Argument::Value(expr.clone()), Argument::Value(by)];
        let call = Expr { kind: ExprKind::Call { function: Box::new(name), arguments }, span: expr.span };
        match evaluated(conversation, &call) {
            Ok((derivative, old)) => match &derivative.values {
                Some(values) => {
                    let lines = array(&derivative.axes, values);
                    let age = if old { "  (at the answer of the model before it changed)" } else { "" };
                    match &lines[..] {
                        [only] => reply.say(format!("d/d{variable} = {only}{age}")),
                        lines => reply.say(format!("d/d{variable}:{age}\n  {}", lines.join("\n  "))),
                    }
                }
                None => reply.say(format!("d/d{variable}: {}; no answer yet to take it at", shape(&derivative.axes))),
            },
            Err(errors) => reply.and(Reply::refused(errors)),
        }
    }
    reply
}

/// All of the model against differences, and that its objective has no derivatives where that is so.
fn compared(prepared: &Prepared) -> Reply {
    let all = prepared.compare_derivatives();
    let refused = prepared.without_derivatives();
    let mut reply = Reply::default();
    if refused.is_none() || !all.is_empty() {
        reply.say(derivatives::text(&all, &prepared.sources));
    }
    refused.into_iter().for_each(|errors| reply.and(Reply::refused(errors)));
    reply
}

/// A variable as an expression: `drivers.cars` is a field of a block.
fn named(variable: &str, span: Span) -> Expr {
    let mut parts = variable.split('.').map(str::to_string);
    let first = Expr { kind: ExprKind::Name(parts.next().unwrap_or_default()), span };
    parts.fold(first, |block, name| Expr { kind: ExprKind::Field(Box::new(block), Ident { name, span }), span })
}
