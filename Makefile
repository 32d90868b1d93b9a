# `make run` and `make test` are all a newcomer needs; `make help` lists the rest.

CARGO ?= cargo
COMPONENTS := components/utilities components/prometheus
LISTEN ?= 127.0.0.1:8080

.PHONY: run test bench components check fmt lint doc deny tools help

run: tools components ## build, start on 127.0.0.1:8080 (LISTEN=...), and show how to connect
	@echo "building the host (the first time takes some minutes)" >&2
	$(CARGO) build --release --package bulkhead
	target/release/bulkhead serve --show-client --listen $(LISTEN)

test: tools components ## every test: units, hostile guests, real clients, a real Prometheus
	$(CARGO) test --workspace

bench: tools components ## a sandboxed call next to a native one; writes target/bench.json
	env -u RUST_BACKTRACE $(CARGO) bench --package bulkhead --bench calls

components: tools ## build the components into target/components
	@$(CARGO) run --quiet --package guest-builder -- target/components $(COMPONENTS)

check: fmt lint doc deny ## everything CI looks at beside the tests

fmt:
	$(CARGO) fmt --all --check

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
