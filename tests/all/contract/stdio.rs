//! The same over stdio, as versions before 2026-07-28 have it: the host asks over the connection.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use super::{audited, fixture, one};
use crate::support::tenancy::audit;

/// A client with a connection of its own.
struct Connection {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    dir: tempfile::TempDir,
    /// Answers to what the host asks, by method.
    answers: Value,
    /// What it asked and told.
    heard: Vec<Value>,
}

impl Connection {
    fn open(capabilities: Value, answers: Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bulkhead.yaml");
        std::fs::write(&file, one(&fixture("")) + &audit(dir.path())).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
            .args(["stdio", "--log", "error", "--config"])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut connection = Self { child, input, output, dir, answers, heard: Vec::new() };
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": capabilities,
            "clientInfo": { "name": "t", "version": "1" },
        });
        connection.ask("initialize", params);
        connection.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        connection
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    /// One request; what the host asks meanwhile is answered.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the host is gone");
            let mut message: Value = serde_json::from_str(&line).unwrap();
            let Some(asked) = message["method"].as_str().map(str::to_owned) else {
                return if message["error"].is_null() {
                    message["result"].take()
                } else {
                    message["error"].take()
                };
            };
            self.heard.push(json!({ "method": asked, "params": message["params"] }));
            if !message["id"].is_null() {
                let mut reply = json!({ "jsonrpc": "2.0", "id": message["id"] });
                match &self.answers[&asked] {
                    Value::Null => reply["error"] = json!({ "code": -32603, "message": "not now" }),
                    answer => reply["result"] = answer.clone(),
                }
                self.send(&reply);
            }
        }
    }

    fn call(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
    }

    fn heard(&self, method: &str) -> Vec<&Value> {
        self.heard
            .iter()
            .filter(|message| message["method"] == method)
            .map(|message| &message["params"])
            .collect()
    }

    /// Hangs up; what was audited.
    fn close(mut self) -> Vec<String> {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
        audited(self.dir.path())
    }
}

fn everything() -> Value {
    json!({ "elicitation": {}, "sampling": {}, "roots": {} })
}

