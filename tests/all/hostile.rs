//! Every hostile guest has its test here: the list of guests makes one of each name, so that a guest without
//! a test does not compile, and a test without a guest is dead code.

use crate::support::root;

mod contract;
mod core;
mod egress;
mod files;
mod headers;
mod memory;
mod outgoing;
mod output;
mod processor;
mod requests;
pub(crate) mod scripts;
mod secrets;
mod trial;
mod upstream;

#[path = "../guests/attacks/src/list.rs"]
#[macro_use]
mod list;
#[path = "../guests/attacks/wat/list.rs"]
#[macro_use]
mod core_list;

/// What the guests do, and what must come of it. One function per guest.
mod attacks {
    pub(super) use super::{
        contract::*, core::*, egress::*, files::*, headers::*, memory::*, output::*, processor::*,
        requests::*, secrets::*, upstream::*,
    };
}

macro_rules! tests {
    ($($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                attacks::$name().await;
            }
        )*
    };
}

macro_rules! suite {
    ($($name:ident,)*) => {
        tests!($($name,)*);
        const GUESTS: &[&str] = &[$(stringify!($name)),*];
    };
}
guests!(suite);

macro_rules! core_suite {
    ($($name:ident,)*) => {
        tests!($($name,)*);
        const CORE_GUESTS: &[&str] = &[$(stringify!($name)),*];
    };
}
core_guests!(core_suite);

#[test]
fn every_file_of_a_guest_is_in_its_list() {
    let guests = root().join("tests/guests/attacks");
    for (folder, ending, listed) in [("src/guests", ".rs", GUESTS), ("wat", ".wat", CORE_GUESTS)] {
        for entry in std::fs::read_dir(guests.join(folder)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let Some(name) = file.strip_suffix(ending) else { continue };
            assert!(listed.contains(&name), "{folder}/{file} is not in its list.rs");
        }
    }
}

#[test]
fn there_are_at_least_sixty_guests() {
    let guests = GUESTS.len() + CORE_GUESTS.len();
    assert!(guests >= 60, "{guests}");
}
