//! Gathers what a new project begins with: the templates and the SDKs, so that whoever has the binary has them too.
#![expect(clippy::disallowed_methods, reason = "a build script gets its input from the environment")]

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Each constant of the generated file, and what of which folder it holds.
const SETS: [(&str, &str, &[&str]); 6] = [
    ("TEMPLATE_RUST", "templates/rust", &["."]),
    ("TEMPLATE_JAVASCRIPT", "templates/js", &["."]),
    ("TEMPLATE_PYTHON", "templates/python", &["."]),
    ("SDK_RUST", "../../sdk/rust", &["Cargo.toml", "src", "wit/service.wit", "wit/deps"]),
    ("SDK_JAVASCRIPT", "../../sdk/js", &["package.json", "tsconfig.json", "src"]),
    ("SDK_PYTHON", "../../sdk/python", &["pyproject.toml", "bulkhead_sdk"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let mut text = String::new();
    for (name, folder, parts) in SETS {
        let folder = here.join(folder);
        let mut files = Vec::new();
        for part in parts {
            gather(&folder.join(part), &mut files)?;
        }
        files.sort();
        writeln!(text, "pub(super) const {name}: &[(&str, &str)] = &[")?;
        for file in files {
            // Each by itself: whoever runs Python in a folder changes it, and nothing that is meant here.
            println!("cargo::rerun-if-changed={}", file.display());
            let inside = file.strip_prefix(&folder)?;
            writeln!(text, "    ({inside:?}, include_str!({file:?})),")?;
        }
        writeln!(text, "];")?;
    }
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("kits.rs"), text)?;
    Ok(())
}

/// The text files at a path, or in the folder there.
fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What Python and npm leave behind.
        if !matches!(&*name, "__pycache__" | "node_modules") {
            gather(&path, files)?;
        }
    }
    Ok(())
}
