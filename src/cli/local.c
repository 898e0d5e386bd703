/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/local.h"

#include <stdio.h>
#include <unistd.h>

#include "serve/canary.h"
#include "json/write.h"

int local_settings(const struct args *a, struct settings *set)
{
    struct buf why = BUF_INIT(65536);
    enum err e = settings_load(set, 0, NULL, &why);
    if (e != ERR_OK)
        fprintf(stderr, "postrider %s: " STR_FMT "\n", a->page->command, STR_ARG(buf_str(&why)));
    buf_fini(&why);
    if (e != ERR_OK)
        return CLI_USAGE;
    log_init(LOG_ERROR, set->log_format);
    return ARGS_GO_ON;
}

int local_store_settings(const struct args *a, struct settings *set)
{
    int status = local_settings(a, set);
    if (status != ARGS_GO_ON || set->sqlite_path != NULL)
        return status;
    fprintf(stderr, "postrider %s: POSTRIDER_DATABASE is a server's: use that server's own tools\n", a->page->command);
    settings_fini(set);
    return CLI_USAGE;
}

enum err local_keys(const struct settings *set, struct keyring **out, const char **why)
{
    bool enough = set->jwt_secret != NULL && set->master_key != NULL;
    if (!enough && access(set->keys_path, F_OK) != 0) {
        *why = "there is no keys file beside the database: set POSTRIDER_DATABASE to the server's";
        return ERR_NOT_FOUND;
    }
    return keyring_load(set->keys_path, set->master_key, set->jwt_secret, out, why);
}

bool local_keys_fit(const struct keyring *keys, const struct store_facts *f)
{
    for (size_t i = 0; i < f->key_id_count; i++)
        if (!keyring_has(keys, f->key_ids[i]))
            return false;
    return f->canary_id == 0 || canary_open(keys, f->canary_id, str_of(f->canary, f->canary_bytes)) == ERR_OK;
}

int local_could_not(const struct args *a, const char *what, const char *why)
{
    fprintf(stderr, "postrider %s: %s%s%s\n", a->page->command, what != NULL ? what : "", what != NULL ? ": " : "",
            why);
    return CLI_COULD_NOT;
}

void local_progress(void *arg, int percent)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %d %%%s", (const char *)arg, percent, percent >= 100 ? "\n" : "");
}

void local_write_facts(const struct store_facts *f, struct json_writer *w)
{
    json_w_i64_at(w, "schemaVersion", f->schema_version);
    json_w_i64_at(w, "bytes", f->bytes);
    json_w_i64_at(w, "messages", (int64_t)f->messages);
    json_w_i64_at(w, "deliveries", (int64_t)f->deliveries);
    json_w_i64_at(w, "attempts", (int64_t)f->attempts);
    json_w_i64_at(w, "objects", (int64_t)f->objects);
    json_w_str_at(w, "sha256", str_c(f->sha256));
}

void local_print(struct buf *text)
{
    CHECK(!text->overflow);
    fwrite(text->ptr, 1, text->len, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    buf_fini(text);
}
