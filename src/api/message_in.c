/* SPDX-License-Identifier: Apache-2.0 */
/* One pass picks the members; each is checked by a function of its own, which reports a problem or sets its part. */
#include "api/message_in.h"

#include "base/time.h"
#include "json/tree.h"

enum want {
    WANT_TYPE,
    WANT_PAYLOAD,
    WANT_EVENT_ID,
    WANT_CHANNELS,
    WANT_TAGS,
    WANT_ACTOR,
    WANT_OCCURRED,
    WANT_DELIVER,
    WANT_DAYS,
    WANT_HOURS,
    WANT_RAW,
    WANT_APPLICATION,
    WANTS
};

static const char *const want_names[WANTS] = {
        [WANT_TYPE] = "eventType",
        [WANT_PAYLOAD] = "payload",
        [WANT_EVENT_ID] = "eventId",
        [WANT_CHANNELS] = "channels",
        [WANT_TAGS] = "tags",
        [WANT_ACTOR] = "actor",
        [WANT_OCCURRED] = "occurredAt",
        [WANT_DELIVER] = "deliverAt",
        [WANT_DAYS] = "payloadRetentionPeriod",
        [WANT_HOURS] = "payloadRetentionHours",
        [WANT_RAW] = "transformationsParams",
        [WANT_APPLICATION] = "application",
};

struct reading {
    struct arena *arena;
    struct str params;
    struct json_want wants[WANTS];
    struct message *message;
    struct problems *problems;
};

static void complain(struct reading *r, enum want w, const char *type, const char *text)
{
    problem_add(r->problems, "body", str_c(want_names[w]), STR_NULL, type, "%s", text);
}

static struct json_slice value_of(const struct reading *r, enum want w)
{
    struct json_slice v = r->wants[w].value;
    if (v.type == JSON_NULL)
        v.type = JSON_NONE;
    return v;
}

static struct str slice_text(struct arena *a, struct json_slice v)
{
    if (!v.escaped)
        return json_plain(v);
    struct buf out = BUF_INIT(v.raw.len * 3 + 1);
    json_unescape(v, &out);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s.ptr != NULL ? s : STR("");
}

/* An identifier: null str when absent or wrong. */
static struct str read_id(struct reading *r, enum want w, bool required)
{
    struct json_slice v = value_of(r, w);
    if (v.type == JSON_NONE) {
        if (required)
            complain(r, w, "value_error.missing", "is missing");
        return STR_NULL;
    }
    if (v.type != JSON_STRING) {
        complain(r, w, "type_error.string", "must be a string");
        return STR_NULL;
    }
    struct str s = slice_text(r->arena, v);
    if (s.len < 1 || s.len > 256)
        complain(r, w, "value_error.length", "must have 1 to 256 characters");
    else if (!chars_fit(CHARS_ID, s))
        complain(r, w, "value_error.pattern", "may only hold letters, digits, '-', '_' and '.'");
    else
        return s;
    return STR_NULL;
}

static bool items_fit(struct reading *r, enum want w, const struct json *list, enum field_chars chars)
{
    for (const struct json *i = list->child; i != NULL; i = i->next) {
        if (i->type != JSON_STRING || i->text.len == 0 || i->text.len > 128 || !chars_fit(chars, i->text)) {
            complain(r, w, "value_error.pattern",
                     chars == CHARS_TAG ? "items must be 1 to 128 letters, digits, '-', '_', '.', '/', '\\' and '#'"
                                        : "items must be 1 to 128 letters, digits, '-', '_', '.', ':' and '+'");
            return false;
        }
        for (const struct json *j = list->child; j != i; j = j->next) {
            if (str_eq(i->text, j->text)) {
                complain(r, w, "value_error.unique_items", "items must differ");
                return false;
            }
        }
    }
    return true;
}

