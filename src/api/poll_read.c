/* SPDX-License-Identifier: Apache-2.0 */
/* The next messages behind a place. */
#include "api/append.h"
#include "api/poll.h"
#include "sys/clock.h"

/* How young a message may be that is waited for: between its id and the queue of the store lies a turn of a loop. */
#define SETTLE_MS 100
#define PAGE      100
/* What one answer may cost: rows looked at, time, payloads. */
#define VISITS_MAX 5000
#define READ_MS    200
#define BYTES_MAX  ((size_t)4 << 20)

static enum err settle(struct api *api, oid_t app, oid_t *until)
{
    struct store_settle op = {
            .op = {.kind = STORE_SETTLE}, .app = app, .until = oid_at_ms(clock_wall_ms() - SETTLE_MS)};
    enum err e = store_run(api->store, &op.op);
    *until = op.until;
    return e;
}

enum err poll_latest(struct api *api, struct api_call *call, oid_t app, oid_t from, oid_t *out)
{
    struct message *last;
    size_t count;
    oid_t until;
    enum err e = settle(api, app, &until);
    if (e != ERR_OK)
        return e;
    struct message_query q = {.app = app, .before = until + 1, .after = from, .status = -1, .limit = 1};
    e = store_list_messages(call->reader, call->arena, &q, &last, NULL, &count);
    if (e == ERR_OK)
        *out = count > 0 ? last[0].id : from;
    return e;
}

static bool contains(const struct str *list, size_t count, struct str s)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(list[i], s))
            return true;
    }
    return false;
}

static bool fits_query(const struct poll *p, const struct match_facts *facts)
{
    bool on_channel = p->channel_count == 0;
    if (p->event_type_count > 0 && !contains(p->event_types, p->event_type_count, facts->event_type))
        return false;
    for (size_t i = 0; i < facts->channel_count && !on_channel; i++)
        on_channel = contains(p->channels, p->channel_count, facts->channels[i]);
    return on_channel;
}

/* By all but the payload. */
static bool fits_head(const struct poll *p, struct match_facts *facts)
{
    if (!fits_query(p, facts))
        return false;
    if (p->ep == NULL)
        return true;
    struct endpoint open = *p->ep;
    open.filter = STR_NULL;
    open.wants = NULL;
    return match_endpoint(&open, facts);
}

static bool fits_payload(const struct poll *p, struct api_call *call, const struct message *m)
{
    if (p->ep == NULL)
        return true;
    if (m->payload.ptr == NULL || p->ep->filter.ptr == NULL)
        return m->payload.ptr != NULL;
    struct match_facts facts = append_facts(call->arena, m);
    bool fits = match_endpoint(p->ep, &facts);
    match_facts_fini(&facts);
    return fits;
}

/* Adds the message if it fits; one that is gone meanwhile does not. */
static enum err take(struct api_call *call, struct poll *p, const struct message *head, size_t *bytes)
{
    struct match_facts facts = append_facts(call->arena, head);
    bool fits = fits_head(p, &facts);
    match_facts_fini(&facts);
    if (!fits)
        return ERR_OK;
    struct message *m = &p->messages[p->count];
    enum err e = store_get_message(call->reader, call->arena, p->app, head->id, true, m);
    if (e == ERR_OK && fits_payload(p, call, m)) {
        p->count++;
        *bytes += m->payload.len;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err poll_read(struct api *api, struct api_call *call, struct poll *p)
{
    struct message *page;
    size_t got = PAGE, visited = 0, bytes = 0;
    oid_t until;
    enum err e = settle(api, p->app, &until);
    int64_t end_ms = clock_mono_ms() + READ_MS; /* what it waited for others does not count */
    p->messages = arena_alloc(call->arena, (p->limit + 1) * sizeof *p->messages);
    p->count = 0;
    p->next = p->from;
    p->done = false;
    while (e == ERR_OK && !p->done) {
        struct message_query q = {
                .app = p->app, .before = until + 1, .after = p->next, .ascending = true, .status = -1, .limit = PAGE};
        e = store_list_messages(call->reader, call->arena, &q, &page, NULL, &got);
        for (size_t i = 0; e == ERR_OK && i < got; i++) {
            bool enough = bytes >= BYTES_MAX || visited >= VISITS_MAX || clock_mono_ms() > end_ms;
            if (p->count == p->limit || (enough && visited > 0)) /* each answer gets further */
                return ERR_OK;
            e = take(call, p, &page[i], &bytes);
            p->next = page[i].id;
            visited++;
        }
        p->done = got < PAGE;
    }
    return e;
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

#define ITERATOR_PREFIX "iter_"

oid_t poll_place_at(int64_t ms)
{
    oid_t next = oid_at_ms(ms + 1);
    return next > 1 ? next - 1 : 1;
}

struct str poll_iterator(const struct api *api, struct api_call *call, oid_t place)
{
    return api_id(api, call, place > 0 ? place : 1, ITERATOR_PREFIX);
}

static void read_channels(struct api_call *call, struct poll *p)
{
    for (size_t i = 0; i < p->channel_count; i++) {
        if (p->channels[i].len > 128 || !chars_fit(CHARS_CHANNEL, p->channels[i]))
            problem_add(&call->problems, "query", STR("channels"), STR_NULL, "value_error.pattern",
                        "holds what is not a channel");
    }
    for (size_t i = 0; i < p->event_type_count; i++) {
        if (p->event_types[i].len > 256 || !chars_fit(CHARS_ID, p->event_types[i]))
            problem_add(&call->problems, "query", STR("event_types"), STR_NULL, "value_error.pattern",
                        "holds what is not an event type");
    }
}

void poll_query(const struct api *api, struct api_call *call, oid_t from, struct poll *p)
{
    struct str iterator = query_text(call, "iterator");
    int64_t after_ms = query_time(call, "after");
    p->limit = (size_t)query_int(call, "limit", 1, POLL_LIMIT_MAX, POLL_LIMIT);
    p->from = after_ms != 0 ? poll_place_at(after_ms) : from;
    if (iterator.len > 0 && oid_parse(iterator, ITERATOR_PREFIX, api->id_key, &p->from) != ERR_OK)
        problem_add(&call->problems, "query", STR("iterator"), STR_NULL, "value_error", "is none of this API's");
    read_channels(call, p);
}
