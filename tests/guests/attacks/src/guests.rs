//! One module per misdeed.

pub mod allocate;
pub mod spin;
pub mod trap_in_initialize;
