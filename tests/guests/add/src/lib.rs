//! The tool of `make bench`: adds two numbers, as the native server beside it does.
#![expect(missing_docs, reason = "a guest for tests")]

use bulkhead_sdk::prelude::*;

#[derive(Debug)]
pub struct Calculator;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Add {
    a: i64,
    b: i64,
}

impl Service for Calculator {
    type Config = NoConfig;

    fn manifest() -> Manifest {
        Manifest::new("add", env!("CARGO_PKG_VERSION"), "Add").description("Adds two numbers.")
    }

    fn new(_: NoConfig) -> Result<Self, String> {
        Ok(Self)
    }

    fn tools(&self) -> Tools<Self> {
        Tools::new().add(Tool::new("add", "Adds two numbers.", add).read_only())
    }
}

bulkhead_sdk::register!(Calculator);

async fn add(_: &Calculator, args: Add, _: &Call) -> Result<Output> {
    Ok(Output::json(&json!({ "sum": args.a + args.b })))
}
