/* SPDX-License-Identifier: Apache-2.0 */
#include "automation/run.h"

#include "base/time.h"
#include "model/field.h"

#define TRIGGER_SPARE_MS (7 * TIME_DAY_MS) /* a step may be late */

#define AT(member) offsetof(struct run, member)
static const struct field run_fields[] = {
        {.name = "version", .kind = FIELD_MS, .at = AT(version)},
        {.name = "request", .kind = FIELD_MS, .at = AT(request)},
        {.name = "requestUntil", .kind = FIELD_MS, .at = AT(request_until_ms)},
        {.name = "parent", .kind = FIELD_MS, .at = AT(parent)},
        {.name = "target", .kind = FIELD_MS, .at = AT(target)},
        {.name = "trigger", .kind = FIELD_OBJECT, .at = AT(trigger)},
        {.name = "vars", .kind = FIELD_OBJECT, .at = AT(vars)},
        {.name = "at", .kind = FIELD_TEXT, .at = AT(at)},
        {.name = "stepDoc", .kind = FIELD_MS, .at = AT(step_doc)},
        {.name = "attempt", .kind = FIELD_MS, .at = AT(attempt)},
        {.name = "depth", .kind = FIELD_MS, .at = AT(depth)},
        {.name = "origin", .kind = FIELD_MS, .at = AT(origin)},
        {.name = "place", .kind = FIELD_MS, .at = AT(place)},
        {.name = "until", .kind = FIELD_MS, .at = AT(until_ms)},
        {.name = "steps", .kind = FIELD_MS, .at = AT(steps)},
        {.name = "ended", .kind = FIELD_MS, .at = AT(ended_ms)},
        {.name = "held", .kind = FIELD_TEXT, .at = AT(held)},
        {.name = "error", .kind = FIELD_TEXT, .at = AT(error)},
};
#undef AT

int64_t run_needs_trigger_ms(const struct run *r)
{
    if (r->status == RUN_FAILED)
        return r->ended_ms + RUN_KEEP_MS;
    if (run_is_over(r->status))
        return 0;
    return r->due_ms == 0 ? TIME_NEVER : r->due_ms + TRIGGER_SPARE_MS;
}

const char *run_status_name(enum run_status s)
{
    static const char *const names[] = {"running", "waiting", "done", "failed", "cancelled"};
    CHECK(s < ARRAY_LEN(names));
    return names[s];
}

enum err run_decode(struct arena *a, const struct doc *d, struct run *out)
{
    struct json *body;
    if (d->status < RUN_RUNNING || d->status > RUN_CANCELLED || json_parse(a, d->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct run){.id = d->id,
                        .app = d->app,
                        .automation = d->ref,
                        .status = (enum run_status)d->status,
                        .key = d->key,
                        .due_ms = d->due_ms,
                        .created_ms = d->created_ms,
                        .updated_ms = d->updated_ms,
                        .doc_version = d->version};
    fields_read(a, run_fields, ARRAY_LEN(run_fields), FIELD_LOAD, body, out, NULL);
    return ERR_OK;
}

void run_encode(struct arena *a, const struct run *r, struct doc *out)
{
    struct buf text = BUF_INIT((size_t)64 << 20);
    struct json_writer w = json_writer(&text);
    struct run stored = *r;
    if (r->key.ptr != NULL)
        stored.held = r->key;
    json_w_object(&w);
    fields_write_stored(run_fields, ARRAY_LEN(run_fields), &stored, &w);
    json_w_object_end(&w);
    CHECK(!text.overflow); /* what goes in is limited */
    *out = (struct doc){.id = r->id,
                        .kind = DOC_RUN,
                        .app = r->app,
                        .ref = r->automation,
                        .about = r->target,
                        .key = r->key,
                        .status = (int)r->status,
                        .due_ms = r->due_ms,
                        .purge_ms = run_is_over(r->status) ? r->ended_ms + RUN_KEEP_MS : 0,
                        .body = arena_str(a, buf_str(&text)),
                        .created_ms = r->created_ms,
                        .updated_ms = r->updated_ms,
                        .version = r->doc_version};
    buf_fini(&text);
}

struct str run_target_prefix(struct arena *a, oid_t target)
{
    return arena_printf(a, "target:%lld;", (long long)target);
}

struct str run_target_key(struct arena *a, oid_t target, oid_t run)
{
    return arena_printf(a, "target:%lld;%lld", (long long)target, (long long)run);
}
