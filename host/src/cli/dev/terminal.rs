//! What is typed while a component is served: its tools are called, and it is asked what would become of a request.

use std::{io::IsTerminal as _, sync::Arc};

use bulkhead::{
    ask::Accepts,
    call::Host,
    catalog::{service::Service, tool::Tool},
    config::{load::suggestion, service::method},
    operation::{self, Operation},
    request::{CallId, CallRequest, Credentials, Events, Scope, Via},
};
use bulkhead_openapi::required;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;

use crate::cli::{call, explain};

const HELP: &str = "\
tools                       what can be called, with its arguments
TOOL key=value ...          calls it; a value with blanks in quotes, one that is no JSON is text
TOOL {\"key\": value, ...}    the same with a JSON object (`call TOOL ...` where a tool has the name of a command)
explain [METHOD] URL        whether the component may send such a request, and why
help, quit";

/// Follows what is typed until `stop` fires, or fires it when that is asked for. Whoever has closed their end of a pipe
/// only has nothing more to say; at a terminal that is the end.
pub(super) async fn read(host: Arc<Host>, stop: CancellationToken, as_json: bool) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    stop.run_until_cancelled(async {
        let terminal = Terminal { host, as_json, stop: stop.clone() };
        while let Ok(Some(line)) = lines.next_line().await {
            match terminal.obey(line.trim()).await {
                Ok(true) => {}
                Ok(false) => return stop.cancel(),
                Err(why) => eprintln!("error: {why}"),
            }
        }
        if std::io::stdin().is_terminal() {
            stop.cancel();
        }
    })
    .await;
}

struct Terminal {
    host: Arc<Host>,
    as_json: bool,
    stop: CancellationToken,
}

impl Terminal {
    /// Does what a line says. Whether there may be more.
    async fn obey(&self, line: &str) -> Result<bool, String> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "" => {}
            "quit" | "exit" => return Ok(false),
            "help" | "?" => eprintln!("{HELP}"),
            "tools" => self.tools().await?,
            "explain" => self.explain(rest).await?,
            "call" => {
                let (tool, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                self.call(tool, rest.trim()).await?;
            }
            tool => self.call(tool, rest).await?,
        }
        Ok(true)
    }

    /// The tools, each with its service.
    async fn listed(&self) -> Result<Vec<(Arc<Service>, Arc<Tool>)>, String> {
        let caller = self.host.authenticate(&Credentials::Local, None).await.map_err(|e| e.to_string())?;
        let (catalog, all) = (self.host.catalog(), Scope::all());
        Ok(catalog.list(&caller, &all).map(|(service, tool)| (service.clone(), tool.clone())).collect())
    }

    async fn tools(&self) -> Result<(), String> {
        for (_, tool) in self.listed().await? {
            if self.as_json {
                let schema = &*tool.input_schema;
                out!(
                    "{}",
                    json!({ "name": tool.public_name, "description": tool.description, "inputSchema": schema })
                );
                continue;
            }
            out!("{}  {}", tool.public_name, tool.description.lines().next().unwrap_or_default());
            for argument in arguments(&tool.input_schema) {
                out!("    {argument}");
            }
        }
        Ok(())
    }

    /// Calls a tool by its name, or by the name that its component gave it.
    async fn call(&self, name: &str, arguments: &str) -> Result<(), String> {
        let listed = self.listed().await?;
        let found =
            listed.iter().map(|(_, tool)| tool).find(|tool| *tool.public_name == *name || tool.name == name);
        let Some(tool) = found else {
            let known: Vec<&str> = listed.iter().map(|(_, tool)| tool.name.as_str()).collect();
            return Err(format!(
                "there is no tool `{name}`. {} `help` says what else can be typed",
                suggestion(name, &known)
            ));
        };
        let operation = Operation::CallTool {
            name: tool.public_name.to_string(),
            arguments: read_arguments(arguments, tool)?,
        };
        let request = CallRequest {
            id: CallId::new(),
            credentials: Credentials::Local,
            scope: Scope::all(),
            operation,
            answers: None,
            accepts: Accepts { tasks: true, ..Accepts::default() }, // whoever waits here comes back
            traceparent: None,
            via: Via::default(),
            events: Events::none(),
            cancelled: self.stop.child_token(),
        };
        match self.host.clone().calling(request).await {
            Ok(operation::Outcome::Tool(output)) if self.as_json => out!("{}", call::data(&output)),
            Ok(operation::Outcome::Tool(output)) => out!("{}", call::text(&output)),
            Ok(_) => return Err("the tool gave something that is no tool's result".to_owned()),
            Err(error) => return Err(format!("{error} ({})", error.reason())),
        }
        Ok(())
    }

    /// What would become of a request of each service.
    async fn explain(&self, rest: &str) -> Result<(), String> {
        let (verb, url) = rest.split_once(char::is_whitespace).unwrap_or(("GET", rest));
        if url.is_empty() {
            return Err("name a URL: explain https://api.example/v1/things".to_owned());
        }
        let method = method(&verb.to_ascii_uppercase())?;
        let services: Vec<Arc<Service>> = self.host.catalog().all().cloned().collect();
        for service in services {
            let explained = service.explain(None, &method, url.trim()).await;
            if self.as_json {
                out!("{}", json!(explained));
            } else {
                explain::show(&explained);
            }
        }
        Ok(())
    }
}

