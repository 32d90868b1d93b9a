//! Every hostile guest has its test here: the list of guests makes one of each name, so that a guest without
//! a test does not compile, and a test without a guest is dead code.

use crate::support::root;

mod contract;
mod memory;
mod processor;
mod trial;

#[path = "../guests/attacks/src/list.rs"]
#[macro_use]
mod list;

/// What the guests do, and what must come of it. One function per guest.
mod attacks {
    pub(super) use super::{contract::*, memory::*, processor::*};
}

macro_rules! suite {
    ($($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                attacks::$name().await;
            }
        )*
        const GUESTS: &[&str] = &[$(stringify!($name)),*];
    };
}
guests!(suite);

#[test]
fn every_file_of_a_guest_is_in_the_list() {
    let guests = root().join("tests/guests/attacks/src/guests");
    for entry in std::fs::read_dir(guests).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".rs").unwrap();
        assert!(GUESTS.contains(&name), "{file} is not in list.rs");
    }
}

#[test]
fn there_are_at_least_sixty_guests() {
    assert!(GUESTS.len() >= 60, "{}", GUESTS.len());
}
