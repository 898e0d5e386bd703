/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/offline.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/console.h"
#include "api/env.h"
#include "cli/local.h"

#define LIFE_MS    TIME_MINUTE_MS
#define ANSWER_MAX ((size_t)16 << 20)

struct offline {
    const struct args *args;
    struct settings set;
    struct keyring *keys;
    struct store *store;
    struct store_reader *reader;
    struct arena *arena;
    struct oid_source oids;
    struct ssrf_policy urls;
    struct api api;
};

static int open_store(struct offline *o)
{
    struct store_config c = {.path = o->set.sqlite_path};
    const char *why = NULL;
    if (access(o->set.sqlite_path, F_OK) != 0)
        return local_could_not(o->args, o->set.sqlite_path,
                               "no server answers and there is no database: start the server, or set "
                               "POSTRIDER_DATABASE to its own");
    enum err e = local_keys(&o->set, &o->keys, &why);
    if (e != ERR_OK)
        return local_could_not(o->args, o->set.keys_path, why);
    e = store_open(&c, &o->store, &why);
    if (e == ERR_CONFLICT)
        return local_could_not(o->args, o->set.sqlite_path,
                               "no server answers, but a process has the database open: set POSTRIDER_URL or "
                               "POSTRIDER_LISTEN to where it listens");
    if (e == ERR_OK)
        e = store_reader_open(o->store, &o->reader);
    return e == ERR_OK ? ARGS_GO_ON : local_could_not(o->args, o->set.sqlite_path, why != NULL ? why : err_text(e));
}

static int open_api(struct offline *o, int64_t now_ms)
{
    struct str why = STR_NULL;
    struct buf link = BUF_INIT(4096); /* the server prints its own */
    const struct store_identity *id = store_identity(o->store);
    oid_source_init(&o->oids, 0, id->highest_oid);
    o->urls = (struct ssrf_policy){.https_only = o->set.https_only};
    o->api = (struct api){.store = o->store,
                          .catalog = catalog_new(o->keys, id->id_key),
                          .keys = o->keys,
                          .id_key = id->id_key,
                          .oids = &o->oids,
                          .urls = &o->urls,
                          .default_profile = o->set.default_profile,
                          .environment = o->set.environment,
                          .public_url = o->set.public_url,
                          .body_bytes_max = o->set.body_limit_bytes,
                          .retention_payload_ms = o->set.retention_payload_ms,
                          .retention_history_ms = o->set.retention_history_ms};
    enum err e = env_profile_rows(o->arena, &o->set, &o->api.rows, &o->api.row_count, &why);
    if (e != ERR_OK)
        return local_could_not(o->args, "settings", why.ptr != NULL ? arena_cstr(o->arena, why) : err_text(e));
    e = console_open(&o->api, o->reader, &o->set, now_ms, &link);
    buf_fini(&link);
    return e == ERR_OK ? ARGS_GO_ON : local_could_not(o->args, o->set.sqlite_path, err_text(e));
}

static enum http_method method_of(const char *text)
{
    static const struct {
        const char *text;
        enum http_method method;
    } rows[] = {{"GET", HTTP_M_GET}, {"POST", HTTP_M_POST}, {"PUT", HTTP_M_PUT}, {"DELETE", HTTP_M_DELETE}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].text, text) == 0)
            return rows[i].method;
    }
    return HTTP_M_OTHER;
}

static void ask(struct offline *o, struct speak *s, const char *env, const char *method, const char *path,
                struct str body, int64_t now_ms, struct speak_answer *out)
{
    struct buf token = BUF_INIT(8192);
    struct json *tree = NULL;
    struct str query = str_c(path), plain = str_split(&query, '?');
    buf_add_str(&token, STR("Bearer "));
    auth_jwt_make_operator(str_c(env != NULL ? env : o->set.environment), keyring_jwt_secret(o->keys), now_ms,
                           now_ms + LIFE_MS, &token);
    struct http_header header = {STR("Authorization"), buf_str(&token)};
    struct api_call call = {.arena = o->arena,
                            .reader = o->reader,
                            .method = method_of(method),
                            .path = plain,
                            .query = query,
                            .headers = &header,
                            .header_count = 1,
                            .body = body,
                            .peer = STR("local"),
                            .now_ms = now_ms,
                            .out = BUF_INIT(ANSWER_MAX)};
    api_handle(&o->api, &call);
    *out = (struct speak_answer){.status = call.status, .text = arena_str(s->arena, buf_str(&call.out))};
    if (out->text.len > 0 && json_parse(s->arena, out->text, &tree, NULL) == ERR_OK)
        out->json = tree;
    buf_fini(&call.out);
    buf_fini(&token);
}

int offline_call(struct speak *s, const char *env, const char *method, const char *path, struct str body,
                 struct speak_answer *out)
{
    struct offline o = {.args = s->args};
    int64_t now_ms = (int64_t)time(NULL) * TIME_SECOND_MS;
    int status = local_store_settings(s->args, &o.set);
    if (status != ARGS_GO_ON)
        return status;
    o.arena = arena_new(65536);
    status = open_store(&o);
    if (status == ARGS_GO_ON)
        status = open_api(&o, now_ms);
    if (status == ARGS_GO_ON)
        ask(&o, s, env, method, path, body, now_ms, out);
    console_close(&o.api);
    if (o.api.catalog != NULL)
        catalog_free(o.api.catalog);
    if (o.reader != NULL)
        store_reader_close(o.reader);
    if (o.store != NULL)
        store_close(o.store);
    keyring_free(o.keys);
    arena_free(o.arena);
    settings_fini(&o.set);
    return status;
}
