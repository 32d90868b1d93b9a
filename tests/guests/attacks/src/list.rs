//! Every hostile guest. The guests' crate makes a choice of it, the tests a test for each name.

/// Calls `$with!` with the names.
macro_rules! guests {
    ($with:ident) => {
        $with! {
            // processor
            spin,
            spin_in_initialize,
            spin_in_list_tools,
            spin_in_health_check,
            block_for_ever_on_a_pollable,
            sleep_past_deadline,
            clock_abuse,
            busy_poll,
            random_flood,
            many_timers,
            poll_huge_list,
            poll_nothing,
            burn_fuel,
            ignore_cancellation,
            endless_recursion,
            // memory
            allocate,
            grow_in_small_steps,
            hoard_handles,
            hoard_requests,
            hoard_streams,
            hoard_pollables,
            huge_random,
            huge_insecure_random,
            // contract
            trap_in_initialize,
        }
    };
}
