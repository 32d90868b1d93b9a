//! One call, as conditions see it.

use cel::{
    common::value::{CowVal, Val},
    context::VariableResolver,
};
use serde_json::Value;

use super::{DEEPEST, Fault};
use crate::access::Facts;

/// Values in the arguments a condition looks at: each item, member and scalar counts.
pub const MOST_VALUES: usize = 1024;
/// Bytes of their texts, together.
pub const MOST_TEXT: usize = 64 << 10;

/// What conditions are asked about: one call, converted once for all of them.
#[derive(Debug)]
pub struct Question {
    variables: Result<Variables, Fault>,
}

/// What an expression sees.
#[derive(Debug)]
pub(super) struct Variables {
    args: Box<dyn Val>,
    tool: Box<dyn Val>,
    caller: Box<dyn Val>,
}

impl Question {
    /// A call of a tool.
    #[must_use]
    pub fn new(facts: &Facts<'_>, caller: &str, tenant: &str, arguments: &Value) -> Self {
        let mut room = Room { values: MOST_VALUES, text: MOST_TEXT };
        let arguments = room.convert(arguments, 0).ok_or(Fault::TooLarge);
        let variables = arguments.and_then(|arguments| {
            let caller = map([("id", caller.into()), ("tenant", tenant.into())]);
            Ok(Variables { args: val(arguments)?, tool: val(tool(facts))?, caller: val(caller)? })
        });
        Self { variables }
    }

    pub(super) fn variables(&self) -> Result<&Variables, Fault> {
        self.variables.as_ref().map_err(Clone::clone)
    }
}

impl VariableResolver for Variables {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value = match variable {
            "args" => &self.args,
            "tool" => &self.tool,
            "caller" => &self.caller,
            _ => return None,
        };
        Some(CowVal::Borrowed(value.as_ref()))
    }
}

fn val(value: cel::Value) -> Result<Box<dyn Val>, Fault> {
    value.try_into().map_err(|e: cel::ExecutionError| Fault::Failed(e.to_string()))
}

fn tool(facts: &Facts<'_>) -> cel::Value {
    let tags: Vec<cel::Value> = facts.tags.iter().map(|tag| tag.as_str().into()).collect();
    map([
        ("name", facts.public_name.into()),
        ("service", facts.service.into()),
        ("tags", tags.into()),
        ("read_only", facts.read_only.into()),
        ("destructive", facts.destructive.into()),
    ])
}

fn map<const N: usize>(members: [(&str, cel::Value); N]) -> cel::Value {
    let members: std::collections::HashMap<String, cel::Value> =
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    members.into()
}

/// What may still be converted.
struct Room {
    values: usize,
    text: usize,
}

impl Room {
    /// Whole numbers become `int` (`uint` above its range), so that `args.n + 1` works; others `double`.
    fn convert(&mut self, value: &Value, depth: usize) -> Option<cel::Value> {
        self.values = self.values.checked_sub(1)?;
        if depth > DEEPEST {
            return None;
        }
        Some(match value {
            Value::Null => cel::Value::Null,
            Value::Bool(is) => (*is).into(),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => cel::Value::Int(int),
                (None, Some(uint)) => cel::Value::UInt(uint),
                (None, None) => cel::Value::Float(number.as_f64()?),
            },
            Value::String(text) => self.text(text)?.into(),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.convert(item, depth + 1));
                items.collect::<Option<Vec<_>>>()?.into()
            }
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    Some((self.text(name)?.to_owned(), self.convert(value, depth + 1)?))
                });
                members.collect::<Option<std::collections::HashMap<_, _>>>()?.into()
            }
        })
    }

    fn text<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        self.text = self.text.checked_sub(text.len())?;
        Some(text)
    }
}
