//! Conditions on arguments, in the Common Expression Language (CEL): `args.namespace == "dev"`.
//!
//! An expression sees `args`, `tool` (`name`, `service`, `tags`, `read_only`, `destructive`) and `caller`
//! (`id`, `tenant`), and must be `true`. Whatever else it comes to, an error included, is a no: an argument
//! that is left out has no value, so `has(args.namespace)` is asked first where that may be.
//!
//! Its cost is bounded. The operator's part: text and nesting are limited, and a loop (`all`, `exists`,
//! `exists_one`, `map`, `filter`) can neither stand in another nor take another's result. The client's part: arguments that are too large,
//! too many or too deep are refused unseen. So an expression is evaluated at most once for each of
//! [`MOST_VALUES`] values.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, ExecutionError,
    common::ast::{EntryExpr, Expr, IdedExpr},
};
use serde_json::Value;

use super::Facts;
use crate::config::load::suggestion;

/// Bytes of an expression. More than a line or two belongs into a policy engine.
const LONGEST: usize = 1024;
/// Nesting of brackets as written, and of operations as read.
const DEEPEST: usize = 32;
/// The parser needs about 100 KiB for each level of nesting in a build without optimisation. It is memory
/// that is only touched by odd expressions, and given back after each.
const PARSER_STACK: usize = 64 << 20;

/// Values in the arguments a condition looks at: each item, member and scalar counts.
pub const MOST_VALUES: usize = 2048;
/// Bytes of their texts, together.
pub const MOST_TEXT: usize = 64 << 10;

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

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Condition {
    text: Arc<str>,
    expression: Arc<IdedExpr>,
}

/// Why a condition does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is false.
    False,
    /// It is not a truth value.
    NotBoolean,
    /// The arguments are too much to look at.
    TooLarge,
    /// It could not be worked out; the text may hold arguments, so it is for the operator's eyes only.
    Failed(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::False => f.write_str("it is false"),
            Self::NotBoolean => f.write_str("it is neither true nor false"),
            Self::TooLarge => write!(
                f,
                "the arguments are more than {MOST_VALUES} values, {MOST_TEXT} bytes or {DEEPEST} levels"
            ),
            Self::Failed(why) => write!(f, "it cannot be worked out: {why}"),
        }
    }
}

