//! Owns building a component from a project in TypeScript or JavaScript: rolldown makes one module of it, its SDK and
//! its packages, and componentize-js puts that into an engine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    build::{BuildError, Built, io_error},
    contract::OPTIONAL_EXPORTS,
    tools, wit,
};

/// The releases this was made with.
const PACKAGES: &str = "@bytecodealliance/componentize-js@0.23.0 rolldown@1.3.2";

/// What of `package.json` counts.
#[derive(Deserialize)]
struct Package {
    name: String,
    bulkhead: Option<Project>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Project {
    /// The module whose default export is the service.
    entry: PathBuf,
    /// Interfaces it exports beside its tools.
    #[serde(default)]
    exports: Vec<String>,
}

/// Builds the project in `dir`.
pub(crate) fn build(dir: &Path, say: &dyn Fn(&str)) -> Result<Built, BuildError> {
    let file = dir.join("package.json");
    let odd = |why: &str| BuildError::NotAComponentCrate(format!("{}: {why}", file.display()));
    let text = fs::read(&file).map_err(io_error(&format!("reading {}", file.display())))?;
    let package: Package = serde_json::from_slice(&text).map_err(|error| odd(&error.to_string()))?;
    let project = package.bulkhead.ok_or_else(|| {
        odd("has no `bulkhead`; add `\"bulkhead\": { \"entry\": \"src/index.ts\" }`, the module whose default export is the service")
    })?;
    let entry = dir.join(&project.entry);
    if !entry.is_file() {
        return Err(odd(&format!("`bulkhead.entry` names {}, which is not there", entry.display())));
    }
    known(&project.exports).map_err(|why| odd(&why))?;
    let tool = |name: &str| {
        tools::find(dir, "node_modules/.bin", name).ok_or_else(|| {
            let listed = String::from_utf8_lossy(&text).contains(name);
            let what = if listed { String::new() } else { format!(" --save-dev --save-exact {PACKAGES}") };
            BuildError::Tool(format!(
                "{name} is not installed; in {} run `npm install{what}` (Node.js 20 or later)",
                dir.display()
            ))
        })
    };
    let (bundler, componentize) = (tool("rolldown")?, tool("componentize-js")?);
    say(&format!("building {} with rolldown and componentize-js", package.name));

    let work = dir.join("target/bulkhead");
    let contract = work.join("wit");
    fs::create_dir_all(&work)
        .and_then(|()| wit::write(&contract, &project.exports, "wasi"))
        .and_then(|()| fs::write(work.join("entry.js"), module(&entry, &project.exports)))
        .and_then(|()| fs::write(work.join("rolldown.config.mjs"), bundling(&work)))
        .map_err(io_error(&format!("writing into {}", work.display())))?;
    tools::run(&bundler, dir, [Path::new("-c"), &work.join("rolldown.config.mjs")])?;
    let wasm = work.join(format!("{}.wasm", package.name.rsplit('/').next().unwrap_or_default()));
    let args = [
        work.join("bundle.js").as_path(),
        Path::new("--wit"),
        &contract,
        Path::new("--world-name"),
        Path::new(wit::WORLD),
        // It would export a server.
        Path::new("--disable"),
        Path::new("fetch-event"),
        Path::new("--out"),
        &wasm,
    ]
    .map(Path::to_owned);
    tools::run(&componentize, dir, args)?;
    Ok(Built {
        name: package.name,
        wasm,
        toolchain: "rolldown and componentize-js".to_owned(),
        sources: Vec::new(),
    })
}

/// Whether these are interfaces of the contract; an error says which there are.
pub(crate) fn known(exports: &[String]) -> Result<(), String> {
    match exports.iter().find(|name| !OPTIONAL_EXPORTS.contains(&name.as_str())) {
        Some(name) => Err(format!("exports `{name}`; there are {}", OPTIONAL_EXPORTS.join(", "))),
        None => Ok(()),
    }
}

/// The module whose exports become the component's.
fn module(entry: &Path, exports: &[String]) -> String {
    let names = ["lifecycle", "tools"].into_iter().chain(exports.iter().map(String::as_str));
    let exported: String = names.map(|name| format!("export const {name} = all.{name};\n")).collect();
    format!(
        "import service from {};\nimport {{ component }} from \"@bulkhead/sdk/guest\";\n\
         const all = component(service, {});\n{exported}",
        json!(entry),
        json!(exports)
    )
}

/// How one module is made of all. Packages are taken as for a browser, which is closest to what a guest has.
fn bundling(work: &Path) -> String {
    let file = |name: &str| Value::from(work.join(name).to_string_lossy());
    format!(
        "export default {{\n  input: {},\n  platform: \"browser\",\n  external: /^(bulkhead|wasi):/,\n  \
         output: {{ file: {}, format: \"esm\" }},\n  logLevel: \"warn\",\n}};\n",
        file("entry.js"),
        file("bundle.js")
    )
}
