//! What becomes of a stage that takes more instructions than are kept: `make instructions` has to refuse it.

#[path = "../bench/verdict.rs"]
mod verdict;

use crate::support::root;
use verdict::{Counts, compare, read, written};

fn counts(stages: &[(&str, u64)]) -> Counts {
    stages.iter().map(|(stage, count)| ((*stage).to_owned(), *count)).collect()
}

#[test]
fn a_stage_that_takes_six_percent_more_is_refused_and_named() {
    let (_, wrong) =
        compare(&counts(&[("parse", 1000), ("route", 500)]), &counts(&[("parse", 1060), ("route", 525)]));
    assert_eq!(wrong, ["`parse` takes 6.0 % more instructions: 1060, and 1000 are kept"]);
}

#[test]
fn a_stage_that_takes_less_is_not() {
    let (table, wrong) = compare(&counts(&[("parse", 1000)]), &counts(&[("parse", 700)]));
    assert_eq!(wrong, Vec::<String>::new());
    assert!(table.contains("-30.0 %"), "{table}");
}

#[test]
fn a_stage_that_is_new_or_gone_is_refused() {
    let (_, wrong) = compare(&counts(&[("gone", 1)]), &counts(&[("new", 1)]));
    assert_eq!(wrong, ["`new` is not kept", "`gone` is kept and was not counted"]);
}

#[test]
fn what_is_kept_reads_as_it_was_written() {
    let kept = std::fs::read_to_string(root().join("tests/bench/instructions.txt")).unwrap();
    assert_eq!(written(&read(&kept).unwrap()), kept);
    assert_eq!(read("parse many"), Err("`parse many`: invalid digit found in string".to_owned()));
}
