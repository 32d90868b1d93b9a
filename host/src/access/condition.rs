//! Conditions on arguments, in the Common Expression Language (CEL): `args.namespace == "dev"`.
//!
//! An expression sees `args`, `tool` (`name`, `service`, `tags`, `read_only`, `destructive`) and `caller`
//! (`id`, `tenant`), and must be `true`. Whatever else it comes to, an error included, is a no: an argument
//! that is left out has no value, so `has(args.namespace)` is asked first where that may be.
//!
//! Its cost is bounded. The operator's part: text and nesting are limited, the pattern of `matches` is a literal and
//! compiled at load, and a loop (`all`, `exists`,
//! `exists_one`, `map`, `filter`) can neither stand in another nor take another's result. The client's part: arguments that are too large,
//! too many or too deep are refused unseen. So an expression is evaluated at most once for each of
//! [`MOST_VALUES`] values.

mod expression;
mod question;

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, ExecutionError, common::ast::IdedExpr, extractors::This};
use regex::Regex;

pub use question::{MOST_TEXT, MOST_VALUES, Question};

/// Nesting of brackets and operations in an expression, and of arguments.
const DEEPEST: usize = 32;

/// The standard functions, without `matches`: see [`Condition::holds`].
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Condition {
    text: Arc<str>,
    expression: Arc<IdedExpr>,
    /// What `matches` looks for, by its text.
    patterns: Arc<HashMap<String, Regex>>,
}

/// All of a condition is made from its text.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
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
        let (expression, patterns) =
            expression::compile(text).map_err(|e| format!("the expression `{text}`: {e}"))?;
        Ok(Self { text: text.into(), expression: expression.into(), patterns: patterns.into() })
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// When it is not, or cannot be worked out.
    pub fn holds(&self, question: &Question) -> Result<(), Fault> {
        let variables = question.variables()?;
        // A fault in the interpreter is a no for this call, and not the end of others.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(ENV.clone());
            context.set_variable_resolver(variables);
            if !self.patterns.is_empty() {
                let patterns = self.patterns.clone();
                let matches = move |This(text): This<Arc<String>>, pattern: Arc<String>| {
                    let found = patterns.get(&*pattern).map(|pattern| pattern.is_match(&text));
                    found.ok_or_else(|| {
                        ExecutionError::function_error("matches", "not a pattern of this expression")
                    })
                };
                let added = context.add_function("matches", matches);
                added.map_err(|e| Fault::Failed(e.to_string()))?;
            }
            match cel::Value::resolve(&self.expression, &context) {
                Ok(cel::Value::Bool(true)) => Ok(()),
                Ok(cel::Value::Bool(false)) => Err(Fault::False),
                Ok(_) => Err(Fault::NotBoolean),
                Err(ExecutionError::NoSuchKey(key)) => Err(Fault::Failed(format!("there is no `{key}`"))),
                Err(error) => Err(Fault::Failed(error.to_string())),
            }
        }));
        result.unwrap_or_else(|_| Err(Fault::Failed("the interpreter failed".to_owned())))
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::access::Facts;

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
            r#"matches(args.namespace, "^d") && args.list.exists(x, x.matches("^ab$"))"#,
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
            ("args.x.matches(args.y)", "must be a text written here"),
            ("args.x.matches('(')", "the pattern `(`"),
            ("args.x.matches('\\\\w{500}')", "exceeds size limit"),
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
        // The deepest that is read fits the stack of a test, which is that of a serving thread.
        let deepest =
            (0..DEEPEST - 3).fold("args.n == 1".to_owned(), |inner, _| format!("({inner}) == true"));
        assert_eq!(ask(&deepest, &json!({"n": 1})), Ok(()));
        assert!(Condition::new(&vec!["args.a == 1"; 60].join(" && ")).is_ok());
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
