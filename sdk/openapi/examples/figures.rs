//! Maps one document and says what that took: a row of the table in `components/openapi/README.md`.
//!
//! `cargo run --release -p bulkhead-openapi --example figures -- openapi.json`; another argument shows the notes, too.

#![expect(clippy::print_stdout, reason = "it is a command")]

use std::fs;
use std::io::Read as _;
use std::time::Instant;

use bulkhead_openapi::{Document, Limits, Servers, Settings, map};

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which document?")?;
    let notes = arguments.next().is_some();
    let raw = fs::read(&path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    match path.ends_with(".gz") {
        true => drop(
            flate2::read::GzDecoder::new(&raw[..])
                .read_to_end(&mut bytes)
                .map_err(|error| error.to_string())?,
        ),
        false => bytes = raw,
    }
    let begun = Instant::now();
    let fetch = |at: &str| fs::read(at).map_err(|error| error.to_string());
    let document = Document::load(&bytes, &path, Limits::default(), fetch)?;
    let parsed = begun.elapsed();
    let servers = Servers { url: Some("https://up.example".to_owned()), ..Servers::default() };
    let mapping = map(&document, &Settings { servers, output_schemas: true, ..Settings::default() });
    let whole = begun.elapsed();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    println!(
        "| {path} | {} | {} | {} | {} | {peak} |",
        bytes.len() / 1000,
        mapping.operations.len(),
        parsed.as_millis(),
        whole.as_millis(),
    );
    for note in mapping.notes.iter().filter(|_| notes) {
        println!("{note}");
    }
    Ok(())
}
