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

run cargo build --release --workspace --bins --tests
if [ "$status" -eq 0 ]; then
    run cargo test --release --workspace --no-fail-fast --lib --bins
    run cargo test --release --workspace --no-fail-fast --test '*' -- --test-threads=1
    run cargo test --release --workspace --no-fail-fast --doc
    run node --test --test-reporter=tap control-api/panel/tests/*.test.js
fi

if [ "$status" -ne 0 ]; then
    printf '\nWhat failed (the whole output is in %s):\n' "$log"
    grep -E '^(error|test .*FAILED$|test result: FAILED|not ok )' "$log" | sort -u || true
fi
echo
awk '
# cargo
/^test result:/ {
    for (i = 2; i <= NF; i++) {
        if ($i == "passed;") passed += $(i - 1)
        if ($i == "failed;") failed += $(i - 1)
        if ($i == "ignored;") skipped += $(i - 1)
    }
}
# node
$1 == "#" && $2 == "pass" { passed += $3 }
$1 == "#" && ($2 == "fail" || $2 == "cancelled") { failed += $3 }
$1 == "#" && ($2 == "skipped" || $2 == "todo") { skipped += $3 }
END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit "$status"
