//! A guest whose tools come from a document, as those of a large API do: written in its config, in a file it was
//! granted, or behind a URL. Its tools, its prompt, its resource and its health check send what they are told to, so
//! that a test sees what each may. It talks while it is listed.
#![expect(missing_docs, clippy::print_stdout, reason = "a guest for tests")]

use bulkhead_sdk::prelude::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Config {
    /// Its upstream.
    url: Option<String>,
    /// The document: here,
    #[serde(default)]
    tools: Vec<Drawn>,
    /// in a file,
    file: Option<String>,
    /// or behind a URL.
    fetch: Option<String>,
    /// What it prints while it is listed.
    #[serde(default)]
    says: Vec<String>,
    /// And what it logs.
    left_out: Option<u32>,
    /// So many tools more, with schemas and plans of so many bytes.
    #[serde(default)]
    more: Many,
}

/// A tool of the document.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Drawn {
    name: String,
    /// Its `_meta`.
    meta: Option<Value>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Many {
    tools: usize,
    schema: usize,
    plan: usize,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Send {
    url: String,
    method: Option<String>,
}

#[derive(Debug)]
pub struct DrawnTools(Config);

impl Service for DrawnTools {
    type Config = Config;

    fn manifest() -> Manifest {
        println!("describing itself");
        Manifest::new("drawn", env!("CARGO_PKG_VERSION"), "Drawn")
            .description("Has the tools that a document says.")
            .egress("{config.url}/**", &["GET", "POST"], "whatever the document says")
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }

    async fn list(&self) -> Result<Tools<Self>> {
        self.0.says.iter().for_each(|line| println!("{line}"));
        if let Some(left_out) = self.0.left_out {
            bulkhead_sdk::log(Level::Warning, &format!("{left_out} operations were left out"));
        }
        let file: Vec<Drawn> = match &self.0.file {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| Error::failed(format!("{file}: {error}")))?;
                bulkhead_sdk::serde_json::from_str(&text)?
            }
            None => Vec::new(),
        };
        let fetched: Vec<Drawn> = match &self.0.fetch {
            Some(url) => bulkhead_sdk::serde_json::from_str(&Http::get(url).text().await?)?,
            None => Vec::new(),
        };
        let drawn = self.0.tools.iter().chain(&file).chain(&fetched).map(|Drawn { name, meta }| {
            let tool = Tool::new(name.clone(), "Sends a request.", send);
            match meta {
                Some(meta) => tool.meta(meta.clone()),
                None => tool,
            }
        });
        let Many { tools, schema, plan } = self.0.more;
        let more = (0..tools).map(|number| {
            let words = "x".repeat(schema);
            Tool::new(format!("more_{number}"), "One of many.", send)
                .input_schema(json!({ "type": "object", "description": words }))
                .plan(vec![b'p'; plan])
        });
        Ok(Tools::new().extend(drawn.chain(more)))
    }

    fn tool(&self, name: &str, _: Option<&[u8]>) -> Option<Tool<Self>> {
        Some(Tool::new(name.to_owned(), "", send))
    }

    fn prompts(&self) -> Prompts<Self> {
        Prompts::new().add(Prompt::new("look", "Sends a request.", look))
    }

    fn resources(&self) -> Resources<Self> {
        Resources::new().add(Resource::new("page://beside", "What is beside.", beside))
    }

    async fn health(&self) -> Result<String, String> {
        match &self.0.url {
            Some(url) => Http::get(&format!("{url}/health")).text().await.map_err(|error| error.to_string()),
            None => Ok("nothing upstream".to_owned()),
        }
    }
}

bulkhead_sdk::register!(DrawnTools, prompts, resources);

async fn sent(Send { url, method }: Send) -> Result<String> {
    let name = method.as_deref().unwrap_or("GET");
    let method = Method::from_name(name).ok_or_else(|| Error::invalid("method", name))?;
    Http::request(method, &url).text().await
}

async fn send(_: &DrawnTools, args: Send, _: &Call) -> Result<Output> {
    Ok(Output::text(sent(args).await?))
}

async fn look(_: &DrawnTools, args: Send, _: &Call) -> Result<Messages> {
    Ok(Messages::user(sent(args).await?))
}

async fn beside(service: &DrawnTools, _: NoArgs, _: &Call) -> Result<Contents> {
    let url = format!("{}/beside", service.0.url.as_deref().unwrap_or_default());
    Ok(Contents::text(sent(Send { url, method: None }).await?))
}
