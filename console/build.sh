#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh CONSOLE_DIR OUTPUT.c DEPFILE: installs what package-lock.json says, when it has changed, and bundles. Builds of several
# directories may run at once.
set -eu
here=$1 target=$2 out=$(realpath -m "$2") deps=$(realpath -m "$3")
cd "$here"
exec 9>.lock
flock 9
if ! cmp -s package-lock.json node_modules/.installed-lock; then
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
        { sleep 3; npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; }
    cp package-lock.json node_modules/.installed-lock
fi
exec node embed.mjs "$out" "$deps" "$target"
