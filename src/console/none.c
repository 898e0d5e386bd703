/* SPDX-License-Identifier: Apache-2.0 */
/* A build without the console. */
#include "console/console.h"

const struct console_asset console_assets[1] = {{.gzip = false}};
const size_t console_asset_count = 0;