impl Condition {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Says what is wrong, and in which column.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("the expression is longer than {LONGEST} bytes"));
        }
        let source = text.to_owned();
        let parsing = std::thread::Builder::new().stack_size(PARSER_STACK).spawn(move || compile(&source));
        let compiled = parsing.map_err(|e| format!("no thread to read the expression: {e}"))?.join();
        let compiled = compiled.unwrap_or_else(|_| Err("it cannot be read".to_owned()));
        let expression = compiled.map_err(|e| format!("the expression `{text}`: {e}"))?;
        Ok(Self { text: text.into(), expression: expression.into() })
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// When it is not, or cannot be worked out.
    pub fn holds(&self, question: &Question<'_>) -> Result<(), Fault> {
        let context = question.context.as_ref().map_err(Clone::clone)?;
        // A fault in the interpreter is a no for this call, and not the end of others.
        let result = catch_unwind(AssertUnwindSafe(|| cel::Value::resolve(&self.expression, context)));
        match result {
            Ok(Ok(cel::Value::Bool(true))) => Ok(()),
            Ok(Ok(cel::Value::Bool(false))) => Err(Fault::False),
            Ok(Ok(_)) => Err(Fault::NotBoolean),
            Ok(Err(ExecutionError::NoSuchKey(key))) => Err(Fault::Failed(format!("there is no `{key}`"))),
            Ok(Err(error)) => Err(Fault::Failed(error.to_string())),
            Err(_) => Err(Fault::Failed("the interpreter failed".to_owned())),
        }
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn compile(text: &str) -> Result<IdedExpr, String> {
    let parser = ENV.parser().max_recursion_depth(u16::try_from(DEEPEST).unwrap_or(u16::MAX));
    let expression = parser.parse(text).map_err(|errors| match errors.errors.first() {
        // Expressions are a line; one that is folded over several has a line, too.
        Some(error) if error.pos.0 > 1 => {
            format!("line {}, column {}: {}", error.pos.0, error.pos.1, error.msg)
        }
        Some(error) => format!("column {}: {}", error.pos.1.max(1), error.msg),
        None => "it cannot be read".to_owned(),
    })?;
    vet(&expression, &mut Vec::new(), 0, false)?;
    Ok(expression)
}

/// Refuses what could never be worked out, and what could take long.
fn vet<'a>(
    expression: &'a IdedExpr,
    bound: &mut Vec<&'a str>,
    depth: usize,
    looping: bool,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("it is nested deeper than {DEEPEST}; split it into several conditions"));
    }
    let depth = depth + 1;
    match &expression.expr {
        Expr::Unspecified => Err("it is empty".to_owned()),
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) => {
            let name = name.as_str();
            if VARIABLES.contains(&name) || TYPES.contains(&name) || bound.contains(&name) {
                return Ok(());
            }
            Err(format!("there is no `{name}`. {}", suggestion(name, &VARIABLES)))
        }
        Expr::Select(select) => vet(&select.operand, bound, depth, looping),
        Expr::Call(call) => {
            let name = call.func_name.as_str();
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !FUNCTIONS.contains(&name) {
                return Err(format!("there is no function `{name}`. {}", suggestion(name, &FUNCTIONS)));
            }
            let mut operands = call.target.as_deref().into_iter().chain(&call.args);
            operands.try_for_each(|operand| vet(operand, bound, depth, looping))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|item| vet(item, bound, depth, looping)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                vet(&entry.key, bound, depth, looping)?;
                vet(&entry.value, bound, depth, looping)
            }
            EntryExpr::StructField(_) => Err("messages are not known here".to_owned()),
        }),
        Expr::Struct(message) => Err(format!("there is no message type `{}`", message.type_name)),
        Expr::Comprehension(each) => {
            if looping {
                return Err(
                    "a loop (`all`, `exists`, `map`, …) in a loop, or over the result of one, could take too long; \
                     write one at most"
                        .to_owned(),
                );
            }
            // Two that follow each other could double a text again and again.
            vet(&each.iter_range, bound, depth, true)?;
            vet(&each.accu_init, bound, depth, true)?;
            let outside = bound.len();
            bound.extend([each.iter_var.as_str(), each.accu_var.as_str()]);
            bound.extend(each.iter_var2.as_deref());
            for part in [&each.loop_cond, &each.loop_step, &each.result] {
                vet(part, bound, depth, true)?;
            }
            bound.truncate(outside);
            Ok(())
        }
    }
}

/// What conditions are asked about: one call, converted once for all of them.
#[expect(
    missing_debug_implementations,
    reason = "the interpreter's context has none, and arguments are not shown"
)]
pub struct Question<'a> {
    context: Result<Context<'a, 'a>, Fault>,
}

