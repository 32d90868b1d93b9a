//! A shop whose shelf is upstream: the guest the tests of tenants, rights, limits and the cache call. It has a
//! tool that reads and whose results hold, one that writes, and some that tell what they were given.
#![expect(missing_docs, clippy::print_stdout, reason = "a guest for tests")]

use std::time::Duration;

use bulkhead_sdk::prelude::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Config {
    /// What is on the sign; part of every result.
    sign: String,
    /// The shelf, if there is one.
    url: Option<String>,
    /// Whose namespace it is in, if it is in a cluster.
    namespace: Option<String>,
}

#[derive(Debug)]
pub struct Shop(Config);

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Item {
    item: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Say {
    words: String,
    /// Whether to fail with the words.
    fail: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Nap {
    ms: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Price {
    aisle: String,
    size: Option<u32>,
}

/// How long what was read holds.
const HOLDS: Duration = Duration::from_secs(3600);

impl Service for Shop {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("shop", env!("CARGO_PKG_VERSION"), "Shop")
            .description("Reads and writes a shelf upstream.")
            .egress("{config.url}/**", &["GET", "POST"], "the shelf")
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }

    fn tools(&self) -> Tools<Self> {
        Tools::new()
            .add(Tool::new("who", "Tells who calls.", who).read_only().tag("people"))
            .add(Tool::new("read", "Reads an item.", read).read_only().open_world().tag("shelf").cache(HOLDS))
            .add(Tool::new("write", "Writes an item.", write).open_world().tag("shelf").tag("write"))
            .add(Tool::new("say", "Says words into the log, and prints them.", say).read_only())
            .add(Tool::new("nap", "Sleeps.", nap).read_only())
            .add(Tool::new("price", "Tells the prices of an aisle.", price).read_only().tag("shelf"))
    }
}

bulkhead_sdk::register!(Shop);

async fn who(shop: &Shop, _: NoArgs, call: &Call) -> Result<Output> {
    let mut known = json!({ "sign": shop.0.sign, "tenant": call.tenant(), "caller": call.caller() });
    if let (Some(known), Some(namespace)) = (known.as_object_mut(), &shop.0.namespace) {
        known.insert("namespace".to_owned(), json!(namespace));
    }
    Ok(Output::json(&known))
}

async fn read(shop: &Shop, args: Item, call: &Call) -> Result<Output> {
    send(shop, Method::Get, &args, call).await
}

async fn write(shop: &Shop, args: Item, call: &Call) -> Result<Output> {
    send(shop, Method::Post, &args, call).await
}

async fn send(shop: &Shop, method: Method, args: &Item, call: &Call) -> Result<Output> {
    let url = shop.0.url.as_ref().ok_or_else(|| Error::failed("there is no shelf"))?;
    let request = Http::request(method, &format!("{url}/{}", args.item));
    let response = request.header("x-tenant", call.tenant()).send().await?;
    call.log(Level::Info, &format!("{} of {}", response.text(), shop.0.sign));
    Ok(Output::json(&json!({ "sign": shop.0.sign, "status": response.status, "found": response.text() })))
}

async fn say(shop: &Shop, args: Say, call: &Call) -> Result<Output> {
    call.log(Level::Info, &format!("logged in {}: {}", shop.0.sign, args.words));
    println!("printed in {}: {}", shop.0.sign, args.words);
    if args.fail == Some(true) { Err(Error::failed(args.words)) } else { Ok(Output::text(args.words)) }
}

async fn nap(_: &Shop, args: Nap, _: &Call) -> Result<Output> {
    bulkhead_sdk::sleep(Duration::from_millis(args.ms)).await;
    Ok(Output::text("rested"))
}

async fn price(shop: &Shop, args: Price, _: &Call) -> Result<Output> {
    let rows: Vec<_> =
        (0..args.size.unwrap_or(3)).map(|n| json!({ "item": format!("item-{n}"), "price": n })).collect();
    Ok(Output::json(&json!({ "aisle": args.aisle, "sign": shop.0.sign, "rows": rows })))
}
