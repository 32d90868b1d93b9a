//! Owns the raw bindings: the whole contract and all that a guest may import, with no SDK in between.

wit_bindgen::generate!({
    inline: "
        package bulkhead:faulty;
        world faulty {
            include bulkhead:service/full-service@0.1.0;
            include bulkhead:service/offer@0.1.0;
        }
    ",
    path: "../../../wit",
    world: "bulkhead:faulty/faulty",
    generate_all,
    default_bindings_module: "crate::bindings",
});
