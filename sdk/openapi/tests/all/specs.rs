//! Every published document there is: each loads and is mapped whole, or is refused with a reason that can be acted on. What
//! became of each is in `components/openapi/FIGURES.md`, which `UPDATE_GOLDEN=1` writes anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bulkhead_openapi::{Document, Limits, Mapping, Outcome, Servers, Settings, map};
use serde_json::Value;

/// Beside the repository; not part of it.
fn specs() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs");
    let folder = std::env::var_os("BULKHEAD_SPECS").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

fn bytes(path: &Path) -> Vec<u8> {
    let raw = fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return raw;
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&raw[..]).read_to_end(&mut plain).unwrap();
    plain
}

/// Servers that operations of these documents have of their own.
const SERVERS: [&str; 5] = [
    "https://uploads.github.com",
    "https://files.stripe.com",
    "https://petstore3.swagger.com/api/v5",
    "http://up.example/api/v5",
    "https://httpbin.com/anything",
];

fn mapped(path: &Path) -> Result<Mapping, String> {
    let fetch = |at: &str| fs::read(at).map_err(|error| error.to_string());
    let document = Document::load(&bytes(path), path.to_str().unwrap(), Limits::default(), fetch)?;
    let servers = Servers {
        url: Some("http://up.example/base".to_owned()),
        granted: SERVERS.map(str::to_owned).to_vec(),
        ..Servers::default()
    };
    let mapping = map(&document, &Settings { servers, output_schemas: true, ..Settings::default() });
    Ok(mapping)
}

/// A row of the table.
fn row(name: &str, bytes: usize, mapping: &Mapping) -> String {
    let (mut operations, mut left, mut changed, mut cut) = (0, 0, 0, 0);
    for note in mapping.notes.iter().filter(|note| note.operation.is_some()) {
        let says = |what: fn(&str) -> bool| usize::from(note.remarks.iter().any(|remark| what(remark)));
        operations += 1;
        left += usize::from(!matches!(note.outcome, Outcome::Mapped(_)));
        // Which credential it needs is no change.
        changed += says(|remark| !remark.starts_with("needs "));
        cut += says(|remark| remark.contains(" bytes cut to "));
    }
    let tools = &mapping.operations;
    let listed = tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.input_schema.to_string().len());
    let results = tools.iter().flat_map(|tool| &tool.output_schema).map(|schema| schema.to_string().len());
    let plan = tools.iter().map(|tool| tool.plan.to_bytes().unwrap().len()).max().unwrap_or_default();
    let (listed, results): (usize, usize) = (listed.sum(), results.sum());
    format!(
        "| {name} | {bytes} | {operations} | {} | {left} | {changed} | {cut} | {} | {} | {plan} |\n",
        tools.len(),
        listed.div_ceil(4),
        results.div_ceil(4),
    )
}

/// The table, and what is no row of it.
fn figures(rows: &[String], refused: &[String], others: &[String]) -> String {
    let list = |all: &[String]| all.iter().map(|one| format!("- {one}\n")).collect::<String>();
    format!(
        "# What becomes of published documents\n\n\
         Written by a test: `UPDATE_GOLDEN=1 cargo test -p bulkhead-openapi specs`. Every operation of a document is a tool, or is \
         left out\nwith a reason; of those that are changed, something is sent or described otherwise than the document has \
         it, and it is said; those\nthat are cut had a schema over 32 KiB. A token is four bytes, of names, descriptions and \
         schemas. `plan` is the largest plan of a\ncall, in bytes.\n\n\
         | document | bytes | operations | tools | left out | changed | cut | tokens | of results | plan |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n{}\n\
         Refused:\n\n{}\nNo documents, but parts of others or something else:\n\n{}",
        rows.concat(),
        list(refused),
        list(others)
    )
}

/// How many operations the collector of the documents counted in each, by another program.
fn counted(folder: &Path) -> BTreeMap<String, u64> {
    let manifest: Vec<Value> =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let one = |entry: &Value| Some((entry["file"].as_str()?.to_owned(), entry["features"]["ops"].as_u64()?));
    manifest.iter().filter_map(one).collect()
}

