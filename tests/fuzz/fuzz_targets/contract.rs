//! What a `.wasm` file imports and exports. Any bytes are read or refused in words, and a valid component has
//! the names that wasmparser's validator finds in it.
#![no_main]

use guest_builder::contract::{
    ContractError, OFFERED_WASI, OPTIONAL_EXPORTS, PACKAGE, REQUIRED_EXPORTS, Surface, VERSION,
};
use wasmparser::{Validator, WasmFeatures};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let valid = Validator::new_with_features(WasmFeatures::all()).validate_all(data);
    let surface = match Surface::read(data) {
        Ok(surface) => surface,
        Err(error) => {
            assert!(!error.to_string().trim().is_empty());
            let module = matches!(error, ContractError::CoreModule);
            assert!(valid.is_err() || module, "a valid component is refused: {error}");
            return;
        }
    };
    let checked = surface.check();
    if let Err(error) = &checked {
        assert!(!error.to_string().trim().is_empty());
    }
    let Ok(types) = valid else { return };
    let types = types.as_ref();

    // Every name is one of the component itself, not of a component inside,
    for import in &surface.imports {
        assert!(types.component_item_for_import(import).is_some(), "import {import}");
    }
    for export in &surface.exports {
        assert!(types.component_item_for_export(export).is_some(), "export {export}");
    }
    // and none of those that matter is missing.
    let own = REQUIRED_EXPORTS.iter().chain(&OPTIONAL_EXPORTS).chain(&["call", "types"]);
    let own = own.map(|interface| format!("{PACKAGE}/{interface}@{VERSION}"));
    let wasi = OFFERED_WASI.iter().map(|interface| format!("{interface}@0.2.12"));
    let refused = ["wasi:sockets/tcp@0.2.12", "wasi:http/outgoing-handler@0.3.0", "env", "a"];
    for name in own.chain(wasi).chain(refused.map(str::to_owned)) {
        assert_eq!(
            surface.imports.contains(&name),
            types.component_item_for_import(&name).is_some(),
            "{name}"
        );
        assert_eq!(
            surface.exports.contains(&name),
            types.component_item_for_export(&name).is_some(),
            "{name}"
        );
    }
    if checked.is_ok() {
        let exported = |name: &str| types.component_item_for_export(name).is_some();
        assert!(REQUIRED_EXPORTS.iter().all(|name| exported(&format!("{PACKAGE}/{name}@{VERSION}"))));
        let known = |name: &String| name.starts_with("wasi:") || name.starts_with(PACKAGE);
        assert!(surface.imports.iter().all(known) && !surface.imports.iter().any(|i| i.contains("sockets")));
    }
});
