//! `:diff [EXPRESSION]`

use super::{Line, expression};
use crate::answer::layout::array;
use crate::diag::Span;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::expression::{evaluated, shape};
use crate::repl::reply::Reply;
use crate::session::derivatives;
use crate::syntax::ast::{Argument, Expr, ExprKind, Ident};

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return match conversation.ready() {
            Ok(ready) => Reply::said(derivatives::text(&ready.prepared.compare_derivatives(), &ready.prepared.sources)),
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

/// A variable as an expression: `drivers.cars` is a field of a block.
fn named(variable: &str, span: Span) -> Expr {
    let mut parts = variable.split('.').map(str::to_string);
    let first = Expr { kind: ExprKind::Name(parts.next().unwrap_or_default()), span };
    parts.fold(first, |block, name| Expr { kind: ExprKind::Field(Box::new(block), Ident { name, span }), span })
}