impl Question<'_> {
    /// A call of a tool.
    #[must_use]
    pub fn new(facts: &Facts<'_>, caller: &str, tenant: &str, arguments: &Value) -> Self {
        let mut room = Room { values: MOST_VALUES, text: MOST_TEXT };
        let context = room.convert(arguments, 0).ok_or(Fault::TooLarge).map(|arguments| {
            let mut context = Context::with_env(ENV.clone());
            context.add_variable_from_value("args", arguments);
            context.add_variable_from_value("tool", tool(facts));
            context
                .add_variable_from_value("caller", map([("id", caller.into()), ("tenant", tenant.into())]));
            context
        });
        Self { context }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(text: &str, arguments: &Value) -> Result<(), Fault> {
        let tags = ["metrics".to_owned()];
        let facts = Facts {
            public_name: "prometheus_query",
            service: "prometheus",
            tags: &tags,
            read_only: true,
            destructive: false,
        };
        Condition::new(text).unwrap().holds(&Question::new(&facts, "ci", "acme", arguments))
    }

    #[test]
    fn only_true_is_true() {
        let dev =
            json!({"namespace": "dev", "n": 3, "big": u64::MAX, "f": 0.5, "list": ["a", "ab"], "none": null});
        for text in [
            r#"args.namespace == "dev""#,
            r#"args.namespace in ["dev", "test"]"#,
            r#"args["namespace"].startsWith("de")"#,
            r#"args.namespace.matches("^d.v$")"#,
            "args.n + 1 == 4 && args.n < 10 && args.f < 1.0 && args.big > 5u",
            r#"args.list.all(x, x.startsWith("a")) && size(args.list) == 2"#,
            "args.none == null",
            "!has(args.absent)",
            r#"tool.name == "prometheus_query" && tool.service == "prometheus" && "metrics" in tool.tags"#,
            "tool.read_only && !tool.destructive",
            r#"caller.id == "ci" && caller.tenant == "acme""#,
            "type(args.n) == int",
        ] {
            assert_eq!(ask(text, &dev), Ok(()), "{text}");
        }
        assert_eq!(ask(r#"args.namespace == "prod""#, &dev), Err(Fault::False));
        assert_eq!(ask("args.namespace", &dev), Err(Fault::NotBoolean));
        assert_eq!(ask("1", &dev), Err(Fault::NotBoolean));
        let missing = Fault::Failed("there is no `absent`".to_owned());
        assert_eq!(ask("args.absent == 1", &dev), Err(missing));
        for text in
            ["args.n < args.namespace", "1 / 0 == 1", "args.list[7] == 'a'", "args.namespace.size(1) == 2"]
        {
            assert!(matches!(ask(text, &dev), Err(Fault::Failed(_))), "{text}");
        }
    }

    #[test]
    fn a_bad_expression_says_what_and_where() {
        for (text, why) in [
            ("args.namespace ==", "column 18:"),
            ("args.x =! 1", "column 8:"),
            ("arg.x == 1", "there is no `arg`. Did you mean `args`?"),
            ("sise(args) == 1", "there is no function `sise`. Did you mean `size`?"),
            ("Message{a: 1}.a == 1", "there is no message type `Message`"),
            ("args.all(x, args.all(y, x == y))", "a loop (`all`, `exists`, `map`, …) in a loop"),
            ("args.all(x, x == y)", "there is no `y`"),
            ("args.?x == 1", "column"),
            ("", "column 1:"),
        ] {
            let error = Condition::new(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn long_and_deep_expressions_are_refused() {
        assert!(Condition::new(&"a".repeat(1025)).unwrap_err().contains("longer than 1024 bytes"));
        for deep in [
            format!("{}1{}", "(".repeat(400), ")".repeat(400)),
            format!("{}1{}", "[".repeat(60), "]".repeat(60)),
            format!("args{}", ".a".repeat(300)),
            format!("args{}", "[0]".repeat(300)),
            format!("1{}", "+1".repeat(400)),
            format!("{}true", "!-".repeat(400)),
            "{".repeat(1000),
            "true?".repeat(200),
        ] {
            assert!(Condition::new(&deep).is_err(), "{deep}");
        }
        assert!(Condition::new(&vec!["args.a == 1"; 70].join(" && ")).is_ok());
    }

    #[test]
    fn arguments_that_are_too_much_are_refused_unseen() {
        let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
        for arguments in [json!({"a": "x".repeat(MOST_TEXT)}), json!(vec![0; MOST_VALUES]), deep] {
            assert_eq!(ask("true", &arguments), Err(Fault::TooLarge));
        }
        assert_eq!(ask("args.all(x, x < 1)", &json!(vec![0; MOST_VALUES - 1])), Ok(()));
    }
}
