//! What a prompt says, the tools it names, and what its arguments could be.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::testing::{self, Mock};
use bulkhead_sdk::{Completing, Content, Role, Service};
use serde_json::{Map, Value};

/// The one text of a prompt; it asks the upstream nothing.
#[track_caller]
pub fn text<S: Service>(config: &Value, name: &str, arguments: Value) -> String {
    let mock = Mock::new();
    let messages = testing::prompt::<S>(config.clone(), &mock, name, arguments, &testing::context()).unwrap();
    assert_eq!(mock.requests().len(), 0, "{name} asks the upstream");
    let [(Role::User, Content::Text(text))] = messages.messages() else { panic!("{name}: {messages:?}") };
    text.clone()
}

/// The tools a text names, in their order. Each is one of the service or `component/tool`, and on a numbered line: the host
/// leaves out lines with tools that a caller cannot use.
#[track_caller]
pub fn tools<'a, S: Service>(config: &Value, text: &'a str) -> Vec<&'a str> {
    let own: Vec<String> =
        testing::list::<S>(config.clone()).unwrap().into_iter().map(|tool| tool.name).collect();
    let (mut all, mut step) = (Vec::new(), 0);
    for line in text.lines() {
        let number = line.split_once(". ").and_then(|(number, _)| number.parse::<usize>().ok());
        if let Some(number) = number {
            step += 1;
            assert_eq!(number, step, "{text}");
        }
        let named: Vec<&str> =
            line.split("{tool:").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert!(named.is_empty() || number.is_some(), "not a numbered line: {line}");
        for name in &named {
            assert!(
                name.contains('/') || own.iter().any(|tool| tool == name),
                "there is no `{name}`: {line}"
            );
        }
        all.extend(named);
    }
    all
}

/// The same, where each has a line of its own.
#[track_caller]
pub fn steps<'a, S: Service>(config: &Value, text: &'a str) -> Vec<&'a str> {
    let several = text.lines().find(|line| line.matches("{tool:").count() > 1);
    assert_eq!(several, None, "two tools on a line");
    tools::<S>(config, text)
}

/// Every prompt is one line that says what is asked, and then steps, one to a line.
#[track_caller]
pub fn are_steps<S: Service>(config: &Value) {
    for prompt in testing::prompts::<S>(config.clone()).unwrap() {
        let arguments: Map<String, Value> =
            prompt.arguments.iter().map(|argument| (argument.name.clone(), "x".into())).collect();
        let text = text::<S>(config, &prompt.name, arguments.into());
        steps::<S>(config, &text);
        let is_step = |line: &str| line.starts_with(|first: char| first.is_ascii_digit());
        assert!(text.lines().skip(1).all(is_step), "what belongs to a step is on its line: {text}");
    }
}

/// What is suggested for an argument after this was typed, and others were settled.
#[track_caller]
pub fn completed<S: Service>(
    config: &Value,
    mock: &Mock,
    of: &Reference,
    argument: &str,
    prefix: &str,
    settled: &Value,
) -> Vec<String> {
    let settled = settled.as_object().unwrap().clone();
    let typed = Completing { prefix: prefix.to_owned(), settled };
    let call = testing::context();
    testing::complete::<S>(config.clone(), mock, of, argument, &typed, &call).unwrap().values().to_vec()
}
