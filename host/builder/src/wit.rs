//! Owns the contract as files: what the tools of other languages read to make bindings.
//!
//! They cannot depend on this repository, so the builder carries the contract it checks against.

use std::{fmt::Write, fs, io, path::Path};

const SERVICE: &str = include_str!("../../../wit/service.wit");
const WASI: [(&str, &str); 7] = [
    ("cli", include_str!("../../../wit/deps/cli.wit")),
    ("clocks", include_str!("../../../wit/deps/clocks.wit")),
    ("filesystem", include_str!("../../../wit/deps/filesystem.wit")),
    ("http", include_str!("../../../wit/deps/http.wit")),
    ("io", include_str!("../../../wit/deps/io.wit")),
    ("random", include_str!("../../../wit/deps/random.wit")),
    ("sockets", include_str!("../../../wit/deps/sockets.wit")),
];

/// What the SDKs of other languages import of WASI.
const IMPORTS: [&str; 7] = [
    "io/poll",
    "io/streams",
    "clocks/wall-clock",
    "clocks/monotonic-clock",
    "random/random",
    "http/types",
    "http/outgoing-handler",
];

/// The world that is written.
pub(crate) const WORLD: &str = "guest";

/// Writes the contract into `dir`, with a world that exports these interfaces beside the required ones. WASI gets the
/// namespace `wasi`: its own, or one in its place.
pub(crate) fn write(dir: &Path, exports: &[String], wasi: &str) -> io::Result<()> {
    let named = |text: &str| text.replace("wasi:", &format!("{wasi}:"));
    let mut world =
        format!("package bulkhead:build;\nworld {WORLD} {{\n  include bulkhead:service/service@0.1.0;\n");
    for import in IMPORTS {
        let _ = writeln!(world, "  import wasi:{import}@0.2.12;");
    }
    for export in exports {
        let _ = writeln!(world, "  export bulkhead:service/{export}@{};", crate::contract::VERSION);
    }
    world.push_str("}\n");
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    let package = |name: &str, text: &str| {
        let folder = dir.join("deps").join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{name}.wit")), named(text))
    };
    package("bulkhead", SERVICE)?;
    for (name, text) in WASI {
        package(name, text)?;
    }
    fs::write(dir.join("world.wit"), named(&world))
}
