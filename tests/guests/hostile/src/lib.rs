//! A guest that does what a guest must not, one tool per misdeed, and a few honest ones to run beside them.
//! `tests/all/sandbox.rs` has a test for each; a tool without a test fails it.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "misbehaving is what it is for"
)]

use std::{hint::black_box, time::Duration};

use bulkhead_sdk::prelude::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Config {
    /// Upstream, if any.
    url: Option<String>,
    /// What `initialize` does wrong.
    refuse: Option<String>,
}

#[derive(Debug)]
pub struct Hostile;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Bytes {
    bytes: usize,
}

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
    }

    fn new(config: Config) -> Result<Self, String> {
        match config.refuse {
            Some(why) => Err(why),
            None => {
                drop(config.url);
                Ok(Self)
            }
        }
    }

    fn tools(&self) -> Tools<Self> {
        Tools::new()
            .add(Tool::new("add", "Adds two numbers.", add).read_only())
            .add(Tool::new("nap", "Sleeps.", nap).read_only())
            .add(Tool::new("fetch", "Sends a request.", fetch).open_world())
            .add(Tool::new("panic", "Panics.", misdeed::<0>))
            .add(Tool::new("exit", "Exits.", misdeed::<1>))
            .add(Tool::new("spin", "Loops for ever.", misdeed::<2>))
            .add(Tool::new("recurse", "Recurses without end.", misdeed::<3>))
            .add(Tool::new("allocate", "Allocates without end.", misdeed::<4>))
            .add(Tool::new("hoard", "Allocates until refused, then answers.", hoard))
            .add(Tool::new("huge", "Returns a large text.", huge))
            .add(Tool::new("flood", "Prints and logs without end.", flood))
            .add(Tool::new("peek", "Looks for environment and files.", peek))
            .add(Tool::new("remember", "Counts its calls.", remember))
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
    let shown: Vec<_> = responses.iter().map(|r| json!({ "status": r.status, "body": r.text() })).collect();
    Ok(Output::json(&json!({ "responses": shown })))
}

async fn misdeed<const KIND: u8>(_: &Hostile, _: NoArgs, _: &Call) -> Result<Output> {
    match KIND {
        0 => panic!("on purpose"),
        1 => std::process::exit(3),
        2 => spin(),
        3 => Ok(Output::json(&json!({ "depth": recurse(0) }))),
        _ => allocate(),
    }
}

fn spin() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "it is the point")]
fn recurse(depth: u64) -> u64 {
    black_box(depth) + recurse(black_box(depth + 1))
}

fn allocate() -> ! {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(black_box(vec![1; 1 << 20]));
    }
}

async fn hoard(_: &Hostile, _: NoArgs, _: &Call) -> Result<Output> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut more = Vec::new();
        if more.try_reserve_exact(1 << 20).is_err() {
            let mib = kept.len();
            kept.clear();
            return Ok(Output::json(&json!({ "mib": mib })));
        }
        kept.push(black_box(more));
    }
}

async fn huge(_: &Hostile, args: Bytes, _: &Call) -> Result<Output> {
    Ok(Output::text("x".repeat(args.bytes)))
}

async fn flood(_: &Hostile, _: NoArgs, call: &Call) -> Result<Output> {
    for line in 0..20_000 {
        println!("printed line {line}");
        call.log(Level::Info, "logged line");
    }
    Ok(Output::text("flooded"))
}

async fn peek(_: &Hostile, _: NoArgs, _: &Call) -> Result<Output> {
    let env: Vec<_> = std::env::vars().collect();
    let read = |path| std::fs::read_to_string(path).map_err(|e| e.to_string());
    let files = ["/etc/passwd", "Cargo.toml", "/proc/self/environ", "."].map(read);
    let args: Vec<_> = std::env::args().collect();
    Ok(Output::json(
        &json!({ "env": env, "args": args, "files_read": files.iter().filter(|f| f.is_ok()).count() }),
    ))
}

async fn remember(_: &Hostile, _: NoArgs, _: &Call) -> Result<Output> {
    static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let calls = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
    Ok(Output::json(&json!({ "calls": calls })))
}
