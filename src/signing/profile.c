/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others ask of a parsed profile, and the envelope around a payload.
 */
#include "base/time.h"
#include "signing/row.h"
#include "json/write.h"

void profile_free(struct profile *p)
{
    if (p != NULL)
        arena_free(p->arena);
}

struct str profile_name(const struct profile *p)
{
    return p->name;
}

struct str profile_description(const struct profile *p)
{
    return p->description;
}

const struct profile_event_type *profile_event_types(const struct profile *p, size_t *count)
{
    *count = p->event_type_count;
    return p->event_types;
}

bool profile_is_raw(const struct profile *p)
{
    return p->raw;
}

bool profile_disables_on_410(const struct profile *p)
{
    return p->disable_on_410;
}

int64_t profile_timeout_ms(const struct profile *p)
{
    return p->timeout_ms;
}

const int64_t *profile_retry_schedule(const struct profile *p, size_t *count)
{
    *count = p->retry_count;
    return p->retry_ms;
}

bool profile_overlaps(const struct profile *p)
{
    return p->separator.len > 0;
}

bool profile_owns_header(const struct profile *p, struct str name)
{
    for (size_t i = 0; i < p->header_count; i++) {
        if (str_eq_nocase(p->headers[i].name, name))
            return true;
    }
    return false;
}

static void add_json_string(struct str s, struct buf *out)
{
    if (s.ptr == NULL) {
        buf_add_str(out, STR("null"));
        return;
    }
    buf_add_c(out, '"');
    json_escape(s, out);
    buf_add_c(out, '"');
}

static void render_segment(const struct segment *s, const struct profile_facts *facts, struct buf *out)
{
    char time[TIME_TEXT_SIZE];
    switch (s->field) {
    case FIELD_TEXT:
        buf_add_str(out, s->text);
        break;
    case FIELD_EVENT_UUID:
        add_json_string(facts->event_uuid, out);
        break;
    case FIELD_MESSAGE_ID:
        add_json_string(facts->message_id, out);
        break;
    case FIELD_TYPE:
        add_json_string(facts->type, out);
        break;
    case FIELD_OCCURRED_AT:
        time_format(facts->occurred_ms, time);
        add_json_string(str_c(time), out);
        break;
    case FIELD_ACTOR:
        buf_add_str(out, facts->actor.len > 0 ? facts->actor : STR("null"));
        break;
    case FIELD_WORKSPACE:
        buf_add_str(out, facts->workspace.len > 0 ? facts->workspace : STR("null"));
        break;
    case FIELD_DATA:
    case FIELD_SIGNATURE:
    case FIELD_TIMESTAMP:
    case FIELD_TIMESTAMP_MS:
    case FIELD_ATTEMPT:
    case FIELD_BODY:
    case FIELD_METHOD:
    case FIELD_URL:
    case FIELD_FORM:
    case FIELD_BODY_TIME:
    case FIELD_COUNT:
        CHECK(false && "a field that an envelope cannot have");
    }
}

void profile_render(const struct profile *p, const struct profile_facts *facts, struct buf *head, struct buf *tail)
{
    struct buf *out = head;
    if (p->raw)
        return;
    for (size_t i = 0; i < p->envelope.count; i++) {
        if (p->envelope.segments[i].field == FIELD_DATA)
            out = tail;
        else
            render_segment(&p->envelope.segments[i], facts, out);
    }
}
