/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `token create`: through the server that runs, so that it knows the key at once; without one, straight into the store.
 */
#include "auth/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "base/time.h"
#include "cli/local.h"
#include "cli/resource.h"
#include "cli/speak.h"
#include "json/write.h"

#define BODY_MAX 65536

static int print_token(const struct args *a, struct str answer, struct str token)
{
    if (a->json)
        printf(STR_FMT "\n", STR_ARG(answer));
    else
        printf(STR_FMT "\n", STR_ARG(token));
    return CLI_DONE;
}

/* ---- through the server ------------------------------------------------------------------------------------------ */

static struct str make_body(struct speak *s)
{
    const struct args *a = s->args;
    const char *scopes[ARGS_GIVEN_MAX];
    struct buf body = BUF_INIT(BODY_MAX);
    struct json_writer w = json_writer(&body);
    size_t n = args_list(a, "scope", scopes, ARRAY_LEN(scopes));
    json_w_object(&w);
    json_w_str_at(&w, "name", str_c(args_text(a, "name")));
    if (args_given(a, "role"))
        json_w_str_at(&w, "role", str_c(args_text(a, "role")));
    if (args_given(a, "app"))
        json_w_str_at(&w, "appId", str_c(args_text(a, "app")));
    if (args_given(a, "expires"))
        json_w_i64_at(&w, "expiresIn", (args_duration_ms(a, "expires") + 999) / TIME_SECOND_MS);
    if (n > 0) {
        json_w_name(&w, STR("scopes"));
        json_w_array(&w);
        for (size_t i = 0; i < n; i++)
            json_w_str(&w, str_c(scopes[i]));
        json_w_array_end(&w);
    }
    json_w_object_end(&w);
    struct str text = arena_str(s->arena, buf_str(&body));
    buf_fini(&body);
    return text;
}

/* *absent: nobody listens there, which is no trouble yet. */
static int create_by_server(const struct args *a, bool *absent)
{
    struct speak s;
    struct speak_answer answer;
    struct str token;
    bool local = getenv("POSTRIDER_URL") == NULL;
    int status = speak_open(&s, a, args_text(a, "env"));
    if (status != ARGS_GO_ON)
        return status;
    status = speak_try(&s, "POST", "/api/v1/auth/api-key", make_body(&s), local, &answer);
    *absent = local && s.trouble == ERR_UNAVAILABLE;
    if (status != ARGS_GO_ON && local && !*absent)
        local_could_not(a, s.url, err_text(s.trouble));
    if (status == ARGS_GO_ON && (answer.status < 200 || answer.status > 299))
        status = speak_refused(&s, &answer);
    if (status == ARGS_GO_ON)
        status = json_as_str(json_get(answer.json, STR("token")), &token)
                         ? print_token(a, answer.text, token)
                         : local_could_not(a, s.url, "answered without a token: is that Postrider?");
    speak_close(&s);
    return status;
}

/* ---- without ----------------------------------------------------------------------------------------------------- */

struct offline {
    const struct args *args;
    const struct settings *set;
    struct arena *arena;
    struct store *store;
    struct store_reader *reader;
};

static int find_app(struct offline *o, struct str env_name, int64_t now_ms, oid_t *out)
{
    struct api api = {.store = o->store, .id_key = store_identity(o->store)->id_key};
    const char *text = args_text(o->args, "app");
    oid_t env = 0;
    *out = 0;
    if (text == NULL)
        return ARGS_GO_ON;
    enum err e = api_env(&api, o->reader, env_name, false, now_ms, &env);
    if (e == ERR_OK)
        e = env != 0 ? api_app_id(&api, o->reader, o->arena, env, str_c(text), out) : ERR_NOT_FOUND;
    if (e == ERR_OK)
        return ARGS_GO_ON;
    local_could_not(o->args, text, e == ERR_NOT_FOUND ? "there is no such workspace" : err_text(e));
    return e == ERR_NOT_FOUND ? CLI_NO : CLI_COULD_NOT;
}

