//! `make instructions`: how many instructions the stages of a call take, counted by callgrind, next to what is kept in
//! `instructions.txt`. Counts do not depend on the machine's mood, so that CI can refuse what makes a stage dearer.
//!
//! Each stage runs in a process of its own, so many times after as many that are not counted. Guests are left out:
//! they run on stacks of their own, where callgrind loses track of what it is to count. Nor does it know instructions
//! for SHA-256, so that hashes weigh more here than they do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark"
)]

#[allow(dead_code, reason = "`make bench` uses the rest of it")]
mod config;
mod counts;
mod policy;
#[allow(dead_code, reason = "`make bench` uses the rest of it")]
mod ready;
mod verdict;

/// As in the host.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the harness makes; its `main` runs a stage, or all of them under callgrind.
mod harness {
    use std::hint::black_box;

    use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};

    use crate::{
        policy,
        ready::{Audited, Ready, TIMES, Way},
    };

    // From a body's bytes to a message, as rmcp knows it.
    #[library_benchmark]
    #[bench::add(Ready::new())]
    fn parse(ready: Ready) -> Ready {
        (0..TIMES).for_each(|_| ready.parse());
        ready
    }

    // Who calls, by an API key.
    #[library_benchmark]
    #[bench::add(Ready::new())]
    fn authenticate(ready: Ready) -> Ready {
        (0..TIMES).for_each(|_| drop(black_box(ready.authenticate())));
        ready
    }

    // That, and from a name to a tool the caller may use.
    #[library_benchmark]
    #[bench::add(Ready::new())]
    fn route(ready: Ready) -> Ready {
        (0..TIMES).for_each(|_| drop(black_box(ready.route(ready.authenticate()))));
        ready
    }

    // That, and past every limit, the permit, and the arguments by the tool's schema.
    #[library_benchmark]
    #[bench::add(Ready::new())]
    fn admit_and_check(ready: Ready) -> Ready {
        (0..TIMES).for_each(|_| drop(black_box(ready.check(ready.route(ready.authenticate())))));
        ready
    }

    // A line of the audit log: encoded, chained, handed to the kernel.
    #[library_benchmark]
    #[bench::add(Audited::new())]
    fn audit(audited: Audited) -> Audited {
        (0..TIMES).for_each(|_| audited.append());
        audited
    }

    // Whether a request may go out, by the last of 64 rules.
    #[library_benchmark]
    #[bench::rules(Way::new())]
    fn decide(way: Way) -> Way {
        (0..TIMES).for_each(|_| policy::decide(&way.policy, &way.url, &way.headers));
        way
    }

    // The whole of a request but its socket, that its arguments refuse: no guest runs.
    #[library_benchmark]
    #[bench::refused(Ready::new())]
    fn request_refused(ready: Ready) -> Ready {
        (0..TIMES).for_each(|_| ready.refused());
        ready
    }

    library_benchmark_group!(
        name = stages,
        benchmarks = [parse, authenticate, route, admit_and_check, audit, decide, request_refused]
    );

    main!(
        config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
        library_benchmark_groups = stages
    );

    pub(crate) fn run() {
        main();
    }
}

fn main() {
    if counts::is_harness() {
        return harness::run();
    }
    ready::prepare();
    counts::check();
}
