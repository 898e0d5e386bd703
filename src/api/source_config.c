/* SPDX-License-Identifier: Apache-2.0 */
/* The `type` and `config` of a source: which sender may use its URL. What is a secret goes to the trigger, sealed. */
#include "api/source.h"
#include "api/source_cron.h"
#include "signing/profile_incoming.h"

#define SECRET_MAX 1024

const struct source_type *source_type_read(struct api_call *call, struct str name)
{
    const struct source_type *type = source_type_find(name);
    const char *why = source_type_refusal(name);
    if (name.ptr == NULL)
        call_problem(call, "type", "value_error.missing", "is missing");
    else if (type == NULL)
        call_problem(call, "type", "value_error", "%s",
                     why != NULL ? why : "no such type of source; generic-webhook takes requests of anybody");
    return type;
}

static void trouble(struct api_call *call, const char *member, const char *type, const char *why)
{
    problem_add(&call->problems, "body", STR("config"), str_c(member), type, "%s", why);
}

/* A text of the config; the null str: it is null, absent, or none. */
static struct str read_text(struct api_call *call, const struct json *config, const char *name)
{
    struct str text = STR_NULL;
    const struct json *j = json_get(config, str_c(name));
    if (j == NULL || json_is_null(j))
        return STR_NULL;
    if (!json_as_str(j, &text))
        trouble(call, name, "type_error.string", "must be a string");
    else if (text.len == 0 || text.len > SECRET_MAX)
        trouble(call, name, "value_error.length", "must have 1 to 1024 bytes");
    else
        return arena_str(call->arena, text);
    return STR_NULL;
}

/* The secret, if the body has another one. */
static void read_secret(struct api_call *call, const struct json *config, const struct source_type *type,
                        struct trigger *t)
{
    const char *why;
    const struct json *given = json_get(config, str_c(type->secret));
    struct str text = read_text(call, config, type->secret);
    if (text.ptr == NULL) {
        if ((type->flags & SOURCE_OPTIONAL) == 0 && (given == NULL ? t->secret_count == 0 : json_is_null(given)))
            trouble(call, type->secret, "value_error.missing", "is missing");
        if (given != NULL)
            t->secret_count = 0;
        return;
    }
    struct str *one = arena_alloc(call->arena, sizeof *one);
    *one = text;
    t->secrets = one;
    t->secret_count = 1;
    struct profile *p = provider_profile(provider_find(str_c(type->provider)));
    if (profile_check_incoming(p, text, &why) != ERR_OK)
        trouble(call, type->secret, "value_error", why);
    profile_free(p);
}

static void read_grace(struct api_call *call, const struct json *config, struct trigger *t)
{
    const struct json *j = json_get(config, STR("timestampGraceSeconds"));
    t->tolerance_s = 0;
    if (j != NULL && !json_is_null(j) &&
        (!json_as_i64(j, &t->tolerance_s) || t->tolerance_s < 0 || t->tolerance_s > PROFILE_TOLERANCE_MAX_S))
        trouble(call, "timestampGraceSeconds", "value_error.range", "must be a whole number from 0 to 86400");
}

static struct str shown_config(struct api_call *call, const struct source_type *type, const struct trigger *t)
{
    struct buf out = BUF_INIT(16 * SECRET_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    if ((type->flags & SOURCE_SHOWN) != 0 && t->secret_count > 0)
        json_w_str_at(&w, type->secret, t->secrets[0]);
    json_w_object_end(&w);
    struct str shown = arena_str(call->arena, buf_str(&out));
    buf_fini(&out);
    return shown;
}

void source_config_read(struct api_call *call, const struct json *body, const struct source_type *type,
                        struct trigger *t, struct str *config)
{
    const struct json *given = json_get(body, STR("config"));
    *config = STR_NULL;
    if ((type->flags & SOURCE_CRON) != 0) {
        *config = source_cron_read(call, given);
        return;
    }
    t->profile = type->provider != NULL ? str_c(type->provider) : STR_NULL;
    t->tolerance_s = -1;
    t->methods = (type->flags & SOURCE_ASKS) != 0 ? TRIGGER_ALL_METHODS : TRIGGER_USUAL_METHODS;
    if (type->secret == NULL) {
        t->secret_count = 0;
        t->verify_token = STR_NULL;
        return;
    }
    if (given != NULL && given->type != JSON_OBJECT && !json_is_null(given)) {
        call_problem(call, "config", "type_error.dict", "must be an object");
        return;
    }
    read_secret(call, given, type, t);
    if ((type->flags & SOURCE_TOKEN) != 0 && (t->verify_token = read_text(call, given, "verifyToken")).ptr == NULL)
        trouble(call, "verifyToken", "value_error.missing", "must be a string");
    if ((type->flags & SOURCE_GRACE) != 0)
        read_grace(call, given, t);
    *config = shown_config(call, type, t);
}
