/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `keys rotate`: a new master key, everything sealed again under it, the old keys forgotten; in this order, so that an
 * interruption leaves nothing that cannot be opened. The next run continues.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/local.h"
#include "store/store.h"
#include "json/write.h"

#define STEP_ROWS  200
#define SECRET_MAX ((size_t)1 << 24)

static const struct arg_page rotate_page = {
        .command = "keys rotate",
        .summary = "Makes a new master key, seals every secret in the store again under it, and forgets the old key. "
                   "The server\nmust be stopped.",
        .notes = "An interrupted run is continued by the next. With POSTRIDER_MASTER_KEY, write NEW,OLD there first: "
                 "this then seals\neverything under NEW. Copies made before need the old key: keep it with them.",
        .example = "postrider keys rotate",
};

/* Opened and sealed again under the current key. */
static enum err reseal(void *arg, struct str sealed, struct str identity, struct buf *out)
{
    const struct keyring *keys = arg;
    struct buf plain = BUF_INIT(SECRET_MAX);
    enum err e = buf_reserve(&plain, sealed.len) != NULL ? keyring_open(keys, sealed, identity, &plain) : ERR_TOO_LARGE;
    if (e == ERR_OK)
        keyring_seal(keys, buf_str(&plain), identity, out);
    mem_free_secret(plain.ptr, plain.cap);
    return e;
}

static enum err reseal_all(struct store *s, struct keyring *keys, size_t *rows)
{
    struct store_sweep op = {.op = {.kind = STORE_SWEEP},
                             .sweep = SWEEP_RESEAL,
                             .rows_max = STEP_ROWS,
                             .key_id = keyring_current(keys),
                             .reseal = reseal,
                             .reseal_arg = keys};
    bool terminal = isatty(STDERR_FILENO);
    enum err e;
    *rows = 0;
    do {
        op.rows = 0;
        e = store_run(s, &op.op);
        *rows += e == ERR_OK ? op.rows : 0;
        if (terminal)
            fprintf(stderr, "\rsealed again: %zu%s", *rows, e == ERR_OK && op.more ? "" : "\n");
    } while (e == ERR_OK && op.more);
    return e;
}

static int report(const struct args *a, const struct keyring *keys, size_t rows, bool from_env)
{
    struct buf out = BUF_INIT(4096);
    struct json_writer w = json_writer(&out);
    if (!a->json) {
        printf("secrets sealed again: %zu; the old key opens nothing any more%s\n", rows,
               from_env ? ": drop it from POSTRIDER_MASTER_KEY" : "");
        printf("copies made before need the old key\n");
        return CLI_DONE;
    }
    json_w_object(&w);
    json_w_i64_at(&w, "sealed", (int64_t)rows);
    json_w_i64_at(&w, "current", keyring_current(keys));
    json_w_object_end(&w);
    local_print(&out);
    return CLI_DONE;
}

static int rotate_in(const struct args *a, const struct settings *set, struct store *s, struct keyring *keys)
{
    const char *why = NULL;
    size_t rows;
    bool from_env = set->master_key != NULL, interrupted = keyring_count(keys) > 1;
    if (!from_env && !interrupted && keyring_rotate(keys, set->keys_path, &why) != ERR_OK)
        return local_could_not(a, "no new key", why);
    if (!from_env && interrupted)
        fprintf(stderr, "an earlier rotation did not end: it is continued\n");
    enum err e = reseal_all(s, keys, &rows);
    if (e == ERR_INVALID)
        return local_could_not(a, NULL,
                               "a secret in the store opens under no key at hand: nothing was forgotten; put the "
                               "key it was sealed under back");
    if (e != ERR_OK)
        return local_could_not(a, "not everything is sealed again, run it once more", err_text(e));
    if (!from_env && keyring_forget_old(keys, set->keys_path, &why) != ERR_OK)
        return local_could_not(a, "the old key is still in the file", why);
    return report(a, keys, rows, from_env);
}

static int rotate(const struct args *a, const struct settings *set)
{
    struct keyring *keys;
    struct store *s;
    const char *why = NULL;
    struct store_config c = {.path = set->sqlite_path};
    if (access(set->sqlite_path, F_OK) != 0)
        return local_could_not(a, set->sqlite_path, "there is no database: set POSTRIDER_DATABASE to the server's");
    enum err e = store_open(&c, &s, &why);
    if (e == ERR_CONFLICT)
        return local_could_not(a, NULL, "a server has the store open: stop it, rotate, start it again");
    if (e != ERR_OK)
        return local_could_not(a, set->sqlite_path, why);
    int status = CLI_COULD_NOT;
    if (local_keys(set, &keys, &why) == ERR_OK) {
        status = rotate_in(a, set, s, keys);
        keyring_free(keys);
    } else {
        local_could_not(a, set->keys_path, why);
    }
    store_close(s);
    return status;
}

int cli_keys(int argc, char **argv)
{
    static const char *const words[] = {"rotate"};
    static const char *const summaries[] = {"Makes a new master key and seals everything again."};
    const struct args_words w = {"keys", words, summaries, ARRAY_LEN(words)};
    struct args a;
    struct settings set;
    int status;
    if (args_word(&w, argc, argv, &status) < 0)
        return status;
    status = args_read(&rotate_page, argc - 1, argv + 1, &a);
    if (status == ARGS_GO_ON)
        status = local_store_settings(&a, &set);
    if (status != ARGS_GO_ON)
        return status;
    status = rotate(&a, &set);
    settings_fini(&set);
    return status;
}
