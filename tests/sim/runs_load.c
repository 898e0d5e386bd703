/* SPDX-License-Identifier: Apache-2.0 */
/* Those outside: who publishes, who sends requests until they are answered, servers that are asked by steps. */
#include "runs.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/plan.h"

#define APP "/api/v1/app/w"

/* ---- automations ---------------------------------------------------------------------------------------------------
 */

static const char *const definitions[AUTOMATIONS] = {
        [AUTO_SEQUENCE] = "{\"name\":\"Sequence\",\"steps\":["
                          "{\"id\":\"pause\",\"type\":\"wait\",\"for\":\"700ms\"},"
                          "{\"id\":\"tag\",\"type\":\"add_tag\",\"target\":\"{{ target.id }}\",\"tag\":\"sequenced\"},"
                          "{\"id\":\"count\",\"type\":\"update_record\",\"target\":\"{{ target.id }}\","
                          "\"set\":{\"sequenced\":\"{{ target.sequenced | plus: 1 }}\"}}]}",
        [AUTO_HEARD] = "{\"name\":\"Heard\",\"trigger\":{\"type\":\"event\",\"event\":\"told\"},\"steps\":["
                       "{\"id\":\"c\",\"type\":\"update_record\",\"target\":\"{{ trigger.body.email }}\","
                       "\"record\":\"contact\",\"set\":{\"heard\":\"yes\"}}]}",
        [AUTO_NOTICED] =
                "{\"name\":\"Noticed\",\"trigger\":{\"type\":\"record_changed\",\"record\":\"contact\","
                "\"on\":[\"created\"]},\"steps\":["
                "{\"id\":\"c\",\"type\":\"add_tag\",\"target\":\"{{ trigger.body.id }}\",\"tag\":\"noticed\"}]}",
        [AUTO_MINUTES] = "{\"name\":\"Minutes\",\"trigger\":{\"type\":\"schedule\",\"cron\":\"* * * * *\"},\"steps\":["
                         "{\"id\":\"a\",\"type\":\"set\",\"set\":{\"at\":\"{{ trigger.body.scheduledAt }}\"}},"
                         "{\"id\":\"b\",\"type\":\"wait\",\"for\":\"300ms\"}]}",
        [AUTO_MAIN] =
                "{\"name\":\"Main\",\"concurrency\":3,"
                "\"trigger\":{\"type\":\"incoming_webhook\",\"dedupe\":\"header:x-request-id\"},\"steps\":["
                "{\"id\":\"first\",\"type\":\"set\",\"set\":{\"n\":\"{{ trigger.body.n }}\"}},"
                "{\"id\":\"contact\",\"type\":\"upsert_record\",\"record\":\"contact\","
                "\"set\":{\"email\":\"{{ trigger.body.email }}\",\"counted\":0,\"sequenced\":0}},"
                "{\"id\":\"new\",\"type\":\"add_tag\",\"target\":\"{{ contact.id }}\",\"tag\":\"new\"},"
                "{\"id\":\"pause\",\"type\":\"wait\",\"for\":\"400ms\"},"
                "{\"id\":\"call\",\"type\":\"http_request\",\"url\":\"https://server.example/call\","
                "\"body\":{\"email\":\"{{ contact.email }}\"},"
                "\"retrySchedule\":[0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1]},"
                "{\"id\":\"way\",\"type\":\"branch\",\"branches\":[{\"when\":{\"all\":["
                "{\"value\":\"{{ vars.n }}\",\"gte\":3},{\"value\":\"{{ steps.call.body.ok }}\",\"eq\":true}]},"
                "\"steps\":[{\"id\":\"seq\",\"type\":\"start_sequence\",\"automation\":\"$\","
                "\"target\":\"{{ contact.id }}\"}]}],"
                "\"else\":[{\"id\":\"v\",\"type\":\"set\",\"set\":{\"way\":\"else\"}}]},"
                "{\"id\":\"old\",\"type\":\"remove_tag\",\"target\":\"{{ contact.id }}\",\"tag\":\"new\"},"
                "{\"id\":\"count\",\"type\":\"update_record\",\"target\":\"{{ contact.id }}\","
                "\"set\":{\"counted\":\"{{ contact.counted | plus: 1 }}\"}},"
                "{\"id\":\"tell\",\"type\":\"emit_event\",\"event\":\"told\","
                "\"payload\":{\"email\":\"{{ contact.email }}\"}},"
                "{\"id\":\"reply\",\"type\":\"wait\",\"event\":\"reply\","
                "\"where\":{\"value\":\"{{ event.body.run }}\",\"eq\":\"{{ run.id }}\"},\"timeout\":\"10s\"},"
                "{\"id\":\"last\",\"type\":\"set\",\"set\":{\"late\":\"{{ steps.reply.timedOut }}\"}}]}",
};

