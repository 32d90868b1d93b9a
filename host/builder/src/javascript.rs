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
    bytes,
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
    tools::run(&componentize, dir, args).map_err(too_early)?;
    let built = fs::read(&wasm).map_err(io_error(&format!("reading {}", wasm.display())))?;
    fs::write(&wasm, placeless(built)).map_err(io_error(&format!("writing {}", wasm.display())))?;
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

/// The engine runs the modules while the component is made. What only a guest has is not there yet, and the engine's
/// words for that name neither the module nor what it asked for.
fn too_early(error: BuildError) -> BuildError {
    match error {
        BuildError::Tool(said) if said.contains("You cannot call arbitrary imported functions") => {
            BuildError::Tool(format!(
                "{said}\na module draws randomness, sends a request or waits when it is loaded, which only a guest can: \
                 do it in `setup` or in a handler"
            ))
        }
        other => other,
    }
}

/// Takes out where the component was made: its engine keeps the command line it was started with, and names the
/// temporary folder in stacks.
fn placeless(mut bytes: Vec<u8>) -> Vec<u8> {
    for flag in ["--initializer-script-path ", "--strip-path-prefix "] {
        let Some(at) = bytes::find(&bytes, flag.as_bytes()) else { continue };
        let path = bytes.iter().skip(at + flag.len()).take_while(|byte| !b" \0".contains(byte));
        let path: Vec<u8> = path.copied().collect();
        let Some(end) = path.iter().rposition(|byte| *byte == b'/') else { continue };
        let folder: Vec<u8> = path.into_iter().take(end + 1).collect();
        let nowhere: Vec<u8> = if folder.len().is_multiple_of(2) { b"./" } else { b"/." }
            .iter()
            .copied()
            .cycle()
            .take(folder.len())
            .collect();
        bytes::overwrite(&mut bytes, &folder, &nowhere);
    }
    bytes
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_component_was_made_is_not_in_it() {
        let made = b"\x01--initializer-script-path /tmp/ab/init.js --strip-path-prefix /home/me/ src/a.js\0/tmp/ab/init.js /home/me/"
            .to_vec();
        let placeless = placeless(made.clone());
        assert_eq!(placeless.len(), made.len());
        assert_eq!(
            String::from_utf8(placeless).unwrap(),
            "\x01--initializer-script-path ././././init.js --strip-path-prefix /././././ src/a.js\0././././init.js /././././"
        );
        assert_eq!(super::placeless(b"nothing of that".to_vec()), b"nothing of that");
    }

    #[test]
    fn what_a_module_does_too_early_is_explained() {
        let said = "componentize-js failed:\nYou cannot call arbitrary imported functions during Wizer initialization.";
        let told = too_early(BuildError::Tool(said.to_owned())).to_string();
        assert!(told.ends_with("only a guest can: do it in `setup` or in a handler"), "{told}");
        assert_eq!(too_early(BuildError::Tool("other".to_owned())).to_string(), "other");
    }
}
