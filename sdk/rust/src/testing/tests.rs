//! The scripted host keeps its own promises.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{Mock, call, call_as, check, configure, context, health, list};
use crate::prelude::*;
use crate::{Ask, sleep};

/// A service with one tool of each kind.
struct Weather {
    base: Base,
    broken: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Base URL, for example `https://api.example.com`.
    url: String,
    #[serde(default)]
    broken: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Forecast {
    /// City name.
    city: String,
    /// Days ahead.
    days: Option<u8>,
}

impl Service for Weather {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("weather", "1.2.3", "Weather").description("Forecasts.").egress(
            "{config.url}/v1/**",
            &["get"],
            "reads forecasts",
        )
    }

    fn new(config: Config) -> Result<Self, String> {
        let base = Base::new(&config.url).map_err(|error| format!("config.url: {error}"))?;
        Ok(Self { base, broken: config.broken })
    }

    fn tools(&self) -> Tools<Self> {
        let tools = Tools::new()
            .add(Tool::new("forecast", "A forecast.", forecast).read_only().open_world().tag("read"))
            .add(Tool::new("wait", "Waits.", wait).idempotent().cache(Duration::from_secs(1)))
            .add(Tool::new("planned", "Uses its plan.", planned).plan(vec![1, 2]).output::<Planned>())
            .add(Tool::new("delete", "Deletes, once confirmed.", delete).destructive());
        match self.broken {
            true => tools.add(Tool::new("Wait", "", wait)).add(Tool::new("wait", "Again.", wait)),
            false => tools,
        }
    }

    async fn health(&self) -> Result<String, String> {
        self.base.get("/v1/ping").text().await.map_err(|error| error.to_string())
    }
}

async fn forecast(service: &Weather, args: Forecast, call: &Call) -> Result<Output> {
    call.log(Level::Info, "asked");
    let got: Value =
        service.base.get("/v1/forecast").query("q", &args.city).query_opt("days", args.days).json().await?;
    Ok(Output::json(&got))
}

async fn wait(_: &Weather, _: NoArgs, call: &Call) -> Result<Output> {
    let before = call.now();
    while !call.cancelled() {
        sleep(Duration::from_secs(1)).await;
        call.progress(1.0, None, Some("waited"));
    }
    let took = call.now().duration_since(before).unwrap_or_default().as_secs();
    Ok(Output::json(&json!({"took": took, "left": call.remaining().as_secs_f64().round()})))
}

#[derive(Serialize, JsonSchema)]
struct Planned {
    plan: Vec<u8>,
}

async fn planned(_: &Weather, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(Output::json(&Planned { plan: call.plan().unwrap_or_default().to_vec() }))
}

async fn delete(_: &Weather, _: NoArgs, call: &Call) -> Result<Output> {
    match call.input("sure") {
        None => Ok(Output::ask(Ask::user("sure", "Sure?", &json!({"type": "object"})).state(vec![7]))),
        Some(answer) => Ok(Output::text(format!("{answer} {:?}", call.state()))),
    }
}

fn config() -> Value {
    json!({"url": "http://up"})
}

