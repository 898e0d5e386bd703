/* SPDX-License-Identifier: Apache-2.0 */
/* A trigger's definition, as customers write it, read and checked. */
#include "api/trigger_define.h"

#include "api/env.h"
#include "incoming/dedupe.h"
#include "signing/profile_incoming.h"

#define SECRET_MAX    1024
#define ROW_MAX       16384
#define ADDRESSES_MAX 100
#define NAME_BYTES    64

struct reader {
    const struct trigger_place *at;
    struct trigger *t;
    struct problems *problems;
};

static void trouble(struct reader *rd, const char *field, const char *why)
{
    problem_add(rd->problems, "body", str_c(rd->at->at), str_c(field), "value_error", "%s", why);
}

/* A text of at most max bytes; absent or null: *out stays. */
static void read_text(struct reader *rd, const struct json *obj, const char *name, const char *field, size_t max,
                      struct str *out)
{
    const struct json *j = json_get(obj, str_c(name));
    struct str s;
    if (j == NULL || json_is_null(j))
        return;
    if (!json_as_str(j, &s))
        trouble(rd, field, "must be a string");
    else if (s.len > max || s.len == 0)
        trouble(rd, field, arena_printf(rd->at->arena, "must have 1 to %zu bytes", max).ptr);
    else
        *out = arena_str(rd->at->arena, s);
}

static void read_list(struct reader *rd, const struct json *obj, const char *name, const char *field, size_t max,
                      const struct str **out, size_t *count)
{
    const struct json *j = json_get(obj, str_c(name));
    if (j == NULL || json_is_null(j))
        return;
    struct str *items = arena_zalloc(rd->at->arena, (j->count + 1) * sizeof *items);
    if (j->type != JSON_ARRAY || j->count > max) {
        trouble(rd, field, arena_printf(rd->at->arena, "must be a list of at most %zu strings", max).ptr);
        return;
    }
    *count = 0;
    for (const struct json *i = j->child; i != NULL; i = i->next) {
        if (!json_as_str(i, &items[*count]) || items[*count].len == 0 || items[*count].len > SECRET_MAX)
            trouble(rd, field, "must hold strings of 1 to 1024 bytes");
        else
            (*count)++;
    }
    *out = items;
}

static void read_methods(struct reader *rd, const struct json *definition)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"GET", TRIGGER_GET}, {"POST", TRIGGER_POST}, {"PUT", TRIGGER_PUT}};
    const struct str *names = NULL;
    size_t count = 0;
    read_list(rd, definition, "methods", "methods", ARRAY_LEN(known), &names, &count);
    unsigned methods = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned bit = 0;
        for (size_t k = 0; k < ARRAY_LEN(known); k++)
            bit |= str_eq(names[i], str_c(known[k].name)) ? known[k].bit : 0;
        if (bit == 0)
            trouble(rd, "methods", "may hold GET, POST and PUT");
        methods |= bit;
    }
    rd->t->methods = methods != 0 ? methods : TRIGGER_USUAL_METHODS;
}

static void read_tolerance(struct reader *rd, const struct json *verify)
{
    const struct json *j = json_get(verify, STR("toleranceSeconds"));
    rd->t->tolerance_s = -1;
    if (j == NULL || json_is_null(j))
        return;
    if (!json_as_i64(j, &rd->t->tolerance_s) || rd->t->tolerance_s < 0 || rd->t->tolerance_s > PROFILE_TOLERANCE_MAX_S)
        trouble(rd, "verify.toleranceSeconds", "must be a whole number from 0 to 86400");
}

/* What answers say instead of secrets: how many, or whether there is one. */
static bool is_shown_count(const struct json *j, size_t count)
{
    int64_t n;
    return j != NULL && json_as_i64(j, &n) && n == (int64_t)count;
}

static bool is_shown_flag(const struct json *j, bool flag)
{
    bool b;
    return j != NULL && json_as_bool(j, &b) && b == flag;
}

/* What is a secret: named anew it replaces; absent, or as an answer shows it, it stays; null takes it away. */
static void read_secrets(struct reader *rd, const struct json *verify)
{
    struct trigger *t = rd->t;
    const struct json *one = json_get(verify, STR("secret")), *many = json_get(verify, STR("secrets"));
    const struct json *token = json_get(verify, STR("verifyToken"));
    struct str *secrets = arena_zalloc(rd->at->arena, sizeof *secrets);
    if (is_shown_count(many, t->secret_count))
        many = NULL;
    if (token != NULL && !is_shown_flag(token, t->verify_token.len > 0)) {
        t->verify_token = STR_NULL;
        read_text(rd, verify, "verifyToken", "verify.verifyToken", SECRET_MAX, &t->verify_token);
    }
    if (one == NULL && many == NULL)
        return;
    t->secrets = NULL;
    t->secret_count = 0;
    if (many != NULL)
        read_list(rd, verify, "secrets", "verify.secrets", TRIGGER_SECRETS_MAX, &t->secrets, &t->secret_count);
    if (one != NULL && !json_is_null(one) && many != NULL && !json_is_null(many)) {
        trouble(rd, "verify.secret", "goes without secrets");
        return;
    }
    read_text(rd, verify, "secret", "verify.secret", SECRET_MAX, secrets);
    if (secrets->len > 0) {
        t->secrets = secrets;
        t->secret_count = 1;
    }
}

