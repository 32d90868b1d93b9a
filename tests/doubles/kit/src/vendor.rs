//! The vendor's API document: whether a table of operations agrees with it, and whether a reply is what it promises.
//!
//! The documents are no part of this repository. They are looked for in `BULKHEAD_SPECS`, or in the `shared/specs` folder
//! beside the checkout; where they are not, the checks say that they were skipped.
//!
//! A reply of several JSON values, one to a line, is checked line by line where the document calls it `Stream result of …`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Map, Value, json};

use crate::contract::{Contract, Operation};
use crate::wire::Reply;

/// An API document: OpenAPI 3, Swagger 2, or a list of operations (`.tsv`: method, path).
struct Document {
    root: Value,
    operations: Vec<Known>,
}

/// An operation of a document.
struct Known {
    method: String,
    path: String,
    /// None: anything, because the document does not say.
    query: Option<BTreeSet<String>>,
    /// By media type; no keys: anything.
    bodies: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Whether the document says which bodies there are.
    says_bodies: bool,
    responses: Value,
}

/// What of the table the vendor does not say: wrong paths, parameters and keys. None if the documents are not at hand.
pub fn disagreements(contract: &Contract) -> Option<Vec<String>> {
    folder()?;
    let mut faults = Vec::new();
    for operation in contract.operations() {
        let Some((file, prefix)) = &operation.vendor else { continue };
        let document = document(file).unwrap_or_else(|| panic!("there is no {file}"));
        let line = format!("{} {}", operation.method, operation.path);
        let why = document.disagreement(operation, prefix);
        match (why, &operation.exempt) {
            (Some(why), None) => faults.push(format!("{line}: {why}")),
            (None, Some(exempt)) => {
                faults.push(format!("{line} is in the document: no need to say `{exempt}`"))
            }
            _ => {}
        }
    }
    Some(faults)
}

/// Fails if the table says what the vendor does not, and says so if that cannot be known here.
#[track_caller]
pub fn agrees(contract: &Contract) {
    match disagreements(contract) {
        None => {
            println!("skipped: the vendors' API documents are not there (set BULKHEAD_SPECS to their folder)")
        }
        Some(faults) => assert!(faults.is_empty(), "{faults:#?}"),
    }
}

/// What is wrong with a reply, going by the schema that the document has for it; nothing if it has none, or is not here.
pub fn faults(operation: &Operation, reply: &Reply) -> Vec<String> {
    let Some((file, prefix)) = &operation.vendor else { return Vec::new() };
    let Some(document) = document(file) else { return Vec::new() };
    document.faults(operation, prefix, reply)
}

fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/specs");
    #[expect(clippy::disallowed_methods, reason = "a test's own switch, not the host's configuration")]
    let folder = std::env::var("BULKHEAD_SPECS").map_or_else(|_| beside(), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Read once for all the tests of a process: some are megabytes.
fn document(file: &str) -> Option<Arc<Document>> {
    static READ: LazyLock<Mutex<HashMap<String, Arc<Document>>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap();
    if let Some(known) = read.get(file) {
        return Some(known.clone());
    }
    let text = std::fs::read_to_string(folder()?.join(file)).ok()?;
    let document = Arc::new(Document::parse(file, &text));
    read.insert(file.to_owned(), document.clone());
    Some(document)
}

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

impl Document {
    fn parse(file: &str, text: &str) -> Self {
        if file.ends_with(".tsv") {
            let known = |line: &str| {
                let mut words = line.split('\t');
                let (method, path) = (words.next()?.to_ascii_uppercase(), words.next()?.to_owned());
                let open = (None, BTreeMap::new(), false, Value::Null);
                let (query, bodies, says_bodies, responses) = open;
                Some(Known { method, path, query, bodies, says_bodies, responses })
            };
            return Self { root: Value::Null, operations: text.lines().filter_map(known).collect() };
        }
        let root: Value = match file.ends_with(".json") {
            true => serde_json::from_str(text).unwrap(),
            false => serde_saphyr::from_str(text).unwrap(),
        };
        let mut operations = Vec::new();
        for (path, item) in root["paths"].as_object().unwrap() {
            for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
                operations.push(Known::read(&root, path, method, item));
            }
        }
        Self { root, operations }
    }

    fn candidates<'a>(
        &'a self,
        operation: &'a Operation,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a Known> {
        self.operations.iter().filter(move |known| {
            known.method == operation.method && unify(&format!("{prefix}{}", known.path), &operation.path)
        })
    }

    fn disagreement(&self, operation: &Operation, prefix: &str) -> Option<String> {
        let mut why = "the vendor has no such operation".to_owned();
        for known in self.candidates(operation, prefix) {
            match known.lacks(operation) {
                None => return None,
                Some(lack) => why = lack,
            }
        }
        Some(why)
    }

    fn faults(&self, operation: &Operation, prefix: &str, reply: &Reply) -> Vec<String> {
        // A generic row (any kind of any group) fits many operations; the reply has to fit the schema of one.
        let mut all = Vec::new();
        for known in self.candidates(operation, prefix).filter(|known| known.lacks(operation).is_none()) {
            let status = reply.status.to_string();
            let found = [&*status, "2XX", "default"].iter().find_map(|key| known.responses.get(*key));
            let Some(response) = found.map(|response| self.resolved(response)) else { return Vec::new() };
            let schema = response.get("schema").or_else(|| {
                response
                    .get("content")?
                    .as_object()?
                    .iter()
                    .find(|(name, _)| name.contains("json"))?
                    .1
                    .get("schema")
            });
            let Some(schema) = schema else { return Vec::new() };
            let Some(bodies) = bodies(self.resolved(schema), &reply.body) else {
                // A schema that is a text, of a download say, is not for JSON.
                let text = matches!(self.resolved(schema)["type"].as_str(), Some("string" | "file"));
                return if text || reply.body.is_empty() {
                    Vec::new()
                } else {
                    vec!["the reply is not JSON".to_owned()]
                };
            };
            let validator = jsonschema::draft202012::new(&self.closed(schema)).unwrap();
            let faults: Vec<String> = bodies
                .iter()
                .flat_map(|body| validator.iter_errors(body))
                .map(|fault| format!("{} at {}", fault, fault.instance_path()))
                .collect();
            if faults.is_empty() {
                return Vec::new();
            }
            all = faults;
        }
        all
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        resolved(&self.root, value)
    }

    /// A schema with all it refers to, as JSON Schema 2020-12.
    fn closed(&self, schema: &Value) -> Value {
        let (mut defs, mut todo) = (Map::new(), Vec::new());
        let mut root = normal(schema, &mut todo);
        while let Some(reference) = todo.pop() {
            let name = name_of(&reference);
            if !defs.contains_key(&name) {
                let target =
                    self.root.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} is not there"));
                let normal = normal(target, &mut todo);
                defs.insert(name, normal);
            }
        }
        if let Some(object) = root.as_object_mut() {
            object.insert("$defs".into(), defs.into());
        }
        root
    }
}

impl Known {
    fn read(root: &Value, path: &str, method: &str, item: &Value) -> Self {
        let operation = &item[method];
        let parameters = [&item["parameters"], &operation["parameters"]];
        let parameters: Vec<&Value> = parameters
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(|parameter| resolved(root, parameter))
            .collect();
        let named = |place: &str| -> BTreeSet<String> {
            let here = parameters.iter().filter(|parameter| parameter["in"] == place);
            here.filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned())).collect()
        };
        let mut bodies = BTreeMap::new();
        let form = named("formData");
        if !form.is_empty() {
            bodies.insert("application/x-www-form-urlencoded".to_owned(), Some(form));
        }
        let consumes = |value: &Value| -> Vec<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|kind| Some(kind.as_str()?.to_owned()))
                .collect()
        };
        if let Some(body) = parameters.iter().find(|parameter| parameter["in"] == "body") {
            let kinds = [&operation["consumes"], &root["consumes"]].map(consumes);
            let kinds = kinds.into_iter().find(|kinds| !kinds.is_empty());
            for kind in kinds.unwrap_or_else(|| vec!["application/json".to_owned()]) {
                bodies.insert(kind, keys(root, &body["schema"], 0));
            }
        }
        let content = resolved(root, &operation["requestBody"])["content"].as_object();
        for (kind, body) in content.into_iter().flatten() {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
            bodies.insert(kind, keys(root, &body["schema"], 0));
        }
        Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            query: Some(named("query")),
            bodies,
            says_bodies: true,
            responses: operation["responses"].clone(),
        }
    }

    /// What the row says and this operation does not.
    fn lacks(&self, row: &Operation) -> Option<String> {
        if let Some(query) = &self.query
            && let Some(name) = row.query.difference(query).next()
        {
            return Some(format!("`{name}` is no parameter; there are {query:?}"));
        }
        let body = row.body.as_ref().filter(|_| self.says_bodies)?;
        // `*/*` is how Swagger documents of Kubernetes say it for any kind of object.
        body.media_types().find_map(|media_type| {
            let Some(known) = self.bodies.get(media_type).or_else(|| self.bodies.get("*/*")) else {
                return Some(format!("its body is not {media_type}, but {:?}", self.bodies.keys()));
            };
            let (known, keys) = (known.as_ref()?, body.keys.as_ref()?);
            let key = keys.difference(known).next()?;
            Some(format!("`{key}` is no key of its body; there are {known:?}"))
        })
    }
}

