//! From the text of a condition to an expression that can be worked out, and not for long.

use std::{collections::HashMap, mem};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use regex::{Regex, RegexBuilder};

use super::{DEEPEST, ENV};
use crate::config::load::suggestion;

/// Bytes of an expression. More than a line or two belongs into a policy engine.
const LONGEST: usize = 1024;
/// The parser needs about 100 KiB for each level of nesting in a build without optimisation. It is memory
/// that is only touched by odd expressions, and given back after each.
const PARSER_STACK: usize = 64 << 20;
/// Bytes of a compiled pattern; its cost for each letter of a text grows with it.
const PATTERN: usize = 256 << 10;

/// Functions by name; operators and macros are known to the parser.
const FUNCTIONS: [&str; 12] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "type",
    "dyn",
];
const VARIABLES: [&str; 3] = ["args", "tool", "caller"];
/// Names of types, for `type(args.x) == string`.
const TYPES: [&str; 8] = ["int", "uint", "double", "bool", "string", "list", "map", "null_type"];

/// Reads an expression, and compiles its patterns.
pub(super) fn compile(text: &str) -> Result<(IdedExpr, HashMap<String, Regex>), String> {
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let source = text.to_owned();
    let reading = std::thread::Builder::new().stack_size(PARSER_STACK).spawn(move || read(&source));
    let read = reading.map_err(|e| format!("no thread to read it: {e}"))?.join();
    read.unwrap_or_else(|_| Err("it cannot be read".to_owned()))
}

fn read(text: &str) -> Result<(IdedExpr, HashMap<String, Regex>), String> {
    let parser = ENV.parser().max_recursion_depth(u16::try_from(DEEPEST).unwrap_or(u16::MAX));
    let expression = parser.parse(text).map_err(|errors| match errors.errors.first() {
        // Expressions are a line; one that is folded over several has a line, too.
        Some(error) if error.pos.0 > 1 => {
            format!("line {}, column {}: {}", error.pos.0, error.pos.1, error.msg)
        }
        Some(error) => format!("column {}: {}", error.pos.1.max(1), error.msg),
        None => "it cannot be read".to_owned(),
    })?;
    let mut vetting = Vetting::default();
    vetting.vet(&expression, 0, false)?;
    let patterns = mem::take(&mut vetting.patterns);
    Ok((expression, patterns))
}

/// Refuses what could never be worked out, and what could take long.
#[derive(Default)]
struct Vetting<'a> {
    /// The variables of the loops around.
    bound: Vec<&'a str>,
    patterns: HashMap<String, Regex>,
}

impl<'a> Vetting<'a> {
    fn vet(&mut self, expression: &'a IdedExpr, depth: usize, looping: bool) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST}; split it into several conditions"));
        }
        let depth = depth + 1;
        match &expression.expr {
            Expr::Unspecified => Err("it is empty".to_owned()),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                let name = name.as_str();
                if VARIABLES.contains(&name) || TYPES.contains(&name) || self.bound.contains(&name) {
                    return Ok(());
                }
                Err(format!("there is no `{name}`. {}", suggestion(name, &VARIABLES)))
            }
            Expr::Select(select) => self.vet(&select.operand, depth, looping),
            Expr::Call(call) => {
                self.function(call)?;
                let mut operands = call.target.as_deref().into_iter().chain(&call.args);
                operands.try_for_each(|operand| self.vet(operand, depth, looping))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.vet(item, depth, looping)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.vet(&entry.key, depth, looping)?;
                    self.vet(&entry.value, depth, looping)
                }
                EntryExpr::StructField(_) => Err("messages are not known here".to_owned()),
            }),
            Expr::Struct(message) => Err(format!("there is no message type `{}`", message.type_name)),
            Expr::Comprehension(_) if looping => Err(
                "a loop (`all`, `exists`, `map`, …) in a loop, or over the result of one, could take too long; \
                 write one at most"
                    .to_owned(),
            ),
            Expr::Comprehension(each) => {
                // Of two that follow each other, the second could take a text that the first made long.
                self.vet(&each.iter_range, depth, true)?;
                self.vet(&each.accu_init, depth, true)?;
                let outside = self.bound.len();
                self.bound.extend([each.iter_var.as_str(), each.accu_var.as_str()]);
                self.bound.extend(each.iter_var2.as_deref());
                for part in [&each.loop_cond, &each.loop_step, &each.result] {
                    self.vet(part, depth, true)?;
                }
                self.bound.truncate(outside);
                Ok(())
            }
        }
    }

    fn function(&mut self, call: &'a CallExpr) -> Result<(), String> {
        let name = call.func_name.as_str();
        if name == "matches" {
            return self.pattern(call);
        }
        // The names of operators start with another character.
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !FUNCTIONS.contains(&name) {
            return Err(format!("there is no function `{name}`. {}", suggestion(name, &FUNCTIONS)));
        }
        Ok(())
    }

    /// A pattern that came with the call could cost anything.
    fn pattern(&mut self, call: &'a CallExpr) -> Result<(), String> {
        let Some(Expr::Literal(LiteralValue::String(pattern))) = call.args.last().map(|last| &last.expr)
        else {
            return Err(
                "what `matches` looks for must be a text written here, like `matches(\"^dev-\")`".to_owned()
            );
        };
        let pattern = pattern.inner();
        let compiled = RegexBuilder::new(pattern).size_limit(PATTERN).build();
        let compiled = compiled.map_err(|e| format!("the pattern `{pattern}`: {e}"))?;
        self.patterns.insert(pattern.to_owned(), compiled);
        Ok(())
    }
}
