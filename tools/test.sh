# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev test. Each suite leaves its results under .dev/results (meson's log or TAP); tools/count-tests.mjs adds them up. A suite
# that cannot even be built, or that dies, is a failure too, and the other suites run nevertheless.

results=.dev/results

suite_failed() {
    printf 'not ok 1 - %s: %s\n# pass 0\n# fail 1\n' "$1" "$2" >"$results/$1-broken.tap"
    say "FAILED: $1: $2"
}

# Client libraries, again only when the lock file has changed.
npm_packages() {
    local dir
    for dir in tests/e2e tests/browser; do npm_install $dir || return 1; done
}

npm_install() {
    local dir=$1
    cmp -s $dir/package-lock.json $dir/node_modules/.installed-lock && return 0
    say "installing the libraries of $dir"
    (cd $dir && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >.dev/npm.log 2>&1 ||
        { sleep 3; (cd $dir && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >.dev/npm.log 2>&1; } ||
        { tail -n 20 .dev/npm.log >&2; return 1; }
    cp $dir/package-lock.json $dir/node_modules/.installed-lock
}

build_with_tests() {
    local dir=$1
    shift
    configure "$dir" -Dtests=true "$@" || return 1
    # ./dev up and ./dev build leave a directory without tests where cmocka was missing.
    meson introspect "$dir" --buildoptions | grep -q '"name": "tests", "value": false' && { meson configure "$dir" -Dtests=true || return 1; }
    compile "$dir"
}

# meson_suite NAME DIR WRAPPER…: the unit and store suites of a build directory.
meson_suite() {
    local name=$1 dir=$2
    shift 2
    rm -f "$dir"/meson-logs/testlog*.json
    CMOCKA_MESSAGE_OUTPUT=TAP meson test -C "$dir" --no-rebuild --num-processes 3 --timeout-multiplier 3 --print-errorlogs ${1:+--wrapper "$*"} \
        >"$results/$name.out" 2>&1
    local rc=$?
    # With a wrapper the log has its name in it.
    cp "$dir"/meson-logs/testlog*.json "$results/$name.json" 2>/dev/null || suite_failed "$name" "meson test left no log"
    [ $rc = 0 ] || grep -v '^ *[0-9]*/[0-9]* .* OK ' "$results/$name.out" | tail -n 150
    return $rc
}

# node_suite NAME SECONDS FILE…; node_wrapper: a command to run it under
node_suite() {
    local name=$1 seconds=$2
    shift 2
    timeout -k 10 "$seconds" ${node_wrapper:-} node --test --test-concurrency="${E2E_CONCURRENCY:-2}" \
        --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$results/$name.tap" "$@" >"$results/$name.out" 2>&1
    local rc=$?
    if [ $rc != 0 ]; then
        sed -n '/failing tests/,$p' "$results/$name.out" | head -n 200
        grep -q '^# pass' "$results/$name.tap" 2>/dev/null || suite_failed "$name" "stopped after $seconds s or crashed"
    fi
    return $rc
}

suite_unit() {
    say "unit and store tests (gcc)"
    build_with_tests build || { suite_failed unit "does not build with gcc"; return; }
    meson_suite unit build
}

# Sanitizers make gcc 12 warn where nothing is wrong, so only the builds without them stop at a warning.
suite_asan() {
    say "unit and store tests, smoke and automations (address and undefined-behaviour sanitizers)"
    export ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    build_with_tests build-asan -Dwerror=false -Db_sanitize=address,undefined -Db_lundef=false || { suite_failed asan "does not build with sanitizers"; return; }
    meson_suite asan build-asan
    POSTRIDER=$root/build-asan/postrider node_suite asan-smoke 900 tests/e2e/smoke.test.mjs tests/e2e/automations.test.mjs
    unset ASAN_OPTIONS UBSAN_OPTIONS
}

suite_tsan() {
    say "unit and store tests, smoke, retries and automations (thread sanitizer)"
    build_with_tests build-tsan -Dwerror=false -Db_sanitize=thread -Db_lundef=false || { suite_failed tsan "does not build with the thread sanitizer"; return; }
    # Its shadow memory does not fit every kernel's address randomisation, so that is turned off for these programs.
    local wrapper='setarch -R'
    $wrapper true 2>/dev/null || wrapper=
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$root/tests/tsan.supp
    meson_suite tsan build-tsan $wrapper
    node_wrapper=$wrapper E2E_CONCURRENCY=3 KILLS=3 POSTRIDER=$root/build-tsan/postrider node_suite tsan-e2e 900 tests/e2e/smoke.test.mjs tests/e2e/retries.test.mjs \
        tests/e2e/automations.test.mjs tests/e2e/automations-crash.test.mjs
    unset TSAN_OPTIONS
}

suite_clang() {
    say "compiling with clang"
    if [ ! -f build-clang/build.ninja ]; then CC=clang configure build-clang -Dtests=true; fi && compile build-clang ||
        suite_failed clang "does not build with clang"
}

# Every target for a second, from the seeds and from what was found before.
suite_fuzz() {
    say "fuzz targets, a second each"
    . tools/fuzz.sh
    mkdir -p $fuzz_dir
    fuzz_build || { suite_failed fuzz "does not build"; return; }
    local name longest good=0 bad=0
    while read -r name longest; do
        if fuzz_target "$name" "$longest" 1; then good=$((good + 1)); else bad=$((bad + 1)); printf 'not ok 1 - %s\n' "$name" >>$results/fuzz.tap; fi
    done < <(build-fuzz/tests/fuzz/replay list)
    printf '# pass %d\n# fail %d\n' "$good" "$bad" >>$results/fuzz.tap
}

suite_e2e() {
    say "end-to-end tests"
    # They wait more than they work.
    E2E_CONCURRENCY=${E2E_CONCURRENCY:-3} node_suite e2e 1800 tests/e2e/*.test.mjs
}

suite_hostile() {
    say "hostile receivers and senders"
    node_suite hostile 900 tests/hostile/*.test.mjs
}

suite_browser() {
    say "the console in a browser"
    node_suite browser 600 tests/browser/*.test.mjs
}

run_tests() {
    local suites=() files=() word
    for word in "$@"; do
        case $word in
        unit | asan | tsan | clang | fuzz | e2e | hostile | browser) suites+=("$word") ;;
        *.test.mjs) files+=("$word") ;;
        *) help >&2; exit 2 ;;
        esac
    done
    [ $# = 0 ] && suites=(unit asan tsan clang fuzz e2e hostile browser)
    need build up test
    rm -rf $results && mkdir -p $results
    npm_packages || suite_failed npm "npm ci failed"
    # The tests from outside need the program; the suite `unit` builds it with its own tests.
    case " ${suites[*]:-} " in *' unit '*) ;; *) build_with_tests build || suite_failed build "does not build with gcc" ;; esac
    for word in "${suites[@]}"; do
        SECONDS=0
        "suite_$word"
        say "$word: ${SECONDS} s"
    done
    [ ${#files[@]} = 0 ] || node_suite files 1800 "${files[@]}" || true
    node tools/count-tests.mjs $results
}
