/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of runs whose request is, or is no longer, in the store: turn by turn, without the runner's threads. */
#include "fixture.h"

#include "api/plan.h"
#include "api/runner.h"
#include "api/trigger_in.h"
#include "base/mem.h"

#define AUTOS "/api/v1/app/w/automation"

static int setup(void **state)
{
    fx_setup(state);
    struct fixture *f = *state;
    f->api.public_url = "https://hooks.example.com";
    f->api.triggers = trigger_desk_new(100);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    trigger_desk_free(f->api.triggers);
    return fx_teardown(state);
}

static struct doc only_doc(struct fixture *f, enum doc_kind kind, oid_t app, oid_t ref)
{
    struct doc *docs;
    size_t count;
    struct doc_query q = {.kind = kind, .app = app, .ref = ref, .limit = 10};
    assert_int_equal(store_list_docs(f->reader, f->arena, &q, &docs, &count), ERR_OK);
    assert_int_equal(count, 1);
    return docs[0];
}

struct started {
    char *automation; /* its id in the API */
    struct run run;
};

/* An automation with these steps, published, and a request at its URL. */
static struct started start(struct fixture *f, const char *steps)
{
    struct started s;
    oid_t id;
    request(f, ENV_A, "PUT", "/api/v1/app/w", "{\"name\":\"W\"}");
    struct str body =
            arena_printf(f->arena, "{\"name\":\"A\",\"trigger\":{\"type\":\"incoming_webhook\"},\"steps\":%s}", steps);
    expect(f, "POST", AUTOS, arena_cstr(f->arena, body), 201, "\"status\":\"draft\"");
    s.automation = pick(f, "id");
    expect(f, "POST", path_of(f, AUTOS "/$/publish", s.automation), NULL, 200, "\"url\":\"https://hooks.example.com/");
    request(f, NONE, "POST", pick(f, "url") + strlen(f->api.public_url), "{\"name\":\"Ada\"}");
    assert_int_equal(f->status, 202);
    assert_int_equal(oid_parse(str_c(s.automation), object_prefix(OBJ_AUTOMATION), f->api.id_key, &id), ERR_OK);
    struct object o;
    assert_int_equal(store_get_object(f->reader, f->arena, OBJ_AUTOMATION, id, &o), ERR_OK);
    struct doc d = only_doc(f, DOC_RUN, o.app, id);
    assert_int_equal(run_decode(f->arena, &d, &s.run), ERR_OK);
    assert_true(s.run.request_until_ms == NOW + f->api.retention_payload_ms);
    return s;
}

static void lose_request(struct fixture *f, const struct started *s)
{
    struct plan p = {.api = &f->api, .reader = f->reader, .arena = f->arena, .app = s->run.app, .now_ms = NOW};
    struct doc d;
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_REQUEST, s->run.request, &d), ERR_OK);
    plan_change(&p, DOC_DELETE, &d, 0);
    assert_int_equal(plan_commit(&p, NULL), ERR_OK);
}

/* The next step of the run, written; s->run is as it is then. */
static enum outcome_kind turn(struct fixture *f, struct started *s, int64_t now_ms)
{
    struct known_versions versions = {0};
    struct outcome o;
    struct doc d;
    struct turn t = {
            .api = &f->api, .reader = f->reader, .versions = &versions, .arena = arena_new(16384), .now_ms = now_ms};
    assert_int_equal(turn_load(&t, s->run.id), ERR_OK);
    assert_int_equal(turn_do(&t, &o), ERR_OK);
    assert_int_equal(turn_plan(&t, &o), ERR_OK);
    assert_int_equal(turn_end(&t, plan_commit(&t.plan, NULL)), ERR_OK);
    arena_free(t.arena);
    known_versions_fini(&versions);
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_RUN, s->run.id, &d), ERR_OK);
    assert_int_equal(run_decode(f->arena, &d, &s->run), ERR_OK);
    return o.kind;
}

#define NAMES_IT "{\"id\":\"keep\",\"type\":\"set\",\"set\":{\"name\":\"{{ trigger.body.name }}\"}}"
#define GOES_ON                                                                                                        \
    "{\"id\":\"keep\",\"type\":\"set\",\"set\":{\"name\":\"{{ trigger.body.name }}\"},\"onError\":\"continue\"}"
#define NAMES_NOT "{\"id\":\"own\",\"type\":\"set\",\"set\":{\"n\":1}}"
#define WAITS     "{\"id\":\"pause\",\"type\":\"wait\",\"for\":\"1d\"}"

static void the_request_is_there(void **state)
{
    struct fixture *f = *state;
    struct started s = start(f, "[" NAMES_IT "]");
    assert_int_equal(turn(f, &s, NOW), OUTCOME_DONE);
    assert_true(str_eq(s.run.vars, STR("{\"name\":\"Ada\"}")));
    assert_int_equal(s.run.status, RUN_DONE);
}

/* A step that names it fails, once, and says why; it does not work with nothing. */
static void the_request_is_gone(void **state)
{
    struct fixture *f = *state;
    struct started s = start(f, "[" NAMES_NOT "," NAMES_IT "]");
    lose_request(f, &s);
    assert_int_equal(turn(f, &s, NOW), OUTCOME_DONE); /* it does not need it */
    assert_int_equal(turn(f, &s, NOW), OUTCOME_FAILED);
    assert_int_equal(s.run.status, RUN_FAILED);
    assert_true(str_eq(s.run.error, STR("keep: the request that started the run is not kept any more")));
    assert_true(str_eq(s.run.vars, STR("{\"n\":1}")));
    char id[OID_TEXT_SIZE];
    oid_format(s.run.id, doc_prefix(DOC_RUN), f->api.id_key, id);
    struct str path = arena_printf(f->arena, AUTOS "/%s/run/%s", s.automation, id);
    expect(f, "GET", arena_cstr(f->arena, path), NULL, 200, "is not kept any more");
}

static void what_may_fail_goes_on(void **state)
{
    struct fixture *f = *state;
    struct started s = start(f, "[" GOES_ON "," NAMES_NOT "]");
    lose_request(f, &s);
    assert_int_equal(turn(f, &s, NOW), OUTCOME_FAILED);
    assert_int_equal(s.run.status, RUN_RUNNING);
    assert_int_equal(turn(f, &s, NOW), OUTCOME_DONE);
    assert_int_equal(s.run.status, RUN_DONE);
}

/* Who waits for longer than requests are kept takes it along. */
static void it_is_taken_along(void **state)
{
    struct fixture *f = *state;
    f->api.retention_payload_ms = TIME_HOUR_MS;
    struct started s = start(f, "[" WAITS "," NAMES_IT "]");
    assert_int_equal(turn(f, &s, NOW), OUTCOME_WAITS);
    assert_int_equal(s.run.request_until_ms, 0);
    lose_request(f, &s);
    assert_int_equal(turn(f, &s, NOW + TIME_DAY_MS), OUTCOME_DONE);
    assert_int_equal(turn(f, &s, NOW + TIME_DAY_MS), OUTCOME_DONE);
    assert_true(str_eq(s.run.vars, STR("{\"name\":\"Ada\"}")));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

const struct CMUnitTest turn_tests[] = {
        TEST(the_request_is_there),
        TEST(the_request_is_gone),
        TEST(what_may_fail_goes_on),
        TEST(it_is_taken_along),
};
const size_t turn_test_count = ARRAY_LEN(turn_tests);