static struct str member(struct runs *s, struct str answer, const char *name, const char *inner)
{
    struct json *tree;
    struct str text = STR_NULL;
    OK(json_parse(s->w.s.f[0].arena, answer, &tree, NULL));
    const struct json *j = json_get(tree, str_c(name));
    assert_true(json_as_str(inner != NULL ? json_get(j, str_c(inner)) : j, &text));
    return text;
}

static void must(struct runs *s, const char *method, const char *path, const char *body, int status, struct str *answer)
{
    int got = runs_ask(s, method, path, body, answer);
    if (got != status)
        fail_msg("%s %s: %d " STR_FMT, method, path, got, STR_ARG(*answer));
}

static char *definition_of(struct runs *s, int which)
{
    struct arena *a = s->w.s.f[0].arena;
    struct str definition = str_c(definitions[which]);
    size_t at = str_find(definition, '$');
    char id[OID_TEXT_SIZE];
    if (at == definition.len)
        return arena_cstr(a, definition);
    oid_format(s->automation[AUTO_SEQUENCE], object_prefix(OBJ_AUTOMATION), s->api.id_key, id);
    return arena_cstr(a, arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(str_take(definition, at)), id,
                                      STR_ARG(str_skip(definition, at + 1))));
}

static void publish(struct runs *s, int which)
{
    struct arena *a = s->w.s.f[0].arena;
    struct str answer;
    must(s, "POST", APP "/automation", definition_of(s, which), 201, &answer);
    struct str id = member(s, answer, "id", NULL);
    OK(oid_parse(id, object_prefix(OBJ_AUTOMATION), s->api.id_key, &s->automation[which]));
    must(s, "POST", arena_printf(a, APP "/automation/" STR_FMT "/publish", STR_ARG(id)).ptr, NULL, 200, &answer);
    if (which != AUTO_MAIN)
        return;
    struct str url = str_skip(member(s, answer, "trigger", "url"), strlen(s->api.public_url));
    s->url = strndup(url.ptr, url.len);
}

void load_open(struct runs *s)
{
    static const int order[] = {AUTO_SEQUENCE, AUTO_HEARD, AUTO_NOTICED, AUTO_MINUTES, AUTO_MAIN};
    struct str answer;
    struct object o;
    must(s, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\",\"profile\":\"myra\"}", 201, &answer);
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        publish(s, order[i]);
    OK(store_get_object(s->w.s.f[0].reader, s->w.s.f[0].arena, OBJ_AUTOMATION, s->automation[AUTO_MAIN], &o));
    s->app = o.app;
}

/* About an automation, while it is at work. What is asked for is done, or cannot be now. */
static bool about(struct runs *s, int which, const char *method, const char *what, const char *body)
{
    char id[OID_TEXT_SIZE];
    struct str answer;
    oid_format(s->automation[which], object_prefix(OBJ_AUTOMATION), s->api.id_key, id);
    int status =
            runs_ask(s, method, arena_printf(s->w.s.f[0].arena, APP "/automation/%s%s", id, what).ptr, body, &answer);
    if (status != 0 && status != 200 && status < 500)
        fail_msg("%s%s: %d " STR_FMT, method, what, status, STR_ARG(answer));
    return status == 200;
}

/* Versions come and go, and say the same. While the main automation is paused it takes no requests; its runs go on. */
static void publish_again(struct runs *s)
{
    int which = (int)sim_pick(AUTOMATIONS);
    if (s->trouble && sim_pick(30) == 0 && about(s, which, "PUT", "", definition_of(s, which)))
        (void)about(s, which, "POST", "/publish", NULL);
    if (s->trouble && sim_pick(60) == 0)
        (void)about(s, AUTO_MAIN, "POST", "/pause", NULL);
    if (!s->trouble || sim_pick(6) == 0)
        (void)about(s, AUTO_MAIN, "POST", "/resume", NULL);
}

/* ---- requests ------------------------------------------------------------------------------------------------------
 */

static void knock(struct runs *s, struct wanted *x)
{
    struct arena *a = s->w.s.f[0].arena;
    struct str body = arena_printf(a, "{\"n\":%d,\"email\":\"%s\"}", x->n, x->email);
    oid_t run = 0;
    int status = runs_knock(s, x->email, body.ptr, &run);
    if (status != 200 && status != 202)
        return;
    assert_true(x->run == 0 || x->run == run); /* once answered, always the same */
    assert_true(x->run == 0 || status == 200);
    x->run = run;
}