static int create_offline(struct offline *o)
{
    const struct args *a = o->args;
    const char *scopes[ARGS_GIVEN_MAX], *field = NULL, *why = NULL;
    struct str list[ARGS_GIVEN_MAX];
    struct oid_source oids;
    struct buf text = BUF_INIT(256);
    int64_t now_ms = (int64_t)time(NULL) * TIME_SECOND_MS, life_ms = args_duration_ms(a, "expires");
    const char *env = args_text(a, "env") != NULL ? args_text(a, "env") : o->set->environment;
    struct token t = {.name = str_c(args_text(a, "name")), .role = str_c(args_text(a, "role")), .env = str_c(env)};
    if (!args_given(a, "role"))
        t.role = str_c(args_given(a, "app") ? TOKEN_ROLE_CONFINED : TOKEN_ROLE_FREE);
    t.scope_count = args_list(a, "scope", scopes, ARRAY_LEN(scopes));
    for (size_t i = 0; i < t.scope_count; i++)
        list[i] = str_c(scopes[i]);
    t.scopes = t.scope_count > 0 ? list : NULL;
    t.expires_ms = life_ms > 0 ? now_ms + life_ms : 0;
    if (token_check(&t, &field, &why) != ERR_OK)
        return args_refuse(a, "%s", why);
    int status = find_app(o, t.env, now_ms, &t.app);
    if (status != ARGS_GO_ON)
        return status;
    oid_source_init(&oids, 0, store_identity(o->store)->highest_oid);
    enum err e = token_create(o->store, o->arena, &oids, now_ms, &t, &text);
    struct str json = arena_printf(o->arena, "{\"token\":\"" STR_FMT "\"}", STR_ARG(buf_str(&text)));
    status = e == ERR_OK ? print_token(a, json, buf_str(&text)) : local_could_not(a, "the store", err_text(e));
    buf_fini(&text);
    return status;
}

static int create_in_store(const struct args *a, const struct settings *set)
{
    struct offline o = {.args = a, .set = set};
    struct store_config c = {.path = set->sqlite_path};
    const char *why = NULL;
    if (access(set->sqlite_path, F_OK) != 0)
        return local_could_not(
                a, set->sqlite_path,
                "no server answers and there is no database: start the server, or set POSTRIDER_DATABASE "
                "to its own");
    enum err e = store_open(&c, &o.store, &why);
    if (e == ERR_CONFLICT)
        return local_could_not(a, set->sqlite_path,
                               "no server answers, but a process has the database open: set POSTRIDER_URL or "
                               "POSTRIDER_LISTEN to where it listens");
    if (e != ERR_OK)
        return local_could_not(a, set->sqlite_path, why);
    o.arena = arena_new(65536);
    e = store_reader_open(o.store, &o.reader);
    int status = e == ERR_OK ? create_offline(&o) : local_could_not(a, set->sqlite_path, err_text(e));
    if (e == ERR_OK)
        store_reader_close(o.reader);
    arena_free(o.arena);
    store_close(o.store);
    return status;
}

/* Before the first start there are no keys to speak to a server with, and no server. */
static bool never_started(const struct settings *set)
{
    return getenv("POSTRIDER_URL") == NULL && getenv("POSTRIDER_TOKEN") == NULL && set->jwt_secret == NULL &&
           access(set->keys_path, F_OK) != 0;
}

int token_create_run(const struct args *a)
{
    struct settings set;
    bool absent = false;
    if (getenv("POSTRIDER_URL") != NULL)
        return create_by_server(a, &absent);
    int status = speak_check_env(a, args_text(a, "env"));
    if (status == ARGS_GO_ON)
        status = local_store_settings(a, &set);
    if (status != ARGS_GO_ON)
        return status;
    absent = never_started(&set);
    if (!absent)
        status = create_by_server(a, &absent);
    if (absent)
        status = create_in_store(a, &set);
    settings_fini(&set);
    return status;
}
