/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/speak.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "auth/auth.h"
#include "base/time.h"
#include "cli/local.h"
#include "delivery/client.h"
#include "delivery/simple.h"

#define TOKEN_LIFE_MS (5 * TIME_MINUTE_MS)
#define TIMEOUT_MS    60000
#define FILE_MAX      ((size_t)64 << 20)

/* ---- where and with what ----------------------------------------------------------------------------------------- */

static const char *env_text(const char *name)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static const char *make_authorization(struct speak *s, struct str token)
{
    return arena_printf(s->arena, "Authorization: Bearer " STR_FMT, STR_ARG(token)).ptr;
}

static int make_token(struct speak *s, const struct settings *set, const char *env)
{
    struct keyring *keys = NULL;
    struct buf token = BUF_INIT(8192);
    const char *why;
    struct str secret = str_c(set->jwt_secret);
    int64_t now_ms = (int64_t)time(NULL) * TIME_SECOND_MS;
    if (secret.ptr == NULL && local_keys(set, &keys, &why) != ERR_OK) {
        local_could_not(s->args, set->keys_path, why);
        fprintf(stderr, "or set POSTRIDER_TOKEN to a key made by `postrider token create` on the server\n");
        return CLI_COULD_NOT;
    }
    if (secret.ptr == NULL)
        secret = keyring_jwt_secret(keys);
    auth_jwt_make_operator(str_c(env != NULL ? env : set->environment), secret, now_ms, now_ms + TOKEN_LIFE_MS, &token);
    s->authorization = make_authorization(s, buf_str(&token));
    buf_fini(&token);
    keyring_free(keys);
    return ARGS_GO_ON;
}

const char *speak_local_url(struct arena *a, const struct settings *set)
{
    struct str listen = str_c(set->listen);
    size_t colon = listen.len;
    while (colon > 0 && listen.ptr[colon - 1] != ':')
        colon--;
    struct str host = colon > 0 ? str_take(listen, colon - 1) : listen;
    if (host.len == 0 || str_eq(host, STR("0.0.0.0")))
        host = STR("127.0.0.1");
    else if (str_eq(host, STR("[::]")))
        host = STR("[::1]");
    return arena_printf(a, "%s://" STR_FMT ":%s", set->tls_cert != NULL ? "https" : "http", STR_ARG(host),
                        listen.ptr + colon)
            .ptr;
}

static const char *given_url(struct speak *s, const char *text)
{
    struct str url = str_c(text);
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    return arena_cstr(s->arena, url);
}

/* What the environment does not say itself comes from the settings of a server on this machine. */
static int open_local(struct speak *s, const char *env)
{
    struct settings set;
    int status = local_settings(s->args, &set);
    if (status != ARGS_GO_ON)
        return status;
    if (s->url == NULL) {
        s->is_local = true;
        s->url = speak_local_url(s->arena, &set);
        s->pinned_cert = set.tls_cert != NULL ? arena_cstr(s->arena, str_c(set.tls_cert)) : NULL;
    }
    if (s->authorization == NULL)
        status = make_token(s, &set, env);
    settings_fini(&set);
    return status;
}

int speak_check_env(const struct args *a, const char *env)
{
    if (env == NULL || (strncmp(env, "org_", 4) == 0 && strlen(env) == 4 + OID_TEXT_LEN))
        return ARGS_GO_ON;
    return args_refuse(a, "--env \"%s\" does not fit: write org_ and %d letters or digits", env, OID_TEXT_LEN);
}

int speak_open(struct speak *s, const struct args *a, const char *env)
{
    const char *url = env_text("POSTRIDER_URL"), *token = env_text("POSTRIDER_TOKEN");
    *s = (struct speak){.args = a, .arena = arena_new(65536), .ca_file = env_text("POSTRIDER_CA_FILE")};
    int status = speak_check_env(a, env);
    if (status == ARGS_GO_ON && token != NULL && env != NULL)
        status = args_refuse(a, "--env is for a token made here, but POSTRIDER_TOKEN is set and has an environment");
    if (url != NULL)
        s->url = given_url(s, url);
    if (token != NULL)
        s->authorization = make_authorization(s, str_c(token));
    if (status == ARGS_GO_ON && (s->url == NULL || s->authorization == NULL))
        status = open_local(s, env);
    if (status == ARGS_GO_ON && client_global_init() != ERR_OK)
        status = local_could_not(a, NULL, "the HTTP client library could not be set up");
    if (status != ARGS_GO_ON)
        speak_close(s);
    return status;
}

void speak_close(struct speak *s)
{
    arena_free(s->arena);
    s->arena = NULL;
}

