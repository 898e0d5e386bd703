/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_ahead.h"

#include "api/runner.h"

static bool is_plain(const struct step *s)
{
    return s->kind == STEP_BRANCH || s->kind == STEP_SET;
}

bool run_ahead_may(const struct automation_version *v, const struct definition *d)
{
    const struct step *first = d->first >= 0 ? &d->steps[d->first] : NULL;
    return v->concurrency == 0 && first != NULL && is_plain(first) && first->json->raw.len <= RUN_AHEAD_BYTES;
}

/* Whether this one can be, when so many bytes of others have been. Earlier outputs are not at hand. */
static bool may_do(const struct turn *t, size_t bytes)
{
    const struct step *s = t->step;
    bool reads_outputs = s->reads.all_steps || s->reads.step_count > 0;
    return is_plain(s) && bytes + s->json->raw.len <= RUN_AHEAD_BYTES && (t->run.steps == 0 || !reads_outputs);
}

/* False: it is as if it had not been tried. */
static bool do_step(struct turn *t)
{
    const struct turn before = *t;
    struct outcome o;
    if (turn_do(t, &o) == ERR_OK && o.kind == OUTCOME_DONE && turn_plan(t, &o) == ERR_OK)
        return true;
    *t = before;
    return false;
}

size_t run_ahead(struct api *api, struct arena *a, const struct definition *d, const struct json *trigger,
                 struct run *run, struct doc_change steps[RUN_AHEAD_MAX])
{
    struct turn t = {.api = api,
                     .arena = a,
                     .now_ms = run->created_ms,
                     .run = *run,
                     .def = d,
                     .ahead = true,
                     .trigger = trigger};
    t.plan = (struct plan){.api = api, .arena = a, .app = run->app, .now_ms = t.now_ms};
    if (run->request_until_ms < run_needs_trigger_ms(run))
        return 0;
    for (size_t n = 0, bytes = 0; n < RUN_AHEAD_MAX && !run_is_over(t.run.status); n++) {
        if (turn_find_step(&t) != ERR_OK || t.step == NULL || !may_do(&t, bytes))
            break;
        bytes += t.step->json->raw.len;
        if (!do_step(&t))
            break;
    }
    CHECK(t.plan.count <= RUN_AHEAD_MAX && t.plan.message_count == 0);
    for (size_t i = 0; i < t.plan.count; i++)
        steps[i] = t.plan.changes[i];
    *run = t.run;
    return t.plan.count;
}