static void knock_all(struct runs *s)
{
    size_t fresh = s->trouble && sim_pick(3) == 0 ? 1 + sim_pick(3) : 0;
    for (size_t i = 0; i < fresh && s->wanted_count < REQUESTS_MAX; i++) {
        struct wanted *x = &s->wanted[s->wanted_count];
        snprintf(x->email, sizeof x->email, "r%zu@x.example", s->wanted_count++);
        x->n = (int)sim_pick(6);
    }
    for (size_t i = 0; i < s->wanted_count && !s->dead; i++)
        if (s->wanted[i].run == 0 || (s->trouble && sim_pick(200) == 0)) /* some send it again */
            knock(s, &s->wanted[i]);
}

/* The event that a run waits for, perhaps twice. */
static void reply(struct runs *s)
{
    const struct wanted *x = &s->wanted[sim_pick(s->wanted_count)];
    struct plan p = runs_plan(s);
    char id[OID_TEXT_SIZE];
    struct run run;
    struct doc d;
    if (x->run == 0 || store_get_doc(p.reader, p.arena, DOC_RUN, x->run, &d) != ERR_OK ||
        run_decode(p.arena, &d, &run) != ERR_OK || run.status != RUN_WAITING || !str_eq(run.at, STR("reply")))
        return;
    oid_format(x->run, doc_prefix(DOC_RUN), s->api.id_key, id);
    plan_emit(&p, STR("reply"), arena_printf(p.arena, "{\"run\":\"%s\"}", id));
    (void)!plan_commit(&p, NULL);
}

/* Asks for something about a run of the main automation; the status. */
static int by_hand(struct runs *s, const struct wanted *x, const char *what)
{
    struct arena *a = s->w.s.f[0].arena;
    char id[OID_TEXT_SIZE], of[OID_TEXT_SIZE];
    struct str answer;
    oid_format(s->automation[AUTO_MAIN], object_prefix(OBJ_AUTOMATION), s->api.id_key, of);
    oid_format(x->run, doc_prefix(DOC_RUN), s->api.id_key, id);
    return runs_ask(s, "POST", arena_printf(a, APP "/automation/%s/run/%s/%s", of, id, what).ptr, NULL, &answer);
}

/* What failed for good is tried again; a few are ended. */
static void look_after(struct runs *s, struct wanted *x)
{
    if (x->run == 0 || s->dead)
        return;
    if (x->refused && (!s->trouble || sim_pick(10) == 0)) {
        enum run_status status = runs_read(s, x->run).status;
        x->refused = status == RUN_FAILED || status == RUN_RUNNING; /* it may not be written yet */
        if (status == RUN_FAILED) {
            x->attempt = 0;
            s->counts.retried += by_hand(s, x, "retry") == 204;
        }
    } else if (s->trouble && sim_pick(800) == 0) {
        x->canceled = true;
        x->ended = by_hand(s, x, "cancel") == 204 || x->ended;
    }
}

/* ---- servers -------------------------------------------------------------------------------------------------------
 */

/* The linker puts this in the place of the desk. */
void __wrap_outside_send(struct outside_desk *d, struct outside *o);
void __wrap_outside_send(struct outside_desk *d, struct outside *o)
{
    struct runs *s = runs_now;
    (void)d;
    assert_true(s->parcel_count < ARRAY_LEN(s->parcels));
    check_sent(s, o);
    s->parcels[s->parcel_count++] = (struct parcel){o, runs_now_ms() + (int64_t)sim_pick(600)};
}

static void answer_one(struct runs *s, struct outside *o)
{
    bool good = !s->trouble || sim_pick(4) > 0;
    struct wanted *x = check_whose(s, o);
    bool for_good = !good && sim_pick(4) == 0;
    x->refused = x->refused || for_good;
    o->outcome = (struct outcome){.kind = good ? OUTCOME_DONE : OUTCOME_FAILED,
                                  .output = good ? STR("{\"status\":200,\"body\":{\"ok\":true}}") : STR_NULL,
                                  .error = good ? STR_NULL : STR("the server says no"),
                                  .final = for_good,
                                  .retry_after_ms = sim_pick(8) == 0 ? (int64_t)sim_pick(2000) : 0};
    o->next = s->runner.answered;
    s->runner.answered = o;
}

static void answer_all(struct runs *s)
{
    for (size_t i = 0; i < s->parcel_count;) {
        struct parcel p = s->parcels[i];
        if (p.at_ms > runs_now_ms()) {
            i++;
            continue;
        }
        s->parcels[i] = s->parcels[--s->parcel_count];
        answer_one(s, p.o);
    }
}

void load_step(struct runs *s)
{
    answer_all(s);
    publish_again(s);
    knock_all(s);
    for (size_t i = 0; i < s->wanted_count; i++)
        look_after(s, &s->wanted[i]);
    for (size_t i = s->wanted_count > 0 ? sim_pick(6) : 0; i > 0 && !s->dead; i--)
        reply(s);
}

void load_crashed(struct runs *s)
{
    s->parcel_count = 0;
}