static void check_addresses(struct reader *rd)
{
    struct ssrf_subnet net;
    for (size_t i = 0; i < rd->t->address_count; i++) {
        if (ssrf_parse_subnet(rd->t->addresses[i], &net) != ERR_OK)
            trouble(rd, "verify.addresses", "must be addresses or subnets such as 203.0.113.0/24");
    }
}

/* The row must read, and the secrets must be some of it. */
static enum err check_row(struct reader *rd)
{
    struct profile *p = NULL;
    struct str why = STR_NULL;
    const char *secret_why;
    const struct trigger_place *at = rd->at;
    if (rd->t->profile.ptr != NULL && rd->t->row.ptr != NULL) {
        trouble(rd, "verify.row", "goes without profile");
        return ERR_OK;
    }
    enum err e = trigger_profile(at->reader, at->arena, rd->t, &p, &why);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID) {
        trouble(rd, rd->t->row.ptr != NULL ? "verify.row" : "verify.profile", arena_cstr(at->arena, why));
        return ERR_OK;
    }
    const char *dedupe_why = p != NULL && rd->t->row.ptr != NULL ? dedupe_check_row(at->arena, p) : NULL;
    if (dedupe_why != NULL)
        trouble(rd, "verify.row", arena_printf(at->arena, "verify.dedupe: %s", dedupe_why).ptr);
    for (size_t i = 0; e == ERR_OK && p != NULL && i < rd->t->secret_count; i++) {
        if (profile_check_incoming(p, rd->t->secrets[i], &secret_why) != ERR_OK)
            trouble(rd, "verify.secret", secret_why);
    }
    profile_free(p);
    return e;
}

static enum err read_verify(struct reader *rd, const struct json *verify)
{
    struct trigger *t = rd->t;
    const struct json *row = json_get(verify, STR("row"));
    t->profile = t->row = t->header = STR_NULL;
    t->addresses = NULL;
    t->address_count = 0;
    t->tolerance_s = -1;
    if (verify == NULL || json_is_null(verify)) {
        t->secrets = NULL;
        t->secret_count = 0;
        t->verify_token = STR_NULL;
        return ERR_OK;
    }
    if (verify->type != JSON_OBJECT) {
        trouble(rd, "verify", "must be an object");
        return ERR_OK;
    }
    read_text(rd, verify, "profile", "verify.profile", NAME_BYTES, &t->profile);
    read_text(rd, verify, "header", "verify.header", NAME_BYTES, &t->header);
    if (row != NULL && !json_is_null(row)) {
        if (row->type != JSON_OBJECT || row->raw.len > ROW_MAX)
            trouble(rd, "verify.row", "must be an object of at most 16384 bytes");
        else
            t->row = arena_str(rd->at->arena, row->raw);
    }
    read_list(rd, verify, "addresses", "verify.addresses", ADDRESSES_MAX, &t->addresses, &t->address_count);
    read_tolerance(rd, verify);
    read_secrets(rd, verify);
    check_addresses(rd);
    if (t->profile.ptr == NULL && t->row.ptr == NULL && t->address_count == 0)
        trouble(rd, "verify", "must name a profile, a row or addresses");
    return check_row(rd);
}

enum err trigger_define(const struct trigger_place *at, const struct json *definition, struct trigger *t,
                        struct problems *problems)
{
    struct reader rd = {.at = at, .t = t, .problems = problems};
    size_t before = problems->count;
    struct str type = STR(TRIGGER_TYPE), dedupe = STR_NULL;
    read_text(&rd, definition, "type", "type", NAME_BYTES, &type);
    if (!str_eq(type, STR(TRIGGER_TYPE)))
        trouble(&rd, "type", "must be " TRIGGER_TYPE);
    read_text(&rd, definition, "dedupe", "dedupe", DEDUPE_MAX, &dedupe);
    const char *why = dedupe.ptr != NULL ? dedupe_check(at->arena, dedupe) : NULL;
    if (why != NULL)
        trouble(&rd, "dedupe", why);
    t->dedupe = dedupe;
    read_methods(&rd, definition);
    enum err e = read_verify(&rd, json_get(definition, STR("verify")));
    return e == ERR_OK && problems->count > before ? ERR_INVALID : e;
}

enum err trigger_profile(struct store_reader *r, struct arena *a, const struct trigger *t, struct profile **out,
                         struct str *why)
{
    struct object o;
    struct env_profile is;
    struct str path;
    *out = NULL;
    if (t->row.ptr == NULL && t->profile.ptr == NULL)
        return ERR_OK;
    if (t->row.ptr != NULL) {
        enum err e = profile_parse_incoming(a, t->row, out, &path, why);
        if (e != ERR_OK)
            *why = arena_printf(a, STR_FMT ": " STR_FMT, STR_ARG(path), STR_ARG(*why));
        return e;
    }
    const struct provider *known = provider_find(t->profile);
    if (known != NULL) {
        *out = provider_profile(known);
        return ERR_OK;
    }
    enum err e = store_find_object(r, a, OBJ_PROFILE, t->env, 0, t->profile, &o);
    if (e == ERR_OK && (e = env_profile_read(a, &o, &is)) == ERR_OK)
        e = store_get_object(r, a, OBJ_PROFILE_VERSION, is.current, &o);
    *why = STR("there is no such profile");
    return e == ERR_OK ? profile_parse_incoming(a, o.body, out, &path, why) : e;
}
