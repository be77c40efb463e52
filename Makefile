# Everything a person types. Each target first installs what it needs.

CARGO ?= cargo
# For a shell that was opened before Rust was installed.
export PATH := $(PATH):$(HOME)/.cargo/bin

TARGET := $(or $(CARGO_TARGET_DIR),target)
INSTALL := hardware/setup/install.sh

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-api bench-instructions fuzz soak fmt lint clean

help: ## Show this list
	@echo "ormatrix: a real-time, uncompressed SMPTE ST 2110 video matrix"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-25s %s\n", $$1, $$2 }'

demo: ## Start a whole matrix on this machine; options: make demo ARGS="--headless --format 1080p50"
	@$(INSTALL) build run
	$(CARGO) build --release --workspace --bins
	@$(TARGET)/release/ormatrix demo $(ARGS)

test: ## Run every test, those over real processes one by one
	@$(INSTALL) build run test aside
	@tests/run.sh

bench: ## Measure the packet path and the wire formats
	@$(INSTALL) build
	$(CARGO) bench -p ormatrix-benches --benches

bench-instructions: ## Count the packet path's instructions a packet, watched and not
	@$(INSTALL) build test
	$(CARGO) build --release -p ormatrix-benches --bins
	@$(TARGET)/release/ormatrix-bench-path

bench-api: ## Measure takes over HTTP, 50 clients at 200 a second: make bench-api ARGS="--seconds 60 --json"
	@$(INSTALL) build
	$(CARGO) build --release -p ormatrix-router -p ormatrix-control -p ormatrix-benches --bins
	@$(TARGET)/release/ormatrix-bench-api --p99-ms 5 $(ARGS)

fuzz: ## Run every fuzz target, together for so long: make fuzz SECONDS=600
	@$(INSTALL) build test
	@tests/fuzz.sh $(or $(SECONDS),600)

soak: ## Run everything under random takes and faults, as root: make soak MINUTES=60 SEED=1
	@$(INSTALL) build run test
	$(CARGO) build --release --workspace --bins
	@ORMATRIX_SOAK_SECONDS=$$(($(or $(MINUTES),60) * 60)) $(if $(SEED),ORMATRIX_SOAK_SEED=$(SEED)) \
		ORMATRIX_SOAK_REPORT=$(abspath $(TARGET))/soak \
		$(CARGO) test --release -p ormatrix-tests --test soak -- --nocapture everything
	@echo "The report is in $(TARGET)/soak/report.md and report.json."

fmt: ## Format the code
	$(CARGO) fmt --all

lint: ## Check formatting and lints, as the continuous integration does
	@$(INSTALL) build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

clean: ## Remove everything that was built
	$(CARGO) clean
