//! Owns the raw bindings: the contract and all that a guest may import, with no SDK in between.

wit_bindgen::generate!({
    inline: "
        package bulkhead:attacks;
        world attacks {
            include bulkhead:service/service@0.1.0;
            include bulkhead:service/offer@0.1.0;
        }
    ",
    path: "../../../wit",
    world: "bulkhead:attacks/attacks",
    generate_all,
    default_bindings_module: "crate::bindings",
});
