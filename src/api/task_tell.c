/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a change of an endpoint means, told after the commit that both are part of: operational webhooks, and letters to
 * those whose endpoint was disabled by itself. A step that is done again appends no event and writes no letter twice.
 */
#include "api/endpoint_mail.h"
#include "api/operational.h"
#include "api/task.h"

static const struct {
    unsigned news;
    const char *type;
} events[] = {
        {NEWS_CREATED, "endpoint.created"}, {NEWS_UPDATED, "endpoint.updated"}, {NEWS_DISABLED, "endpoint.disabled"},
        {NEWS_ENABLED, "endpoint.enabled"}, {NEWS_DELETED, "endpoint.deleted"},
};

enum err task_step_tell(struct task_run *r, struct task *t, bool *more)
{
    unsigned news = (unsigned)t->reason;
    char id[OID_TEXT_SIZE];
    oid_format(t->id, "", r->api->id_key, id);
    (void)more;
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if ((news & events[i].news) == 0)
            continue;
        struct operational_event ev = {.type = events[i].type,
                                       .app = t->app,
                                       .ep = t->ep,
                                       .at_ms = t->since_ms,
                                       .event_id = arena_printf(r->arena, "%s.%s", events[i].type, id)};
        enum err e = operational_append(r->api, r->reader, r->arena, &ev, t->since_ms);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
    }
    return (news & NEWS_MAIL) != 0 ? endpoint_mail_disabled(r->api, r->reader, t->ep, r->now_ms) : ERR_OK;
}
