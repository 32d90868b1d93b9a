//! Every hostile guest that is written by hand, in this folder.

/// Calls `$with!` with the names.
macro_rules! core_guests {
    ($with:ident) => {
        $with! {
            asks_for_everything,
            huge_initial_memory,
            huge_manifest,
            recurse_in_describe,
            spin_in_describe,
            spin_in_start,
            table_growth,
            too_many_memories,
            trap_after_answering,
            trap_in_describe,
            trap_in_start,
        }
    };
}