/// Arguments as they are typed: an object, or words `key=value`.
fn read_arguments(text: &str, tool: &Tool) -> Result<Map<String, Value>, String> {
    if text.starts_with('{') {
        return serde_json::from_str(text)
            .map_err(|error| format!("the arguments are not a JSON object: {error}"));
    }
    let words = shlex::split(text).ok_or("a quote is not closed")?;
    let read = |word: String| -> Result<(String, Value), String> {
        let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}`: expected key=value"))?;
        Ok((
            key.to_owned(),
            value_of(value, tool.input_schema.get("properties").and_then(|all| all.get(key))),
        ))
    };
    words.into_iter().map(read).collect()
}

/// A value by what its schema says: text is not taken for a number.
fn value_of(text: &str, schema: Option<&Value>) -> Value {
    let as_text = || Value::from(text);
    match schema.and_then(|schema| schema.get("type")) {
        Some(Value::String(kind)) if kind == "string" => as_text(),
        _ => serde_json::from_str(text).unwrap_or_else(|_| as_text()),
    }
}

/// One line for each argument.
fn arguments(schema: &Map<String, Value>) -> Vec<String> {
    let required: Vec<&str> = required(schema.get("required")).collect();
    let line = |(name, schema): (&String, &Value)| {
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
            }
            _ => "any".to_owned(),
        };
        let optional = if required.contains(&name.as_str()) { "" } else { ", optional" };
        let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        format!("{name} ({kind}{optional})  {about}").trim_end().to_owned()
    };
    schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_its_schema_says() {
        let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
        assert_eq!(value_of("12", Some(&text)), json!("12"));
        assert_eq!(value_of("12", Some(&number)), json!(12));
        assert_eq!(value_of("twelve", Some(&number)), json!("twelve"), "the host says what is wrong with it");
        assert_eq!(value_of("[1, 2]", None), json!([1, 2]));
        assert_eq!(value_of("Oslo", None), json!("Oslo"));
    }

    #[test]
    fn arguments_are_told_with_their_kinds() {
        let schema = json!({
            "type": "object", "required": ["city"],
            "properties": {
                "city": { "type": "string", "description": "Its name." },
                "days": { "type": ["integer", "null"] },
                "like": {},
            },
        });
        let told = arguments(schema.as_object().unwrap());
        assert_eq!(
            told,
            ["city (string)  Its name.", "days (integer or null, optional)", "like (any, optional)"]
        );
    }
}