#[test]
fn a_client_with_a_connection_is_asked_over_it() {
    let answers = json!({
        "elicitation/create": { "action": "accept", "content": { "username": "ann", "email": "a@b.example" } },
        "sampling/createMessage": {
            "role": "assistant", "model": "m", "content": { "type": "text", "text": "Paris" },
        },
        "roots/list": { "roots": [{ "uri": "file:///a" }] },
    });
    let mut client = Connection::open(everything(), answers);
    let said = client.call("test_elicitation", json!({ "message": "Who are you?" }));
    assert_eq!(said, r#"User response: action=accept, content={"email":"a@b.example","username":"ann"}"#);
    assert_eq!(client.heard("elicitation/create")[0]["message"], json!("Who are you?"));
    assert_eq!(client.call("test_sampling", json!({ "prompt": "Capital?" })), "LLM response: Paris");
    assert_eq!(client.heard("sampling/createMessage")[0]["maxTokens"], json!(100));
    assert_eq!(client.call("test_input_required_result_list_roots", json!({})), "roots: file:///a");
    // One audit line for every guest.
    assert_eq!(
        client.close(),
        [
            "tools/call test_elicitation input_required",
            "tools/call test_elicitation ok",
            "tools/call test_sampling input_required",
            "tools/call test_sampling ok",
            "tools/call test_input_required_result_list_roots input_required",
            "tools/call test_input_required_result_list_roots ok",
        ]
    );
}

#[test]
fn defaults_and_choices_reach_the_client() {
    let mut client = Connection::open(everything(), json!({ "elicitation/create": { "action": "decline" } }));
    let declined = "Elicitation completed: action=decline, content={}";
    assert_eq!(client.call("test_elicitation_sep1034_defaults", json!({})), declined);
    assert_eq!(client.call("test_elicitation_sep1330_enums", json!({})), declined);
    let asked = client.heard("elicitation/create");
    let properties = |at: usize| asked[at]["requestedSchema"]["properties"].clone();
    assert_eq!(properties(0)["age"], json!({ "type": "integer", "default": 30 }));
    assert_eq!(properties(0)["status"]["default"], json!("active"));
    assert_eq!(
        properties(1)["titledSingle"]["oneOf"][0],
        json!({ "const": "value1", "title": "First Option" })
    );
    assert_eq!(properties(1)["legacyEnum"]["enumNames"][2], json!("Option Three"));
    assert_eq!(properties(1)["untitledMulti"]["items"]["enum"][0], json!("option1"));
    assert_eq!(properties(1)["titledMulti"]["items"]["anyOf"][1]["title"], json!("Second Choice"));
}

#[test]
fn what_cannot_be_asked_is_said_clearly() {
    let mut client = Connection::open(json!({}), json!({}));
    let needs = |what: &str| {
        format!(
            "the integration asks the user something, which takes a client that declares {what}; clients of versions \
             before 2026-07-28 also need a connection that stays open: stdio, or HTTP with a session"
        )
    };
    assert_eq!(client.call("test_sampling", json!({ "prompt": "?" })), needs("`sampling`"));
    let three = "`elicitation`, `sampling`, `roots`";
    assert_eq!(client.call("test_input_required_result_multiple_inputs", json!({})), needs(three));
    let prompt = client.ask("prompts/get", json!({ "name": "test_input_required_result_prompt" }));
    assert_eq!((&prompt["code"], &prompt["message"]), (&json!(-32000), &json!(needs("`elicitation`"))));
    assert_eq!(client.call("test_input_required_result_capabilities", json!({})), "nobody to ask");
    assert_eq!(client.heard, [json!(null); 0]);
}

#[test]
fn a_client_that_does_not_answer_ends_the_call() {
    let mut client = Connection::open(everything(), json!({}));
    let said = client.call("test_input_required_result_elicitation", json!({}));
    assert!(said.starts_with("the client did not answer `elicitation/create`: "), "{said}");
    let mut client = Connection::open(everything(), json!({ "elicitation/create": { "action": "accept" } }));
    let answer = client.ask("tools/call", json!({ "name": "test_input_required_result_elicitation" }));
    let why = "inputResponses.user_name: content: is not an object";
    assert_eq!((&answer["code"], &answer["message"]), (&json!(-32602), &json!(why)));
}

#[test]
fn rounds_are_counted_over_a_connection_too() {
    let answers = json!({ "elicitation/create": { "action": "accept", "content": { "ok": true } } });
    let mut client = Connection::open(everything(), answers);
    let said = client.call("test_input_required_result_for_ever", json!({}));
    assert_eq!(said, "the integration asked the user more than 8 times in one call");
    assert_eq!(client.heard("elicitation/create").len(), 8);
}

#[test]
fn prompts_and_resources_ask_over_the_connection_too() {
    let content = json!({ "context": "rain", "reason": "work" });
    let answers = json!({ "elicitation/create": { "action": "accept", "content": content } });
    let mut client = Connection::open(everything(), answers);
    let prompt = client.ask("prompts/get", json!({ "name": "test_input_required_result_prompt" }));
    assert_eq!(prompt["messages"][0]["content"]["text"], json!("Use this context: \"rain\""));
    let read = client.ask("resources/read", json!({ "uri": "test://asks" }));
    assert_eq!(read["contents"][0]["text"], json!("because \"work\""));
}

#[test]
fn the_log_is_told_from_the_level_that_was_set() {
    let mut client = Connection::open(json!({}), json!({}));
    let heard = |client: &Connection| client.heard("notifications/message").len();
    client.call("test_tool_with_logging", json!({}));
    assert_eq!(heard(&client), 0);
    client.ask("logging/setLevel", json!({ "level": "error" }));
    client.call("test_tool_with_logging", json!({}));
    assert_eq!(heard(&client), 0);
    client.ask("logging/setLevel", json!({ "level": "debug" }));
    client.call("test_tool_with_logging", json!({}));
    assert_eq!(heard(&client), 3);
    let first = client.heard("notifications/message")[0];
    assert_eq!(*first, json!({ "level": "info", "logger": "test", "data": "Tool execution started" }));
}

/// Somebody who never answers holds a few places, and none of those that run guests.
#[test]
fn only_so_many_calls_wait_for_one_caller() {
    let mut client = Connection::open(everything(), json!({}));
    let params = json!({ "name": "test_input_required_result_elicitation" });
    for id in 1..=17 {
        client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
    }
    let (mut asked, mut refused) = (0, Vec::new());
    while asked < 16 || refused.is_empty() {
        let mut line = String::new();
        client.output.read_line(&mut line).unwrap();
        let message: Value = serde_json::from_str(&line).unwrap();
        if message["method"] == "elicitation/create" {
            asked += 1;
        } else {
            refused.push(message["result"]["content"][0]["text"].clone());
        }
    }
    assert_eq!(refused, ["too many calls wait for somebody to answer a question; answer those first"]);
    // Meanwhile calls run.
    let simple = json!({ "name": "test_simple_text" });
    client.send(&json!({ "jsonrpc": "2.0", "id": 18, "method": "tools/call", "params": simple }));
    let mut line = String::new();
    client.output.read_line(&mut line).unwrap();
    assert!(line.contains("This is a simple text response"), "{line}");
}
