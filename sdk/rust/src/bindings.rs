//! Owns the generated bindings of the world `service` and of the interfaces beside it, and nothing else. `wit` is a link
//! to the contract in the repository, and the contract itself wherever the SDK stands alone.

wit_bindgen::generate!({
    world: "service",
    path: "wit",
    pub_export_macro: true,
    default_bindings_module: "bulkhead_sdk::bindings",
});

/// What a component exports that has resources.
pub mod resources {
    wit_bindgen::generate!({
        inline: "
            package bulkhead:sdk-resources;
            world resources { export bulkhead:service/resources@0.1.0; }
        ",
        path: "wit",
        world: "bulkhead:sdk-resources/resources",
        with: { "bulkhead:service/types@0.1.0": crate::bindings::bulkhead::service::types },
        pub_export_macro: true,
        default_bindings_module: "bulkhead_sdk::bindings::resources",
    });
}

/// What a component exports that has prompts.
pub mod prompts {
    wit_bindgen::generate!({
        inline: "
            package bulkhead:sdk-prompts;
            world prompts { export bulkhead:service/prompts@0.1.0; }
        ",
        path: "wit",
        world: "bulkhead:sdk-prompts/prompts",
        with: { "bulkhead:service/types@0.1.0": crate::bindings::bulkhead::service::types },
        pub_export_macro: true,
        default_bindings_module: "bulkhead_sdk::bindings::prompts",
    });
}

/// What a component exports that completes arguments.
pub mod completions {
    wit_bindgen::generate!({
        inline: "
            package bulkhead:sdk-completions;
            world completions { export bulkhead:service/completions@0.1.0; }
        ",
        path: "wit",
        world: "bulkhead:sdk-completions/completions",
        with: { "bulkhead:service/types@0.1.0": crate::bindings::bulkhead::service::types },
        pub_export_macro: true,
        default_bindings_module: "bulkhead_sdk::bindings::completions",
    });
}
