//! What a component must look like from outside: exports the world, imports nothing beyond the offer.
//!
//! Names only, read from the binary without compiling it. The types behind the names are checked by the
//! host when it links the component.

use wasmparser::{Encoding, Parser, Payload};

/// The contract this build of Bulkhead speaks.
pub const PACKAGE: &str = "bulkhead:service";
/// Its version, as in `wit/service.wit`.
pub const VERSION: &str = "0.1.0";

/// Interfaces every component exports.
pub const REQUIRED_EXPORTS: [&str; 2] = ["lifecycle", "tools"];
/// Interfaces a component may export beside them.
pub const OPTIONAL_EXPORTS: [&str; 3] = ["resources", "prompts", "completions"];

/// WASI interfaces a guest may import: world `offer` of `wit/service.wit`, any 0.2 release.
pub const OFFERED_WASI: [&str; 22] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:clocks/wall-clock",
    "wasi:clocks/monotonic-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:filesystem/types",
    "wasi:filesystem/preopens",
    "wasi:http/types",
    "wasi:http/outgoing-handler",
];

/// The outside of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    /// Imported names, in the binary's order.
    pub imports: Vec<String>,
    /// Exported names, in the binary's order.
    pub exports: Vec<String>,
}

/// Why a file is not a component that this Bulkhead can run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// Not WebAssembly, or damaged.
    #[error("not a valid WebAssembly file: {0}")]
    Malformed(String),
    /// A core module, as `wasm32-unknown-unknown` and `wasm32-wasip1` make them.
    #[error(
        "this is a core WebAssembly module, not a component; build it for wasm32-wasip2 (`bulkhead build` does)"
    )]
    CoreModule,
    /// Speaks the contract, in another version.
    #[error(
        "the component exports {found}, but this Bulkhead speaks {PACKAGE}@{VERSION}; rebuild it with the SDK of that version, \
         or run a Bulkhead that speaks the other"
    )]
    OtherVersion {
        /// The exported name with its version.
        found: String,
    },
    /// Lacks something of the world `service`.
    #[error(
        "the component does not export {PACKAGE}/{missing}@{VERSION}; it exports {exports}. Is `register!` called?"
    )]
    MissingExport {
        /// The interface's name.
        missing: &'static str,
        /// What it exports instead.
        exports: String,
    },
    /// Wants something no guest gets.
    #[error(
        "the component imports {0}, which Bulkhead does not offer (no sockets and no name look-up: outbound HTTP goes \
         through wasi:http, see world `offer` in wit/service.wit)"
    )]
    ForbiddenImport(String),
}

impl Surface {
    /// Reads the imports and exports of a component.
    ///
    /// # Errors
    /// When the bytes are no component.
    pub fn read(wasm: &[u8]) -> Result<Self, ContractError> {
        let malformed = |e: wasmparser::BinaryReaderError| ContractError::Malformed(e.message().to_owned());
        let mut surface = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(malformed)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(ContractError::CoreModule);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        surface.imports.push(import.map_err(malformed)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        surface.exports.push(export.map_err(malformed)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    /// Checks the names against the contract.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self) -> Result<(), ContractError> {
        for missing in REQUIRED_EXPORTS {
            if self.exports_interface(missing) {
                continue;
            }
            let prefix = format!("{PACKAGE}/{missing}@");
            return Err(match self.exports.iter().find(|name| name.starts_with(&prefix)) {
                Some(found) => ContractError::OtherVersion { found: found.clone() },
                None => ContractError::MissingExport { missing, exports: listed(&self.exports) },
            });
        }
        match self.imports.iter().find(|name| !offered(name)) {
            Some(name) => Err(ContractError::ForbiddenImport(name.clone())),
            None => Ok(()),
        }
    }

    /// Whether an interface of the contract is exported.
    #[must_use]
    pub fn exports_interface(&self, interface: &str) -> bool {
        let name = format!("{PACKAGE}/{interface}@{VERSION}");
        self.exports.contains(&name)
    }
}

/// Whether a guest may import this name.
fn offered(import: &str) -> bool {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    if let Some(own) = interface.strip_prefix(PACKAGE) {
        // `types` comes along with every interface that uses it.
        return matches!(own, "/call" | "/types") && version == VERSION;
    }
    OFFERED_WASI.contains(&interface) && version.starts_with("0.2.")
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(imports: &[&str], exports: &[&str]) -> Surface {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        Surface { imports: own(imports), exports: own(exports) }
    }

    const WORLD: [&str; 2] = ["bulkhead:service/lifecycle@0.1.0", "bulkhead:service/tools@0.1.0"];

    #[test]
    fn the_offer_is_the_one_in_the_contract() {
        let wit = include_str!("../../../wit/service.wit");
        let offer = wit.split("world offer {").nth(1).unwrap();
        let listed: Vec<_> =
            offer.lines().filter_map(|l| l.trim().strip_prefix("import wasi:")?.split_once('@')).collect();
        assert_eq!(listed.iter().map(|(name, _)| format!("wasi:{name}")).collect::<Vec<_>>(), OFFERED_WASI);
        assert!(listed.iter().all(|(_, version)| *version == "0.2.12;"));
        assert!(wit.contains(&format!("package {PACKAGE}@{VERSION};")));
    }

    #[test]
    fn a_component_of_the_world_passes() {
        let imports = ["wasi:io/poll@0.2.3", "bulkhead:service/call@0.1.0", "bulkhead:service/types@0.1.0"];
        assert_eq!(surface(&imports, &WORLD).check(), Ok(()));
    }

    #[test]
    fn sockets_and_unknown_imports_are_refused() {
        for import in ["wasi:sockets/tcp@0.2.12", "wasi:http/outgoing-handler@0.3.0", "acme:thing/x", "env"] {
            let refused = surface(&[import], &WORLD).check();
            assert_eq!(refused, Err(ContractError::ForbiddenImport(import.into())));
        }
    }

    #[test]
    fn another_version_is_named() {
        let found = "bulkhead:service/lifecycle@0.9.0".to_owned();
        assert_eq!(surface(&[], &[&found]).check(), Err(ContractError::OtherVersion { found }));
    }

    #[test]
    fn a_missing_export_is_named() {
        let error = surface(&[], &["wasi:cli/run@0.2.0"]).check().unwrap_err().to_string();
        assert!(error.contains("does not export bulkhead:service/lifecycle@0.1.0"), "{error}");
        assert!(error.contains("wasi:cli/run@0.2.0"), "{error}");
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert_eq!(Surface::read(b"\0asm\x01\0\0\0"), Err(ContractError::CoreModule));
        assert!(matches!(Surface::read(b"hello there"), Err(ContractError::Malformed(_))));
        assert_eq!(Surface::read(b"\0asm\x0d\0\x01\0"), Ok(Surface::default()));
    }
}
