/* SPDX-License-Identifier: Apache-2.0 */
/* The settings RETRY_SCHEDULE, REQUEST_TIMEOUT and DEFAULT_SIGNATURE change the row `standard`, and that one only. */
#include "api/env.h"
#include "model/field.h"
#include "signing/profile.h"
#include "json/tree.h"
#include "json/write.h"

#define ROW_MAX ((size_t)1 << 20)

struct override {
    const char *name;
    struct str json; /* null str: as it is */
};

/* With Ed25519 the two forms of a secret change places: new ones are whsk_, whsec_ ones stay good. */
static const char ed25519_secret[] = "{\"prefix\":\"whsk_\",\"publicPrefix\":\"whpk_\",\"keyDecoding\":\"base64\","
                                     "\"generate\":{\"bytes\":32,\"encoding\":\"base64\"}}";
static const char ed25519_keys[] = "[{\"prefix\":\"whsec_\",\"algorithm\":\"hmac-sha256\",\"keyDecoding\":\"base64\","
                                   "\"signatureFormat\":\"v1,{signature}\"}]";

static struct str schedule_json(struct arena *a, const struct settings *s)
{
    static const struct field field[] = {{.name = "retrySchedule",
                                          .kind = FIELD_SECONDS,
                                          .at = offsetof(struct settings, retry_schedule_ms),
                                          .count_at = offsetof(struct settings, retry_count)}};
    struct buf out = BUF_INIT(ROW_MAX);
    struct json_writer w = json_writer(&out);
    if (s->retry_count == 0)
        return STR("[]");
    fields_write_answer(field, 1, s, &w);
    struct str json = arena_str(a, str_skip(buf_str(&out), sizeof "\"retrySchedule\":" - 1));
    buf_fini(&out);
    return json;
}

/* The row with some members replaced, the others byte for byte. */
static struct str apply(struct arena *a, struct str row, const struct override *overrides, size_t count)
{
    struct json *j;
    if (json_parse(a, row, &j, NULL) != ERR_OK)
        return row;
    struct buf out = BUF_INIT(ROW_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    for (const struct json *m = j->child; m != NULL; m = m->next) {
        struct str value = m->raw;
        for (size_t i = 0; i < count; i++) {
            if (overrides[i].json.ptr != NULL && str_eq(m->name, str_c(overrides[i].name)))
                value = overrides[i].json;
        }
        json_w_name(&w, m->name);
        json_w_raw(&w, value);
    }
    json_w_object_end(&w);
    struct str changed = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return changed;
}

static struct str standard_row(struct arena *a, const struct settings *s, struct str row)
{
    bool ed25519 = s->default_ed25519;
    const struct override overrides[] = {
            {"retrySchedule", s->retry_schedule_set ? schedule_json(a, s) : STR_NULL},
            {"timeoutMs",
             s->request_timeout_ms != 0 ? arena_printf(a, "%lld", (long long)s->request_timeout_ms) : STR_NULL},
            {"algorithm", ed25519 ? STR("\"ed25519\"") : STR_NULL},
            {"signatureFormat", ed25519 ? STR("\"v1a,{signature}\"") : STR_NULL},
            {"secret", ed25519 ? str_c(ed25519_secret) : STR_NULL},
            {"keys", ed25519 ? str_c(ed25519_keys) : STR_NULL},
    };
    return apply(a, row, overrides, ARRAY_LEN(overrides));
}

enum err env_profile_rows(struct arena *a, const struct settings *s, const struct api_profile_row **rows, size_t *count,
                          struct str *why)
{
    struct api_profile_row *out = arena_alloc(a, (profile_builtin_count + 1) * sizeof *out);
    for (size_t i = 0; i < profile_builtin_count; i++) {
        struct profile *parsed;
        struct str path;
        out[i].name = str_c(profile_builtins[i].name);
        out[i].json = str_c(profile_builtins[i].json);
        if (s != NULL && str_eq(out[i].name, STR("standard")))
            out[i].json = standard_row(a, s, out[i].json);
        enum err e = profile_parse(a, out[i].json, &parsed, &path, why);
        if (e != ERR_OK)
            return e;
        profile_free(parsed);
    }
    *rows = out;
    *count = profile_builtin_count;
    return ERR_OK;
}

struct str env_profile_wanted(struct arena *a, const struct api_profile_row *row, bool plain)
{
    struct json *tree;
    if (!plain || json_parse(a, row->json, &tree, NULL) != ERR_OK)
        return row->json;
    struct buf out = BUF_INIT(ROW_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    for (const struct json *m = tree->child; m != NULL; m = m->next) {
        json_w_name(&w, m->name);
        if (!str_eq(m->name, STR("headers"))) {
            json_w_raw(&w, m->raw);
            continue;
        }
        json_w_object(&w);
        for (const struct json *h = m->child; h != NULL; h = h->next) {
            if (str_starts_nocase(h->name, STR("svix-")))
                continue;
            json_w_name(&w, h->name);
            json_w_raw(&w, h->raw);
        }
        json_w_object_end(&w);
    }
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

enum err env_default_profile_known(const struct api *api, struct store_reader *r, bool *out)
{
    struct str name = str_c(api->default_profile);
    struct object found;
    oid_t env = 0;
    *out = true;
    for (size_t i = 0; i < api->row_count; i++)
        if (str_eq(api->rows[i].name, name))
            return ERR_OK;
    enum err e = api_env(api, r, str_c(api->environment), false, 0, &env);
    if (e != ERR_OK)
        return e;
    struct arena *a = arena_new(4096);
    e = env == 0 ? ERR_NOT_FOUND : store_find_object(r, a, OBJ_PROFILE, env, 0, name, &found);
    arena_free(a);
    *out = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}
