//! Owns building a component from a project in Python, with componentize-py.
//!
//! CPython's libraries import all of WASI, sockets too, which no guest gets; with `--stub-wasi` componentize-py leaves
//! out whatever is called `wasi`. So the contract's own imports are called otherwise while it runs, and get their name
//! back in what it wrote: both are of one length, so that nothing else changes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::json;

use crate::{
    build::{BuildError, Built, io_error},
    bytes,
    javascript::known,
    tools, wit,
};

/// The release this was made with.
const PACKAGE: &str = "componentize-py==0.25.1";
/// What WASI is called while the component is made.
const OTHERWISE: &str = "wasx";
/// The packages of WASI that are called otherwise.
const PACKAGES: [&str; 4] = ["io", "clocks", "random", "http"];
/// Says where the SDK and the project's packages are, and reads TOML, which every Python can.
const ASK: &str = r#"
import json, os, sys, sysconfig, tomllib
try:
    import bulkhead_sdk
except ImportError:
    how = "`pip install` it, or add its folder to PYTHONPATH"
    if os.path.exists("requirements.txt"):
        how = "in " + os.getcwd() + " run `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt`"
    sys.exit("bulkhead_sdk is not installed for " + sys.executable + "; " + how)
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)
print(json.dumps({
    "name": project.get("project", {}).get("name"),
    "bulkhead": project.get("tool", {}).get("bulkhead"),
    "sdk": os.path.dirname(os.path.dirname(os.path.abspath(bulkhead_sdk.__file__))),
    "packages": sysconfig.get_path("purelib"),
}))
"#;

#[derive(Deserialize)]
struct Answer {
    name: Option<String>,
    bulkhead: Option<Project>,
    sdk: PathBuf,
    packages: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Project {
    /// Where the service is: `module:name`.
    service: String,
    /// Interfaces it exports beside its tools.
    #[serde(default)]
    exports: Vec<String>,
}

/// Builds the project in `dir`.
pub(crate) fn build(dir: &Path, say: &dyn Fn(&str)) -> Result<Built, BuildError> {
    let file = dir.join("pyproject.toml");
    let odd = |why: &str| BuildError::NotAComponentCrate(format!("{}: {why}", file.display()));
    let python = tools::find(dir, ".venv/bin", "python3").ok_or_else(|| {
        BuildError::Tool("python3 is not installed; Python 3.11 or later is needed".to_owned())
    })?;
    let answer = tools::run(&python, dir, ["-c", ASK])?;
    let answer: Answer =
        serde_json::from_str(&answer).map_err(|error| odd(&format!("`tool.bulkhead`: {error}")))?;
    let name = answer.name.ok_or_else(|| odd("has no `name` in `[project]`"))?;
    let project = answer.bulkhead.ok_or_else(|| {
        odd("has no `[tool.bulkhead]`; add it with `service = \"module:name\"`, where the service is")
    })?;
    let (module, attribute) = project
        .service
        .split_once(':')
        .ok_or_else(|| odd("`tool.bulkhead.service`: expected `module:name`, such as `issues:service`"))?;
    known(&project.exports).map_err(|why| odd(&why))?;
    let componentize = tools::find(dir, ".venv/bin", "componentize-py").ok_or_else(|| {
        BuildError::Tool(format!("componentize-py is not installed; run `pip install {PACKAGE}`"))
    })?;
    say(&format!("building {name} with componentize-py"));

    let work = dir.join("target/bulkhead");
    let contract = work.join("wit");
    let entry = work.join("bulkhead_guest.py");
    fs::create_dir_all(&work)
        .and_then(|()| wit::write(&contract, &project.exports, OTHERWISE))
        .and_then(|()| fs::write(&entry, entry_module(module, attribute, &project.exports)))
        .map_err(io_error(&format!("writing into {}", work.display())))?;
    let wasm = work.join(format!("{name}.wasm"));
    let mut args = vec![Path::new("--wit-path"), &contract, Path::new("--world"), Path::new(wit::WORLD)];
    args.extend(["componentize", "--stub-wasi"].map(Path::new));
    let source = dir.join("src");
    for path in [work.as_path(), &source, dir, &answer.sdk, &answer.packages] {
        if path.is_dir() {
            args.extend([Path::new("--python-path"), path]);
        }
    }
    args.extend([Path::new("--output"), &wasm, Path::new("bulkhead_guest")]);
    tools::run(&componentize, dir, args)?;
    let bytes = fs::read(&wasm).map_err(io_error(&format!("reading {}", wasm.display())))?;
    fs::write(&wasm, renamed(bytes)).map_err(io_error(&format!("writing {}", wasm.display())))?;
    Ok(Built { name, wasm, toolchain: "componentize-py".to_owned(), sources: Vec::new() })
}

/// The module whose classes become the component's exports.
fn entry_module(module: &str, attribute: &str, exports: &[String]) -> String {
    let mut text = format!(
        "import bulkhead_sdk.guest\nfrom {module} import {attribute} as service\n\
         exported = bulkhead_sdk.guest.component(service, {})\n",
        json!(exports)
    );
    for name in ["lifecycle", "tools"].into_iter().chain(exports.iter().map(String::as_str)) {
        let class: String =
            name.chars().enumerate().map(|(i, c)| if i == 0 { c.to_ascii_uppercase() } else { c }).collect();
        text.push_str(&format!("{class} = exported[\"{class}\"]\n"));
    }
    text
}

/// Puts WASI's own name back, wherever an interface of it is named.
fn renamed(mut bytes: Vec<u8>) -> Vec<u8> {
    for package in PACKAGES {
        let (from, to) = (format!("{OTHERWISE}:{package}/"), format!("wasi:{package}/"));
        bytes::overwrite(&mut bytes, from.as_bytes(), to.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wasi_gets_its_name_back_and_nothing_else_changes() {
        let made = b"\x01wasx:io/poll@0.2.12\x02wasx:http/types wasx:thing/x wasx:i".to_vec();
        assert_eq!(renamed(made), b"\x01wasi:io/poll@0.2.12\x02wasi:http/types wasx:thing/x wasx:i");
    }
}
