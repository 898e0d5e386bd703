/* SPDX-License-Identifier: Apache-2.0 */
#include "api/source_cron.h"

#include "api/schedule.h"
#include "base/time.h"

#define CUE_KEY     "source"
#define PAYLOAD_MAX ((size_t)65536) /* escaped it must fit what a source may take in the store */
#define TYPE_MAX    256

struct timer {
    struct str schedule;
    struct str payload;
    struct str content_type; /* null: JSON */
};

static void trouble(struct api_call *call, const char *member, const char *type, const char *why)
{
    problem_add(&call->problems, "body", STR("config"), str_c(member), type, "%s", why);
}

static struct str read_text(struct api_call *call, const struct json *config, const char *name, size_t max)
{
    struct str text = STR_NULL;
    const struct json *j = json_get(config, str_c(name));
    if (j == NULL || json_is_null(j))
        return STR_NULL;
    if (!json_as_str(j, &text))
        trouble(call, name, "type_error.string", "must be a string");
    else if (text.len > max)
        trouble(call, name, "value_error.length", "is too long");
    return text;
}

/* What may stand in a header. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    }
    return s.len > 0;
}

static void check(struct api_call *call, const struct timer *t)
{
    struct cron cron;
    const char *why;
    if (t->schedule.ptr == NULL)
        trouble(call, "schedule", "value_error.missing", "is missing");
    else if (cron_parse(t->schedule, &cron, &why) != ERR_OK)
        trouble(call, "schedule", "value_error", why);
    else if (cron_next(&cron, call->now_ms) == TIME_NEVER)
        trouble(call, "schedule", "value_error", "never comes");
    if (t->payload.ptr == NULL)
        trouble(call, "payload", "value_error.missing", "is missing");
    if (t->content_type.ptr != NULL && !is_plain(t->content_type))
        trouble(call, "contentType", "value_error", "must be a media type");
}

struct str source_cron_read(struct api_call *call, const struct json *config)
{
    struct timer t = {.schedule = read_text(call, config, "schedule", TYPE_MAX),
                      .payload = read_text(call, config, "payload", PAYLOAD_MAX),
                      .content_type = read_text(call, config, "contentType", TYPE_MAX)};
    check(call, &t);
    if (call->problems.count > 0)
        return STR_NULL;
    struct buf out = BUF_INIT(6 * PAYLOAD_MAX + 16 * TYPE_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_str_at(&w, "schedule", t.schedule);
    json_w_str_at(&w, "payload", t.payload);
    json_w_opt_str_at(&w, "contentType", t.content_type);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str config_text = arena_str(call->arena, buf_str(&out));
    buf_fini(&out);
    return config_text;
}

/* ERR_INVALID: it is none, or damaged. */
static enum err load(struct arena *a, const struct source *s, struct timer *t, struct cron *cron)
{
    struct json *config;
    const char *why;
    if (s->config.ptr == NULL || json_parse(a, s->config, &config, NULL) != ERR_OK ||
        !json_as_str(json_get(config, STR("schedule")), &t->schedule) ||
        !json_as_str(json_get(config, STR("payload")), &t->payload) || cron_parse(t->schedule, cron, &why) != ERR_OK)
        return ERR_INVALID;
    if (!json_as_str(json_get(config, STR("contentType")), &t->content_type))
        t->content_type = STR_NULL;
    return ERR_OK;
}

bool source_cron_has(const struct doc *d)
{
    return str_eq(d->key, STR(CUE_KEY));
}

enum err source_cron_plan(struct api *api, struct api_call *call, const struct source *s)
{
    struct timer t;
    struct cron cron;
    enum err e = load(call->arena, s, &t, &cron);
    if (e != ERR_OK)
        return e;
    return schedule_plan(api, call, &(struct schedule_owner){s->app, s->id, STR(CUE_KEY)},
                         cron_next(&cron, call->now_ms));
}

static void emit(struct plan *p, const struct timer *t)
{
    struct json_slice value;
    plan_emit(p, STR(SOURCE_EVENT_TYPE), t->payload);
    struct message *m = &p->messages[p->message_count - 1];
    bool object = json_check(t->payload, &value, NULL) == ERR_OK && value.type == JSON_OBJECT;
    m->content_type = t->content_type;
    if (t->content_type.ptr == NULL && !object)
        m->content_type = STR("application/json");
}

enum err source_cron_tell(struct plan *p, const struct doc *d)
{
    struct object o;
    struct source s;
    struct timer t;
    struct cron cron;
    enum err e = store_get_object(p->reader, p->arena, OBJ_SOURCE, d->ref, &o);
    if (e == ERR_OK)
        e = o.deleted_ms != 0 ? ERR_NOT_FOUND : source_decode(p->arena, &o, &s);
    if (e == ERR_OK)
        e = load(p->arena, &s, &t, &cron);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (schedule_next(p, e == ERR_OK ? &cron : NULL, d) && e == ERR_OK)
        emit(p, &t);
    return ERR_OK;
}