/// What a schema is about: the body, or each line of it where the document says (as grpc-gateway does) that it is one message
/// of a stream. None if that is not JSON.
fn bodies(schema: &Value, body: &[u8]) -> Option<Vec<Value>> {
    let streams = schema["title"].as_str().is_some_and(|title| title.starts_with("Stream result of"));
    if !streams {
        return Some(vec![serde_json::from_slice(body).ok()?]);
    }
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}

/// What a reference stands for.
fn resolved<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolved(root, root.pointer(&reference[1..]).unwrap_or(&Value::Null)),
        None => value,
    }
}

/// The keys an object of this schema may have; none: any.
fn keys(root: &Value, schema: &Value, depth: usize) -> Option<BTreeSet<String>> {
    let schema = resolved(root, schema);
    if depth > 8 {
        return None;
    }
    let mut all = BTreeSet::new();
    let mut says = false;
    if let Some(properties) = schema["properties"].as_object() {
        (says, all) = (true, properties.keys().cloned().collect());
    }
    for combined in ["allOf", "anyOf", "oneOf"].iter().filter_map(|word| schema[*word].as_array()).flatten() {
        all.extend(keys(root, combined, depth + 1)?);
        says = true;
    }
    let open = schema.get("additionalProperties").is_some_and(|more| *more != json!(false));
    (says && !open).then_some(all)
}

/// Whether two paths may be the same: `{x}` is any segment, in either.
fn unify(vendor: &str, row: &str) -> bool {
    let wild = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
    let (vendor, row): (Vec<&str>, Vec<&str>) = (vendor.split('/').collect(), row.split('/').collect());
    vendor.len() == row.len() && vendor.iter().zip(&row).all(|(a, b)| a == b || wild(a) || wild(b))
}

fn name_of(reference: &str) -> String {
    reference.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

/// A schema of OpenAPI or Swagger as JSON Schema; what it refers to is added to `todo`.
fn normal(schema: &Value, todo: &mut Vec<String>) -> Value {
    let Value::Object(object) = schema else { return schema.clone() };
    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
        todo.push(reference.to_owned());
        return json!({ "$ref": format!("#/$defs/{}", name_of(reference)) });
    }
    let mut out = Map::new();
    for (word, value) in object {
        let value = match (word.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(named)) => named
                .iter()
                .map(|(name, one)| (name.clone(), normal(one, todo)))
                .collect::<Map<_, _>>()
                .into(),
            ("allOf" | "anyOf" | "oneOf", Value::Array(several)) => {
                several.iter().map(|one| normal(one, todo)).collect()
            }
            ("items" | "additionalProperties" | "not", one) => normal(one, todo),
            // IntOrString of Kubernetes is a string by name only.
            ("type", _) if object.get("format").is_some_and(|format| format == "int-or-string") => continue,
            ("type", value) if value == "file" => continue,
            ("type" | "enum" | "required" | "minItems" | "maxItems" | "minLength" | "maxLength", value) => {
                value.clone()
            }
            _ => continue,
        };
        // Unions are written so where their forms overlap: a text or null, each of them `string`.
        let word = if word == "oneOf" { "anyOf" } else { word };
        out.insert(word.to_owned(), value);
    }
    match object.get("nullable") {
        Some(Value::Bool(true)) => json!({ "anyOf": [out, { "type": "null" }] }),
        _ => Value::Object(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_checked_line_by_line() {
        let stream = json!({ "title": "Stream result of line", "type": "object" });
        let one = json!({ "type": "object" });
        let two = b"{\"a\":1}\n{\"a\":2}\n";
        assert_eq!(bodies(&stream, two), Some(vec![json!({ "a": 1 }), json!({ "a": 2 })]));
        assert_eq!(bodies(&one, two), None);
        assert_eq!(bodies(&stream, b"{\"a\":1}\n<html>"), None);
    }
}
