/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/serve.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

int cli_serve(int argc, char **argv)
{
    static struct settings set;
    struct buf text = BUF_INIT(65536);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0)
            continue;
        settings_help(&text);
        printf("usage: postrider serve [--dev] [flags]\n\nRuns Postrider until SIGTERM or SIGINT, then finishes what "
               "is "
               "under way. Makes its database and keys at the first\nstart.\n\n" STR_FMT
               "\nexample: postrider serve --listen 127.0.0.1:8071 --database sqlite:/var/lib/postrider/postrider.db\n",
               STR_ARG(buf_str(&text)));
        buf_fini(&text);
        return CLI_DONE;
    }
    if (settings_load(&set, argc - 1, argv + 1, &text) != ERR_OK) {
        fprintf(stderr, "postrider: %.*s\n", STR_ARG(buf_str(&text)));
        buf_fini(&text);
        return CLI_USAGE;
    }
    buf_fini(&text);
    return serve_run(&set);
}
