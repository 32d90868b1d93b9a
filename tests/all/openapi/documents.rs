//! The documents of these tests: a small one of our own that has one of everything, and the published ones where they are
//! (`BULKHEAD_SPECS`, or `shared/specs` beside the checkout).

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use bulkhead_openapi::{Document, Limits, Mapping, Servers, Settings, map};
use serde_json::Value;

use crate::support::root;

/// Ours.
pub(super) fn zoo() -> PathBuf {
    root().join("sdk/openapi/tests/documents/zoo.yaml")
}

/// The published ones; none where they are not, and that is said.
#[expect(clippy::print_stdout, reason = "a test that does nothing says so")]
pub(super) fn published() -> Option<PathBuf> {
    let beside = || root().parent().unwrap().join("shared/specs");
    let folder = std::env::var_os("BULKHEAD_SPECS").map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return None;
    }
    Some(folder)
}

/// What is in a file, unpacked.
pub(super) fn bytes(path: &Path) -> Vec<u8> {
    let raw = fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return raw;
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&raw[..]).read_to_end(&mut plain).unwrap();
    plain
}

/// A document as JSON, without the security that its operations ask for: credentials are the host's, and tried elsewhere.
pub(super) fn open(path: &Path) -> Value {
    let mut document = bulkhead_openapi::read(&bytes(path), &Limits::default()).unwrap();
    document.as_object_mut().unwrap().remove("security");
    for item in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            operation.as_object_mut().map(|operation| operation.remove("security"));
        }
    }
    document
}

/// How the component maps it: with the library, in this process.
pub(super) fn mapped(document: &Value, url: &str) -> Mapping {
    let limits = Limits::default();
    let document = Document::parse(document.to_string().as_bytes(), "/api/document.json", limits).unwrap();
    let servers = Servers { url: Some(url.to_owned()), ..Servers::default() };
    map(&document, &Settings { servers, output_schemas: true, ..Settings::default() })
}

/// All documents below a folder, and what else is there.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
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
