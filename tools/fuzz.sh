# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev fuzz. What the fuzzer learns stays under .dev/fuzz/corpus; an input that breaks something is kept under .dev/fuzz/found, and once
# that is mended belongs into tests/fuzz/found/TARGET, which every test run replays.

fuzz_dir=.dev/fuzz

fuzz_build() {
    if [ ! -f build-fuzz/build.ninja ]; then
        CC=clang configure build-fuzz -Dfuzz=true -Dtests=false -Dconsole=disabled -Dwerror=false -Db_sanitize=address,undefined \
            -Db_lundef=false -Dc_args=-fno-sanitize-recover=undefined || return 1
    fi
    local out
    out=$(ninja -C build-fuzz tests/fuzz/fuzzer tests/fuzz/replay 2>&1) || { printf '%s\n' "$out" >&2; return 1; }
}

# fuzz_target NAME LONGEST SECONDS: one line of result; fails when something was found.
fuzz_target() {
    local name=$1 longest=$2 seconds=$3 rc=0 runs rate edges
    local seeds=$fuzz_dir/seeds/$name corpus=$fuzz_dir/corpus/$name found=$fuzz_dir/found/$name log=$fuzz_dir/$name.log
    rm -rf "$seeds" && mkdir -p "$seeds" "$corpus" "$found"
    build-fuzz/tests/fuzz/replay write "$name" "$seeds" || return 1
    [ -d "tests/fuzz/found/$name" ] && cp "tests/fuzz/found/$name"/* "$seeds"
    POSTRIDER_FUZZ=$name ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
        timeout -k 10 $((seconds + 60)) build-fuzz/tests/fuzz/fuzzer -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1500 \
        -max_len="$longest" -dict="$seeds.dict" -artifact_prefix="$found/" -print_final_stats=1 "$corpus" "$seeds" >"$log" 2>&1 || rc=1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    edges=$(grep -a -o 'cov: [0-9]*' "$log" | tail -n 1)
    printf '%-10s %9s runs  %7s/s  %-11s %s\n' "$name" "${runs:-?}" "${rate:-?}" "${edges:-cov: ?}" \
        "$([ $rc = 0 ] && echo 'nothing found' || echo "FOUND, see $log")"
    return $rc
}

# fuzz_all SECONDS [TARGET…]
fuzz_all() {
    local seconds=$1 name longest rc=0
    shift
    while read -r name longest; do
        if [ $# = 0 ] || [[ " $* " == *" $name "* ]]; then fuzz_target "$name" "$longest" "$seconds" || rc=1; fi
    done < <(build-fuzz/tests/fuzz/replay list)
    return $rc
}

run_fuzz() {
    local seconds=10 names=()
    while [ $# -gt 0 ]; do
        case $1 in
        --seconds) seconds=${2:-}; shift ;;
        --seconds=*) seconds=${1#*=} ;;
        -*) help >&2; exit 2 ;;
        *) names+=("$1") ;;
        esac
        shift
    done
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "--seconds takes a whole number"
    need build test
    mkdir -p $fuzz_dir
    say "building the fuzzer (clang, address and undefined-behaviour sanitizers)"
    fuzz_build || die "the fuzzer does not build"
    local name
    for name in "${names[@]}"; do
        build-fuzz/tests/fuzz/replay list | grep -q "^$name " ||
            die "no target $name; there are: $(build-fuzz/tests/fuzz/replay list | cut -d' ' -f1 | xargs)"
    done
    say "fuzzing, $seconds s each"
    if fuzz_all "$seconds" "${names[@]}"; then return 0; fi
    printf '\nWhat was found is in %s/found. build-fuzz/tests/fuzz/replay run TARGET FILE runs it again.\n' "$fuzz_dir" >&2
    return 1
}
