//! Every hostile guest. The guests' crate makes a choice of it, the tests a test for each name.

/// Calls `$with!` with the names.
macro_rules! guests {
    ($with:ident) => {
        $with! {
            // processor
            spin,
            // memory
            allocate,
            // contract
            trap_in_initialize,
        }
    };
}
