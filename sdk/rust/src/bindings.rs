//! Owns the generated bindings of the world `service`, and nothing else.

wit_bindgen::generate!({
    world: "service",
    path: "../../wit",
    pub_export_macro: true,
    default_bindings_module: "bulkhead_sdk::bindings",
});