#[test]
fn a_call_runs_from_arguments_to_output() {
    let mock = Mock::new().on(Method::Get, "/v1/forecast?days=2&q=S%C3%A3o", 200, json!({"high": 4}));
    let call = call_as::<Weather>(
        config(),
        &mock,
        "forecast",
        json!({"city": "São", "days": 2}),
        context().with_traceparent("00-1-2-01"),
    );
    let output = call.unwrap();
    assert_eq!(output.structured(), Some(&json!({"high": 4})));
    assert_eq!(output.text_content(), r#"{"high":4}"#);
    assert_eq!(mock.requests()[0].header("traceparent"), Some("00-1-2-01"));
    assert_eq!(mock.logs()[0].message, "asked");
}

#[test]
fn a_call_is_refused_before_its_handler_runs() {
    let refused = |tool: &str, arguments: Value| {
        call::<Weather>(config(), &Mock::new(), tool, arguments).unwrap_err().to_string()
    };
    assert_eq!(refused("nope", json!({})), "this service has no tool `nope`");
    assert_eq!(
        refused("forecast", json!({"city": "x", "day": 1})),
        "arguments: unknown key `day`; did you mean `days`?"
    );
    assert_eq!(refused("wait", json!({"x": 1})), "arguments: unknown key `x`; none is taken");
    assert_eq!(refused("forecast", json!(3)), "arguments: expected an object");
}

#[test]
fn time_is_the_mocks() {
    let mock = Mock::new()
        .at(SystemTime::UNIX_EPOCH)
        .deadline(Duration::from_secs(10))
        .cancel_after(Duration::from_secs(3));
    let output = call::<Weather>(config(), &mock, "wait", json!({})).unwrap();
    assert_eq!(output.structured(), Some(&json!({"took": 3, "left": 7.0})));
    assert_eq!(mock.progress().len(), 3);
}

#[test]
fn a_plan_comes_back_with_the_call() {
    let output = call::<Weather>(config(), &Mock::new(), "planned", json!({})).unwrap();
    assert_eq!(output.structured(), Some(&json!({"plan": [1, 2]})));
}

#[test]
fn a_question_is_asked_and_its_answer_read() {
    let asked = call::<Weather>(config(), &Mock::new(), "delete", json!({})).unwrap();
    let ask = asked.asked().unwrap();
    assert_eq!((ask.requests[0].key.as_str(), ask.state.as_deref()), ("sure", Some(&[7][..])));
    let again = context().with_input("sure", json!(true)).with_state(vec![7]);
    let done = call_as::<Weather>(config(), &Mock::new(), "delete", json!({}), again).unwrap();
    assert_eq!(done.text_content(), "true Some([7])");
}

#[test]
fn listing_and_checking_see_what_clients_see() {
    let tools = list::<Weather>(config()).unwrap();
    assert_eq!(
        tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
        ["forecast", "wait", "planned", "delete"]
    );
    assert!(tools[0].annotations.read_only && !tools[0].annotations.destructive);
    assert!(tools[2].output_schema.is_some());
    assert_eq!(check::<Weather>(config()).unwrap(), [""; 0]);
    assert_eq!(
        check::<Weather>(json!({"url": "http://up", "broken": true})).unwrap(),
        [
            "tool name `Wait` is not [a-z][a-z0-9_]*, at most 48 characters",
            "tool `Wait` has no description",
            "two tools are called `wait`",
        ]
    );
}

#[test]
fn health_and_config_answer_in_sentences() {
    let mock = Mock::new().on(Method::Get, "/v1/ping", 200, "pong");
    assert_eq!(health::<Weather>(config(), &mock), Ok("pong".to_owned()));
    assert_eq!(
        configure::<Weather>(json!({"url": "up"})).unwrap_err(),
        "config.url: `up` is not a URL that can be fetched: expected https://host/path"
    );
    assert!(configure::<Weather>(config()).is_ok());
}

#[test]
fn an_upstream_with_a_state_answers_what_no_script_does() {
    let asked = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = asked.clone();
    let mock = Mock::new().on(Method::Get, "/v1/forecast?q=Oslo", 503, "closed").serving(move |sent| {
        count.set(count.get() + 1);
        crate::Response {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: json!({ "high": count.get(), "asked": sent.url }).to_string().into_bytes(),
            truncated: false,
        }
    });
    let config = || json!({ "url": "http://up" });
    for (city, expected) in [("Rome", Some(1)), ("Oslo", None), ("Rome", Some(2))] {
        let output = call::<Weather>(config(), &mock, "forecast", json!({ "city": city })).ok();
        let high = output.and_then(|output| output.structured()?.get("high")?.as_i64());
        assert_eq!(high, expected, "{city}");
    }
    assert_eq!((asked.get(), mock.requests().len()), (2, 3));
}

/// A service that asks which tools it has.
struct Catalogue {
    base: Base,
}

impl Service for Catalogue {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("catalogue", "1.0.0", "Catalogue")
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self { base: Base::new(&config.url)? })
    }

    async fn list(&self) -> crate::Result<Tools<Self>> {
        let names: Vec<String> = self.base.get("/tools").json().await?;
        crate::log(Level::Info, &format!("{} tools", names.len()));
        let tool = |name: String| {
            Tool::new(name.clone(), "Asks.", ask)
                .plan(name.into_bytes())
                .input_schema(json!({ "type": "object" }))
                .output_schema(json!({ "type": "string" }))
                .meta(json!({ "m": 1 }))
        };
        Ok(Tools::new().extend(names.into_iter().map(tool)))
    }

    fn tool(&self, name: &str, plan: Option<&[u8]>) -> Option<Tool<Self>> {
        plan.map(|_| Tool::new(name.to_owned(), "", ask))
    }
}

async fn ask(service: &Catalogue, _arguments: Value, call: &Call) -> crate::Result<Output> {
    let name = String::from_utf8_lossy(call.plan().unwrap_or_default()).into_owned();
    Ok(Output::text(service.base.get("/run").segment(&name).text().await?))
}

#[test]
fn tools_that_are_found_out_by_asking_are_asked_for_once() {
    let mock = Mock::new().on(Method::Get, "/tools", 200, json!(["a"])).on(Method::Get, "/run/a", 200, "ran");
    let tools = super::list_with::<Catalogue>(config(), &mock).unwrap();
    assert_eq!((tools.len(), tools[0].name.as_str()), (1, "a"));
    assert_eq!(tools[0].output_schema, Some(json!({ "type": "string" })));
    assert_eq!(tools[0].meta, Some(json!({ "m": 1 })));
    assert_eq!(mock.logs()[0].message, "1 tools");
    let planned = context().with_plan(tools[0].plan.clone().unwrap());
    let output = call_as::<Catalogue>(config(), &mock, "a", json!({}), planned).unwrap();
    assert_eq!(output.text_content(), "ran");
    // Listing asked once, and the call not again.
    assert_eq!(mock.requests().iter().filter(|sent| sent.url.ends_with("/tools")).count(), 1);
    let down = Mock::new().on(Method::Get, "/tools", 503, "later");
    let why = super::list_with::<Catalogue>(config(), &down).unwrap_err();
    assert_eq!(why, "the upstream is unavailable (503): later");
}
