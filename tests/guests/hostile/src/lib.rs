//! A guest with a few tools that the tests of the protocol, the clients and the way out call: to be honest, slow,
//! refused or gone. The guests that do what a guest must not are in `attacks`.
#![expect(clippy::panic, clippy::unwrap_used, missing_docs, reason = "misbehaving is what it is for")]

use std::time::Duration;

use bulkhead_sdk::prelude::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Config {
    /// Upstream, if any.
    url: Option<String>,
    /// Further ones.
    others: Option<Vec<String>>,
    /// What `initialize` does wrong.
    refuse: Option<String>,
}

#[derive(Debug)]
pub struct Hostile;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Fetch {
    url: String,
    method: Option<String>,
    /// Headers, `name: value`.
    headers: Option<Vec<String>>,
    /// How often, all at once.
    times: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Add {
    a: i64,
    b: i64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Nap {
    ms: u64,
    /// Progress reports on the way.
    reports: Option<u32>,
}

impl Service for Hostile {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("hostile", env!("CARGO_PKG_VERSION"), "Hostile")
            .description("Does what a guest must not.")
            .egress("{config.url}/allowed/**", &["GET", "POST"], "to try what else goes through")
            .egress("{config.others}/allowed/**", &["GET", "POST"], "to try what goes there too")
    }

    fn new(config: Config) -> Result<Self, String> {
        match config.refuse {
            Some(why) => Err(why),
            None => {
                drop((config.url, config.others));
                Ok(Self)
            }
        }
    }

    fn tools(&self) -> Tools<Self> {
        Tools::new()
            .add(Tool::new("add", "Adds two numbers.", add).read_only())
            .add(Tool::new("nap", "Sleeps.", nap).read_only())
            .add(Tool::new("fetch", "Sends a request.", fetch).open_world())
            .add(Tool::new("panic", "Panics.", crash))
    }
}

bulkhead_sdk::register!(Hostile);

async fn add(_: &Hostile, args: Add, _: &Call) -> Result<Output> {
    Ok(Output::json(&json!({ "sum": args.a + args.b })))
}

async fn nap(_: &Hostile, args: Nap, call: &Call) -> Result<Output> {
    let reports = args.reports.unwrap_or(0);
    for done in 0..reports {
        call.progress(f64::from(done + 1), Some(f64::from(reports)), Some("napping"));
        bulkhead_sdk::sleep(Duration::from_millis(args.ms / u64::from(reports))).await;
    }
    if reports == 0 {
        bulkhead_sdk::sleep(Duration::from_millis(args.ms)).await;
    }
    Ok(Output::text("rested"))
}

async fn fetch(_: &Hostile, args: Fetch, _: &Call) -> Result<Output> {
    let method = Method::from_name(args.method.as_deref().unwrap_or("GET")).unwrap();
    let send = async || {
        let mut request = Http::request(method, &args.url);
        for header in args.headers.iter().flatten() {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        request.send().await
    };
    let sent = join_all((0..args.times.unwrap_or(1)).map(|_| send())).await;
    let responses = sent.into_iter().collect::<Result<Vec<_>>>()?;
    let shown =
        |r: &bulkhead_sdk::Response| json!({ "status": r.status, "headers": r.headers, "body": r.text() });
    let shown: Vec<_> = responses.iter().map(shown).collect();
    Ok(Output::json(&json!({ "responses": shown })))
}

async fn crash(_: &Hostile, _: NoArgs, _: &Call) -> Result<Output> {
    panic!("on purpose")
}