/* A short list of names, written compactly; null str when absent, empty or wrong. */
static struct str read_list(struct reading *r, enum want w, enum field_chars chars, size_t min, size_t max)
{
    struct json_slice v = value_of(r, w);
    struct json *list = NULL;
    if (v.type == JSON_NONE)
        return STR_NULL;
    if (v.type != JSON_ARRAY) {
        complain(r, w, "type_error.list", "must be a list of strings");
        return STR_NULL;
    }
    if (v.raw.len > 65536 || json_parse(r->arena, v.raw, &list, NULL) != ERR_OK || list->count < min ||
        list->count > max) {
        problem_add(r->problems, "body", str_c(want_names[w]), STR_NULL, "value_error.items",
                    "must have %zu to %zu items", min, max);
        return STR_NULL;
    }
    if (list->count == 0 || !items_fit(r, w, list, chars))
        return STR_NULL;
    struct buf out = BUF_INIT(8192);
    struct json_writer writer = json_writer(&out);
    json_w_array(&writer);
    for (const struct json *i = list->child; i != NULL; i = i->next)
        json_w_str(&writer, i->text);
    json_w_array_end(&writer);
    struct str s = arena_str(r->arena, buf_str(&out));
    buf_fini(&out);
    return s;
}

/* `absent` when it is absent or wrong. */
static int64_t read_time(struct reading *r, enum want w, int64_t absent)
{
    struct json_slice v = value_of(r, w);
    int64_t ms = absent;
    if (v.type != JSON_NONE && (v.type != JSON_STRING || time_parse(slice_text(r->arena, v), &ms) != ERR_OK))
        complain(r, w, "value_error.datetime", "must be a date and time such as 2026-11-21T09:30:00Z");
    return ms;
}

/* 0 when absent or wrong. */
static int64_t read_units(struct reading *r, enum want w, int64_t max)
{
    struct json_slice v = value_of(r, w);
    int64_t n = 0;
    if (v.type == JSON_NONE)
        return 0;
    if (v.type != JSON_NUMBER || str_to_i64(v.raw, &n) != ERR_OK || n < 1 || n > max) {
        problem_add(r->problems, "body", str_c(want_names[w]), STR_NULL, "value_error.range",
                    "must be a whole number from 1 to %lld", (long long)max);
        return 0;
    }
    return n;
}

static struct str read_actor(struct reading *r, struct str header)
{
    struct json_slice v = value_of(r, WANT_ACTOR);
    if (v.type != JSON_NONE) {
        if (v.type == JSON_OBJECT && v.raw.len <= MESSAGE_ACTOR_MAX)
            return v.raw;
        complain(r, WANT_ACTOR, "type_error.dict", "must be an object of at most 4096 bytes");
        return STR_NULL;
    }
    if (header.ptr == NULL)
        return STR_NULL;
    if (header.len <= MESSAGE_ACTOR_MAX && json_check(header, &v, NULL) == ERR_OK && v.type == JSON_OBJECT)
        return v.raw;
    problem_add(r->problems, "header", STR("Postrider-Actor"), STR_NULL, "type_error.dict",
                "must be a JSON object of at most %d bytes", MESSAGE_ACTOR_MAX);
    return STR_NULL;
}

static bool is_content_type(struct str s)
{
    if (s.len == 0 || s.len > 256)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    }
    return str_find(s, '/') < s.len;
}

/* What the code of transformations is given: everything but the raw payload, which it has as payload. */
static struct str keep_params(struct reading *r, struct str object)
{
    struct json *tree;
    if (json_parse(r->arena, object, &tree, NULL) != ERR_OK || tree->count == 0)
        return STR_NULL;
    struct buf out = BUF_INIT(object.len * 6 + 16);
    struct json_writer w = json_writer(&out);
    size_t kept = 0;
    json_w_object(&w);
    for (const struct json *m = tree->child; m != NULL; m = m->next) {
        if (str_eq(m->name, STR("rawPayload")))
            continue;
        json_w_name(&w, m->name);
        json_w_raw(&w, m->raw);
        kept++;
    }
    json_w_object_end(&w);
    struct str params = kept > 0 && !out.overflow ? arena_str(r->arena, buf_str(&out)) : STR_NULL;
    buf_fini(&out);
    return params;
}

