//! Owns [`Service`]: the one trait an integration implements.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Result as Outcome;
use crate::manifest::Manifest;
use crate::prompt::Prompts;
use crate::resource::Resources;
use crate::tool::{Tool, Tools};

/// An integration: how it is configured and what it offers.
///
/// The host makes a fresh instance for every call: [`new`](Service::new) runs each time, so it
/// should only check and keep the config. Nothing outlives the call.
#[expect(async_fn_in_trait, reason = "guests are single-threaded, so no caller needs a Send bound")]
pub trait Service: Sized + 'static {
    /// The config the operator writes; its schema is published in the manifest.
    type Config: DeserializeOwned + JsonSchema;

    /// What this component is. Read before any config exists.
    fn manifest() -> Manifest;

    /// Checks the config and keeps what calls need.
    ///
    /// # Errors
    /// The text names the key and says how to mend it: `config.url: expected http:// or https://`.
    fn new(config: Self::Config) -> Result<Self, String>;

    /// Every tool, in a stable order. May depend on the config. Where they are found out by asking, see
    /// [`list`](Service::list).
    fn tools(&self) -> Tools<Self> {
        Tools::new()
    }

    /// Every tool, for a service that has to ask first: it may read files and send requests, within the grant. Calls do
    /// not go through here if [`tool`](Service::tool) finds their tool by its plan.
    ///
    /// # Errors
    /// Why the tools cannot be told; the service is then not served.
    async fn list(&self) -> Outcome<Tools<Self>> {
        Ok(self.tools())
    }

    /// Its prompts, in a stable order. Export them: `register!(Type, prompts)`.
    fn prompts(&self) -> Prompts<Self> {
        Prompts::new()
    }

    /// Its resources and their templates. Export them: `register!(Type, resources)`.
    fn resources(&self) -> Resources<Self> {
        Resources::new()
    }

    /// The tool that is called. The default looks through [`tools`](Service::tools); override it
    /// where making that list is costly and the tool's plan ([`Tool::plan`]) says enough.
    fn tool(&self, name: &str, plan: Option<&[u8]>) -> Option<Tool<Self>> {
        let _ = plan;
        self.tools().find(name)
    }

    /// Asks the upstream whether it answers, in a short sentence for people.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    async fn health(&self) -> Result<String, String> {
        Ok("ready".to_owned())
    }
}

/// The arguments of a tool that takes none.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
pub struct NoArgs {}

/// The config of a service that needs none.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
pub struct NoConfig {}
