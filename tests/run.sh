#!/usr/bin/env bash
# Runs every test of the workspace and ends with one line: "N passed, N failed, N skipped".
#
# Everything is built first, programs and tests in one go, so that all share one set of
# features and nothing is compiled twice. Unit tests run side by side; then every test in a
# `tests/` folder, one after another, because these start the workspace's programs, want both
# cores of a small machine, and measure real time.
set -uo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
log=$target/test.log
mkdir -p "$target"
: >"$log"
status=0

run() {
    printf '\n== %s\n' "$*"
    "$@" 2>&1 </dev/null | tee -a "$log" || status=1
}

run cargo build --workspace --bins --tests
if [ "$status" -eq 0 ]; then
    run cargo test --workspace --no-fail-fast --lib --bins
    run cargo test --workspace --no-fail-fast --test '*' -- --test-threads=1
    run cargo test --workspace --no-fail-fast --doc
fi

if [ "$status" -ne 0 ]; then
    printf '\nWhat failed (the whole output is in %s):\n' "$log"
    grep -E '^(error|test .*FAILED$|test result: FAILED)' "$log" | sort -u || true
fi
echo
awk '/^test result:/ {
    for (i = 2; i <= NF; i++) {
        if ($i == "passed;") passed += $(i - 1)
        if ($i == "failed;") failed += $(i - 1)
        if ($i == "ignored;") skipped += $(i - 1)
    }
}
END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit "$status"
