/* SPDX-License-Identifier: Apache-2.0 */
#include "api/trigger_request.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"

#define BODY_JSON_MAX ((size_t)1 << 20)
#define RING_SLOTS    4096 /* a power of two */

/* ---- the document --------------------------------------------------------------------------------------------------
 */

struct stored {
    struct request r;
    int outcome;
    int kind;
    int status;
};

#define AT(member) offsetof(struct stored, member)
static const struct field fields[] = {
        {.name = "method", .kind = FIELD_TEXT, .at = AT(r.method)},
        {.name = "headers", .kind = FIELD_OBJECT, .at = AT(r.headers)},
        {.name = "query", .kind = FIELD_OBJECT, .at = AT(r.query)},
        {.name = "kind", .kind = FIELD_INT, .at = AT(kind)},
        {.name = "type", .kind = FIELD_TEXT, .at = AT(r.type)},
        {.name = "why", .kind = FIELD_TEXT, .at = AT(r.why)},
        {.name = "peer", .kind = FIELD_TEXT, .at = AT(r.peer)},
        {.name = "run", .kind = FIELD_MS, .at = AT(r.run)},
        {.name = "message", .kind = FIELD_MS, .at = AT(r.message)},
        {.name = "size", .kind = FIELD_MS, .at = AT(r.size)},
        {.name = "outcome", .kind = FIELD_INT, .at = AT(outcome)},
        {.name = "status", .kind = FIELD_INT, .at = AT(status)},
};
#undef AT

enum err request_decode(struct arena *a, const struct doc *d, struct request *out)
{
    struct json *body;
    struct stored s = {.outcome = 0};
    if (json_parse(a, d->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, fields, ARRAY_LEN(fields), FIELD_LOAD, body, &s, NULL);
    s.r.id = d->id;
    s.r.status = s.status;
    s.r.outcome = (enum request_outcome)s.outcome;
    s.r.kind = (enum content)s.kind;
    s.r.body = d->data;
    s.r.received_ms = d->created_ms;
    *out = s.r;
    return ERR_OK;
}

void request_encode(struct arena *a, const struct request *r, struct doc *out)
{
    struct stored s = {.r = *r, .outcome = (int)r->outcome, .kind = (int)r->kind, .status = r->status};
    struct buf body = BUF_INIT(BODY_JSON_MAX);
    struct json_writer w = json_writer(&body);
    json_w_object(&w);
    fields_write_stored(fields, ARRAY_LEN(fields), &s, &w);
    json_w_object_end(&w);
    CHECK(!body.overflow);
    out->body = arena_str(a, buf_str(&body));
    out->data = r->body;
    buf_fini(&body);
}

enum err request_trigger_json(struct arena *a, const struct request *r, struct str *out)
{
    struct http_header type = {STR("Content-Type"), r->type};
    struct incoming in = {.method = r->method, .headers = &type, .header_count = r->type.len > 0, .body = r->body};
    struct incoming_json json;
    struct str why;
    if (r->kind == CONTENT_JSON && r->outcome != REQUEST_REFUSED)
        json.body = content_checked(r->body);
    else if (content_json(a, &in, r->kind, STR_NULL, &json, &why) != ERR_OK)
        return ERR_INVALID;
    json.headers = r->headers;
    json.query = r->query;
    *out = content_whole(a, r->method, &json);
    return ERR_OK;
}

/* ---- rings ---------------------------------------------------------------------------------------------------------
 */

/* A place per trigger; two that fall on one place find out again where they are. */
struct ring {
    oid_t trigger;
    bool captures;
    int next;
};

struct request_rings {
    pthread_mutex_t lock;
    struct ring rings[RING_SLOTS];
};

struct request_rings *request_rings_new(void)
{
    struct request_rings *r = mem_zalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void request_rings_free(struct request_rings *r)
{
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct str ring_key(struct arena *a, bool captures, int slot)
{
    return arena_printf(a, "%c%d", captures ? 'c' : 'r', slot);
}

/* Behind the newest one in the store. */
static enum err find_next(struct store_reader *r, const struct doc *d, bool captures, int size, int *next)
{
    oid_t newest = 0;
    *next = 0;
    for (int i = 0; i < size; i++) {
        struct arena *a = arena_new(4096);
        struct doc old;
        enum err e = store_find_doc(r, a, DOC_REQUEST, d->app, d->ref, ring_key(a, captures, i), &old);
        if (e == ERR_OK && old.id > newest) {
            newest = old.id;
            *next = (i + 1) % size;
        }
        arena_free(a);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_OK;
}

/* Takes the next place of a ring. */
static enum err take_slot(struct request_rings *rings, struct store_reader *r, const struct doc *d, bool captures,
                          int size, int *slot)
{
    struct ring *g = &rings->rings[hash_u64((uint64_t)d->ref * 2 + captures) & (RING_SLOTS - 1)];
    enum err e = ERR_OK;
    pthread_mutex_lock(&rings->lock);
    if (g->trigger != d->ref || g->captures != captures) {
        int next;
        pthread_mutex_unlock(&rings->lock);
        e = find_next(r, d, captures, size, &next);
        pthread_mutex_lock(&rings->lock);
        if (g->trigger != d->ref || g->captures != captures)
            *g = (struct ring){.trigger = d->ref, .captures = captures, .next = next};
    }
    *slot = g->next;
    g->next = (g->next + 1) % size;
    pthread_mutex_unlock(&rings->lock);
    return e;
}

enum err request_ring_put(struct request_rings *rings, struct store_reader *r, struct arena *a, const struct doc *d,
                          enum request_outcome outcome, oid_t keep, struct doc_change *out, size_t *count)
{
    bool captures = outcome == REQUEST_CAPTURED;
    int size = captures ? TRIGGER_CAPTURES : TRIGGER_REFUSALS, slot;
    struct doc old = {.id = 0};
    enum err e;
    do {
        e = take_slot(rings, r, d, captures, size, &slot);
        if (e == ERR_OK)
            e = store_find_doc(r, a, DOC_REQUEST, d->app, d->ref, ring_key(a, captures, slot), &old);
    } while (e == ERR_OK && keep != 0 && old.id == keep);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *count = 0;
    if (e == ERR_OK)
        out[(*count)++] = (struct doc_change){
                .change = DOC_DELETE, .doc = {.id = old.id, .kind = DOC_REQUEST}, .expected_version = old.version};
    out[*count] = (struct doc_change){.change = DOC_CREATE, .doc = *d};
    out[(*count)++].doc.key = ring_key(a, captures, slot);
    return ERR_OK;
}
