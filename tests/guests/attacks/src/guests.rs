//! One module per misdeed.

pub mod allocate;
pub mod block_for_ever_on_a_pollable;
pub mod burn_fuel;
pub mod busy_poll;
pub mod clock_abuse;
pub mod endless_recursion;
pub mod grow_in_small_steps;
pub mod hoard_handles;
pub mod hoard_pollables;
pub mod hoard_requests;
pub mod hoard_streams;
pub mod huge_insecure_random;
pub mod huge_random;
pub mod ignore_cancellation;
pub mod many_timers;
pub mod poll_huge_list;
pub mod poll_nothing;
pub mod random_flood;
pub mod sleep_past_deadline;
pub mod spin;
pub mod spin_in_health_check;
pub mod spin_in_initialize;
pub mod spin_in_list_tools;
pub mod trap_in_initialize;