/* ---- exchanges --------------------------------------------------------------------------------------------------- */

int speak_try(struct speak *s, const char *method, const char *path, struct str body, bool quiet,
              struct speak_answer *out)
{
    const char *headers[4] = {s->authorization, "User-Agent: postrider/" POSTRIDER_VERSION};
    size_t n = 2;
    const char *why = NULL;
    struct simple_answer got;
    if (body.ptr != NULL)
        headers[n++] = arena_printf(s->arena, "Content-Type: %s",
                                    s->content_type != NULL ? s->content_type : "application/json")
                               .ptr;
    if (s->idempotency != NULL)
        headers[n++] = arena_printf(s->arena, "Idempotency-Key: %s", s->idempotency).ptr;
    struct simple_request r = {.method = method,
                               .url = arena_printf(s->arena, "%s%s", s->url, path).ptr,
                               .headers = headers,
                               .header_count = n,
                               .body = body,
                               .timeout_ms = TIMEOUT_MS,
                               .ca_file = s->ca_file,
                               .pinned_cert = s->pinned_cert};
    s->trouble = simple_send(&r, &got, &why);
    if (s->trouble != ERR_OK && quiet)
        return CLI_COULD_NOT;
    if (s->trouble != ERR_OK)
        return local_could_not(s->args, arena_printf(s->arena, "no answer from %s", s->url).ptr, why);
    struct json *tree = NULL;
    *out = (struct speak_answer){.status = got.status, .text = arena_str(s->arena, buf_str(&got.body))};
    if (out->text.len > 0 && json_parse(s->arena, out->text, &tree, NULL) == ERR_OK)
        out->json = tree;
    simple_answer_fini(&got);
    return ARGS_GO_ON;
}

/* One line per problem of a 422: where it is and what to write. */
static void print_problems(const struct json *list)
{
    for (const struct json *p = list->child; p != NULL; p = p->next) {
        const struct json *loc = json_get(p, STR("loc"));
        struct str msg = STR_NULL, part;
        fprintf(stderr, "  ");
        for (const struct json *l = loc != NULL ? loc->child : NULL; l != NULL; l = l->next)
            if (json_as_str(l, &part))
                fprintf(stderr, STR_FMT "%s", STR_ARG(part), l->next != NULL ? "." : ": ");
        if (json_as_str(json_get(p, STR("msg")), &msg))
            fprintf(stderr, STR_FMT, STR_ARG(msg));
        fputc('\n', stderr);
    }
}

int speak_refused(const struct speak *s, const struct speak_answer *answer)
{
    struct str text;
    const struct json *detail = json_get(answer->json, STR("detail"));
    fprintf(stderr, "postrider %s: the server answers %d", s->args->page->command, answer->status);
    if (json_as_str(detail, &text))
        fprintf(stderr, ": " STR_FMT "\n", STR_ARG(text));
    else
        fputc('\n', stderr);
    if (detail != NULL && detail->type == JSON_ARRAY)
        print_problems(detail);
    switch (answer->status) {
    case 404:
    case 409:
    case 410:
        return CLI_NO;
    case 400:
    case 413:
    case 422:
        return CLI_USAGE;
    default:
        return CLI_COULD_NOT;
    }
}

int speak_call(struct speak *s, const char *method, const char *path, struct str body, struct speak_answer *out)
{
    int status = speak_try(s, method, path, body, false, out);
    if (status == ARGS_GO_ON && (out->status < 200 || out->status > 299))
        status = speak_refused(s, out);
    return status;
}

void speak_escape(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c != '\0' && strchr("-._~", c) != NULL);
        if (plain)
            buf_add_c(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

int speak_read(struct speak *s, const char *path, struct str *out)
{
    bool in = strcmp(path, "-") == 0;
    FILE *f = in ? stdin : fopen(path, "re");
    struct buf text = BUF_INIT(FILE_MAX);
    size_t n = 1;
    while (f != NULL && n > 0) {
        char *at = buf_reserve(&text, 65536);
        n = at != NULL ? fread(at, 1, 65536, f) : 0;
        text.len += n;
    }
    bool good = f != NULL && !ferror(f) && !text.overflow;
    int trouble = errno;
    if (f != NULL && !in)
        (void)fclose(f);
    *out = arena_str(s->arena, str_of(text.len > 0 ? text.ptr : "", text.len));
    bool large = text.overflow;
    buf_fini(&text);
    if (good)
        return ARGS_GO_ON;
    local_could_not(s->args, path, large ? "is larger than 64 MiB" : strerror(trouble));
    return CLI_USAGE;
}
