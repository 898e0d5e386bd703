# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ./dev check: the rules of CONTRIBUTING.md that a machine can hold. Every rule prints file and reason; all rules run.

problems=0
problem() {
    printf '%s\n' "$*"
    problems=$((problems + 1))
}

tracked() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do [ -f "$f" ] && printf '%s\n' "$f"; done; }

check_spdx() {
    local f
    for f in $(tracked 'src/**' 'tests/**' 'bench/**' 'tools/**' 'console/**' dev '.ci/*' 'meson*'); do
        case $f in tests/fuzz/found/* | *.json | *.txt | *.md | *.crt | *.key | *.ref) continue ;; esac
        grep -Iq . "$f" || continue
        head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || problem "$f: no SPDX line"
    done
}

check_format() {
    local f
    while read -r f; do
        clang-format --dry-run --Werror "$f" 2>/dev/null || problem "$f: clang-format -i $f"
    done < <(tracked '*.c' '*.h')
}

# Each header alone, by both compilers.
check_headers() {
    local flags cc h out
    flags="-fsyntax-only -x c -std=gnu17 -D_GNU_SOURCE -Isrc -Wall -Wextra -Werror $(pkg-config --cflags libcurl libcares libcrypto sqlite3 libidn2 libpcre2-8 yaml-0.1)"
    for cc in gcc clang; do
        for h in $(tracked 'src/*.h'); do
            # shellcheck disable=SC2086
            out=$(printf '#include "%s"\n' "${h#src/}" | $cc $flags - 2>&1) || problem "$h: does not compile alone with $cc: $(grep -m1 error: <<<"$out")"
        done
    done
}

# ARCHITECTURE.md's table gives the order of folders; an include may only point upwards, and a library has its places.
check_layers() {
    local order
    order=$(sed -n 's/^| \(`src.*\)/\1/p' ARCHITECTURE.md | cut -d'|' -f1 | grep -o 'src/[a-z]*/' | cut -d/ -f2 | tr '\n' ' ')
    # shellcheck disable=SC2046
    awk -v order="$order" '
        BEGIN {
            n = split(order, names, " "); for (i = 1; i <= n; i++) rank[names[i]] = i
            home["openssl/"] = "crypto http"; home["sqlite3.h"] = "store"; home["yaml.h"] = "json"; home["curl/"] = "delivery"; home["ares.h"] = "delivery"; home["sys/epoll.h"] = "sys"
        }
        FNR == 1 { split(FILENAME, part, "/"); folder = part[2]; if (folder !~ /\./ && !(folder in rank)) { print FILENAME ": folder is not in ARCHITECTURE.md"; rank[folder] = 999 } }
        /^#include "/ && folder in rank {
            split($2, q, "\""); split(q[2], part, "/")
            if ((part[1] in rank) && rank[part[1]] > rank[folder]) print FILENAME ": " folder "/ may not include " q[2]
        }
        /^#include </ { for (lib in home) if (index($2, "<" lib) == 1 && index(" " home[lib] " ", " " folder " ") == 0) print FILENAME ": " $2 " belongs in " home[lib] }
    ' $(tracked 'src/*.c' 'src/*.h')
}

# Pure folders ask the system for nothing.
check_purity() {
    grep -nE '\b(clock_gettime|gettimeofday|time\(NULL|getrandom|random_bytes|fopen|open\(|socket\()' $(tracked 'src/engine/*.c' 'src/model/*.c' 'src/signing/*.c' 'src/ssrf/*.c') /dev/null |
        sed 's/$/   (a pure folder reads no clock, draws no randomness, makes no system call)/'
}

check_sizes() {
    # shellcheck disable=SC2046
    ctags -x --_xformat='%F %N %{line} %{end}' --kinds-C=f --languages=C $(tracked 'src/*.c' 'bench/*.c') |
        awk '$4 - $3 + 1 > 80 { print $1 ": " $2 "() has " $4 - $3 + 1 " lines, 80 at most" }'
    wc -l $(tracked 'src/*.c' 'src/*.h' 'tests/*.c' 'bench/*.c') | awk '$2 != "total" && $1 > ($2 ~ /^tests/ ? 1500 : 700) { print $2 ": " $1 " lines; one file is one noun" }'
}

changed_sources() {
    local base
    base=$(git merge-base HEAD '@{upstream}' 2>/dev/null || git merge-base HEAD main 2>/dev/null)
    [ -n "$base" ] && [ "$base" != "$(git rev-parse HEAD)" ] || base=$(git rev-parse -q --verify HEAD~1 || git rev-parse HEAD)
    { git diff --name-only --diff-filter=d "$base"; git ls-files -o --exclude-standard; } | grep -E '^src/.*\.c$' | sort -u
}

check_tidy() {
    local files
    if [ "$1" = --all ]; then files=$(tracked 'src/*.c'); else files=$(changed_sources); fi
    [ -n "$files" ] || return 0
    if [ ! -f build-clang/build.ninja ]; then CC=clang configure build-clang -Dtests=true || return 1; fi
    # A crash of clang-tidy would end xargs, and with it the check of all other files.
    # shellcheck disable=SC2086,SC2016
    printf '%s\n' $files | xargs -P 2 -n 1 sh -c 'found=$(clang-tidy --quiet -p build-clang "$0" 2>/dev/null)
        [ $? -lt 128 ] || echo "$0: clang-tidy crashed, and looked at nothing" >&2
        printf "%s\n" "$found" | grep -E "warning:|error:" || :' | sort -u
}

lines_of() {
    local line
    while read -r line; do problem "$line"; done < <("$@")
}

# The types of the console.
check_console() {
    (cd console && { [ -x node_modules/.bin/tsc ] || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; } && node_modules/.bin/tsc --noEmit) ||
        problem "console: the types do not fit (npm run check)"
}

run_checks() {
    need build up test check
    say "SPDX lines"; check_spdx
    say "types of the console"; check_console
    say "layout"; check_format
    say "headers compile alone"; check_headers
    say "folders"; lines_of check_layers; lines_of check_purity
    say "sizes"; lines_of check_sizes
    say "clang-tidy"; lines_of check_tidy "${1:-}"
    [ $problems = 0 ] || { say "$problems problems"; exit 1; }
    say "all good"
}
