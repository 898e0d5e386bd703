/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps that start and stop runs of other automations. The runs that are about a record are found by their keys
 * (automation/run.h), so that neither looks through an automation's runs.
 */
#include "api/handler.h"
#include "api/runner.h"
#include "api/runner_chain.h"

#define PAGE 500 /* runs that end in one commit */

/* The automation that the step names, of this workspace. False: *out, or *e is a store error. */
static bool sequence(struct turn *t, struct automation *m, enum err *e, struct outcome *out)
{
    oid_t id;
    *e = oid_parse(turn_text(t, "automation"), object_prefix(OBJ_AUTOMATION), t->api->id_key, &id);
    if (*e == ERR_OK)
        *e = automation_load(t->reader, t->arena, t->run.app, id, m);
    if (*e == ERR_NOT_FOUND) {
        *out = turn_failed(t, "automation: there is none of this id");
        *e = ERR_OK;
        return false;
    }
    return *e == ERR_OK;
}

static struct str started_json(struct turn *t, const char *started, oid_t run)
{
    char id[OID_TEXT_SIZE];
    oid_format(run, doc_prefix(DOC_RUN), t->api->id_key, id);
    return arena_printf(t->arena, "{\"started\":%s,\"run\":\"%s\"}", started, id);
}

static struct str sequence_trigger(struct turn *t)
{
    struct buf text = BUF_INIT((size_t)4 << 20);
    struct json_writer w = json_writer(&text);
    const struct json *input = json_get(t->input, STR("input"));
    char id[OID_TEXT_SIZE];
    oid_format(t->run.id, doc_prefix(DOC_RUN), t->api->id_key, id);
    json_w_object(&w);
    json_w_str_at(&w, "type", STR("sequence"));
    json_w_str_at(&w, "run", str_c(id));
    json_w_raw_at(&w, "body", input != NULL ? input->raw : STR("{}"));
    json_w_object_end(&w);
    CHECK(!text.overflow); /* the input is limited */
    struct str s = arena_str(t->arena, buf_str(&text));
    buf_fini(&text);
    return s;
}

/* Runs of the automation that are about the record and have not ended. */
static enum err active(struct turn *t, oid_t automation, oid_t record, size_t limit, struct doc **runs, size_t *count)
{
    struct doc_query q = {.kind = DOC_RUN, .app = t->run.app, .ref = automation, .limit = limit};
    return store_list_docs_by_key(t->reader, t->arena, &q, run_target_prefix(t->arena, record), runs, count);
}

static enum err plan_ends(struct turn *t, struct plan *p, const struct doc *runs, size_t count, struct str why,
                          size_t *ended)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        struct run r;
        e = runs[i].id != t->run.id ? run_decode(t->arena, &runs[i], &r) : ERR_NOT_FOUND;
        if (e == ERR_OK) {
            run_plan_end(p, &r, RUN_CANCELLED, why);
            ++*ended;
        }
        e = e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    return e;
}

/* Ends all of them but the run itself. Those that are more than a commit holds end before the step does. */
static enum err end_active(struct turn *t, oid_t automation, oid_t record, const char *why, size_t *ended)
{
    struct doc *runs = NULL;
    size_t count = 0;
    enum err e;
    while ((e = active(t, automation, record, PAGE, &runs, &count)) == ERR_OK && count == PAGE) {
        struct plan p = {.api = t->api, .reader = t->reader, .arena = t->arena, .app = t->run.app, .now_ms = t->now_ms};
        e = plan_ends(t, &p, runs, count, str_c(why), ended);
        if (e == ERR_OK)
            e = plan_commit(&p, NULL);
        if (e != ERR_OK)
            return e;
    }
    return e == ERR_OK ? plan_ends(t, &t->plan, runs, count, str_c(why), ended) : e;
}

/* What is to be done about runs that are active: true: *out says that nothing starts, or *e. */
static bool reenter(struct turn *t, const struct automation *m, oid_t record, enum err *e, struct outcome *out)
{
    struct str reentry = turn_text(t, "reentry");
    struct doc *runs = NULL;
    size_t count = 0, ended = 0;
    *e = active(t, m->id, record, 1, &runs, &count);
    if (*e != ERR_OK || count == 0)
        return *e != ERR_OK;
    if (!str_eq(reentry, STR("restart"))) {
        out->output = started_json(t, "false", runs[0].id);
        return true;
    }
    if (m->id == t->run.automation && record == t->run.target) {
        *out = turn_failed(t, "automation: a run cannot restart itself");
        return true;
    }
    *e = end_active(t, m->id, record, "started anew", &ended);
    return *e != ERR_OK;
}

/* False: *out, or *e. */
static bool may_start(struct turn *t, struct automation *m, enum err *e, struct outcome *out)
{
    if (!sequence(t, m, e, out))
        return false;
    if (m->status != AUTOMATION_PUBLISHED || m->published == 0)
        *out = turn_failed(t, "automation: it is not published");
    else if (t->run.depth + 1 > RUN_DEPTH_MAX)
        *out = turn_failed(t, "runs start runs more than 10 deep");
    return out->kind != OUTCOME_FAILED;
}

enum err step_do_start(struct turn *t, struct outcome *out)
{
    struct automation m;
    struct doc d = {0};
    enum err e = ERR_OK;
    bool alone = !str_eq(turn_text(t, "reentry"), STR("parallel"));
    if (!may_start(t, &m, &e, out) || (turn_text(t, "target").len > 0 && !step_target(t, &d, NULL, &e, out)))
        return e;
    struct chain_count chain;
    e = chain_open(t->chains, &t->plan, t->plan.origin, &chain);
    if (e != ERR_OK)
        return e;
    bool room = chain_next(&chain) == CHAIN_ROOM; /* else nothing is ended either */
    if (room && alone && d.id != 0 && reenter(t, &m, d.id, &e, out))
        return e;
    if (!room) {
        *out = turn_failed(t, STR_FMT, STR_ARG(chain_words(&t->plan, chain.origin)));
        return ERR_OK;
    }
    chain_plan(t->chains, &t->plan, &chain);
    struct run_start s = {.app = t->run.app,
                          .automation = m.id,
                          .version = m.published,
                          .trigger_json = sequence_trigger(t),
                          .alone = alone,
                          .now_ms = t->now_ms,
                          .parent = t->run.id,
                          .target = d.id,
                          .depth = t->run.depth + 1,
                          .origin = t->plan.origin};
    struct doc_change c = run_create(t->api, t->arena, &s);
    plan_change(&t->plan, DOC_CREATE, &c.doc, 0);
    out->output = started_json(t, "true", c.doc.id);
    return ERR_OK;
}

enum err step_do_stop(struct turn *t, struct outcome *out)
{
    struct automation m;
    struct doc d = {0};
    size_t stopped = 0;
    enum err e = ERR_OK;
    if (!sequence(t, &m, &e, out) || !step_target(t, &d, NULL, &e, out))
        return e;
    e = end_active(t, m.id, d.id, "stopped by another automation", &stopped);
    out->output = arena_printf(t->arena, "{\"stopped\":%zu}", stopped);
    return e;
}
