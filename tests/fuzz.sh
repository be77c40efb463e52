#!/usr/bin/env bash
# Runs every libFuzzer target for a share of so many seconds: tests/fuzz.sh 600
#
# The stable toolchain can do it: libFuzzer comes as source with a crate, and the compiler's
# coverage instrumentation is asked for by flags. The address sanitizer, which only a nightly
# compiler offers, is left out: the code under test has no unsafe blocks. Overflow and debug
# assertions are armed. What is learnt stays in target/fuzz/corpus for the next run; an input
# that makes a target fail is kept in target/fuzz/findings, and makes this fail.
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
fuzz=$target/fuzz
mkdir -p "$fuzz/corpus" "$fuzz/findings"

echo "Valid inputs to begin with"
ORMATRIX_FUZZ_SEEDS=$fuzz/seeds ORMATRIX_FUZZ_ROUNDS=0 \
    cargo test --quiet --release -p ormatrix-tests --test fuzz_bodies >"$fuzz/seeds.log" 2>&1 || {
    cat "$fuzz/seeds.log"
    exit 1
}
mkdir -p "$fuzz/seeds/analyse" "$fuzz/captures"
python3 sinks/tests/captures/captures.py "$fuzz/captures" >/dev/null &&
    find "$fuzz/captures" -name '*.pcap*' -size -32k -exec cp -t "$fuzz/seeds/analyse" {} +

# As cargo-fuzz asks for it, but for the sanitizer. Naming the host as target keeps the flags
# away from build scripts, which have no libFuzzer to link with.
host=$(rustc -vV | sed -n 's/^host: //p')
flags="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 -Cdebug-assertions"
for option in -sanitizer-coverage-level=4 -sanitizer-coverage-inline-8bit-counters \
    -sanitizer-coverage-pc-table -sanitizer-coverage-trace-compares; do
    flags="$flags -Cllvm-args=$option"
done
folders="router/st2110/fuzz tests/fuzz"
names=
for folder in $folders; do
    echo "Building $folder"
    # The workspace's versions, but for what only libFuzzer needs.
    cp Cargo.lock "$folder/Cargo.lock"
    CARGO_TARGET_DIR=$fuzz/build RUSTFLAGS=$flags \
        cargo build --quiet --release --target "$host" --manifest-path "$folder/Cargo.toml" || exit 1
    for file in "$folder"/fuzz_targets/*.rs; do
        names="$names $(basename "$file" .rs)"
    done
done

share=$((seconds / $(echo "$names" | wc -w)))
[ "$share" -gt 0 ] || share=1
status=0
printf '\n%-16s %12s %10s %10s  %s\n' target executions corpus coverage findings
for name in $names; do
    corpus=$fuzz/corpus/$name
    mkdir -p "$corpus" "$fuzz/findings/$name" "$fuzz/seeds/$name"
    before=$(find "$fuzz/findings/$name" -type f | wc -l)
    "$fuzz/build/$host/release/$name" -max_total_time="$share" -timeout=20 -rss_limit_mb=4096 \
        -print_final_stats=1 -artifact_prefix="$fuzz/findings/$name/" \
        "$corpus" "$fuzz/seeds/$name" >"$fuzz/$name.log" 2>&1 </dev/null
    ended=$?
    found=$(($(find "$fuzz/findings/$name" -type f | wc -l) - before))
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$fuzz/$name.log")
    coverage=$(grep -o 'cov: [0-9]*' "$fuzz/$name.log" | tail -1 | tr -dc '0-9')
    printf '%-16s %12s %10s %10s  %s\n' "$name" "${executions:-?}" \
        "$(find "$corpus" -type f | wc -l)" "${coverage:-?}" "$found"
    if [ "$ended" -ne 0 ]; then
        status=1
        grep -E 'panicked|assertion|ERROR|Test unit written' -A2 "$fuzz/$name.log" | head -20
    fi
done
[ "$status" -eq 0 ] || echo "To see one again: $fuzz/build/$host/release/TARGET FILE"
exit "$status"
