//! Builds the `utilities` component, which the binary carries so that it serves something with no config.
#![expect(clippy::disallowed_methods, reason = "a build script gets its input from the environment")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rustc-env=RUSTC_VERSION={}", rustc_version()?);
    println!("cargo::rustc-env=RUNTIME_VERSION={}", runtime_version()?);
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

/// `1.95.0` for the metrics.
fn rustc_version() -> Result<String, Box<dyn std::error::Error>> {
    let said = std::process::Command::new(std::env::var("RUSTC")?).arg("--version").output()?.stdout;
    Ok(String::from_utf8(said)?.split(' ').nth(1).unwrap_or("unknown").to_owned())
}

/// What the lock file says of the runtime of guests; the crate itself does not tell.
fn runtime_version() -> Result<String, Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../Cargo.lock");
    let lock = std::fs::read_to_string("../Cargo.lock")?;
    let version =
        lock.split("name = \"wasmtime\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    Ok(version.unwrap_or("unknown").to_owned())
}
