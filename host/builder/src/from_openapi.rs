//! Owns projects that begin with an API's document: a component in Rust with a function for each operation, for who wants
//! to curate what the `openapi` component would serve as it is.
//!
//! [`generate`] is pure: a document in, files out. What of an operation cannot be written in a few lines is left out, and
//! said.

mod operation;
mod types;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bulkhead_openapi::{Choice, Document, Limits, Operation, Outcome, Servers, Settings, map};

use operation::Written;
use types::Types;
use words::{doc, field_name, quote};

/// Where the requests of the tests go; an operator's config says where those of calls do.
const BASE: &str = "http://upstream.example";
/// What requests are written with, in parts.
const WIRE: &str = include_str!("../templates/openapi/wire.rs");

/// What was made of a document.
#[derive(Debug)]
pub struct Generated {
    /// Paths in the project, and what is there.
    pub files: Vec<(PathBuf, String)>,
    /// The tools that it has.
    pub tools: Vec<String>,
    /// What was changed or left out, a line each.
    pub notes: Vec<String>,
}

/// Limits of a document whose types are to be written down: a schema is not shortened for a model.
#[must_use]
pub fn limits() -> Limits {
    Limits { schema_bytes: 4 << 20, ..Limits::default() }
}

/// The project `name` for the operations of a document that are chosen; `sdk` is what its manifest says of the SDK, such as
/// `{ path = "vendor/bulkhead-sdk" }`.
///
/// # Errors
/// No operation is left; says what became of each.
pub fn generate(document: &Document, choice: &Choice, name: &str, sdk: &str) -> Result<Generated, String> {
    let servers = Servers { url: Some(BASE.to_owned()), ..Servers::default() };
    let settings = Settings { choice: choice.clone(), servers, output_schemas: false };
    let mapping = map(document, &settings);
    let said = |note: &&bulkhead_openapi::Note| match note.outcome {
        Outcome::Mapped(_) | Outcome::NotChosen(_) => !note.remarks.is_empty(),
        Outcome::Dropped(_) | Outcome::Said => true,
    };
    let mut notes: Vec<String> = mapping.notes.iter().filter(said).map(ToString::to_string).collect();
    let mut types = Types::new(&[
        "Api",
        "Call",
        "Config",
        "Error",
        "File",
        "JsonSchema",
        "Map",
        "Method",
        "NoArgs",
        "Option",
        "Output",
        "Request",
        "Response",
        "Result",
        "Serialize",
        "Deserialize",
        "Service",
        "String",
        "Tool",
        "Tools",
        "Value",
        "Vec",
        "Box",
        "Some",
        "None",
        "Ok",
        "Err",
    ]);
    let mut families: BTreeMap<String, Vec<(&Operation, Written)>> = BTreeMap::new();
    for operation in &mapping.operations {
        let tag = operation.tags.iter().find(|tag| !matches!(tag.as_str(), "write" | "deprecated"));
        let mut module = field_name(tag.map_or("operations", String::as_str), &mut BTreeSet::new());
        if [
            "wire",
            "types",
            "std",
            "core",
            "alloc",
            "config",
            "bulkhead_sdk",
            "serde",
            "serde_json",
            "schemars",
        ]
        .contains(&module.as_str())
        {
            module.push_str("_tools");
        }
        match operation::write(operation, &module, &mut types) {
            Ok(written) => families.entry(module).or_default().push((operation, written)),
            Err(why) => notes.push(format!("{}: not written: {why}", operation.name)),
        }
    }
    if families.is_empty() {
        return Err(format!("no operation is left of `{}`:\n{}", document.title(), notes.join("\n")));
    }
    let project = Project { document, name, sdk, families, types, notes: &notes };
    let files = project.files();
    let tools = project.written().map(|(operation, _)| operation.name.clone()).collect();
    drop(project);
    Ok(Generated { files, tools, notes })
}

struct Project<'a> {
    document: &'a Document,
    name: &'a str,
    sdk: &'a str,
    families: BTreeMap<String, Vec<(&'a Operation, Written)>>,
    types: Types,
    notes: &'a [String],
}

