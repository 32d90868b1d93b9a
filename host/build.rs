//! Builds the `utilities` component, which the binary carries so that it serves something with no config.
#![expect(clippy::disallowed_methods, reason = "a build script gets its input from the environment")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let crate_dir = here.join("../components/utilities");
    // A packager who has built the guests elsewhere names the file.
    println!("cargo::rerun-if-env-changed=BULKHEAD_UTILITIES_WASM");
    if let Ok(wasm) = std::env::var("BULKHEAD_UTILITIES_WASM") {
        println!("cargo::rerun-if-changed={wasm}");
        println!("cargo::rustc-env=UTILITIES_WASM={wasm}");
        return Ok(());
    }
    let artifact = guest_builder::build(&crate_dir, None, &|_| ())?;
    for source in &artifact.sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    println!("cargo::rerun-if-changed={}", crate_dir.join("Cargo.toml").display());
    println!("cargo::rustc-env=UTILITIES_WASM={}", artifact.wasm.display());
    Ok(())
}