#[test]
fn every_published_document_is_mapped_or_refused_with_a_reason() {
    let Some(folder) = specs() else {
        println!("skipped: there is no ../shared/specs");
        return;
    };
    let counted = counted(&folder);
    let (mut documents, mut tools) = (0, 0);
    let (mut refused, mut lost, mut faults, mut otherwise) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut rows, mut others) = (Vec::new(), Vec::new());
    for path in files(&folder) {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        let known = [".json", ".yaml", ".yml", ".json.gz"].iter().any(|end| name.ends_with(end));
        if !known || name == "manifest.json" {
            continue;
        }
        documents += 1;
        let mapping = match mapped(&path) {
            Ok(mapping) => mapping,
            Err(why) => {
                match why.starts_with("it is not an API document: it has neither `openapi` nor `swagger`") {
                    true => others.push(name),
                    false => refused.push(format!("{name}: {why}")),
                }
                continue;
            }
        };
        tools += mapping.operations.len();
        rows.push(row(&name, bytes(&path).len(), &mapping));
        let operations = mapping.notes.iter().filter(|note| note.operation.is_some()).count();
        if let Some(counted) = counted.get(&name).filter(|counted| **counted != operations as u64) {
            otherwise.push(format!("{name}: {operations} operations of {counted}"));
        }
        let dropped = mapping.notes.iter().filter(|note| matches!(note.outcome, Outcome::Dropped(_)));
        lost.extend(dropped.map(|note| format!("{name}: {note}")));
        for tool in &mapping.operations {
            for schema in std::iter::once(&tool.input_schema).chain(&tool.output_schema) {
                let valid =
                    jsonschema::draft202012::meta::validate(schema).map_err(|error| error.to_string());
                let built =
                    jsonschema::draft202012::options().build(schema).map_err(|error| error.to_string());
                if let Err(why) = valid.and(built.map(drop)) {
                    faults.push(format!("{name} {}: {why}", tool.name));
                }
            }
            let size = tool.input_schema.to_string().len();
            if size > 32 << 10 || tool.plan.to_bytes().is_err() {
                faults.push(format!("{name} {}: a schema of {size} bytes", tool.name));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults: {:#?}", faults.len(), &faults[..faults.len().min(12)]);
    // The other program follows no references, and takes an extension for an operation.
    assert_eq!(
        otherwise,
        [
            "generic/apidevtools-swagger-parser/validate-schema/invalid/ref-to-invalid-path.yaml: 1 operations of 0",
            "generic/mermade-openapi3-examples/3.0/fail/internalPathItemRef.yaml: 1 operations of 0",
            "generic/mermade-openapi3-examples/3.0/fail/missingPathItemRef.yaml: 1 operations of 0",
            "generic/mermade-openapi3-examples/3.0/pass/extensionsEverywhere.yaml: 6 operations of 7",
            "generic/mermade-openapi3-examples/3.0/pass/externalPathItemRef.yaml: 2 operations of 0",
        ]
    );
    let examples = "generic/mermade-openapi3-examples/3.0";
    assert_eq!(
        refused,
        [format!(
            "{examples}/malicious/yamlbomb.yaml: it is not YAML: recursive references require weak recursion types at line 5, column 10"
        )]
    );
    // Both are wrong on purpose.
    assert_eq!(
        lost,
        [
            format!(
                "{examples}/fail/internalPathItemRef.yaml: * /test: dropped: `#/paths/test2` cannot be followed: nothing is there"
            ),
            format!(
                "{examples}/fail/missingPathItemRef.yaml: * /test: dropped: `missing.yaml#/paths/someresource` cannot be \
                 followed: No such file or directory (os error 2)"
            ),
        ]
    );
    println!("{documents} files, {tools} tools");
    let table = figures(&rows, &refused, &others);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/openapi/FIGURES.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &table).unwrap();
    }
    assert!(
        fs::read_to_string(&golden).unwrap_or_default() == table,
        "run `UPDATE_GOLDEN=1 cargo test -p bulkhead-openapi specs` and look at the difference"
    );
}