/* {"rawPayload": text, "headers": {"content-type": text}}; everything else in it is for transformations. */
static void read_raw(struct reading *r)
{
    struct json_slice v = value_of(r, WANT_RAW);
    struct json_want wants[2] = {{.name = STR("rawPayload")}, {.name = STR("headers")}};
    if (v.type == JSON_NONE)
        return;
    if (v.type != JSON_OBJECT || json_pick(v.raw, wants, 2, NULL) != ERR_OK) {
        complain(r, WANT_RAW, "type_error.dict", "must be an object");
        return;
    }
    r->params = keep_params(r, v.raw);
    if (wants[0].value.type == JSON_NONE || wants[0].value.type == JSON_NULL)
        return;
    if (wants[0].value.type != JSON_STRING) {
        problem_add(r->problems, "body", STR("transformationsParams"), STR("rawPayload"), "type_error.string",
                    "must be a string");
        return;
    }
    r->message->payload = slice_text(r->arena, wants[0].value);
    r->message->content_type = STR("application/json");
    struct json *headers = NULL;
    if (wants[1].value.type != JSON_OBJECT || json_parse(r->arena, wants[1].value.raw, &headers, NULL) != ERR_OK)
        return;
    for (const struct json *h = headers->child; h != NULL; h = h->next) {
        if (!str_eq_nocase(h->name, STR("content-type")))
            continue;
        if (h->type == JSON_STRING && is_content_type(h->text))
            r->message->content_type = h->text;
        else
            problem_add(r->problems, "body", STR("transformationsParams"), STR("headers"), "value_error",
                        "content-type is not a media type");
    }
}

static void read_payload(struct reading *r)
{
    struct json_slice v = value_of(r, WANT_PAYLOAD);
    if (v.type == JSON_OBJECT)
        r->message->payload = v.raw;
    else if (v.type == JSON_NONE && r->wants[WANT_PAYLOAD].value.type == JSON_NONE)
        complain(r, WANT_PAYLOAD, "value_error.missing", "is missing");
    else
        complain(r, WANT_PAYLOAD, "type_error.dict", "must be an object");
    read_raw(r);
}

static void read_times(struct reading *r, int64_t now_ms, int64_t retention_ms)
{
    struct message *m = r->message;
    m->occurred_ms = read_time(r, WANT_OCCURRED, now_ms);
    int64_t days = read_units(r, WANT_DAYS, 90), hours = read_units(r, WANT_HOURS, 2160);
    if (hours > 0)
        retention_ms = hours * TIME_HOUR_MS;
    else if (days > 0)
        retention_ms = days * TIME_DAY_MS;
    m->expires_ms = now_ms + retention_ms;
    m->deliver_at_ms = read_time(r, WANT_DELIVER, 0);
    if (m->deliver_at_ms >= m->expires_ms)
        complain(r, WANT_DELIVER, "value_error.range", "must be before the payload expires");
    else if (m->deliver_at_ms <= now_ms)
        m->deliver_at_ms = 0;
}

enum err message_in_parse(struct arena *a, struct str body, struct str actor_header, int64_t now_ms,
                          int64_t retention_ms, struct message_in *out, struct problems *problems,
                          struct json_error *error)
{
    struct message_in in = {0};
    struct reading r = {.arena = a, .message = &in.message, .problems = problems};
    for (size_t i = 0; i < WANTS; i++)
        r.wants[i].name = str_c(want_names[i]);
    enum err e = json_pick(body, r.wants, WANTS, error);
    if (e == ERR_INVALID)
        problem_add(problems, "body", STR_NULL, STR_NULL, "type_error.dict", "must be an object");
    if (e != ERR_OK)
        return e;
    size_t before = problems->count;
    in.message.event_type = read_id(&r, WANT_TYPE, true);
    in.message.event_id = read_id(&r, WANT_EVENT_ID, false);
    read_payload(&r);
    in.message.channels = read_list(&r, WANT_CHANNELS, CHARS_CHANNEL, 1, 10);
    in.message.tags = read_list(&r, WANT_TAGS, CHARS_TAG, 0, 5);
    in.message.actor = read_actor(&r, actor_header);
    read_times(&r, now_ms, retention_ms);
    struct json_slice application = value_of(&r, WANT_APPLICATION);
    if (application.type == JSON_OBJECT)
        in.application = application.raw;
    else if (application.type != JSON_NONE)
        complain(&r, WANT_APPLICATION, "type_error.dict", "must be an object");
    if (problems->count > before)
        return ERR_INVALID;
    in.params = r.params;
    *out = in;
    return ERR_OK;
}
