# `make run` and `make test` are all a newcomer needs; `make help` lists the rest.

CARGO ?= cargo
COMPONENTS := $(wildcard components/*)
LISTEN ?= 127.0.0.1:8080
FUZZ ?= $(notdir $(wildcard tests/fuzz/corpus/*))
FUZZ_SECONDS ?= 60
# The host as it is shipped, but with the dependencies that the tests were built with: minutes instead of a quarter of an hour.
# What is built incrementally is cut into so many units that little is inlined.
OPTIMISED := CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_OPT_LEVEL=3 CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false CARGO_PROFILE_DEV_OVERFLOW_CHECKS=false

.PHONY: run test bench instructions fuzz components check fmt lint doc deny tools help

# With CONFIG=file that is served; else what the environment names (PROMETHEUS_URL and others: deploy/run/config).
run: tools components ## build, start on 127.0.0.1:8080 (LISTEN=...), show how to connect; CONFIG=file or PROMETHEUS_URL=...
	@echo "building the host (the first time takes some minutes)" >&2
	$(CARGO) build --release --package bulkhead
	@config='$(CONFIG)'; [ -n "$$config" ] || ! deploy/run/config >target/run.yaml || config=target/run.yaml; \
		set -x; exec target/release/bulkhead serve --show-client --listen $(LISTEN) $${config:+--config "$$config"}

test: tools components ## every test: units, hostile guests, real clients, a real Prometheus
	$(CARGO) test --workspace

bench: tools components ## a sandboxed call next to a native one; writes target/bench.json
	env -u RUST_BACKTRACE $(CARGO) bench --package bulkhead --bench calls

instructions: tools ## what a call's stages take, counted by callgrind; fails on 5 % more than is kept
	@command -v valgrind >/dev/null || { echo "valgrind is missing. On Debian or Ubuntu: apt-get install -y valgrind libc6-dbg" >&2; exit 1; }
	@version=$$(sed -n '/^name = "gungraun-runner"$$/{n;s/.*"\(.*\)"/\1/p}' Cargo.lock); \
		gungraun-runner --version 2>/dev/null | grep -qw "$$version" \
		|| { echo "gungraun-runner $$version is missing; install it with: cargo install --locked gungraun-runner@$$version" >&2; exit 1; }
	env -u RUST_BACKTRACE $(OPTIMISED) $(CARGO) bench --profile dev --workspace --bench instructions

# No sanitizer: the code under test has no `unsafe` of ours, and without one the pinned compiler does, instead of a
# nightly. No guest is run, so any component will do as the one in the binary. What is found new goes to
# tests/fuzz/target; the seeds are kept by hand.
fuzz: tools tests/fuzz/Cargo.lock ## every fuzz target for FUZZ_SECONDS (60), or FUZZ="urls grants"; needs cargo-fuzz
	@cargo fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is missing; install it with: cargo install --locked cargo-fuzz" >&2; exit 1; }
	BULKHEAD_UTILITIES_WASM=$(CURDIR)/tests/fuzz/corpus/contract/empty-component \
		cargo fuzz build --fuzz-dir tests/fuzz --target-dir tests/fuzz/target --sanitizer none --codegen-units 16
	@set -e; for target in $(FUZZ); do \
		echo "fuzzing $$target" >&2; \
		mkdir -p tests/fuzz/artifacts/$$target tests/fuzz/target/corpus/$$target; \
		tests/fuzz/target/*/release/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=60 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=tests/fuzz/artifacts/$$target/ tests/fuzz/target/corpus/$$target tests/fuzz/corpus/$$target; \
	done

# What is fuzzed is what is shipped: the same versions.
tests/fuzz/Cargo.lock: Cargo.lock
	cp $< $@

components: tools ## build the components into target/components
	@$(CARGO) run --quiet --package guest-builder -- target/components $(COMPONENTS)

check: fmt lint doc deny ## everything CI looks at beside the tests

fmt:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check

lint: tools
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc: tools
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

deny: ## licences, sources, bans; advisories when their database can be reached
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2; exit 1; }
	cargo deny check --hide-inclusion-graph licenses bans sources
	@cargo deny fetch db >/dev/null 2>&1 && cargo deny check advisories \
		|| echo "advisories: the database cannot be reached from here; not checked" >&2

tools:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing. Install it with rustup (https://rustup.rs), then run this again." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing. On Debian or Ubuntu: apt-get install -y gcc libc6-dev" >&2; exit 1; }

help:
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14