impl Project<'_> {
    fn written(&self) -> impl Iterator<Item = &(&Operation, Written)> {
        self.families.values().flatten()
    }

    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = vec![
            ("Cargo.toml".into(), self.manifest()),
            ("README.md".into(), self.readme()),
            ("dev.yaml".into(), self.dev()),
            ("src/lib.rs".into(), self.service()),
            ("src/wire.rs".into(), self.wire()),
            ("tests/requests.rs".into(), self.tests()),
        ];
        if !self.types.shared.is_empty() {
            let mut code =
                String::from("//! Owns what several tools take.\n\nuse bulkhead_sdk::prelude::*;\n");
            let all: String = self.types.shared.values().map(|code| format!("\n{code}")).collect();
            code.push_str(&import("File", &all, "crate::wire::File"));
            files.push(("src/types.rs".into(), code + &all));
        }
        for (module, tools) in &self.families {
            let all: String = tools.iter().map(|(_, written)| format!("\n{}", written.code)).collect();
            let of = module.trim_start_matches("r#").replace('_', " ");
            let mut code = format!("//! Owns the tools of {of}.\n\nuse bulkhead_sdk::prelude::*;\n\n");
            if self.types.named().any(|name| has_word(&all, name)) {
                code.push_str("use crate::types::*;\n");
            }
            code.push_str("use crate::wire;\n");
            code.push_str(&import("File", &all, "crate::wire::File"));
            files.push((format!("src/{}.rs", module.trim_start_matches("r#")).into(), code + &all));
        }
        files
    }

    fn manifest(&self) -> String {
        let base64 = match self.needs().contains("file") || self.types.files {
            true => "base64 = \"0.22\" # files as arguments\n",
            false => "",
        };
        format!(
            "[package]\nname = {}\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[lib]\n\
             crate-type = [\"cdylib\", \"rlib\"] # the component, and a library for the tests\n\n[dependencies]\n{base64}\
             bulkhead-sdk = {}\n\
             schemars = {{ version = \"1.2\", default-features = false, features = [\"derive\", \"std\"] }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n\n\
             [workspace] # of its own, whatever is around this folder\n",
            quote(self.name),
            self.sdk
        )
    }

    fn service(&self) -> String {
        let title = self.document.title();
        let mut code = doc(&format!("{title} as a Bulkhead component."), "").replace("///", "//!");
        code.push('\n');
        let shared = if self.types.shared.is_empty() { None } else { Some("types") };
        let mut modules: BTreeSet<&str> = self.families.keys().map(String::as_str).collect();
        modules.extend(shared);
        modules.insert("wire");
        for module in modules {
            // Their types are in the signatures of public structs.
            code.push_str(&format!("pub mod {module};\n"));
        }
        code.push_str(
            "\nuse bulkhead_sdk::prelude::*;\n\n/// What an operator configures.\n#[derive(Debug, Deserialize, JsonSchema)]\n\
             #[serde(deny_unknown_fields)]\npub struct Config {\n",
        );
        let server = self.document.server();
        let example = server.as_ref().map(|url| format!(": `{url}`")).unwrap_or_default();
        code.push_str(&doc(&format!("Base URL of the API, with its path{example}."), "    "));
        code.push_str("    pub url: String,\n}\n\n/// One configured API.\n#[derive(Debug)]\npub struct Api {\n    base: Base,\n}\n\n");
        code.push_str(
            "impl Service for Api {\n    type Config = Config;\n\n    fn manifest() -> Manifest {\n",
        );
        code.push_str(&format!(
            "        Manifest::new({}, env!(\"CARGO_PKG_VERSION\"), {})\n            .description({})\n",
            quote(self.name),
            quote(title),
            quote(&format!("Tools for {title}."))
        ));
        for (url, (methods, why)) in self.egress() {
            let methods: Vec<String> = methods.iter().map(|method| quote(method)).collect();
            code.push_str(&format!(
                "            .egress({}, &[{}], {})\n",
                quote(&format!("{{config.url}}{url}")),
                methods.join(", "),
                quote(&why.join(", "))
            ));
        }
        code.push_str(
            "    }\n\n    fn new(config: Config) -> Result<Self, String> {\n        \
             let base = Base::new(&config.url).map_err(|why| format!(\"config.url: {why}\"))?;\n        \
             Ok(Self { base })\n    }\n\n    fn tools(&self) -> Tools<Self> {\n        Tools::new()\n",
        );
        for (_, written) in self.written() {
            code.push_str(&written.tool);
        }
        code.push_str("    }\n}\n\nbulkhead_sdk::register!(Api);\n");
        code
    }

    /// For each URL its methods, and the tools that send them.
    fn egress(&self) -> BTreeMap<String, (BTreeSet<&str>, Vec<&str>)> {
        let mut all: BTreeMap<String, (BTreeSet<&str>, Vec<&str>)> = BTreeMap::new();
        for (operation, _) in self.written() {
            let pattern = operation.plan.pattern();
            let entry = all.entry(pattern.strip_prefix(BASE).unwrap_or(&pattern).to_owned()).or_default();
            entry.0.insert(operation.plan.method());
            entry.1.push(&operation.name);
        }
        all
    }

    fn needs(&self) -> BTreeSet<&'static str> {
        self.written().flat_map(|(_, written)| written.wire.iter().copied()).collect()
    }

    /// Of the parts those that are called.
    fn wire(&self) -> String {
        let mut needs = self.needs();
        if self.types.files {
            needs.extend(["file"]);
        }
        let mut code = String::new();
        let mut wanted = true;
        for line in WIRE.lines() {
            match line.strip_prefix("// @") {
                Some(part) => {
                    let (kind, words) = part.split_once(' ').unwrap_or((part, ""));
                    wanted = match kind {
                        "use" => words.is_empty() || words.split(' ').any(|word| needs.contains(word)),
                        part => needs.contains(part),
                    };
                    if wanted && kind != "use" {
                        code.push('\n');
                    }
                }
                None if wanted => {
                    code.push_str(line);
                    code.push('\n');
                }
                None => {}
            }
        }
        // Which parts use it depends on which there are.
        let body = code
            .split_once("use serde_json::Map;\n")
            .map(|(before, after)| (before.to_owned(), after.to_owned()));
        match body {
            Some((before, after)) if !has_word(&after, "Map") => before + &after,
            _ => code,
        }
    }

    fn tests(&self) -> String {
        let mut code = format!(
            "//! Each tool sends the request that the document says; nothing leaves this process.\n\n\
             use bulkhead_sdk::prelude::*;\nuse bulkhead_sdk::testing::{{self, Mock}};\nuse {}::Api;\n\n\
             const BASE: &str = {};\n\n\
             /// Calls a tool and looks at what it sent: the method, the URL, and the body if it is JSON.\n#[track_caller]\n\
             fn sends(tool: &str, arguments: Value, method: Method, target: &str, body: Option<Value>) {{\n    \
             let mock = Mock::new().on(method, target, 200, json!({{ \"done\": true }}));\n    \
             let output = testing::call::<Api>(json!({{ \"url\": BASE }}), &mock, tool, arguments).unwrap();\n    \
             assert_eq!(output.structured(), Some(&json!({{ \"done\": true }})));\n    \
             let sent = mock.requests();\n    assert_eq!(sent.len(), 1);\n    \
             if let Some(body) = body {{\n        assert_eq!(sent[0].json(), body);\n    }}\n}}\n\n\
             #[test]\nfn every_tool_is_sound() {{\n    \
             assert_eq!(testing::check::<Api>(json!({{ \"url\": BASE }})).unwrap(), [\"\"; 0]);\n}}\n",
            self.name.replace('-', "_"),
            quote(BASE)
        );
        for (_, written) in self.written() {
            code.push_str(&format!("\n{}", written.test));
        }
        code
    }

    /// How `bulkhead dev` serves it.
    fn dev(&self) -> String {
        let url = self.document.server().unwrap_or_else(|| "https://api.example.com".to_owned());
        let name = self.name;
        format!(
            "# How `bulkhead dev` serves this component. An operator's configuration says the same.\ntenants:\n  dev:\n    \
             services:\n      {name}:\n        component: {name}.wasm\n        config: {{ url: {} }}\n",
            quote(&url)
        )
    }

    fn readme(&self) -> String {
        let title = self.document.title();
        let mut text = format!(
            "# {}\n\nA component for Bulkhead: {} tools for {title}, made from its API document.\n\n\
             ```sh\ncargo test     # each tool against a played API\n\
             bulkhead dev   # builds, serves, and does so again whenever a file changes\n\
             bulkhead build # makes {}.wasm and checks it\n```\n\n\
             `dev.yaml` says how it is served; a host's configuration says the same. The SDK is in `vendor`, as the `bulkhead` \
             that made\nthis project has it.\n\n| tool | sends |\n|---|---|\n",
            self.name,
            self.written().count(),
            self.name
        );
        for (operation, _) in self.written() {
            let plan = &operation.plan;
            text.push_str(&format!("| `{}` | `{} {}` |\n", operation.name, plan.method(), plan.path()));
        }
        text.push_str(
            "\n## Curate\n\nIt is yours from here on; nothing makes it anew.\n\n\
             1. Remove what no model should call, and the egress with it: `src/lib.rs`.\n\
             2. Say in a few words what each tool is for and when to use it. A model reads all of them in every conversation.\n\
             3. Give back less: name the fields that matter in a struct and return `Output::json(&it)` instead of\n   \
             `wire::answer`, which passes on all that the API says.\n\
             4. Credentials are the operator's, never the component's: the host attaches them to requests.\n",
        );
        if !self.types.loose.is_empty() {
            text.push_str("\nAny JSON is taken where the document says more than a type can: ");
            let loose: Vec<String> = self.types.loose.iter().map(|place| format!("`{place}`")).collect();
            text.push_str(&format!("{}.\n", loose.join(", ")));
        }
        if !self.notes.is_empty() {
            text.push_str("\n## What the document says, and what became of it\n\n");
            text.extend(self.notes.iter().map(|note| format!("- {note}\n")));
        }
        text
    }
}

/// An import, if the code has that word.
fn import(word: &str, code: &str, path: &str) -> String {
    if has_word(code, word) { format!("use {path};\n") } else { String::new() }
}

/// Whether a name stands in code, outside of comments.
fn has_word(code: &str, word: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split(|letter| !is_letter(letter))).any(|found| found == word)
}
