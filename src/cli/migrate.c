/* SPDX-License-Identifier: Apache-2.0 */
/* `migrate`: what `serve` does at its start, as a step of its own. */
#include <stdio.h>

#include "cli/local.h"
#include "store/store.h"
#include "json/write.h"

static const struct arg_flag flags[] = {
        {"check", NULL, "change nothing; exit 1 when there is something to do", .kind = ARG_SWITCH},
};

static const struct arg_page page = {
        .command = "migrate",
        .summary =
                "Brings the store's schema up to date, or makes a new store. The server must be stopped; it does the "
                "same when it\nstarts.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .example = "postrider migrate --check",
};

static void report(const struct args *a, int from, int to, const char *text)
{
    struct buf out = BUF_INIT(4096);
    struct json_writer w = json_writer(&out);
    if (!a->json) {
        printf("%s\n", text);
        return;
    }
    json_w_object(&w);
    json_w_i64_at(&w, "from", from);
    json_w_i64_at(&w, "to", to);
    json_w_object_end(&w);
    local_print(&out);
}

static int migrate(const struct args *a, const struct settings *set)
{
    struct store_facts facts = {.schema_version = 0};
    struct store *s;
    const char *why = NULL;
    char text[160];
    int newest = store_schema_version();
    enum err e = store_look(set->sqlite_path, STORE_LOOK, &facts, &why);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return local_could_not(a, set->sqlite_path, why);
    int from = facts.schema_version;
    if (from == newest) {
        (void)snprintf(text, sizeof text, "the store is at schema %d, which is the newest", from);
        report(a, from, newest, text);
        return CLI_DONE;
    }
    if (args_on(a, "check")) {
        if (from == 0)
            (void)snprintf(text, sizeof text, "there is no store yet; schema %d would be made", newest);
        else
            (void)snprintf(text, sizeof text, "the store is at schema %d; %d is the newest", from, newest);
        report(a, from, newest, text);
        return CLI_NO;
    }
    struct store_config c = {.path = set->sqlite_path};
    e = store_open(&c, &s, &why);
    if (e != ERR_OK)
        return local_could_not(a, set->sqlite_path, why);
    int to = store_identity(s)->schema_version;
    store_close(s);
    if (from == 0)
        (void)snprintf(text, sizeof text, "a new store was made, at schema %d", to);
    else
        (void)snprintf(text, sizeof text, "the store went from schema %d to %d", from, to);
    report(a, from, to, text);
    return CLI_DONE;
}

int cli_migrate(int argc, char **argv)
{
    struct args a;
    struct settings set;
    int status = args_read(&page, argc, argv, &a);
    if (status == ARGS_GO_ON)
        status = local_store_settings(&a, &set);
    if (status != ARGS_GO_ON)
        return status;
    status = migrate(&a, &set);
    settings_fini(&set);
    return status;
}
