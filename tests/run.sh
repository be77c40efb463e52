#!/usr/bin/env bash
# Runs every test of the workspace and ends with one line: "N passed, N failed, N skipped".
#
# Crates by themselves first; then the end-to-end tests, one after another, because each of
# them wants both cores of a small machine and the ports that it took. They start the
# workspace's programs, which are built first and in the same profile.
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

run cargo build --workspace --bins
if [ "$status" -eq 0 ]; then
    run cargo test --workspace --exclude ormatrix-tests --no-fail-fast
    run cargo test --package ormatrix-tests --no-fail-fast -- --test-threads=1
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
