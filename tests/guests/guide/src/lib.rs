//! A guide through other services: the guest whose prompt and instructions refer to tools, its own and others'. It
//! knows the name of none.
#![expect(missing_docs, reason = "a guest for tests")]

use bulkhead_sdk::prelude::*;

#[derive(Debug)]
pub struct Guide;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct Case {
    /// What is looked into.
    what: String,
}

impl Service for Guide {
    type Config = NoConfig;

    fn manifest() -> Manifest {
        Manifest::new("guide", env!("CARGO_PKG_VERSION"), "Guide")
            .description("Says {tool:find}, where nothing is put in its place.")
            .instructions("Begin with {tool:find}.\nPrices: {tool:shop/price}.")
    }

    fn new(_: NoConfig) -> Result<Self, String> {
        Ok(Self)
    }

    fn tools(&self) -> Tools<Self> {
        Tools::new()
            .add(Tool::new("find", "Finds what {tool:fix} repairs.", find).read_only())
            .add(Tool::new("fix", "Repairs it.", fix))
    }

    fn prompts(&self) -> Prompts<Self> {
        Prompts::new().add(Prompt::new("look_into", "Uses {tool:find}.", look_into))
    }
}

bulkhead_sdk::register!(Guide, prompts);

async fn find(_: &Guide, _: NoArgs, _: &Call) -> Result<Output> {
    Ok(Output::text("{tool:fix}"))
}

async fn fix(_: &Guide, _: NoArgs, _: &Call) -> Result<Output> {
    Ok(Output::text("fixed"))
}

async fn look_into(_: &Guide, Case { what }: Case, _: &Call) -> Result<Messages> {
    let steps = "1. Find it: {tool:find}.\n\
                 2. Look at the shelf: {tool:shop/read}, and who asks: {tool:shop/who}.\n\
                 3. Repair it: {tool:fix}.\n\
                 4. Ask {tool:nobody/read}.\n\
                 5. Ask {tool:nothing}.\n\
                 6. Sum up.";
    let text = |text: &str| Content::Text(text.to_owned());
    let messages = Messages::user(format!("Look into this:\n{what}\n{steps}"));
    Ok(messages
        .description("Of {tool:find}.")
        .and(Role::Assistant, text("Shall I use {tool:fix}?"))
        .and(Role::User, text("Yes.")))
}
