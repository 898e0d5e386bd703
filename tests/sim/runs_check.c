/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold: what was answered is stored, whatever happens; what has ended stays so; a server is asked with the
 * key of the run's step, at most once for each attempt and process, and only when that is stored; an automation has no
 * more runs at work than places. In the end every request is one run, all runs are done, each did each thing once, and
 * nothing is left that would be due.
 */
#include "runs.h"

#include "base/mem.h"

#define PAGE 200

static struct wanted *wanted_of(struct runs *s, oid_t run)
{
    for (size_t i = 0; i < s->wanted_count; i++)
        if (s->wanted[i].run == run)
            return &s->wanted[i];
    return NULL;
}

/* ---- on the way ----------------------------------------------------------------------------------------------------
 */

static void check_places(struct runs *s)
{
    size_t count;
    OK(store_count_docs(s->w.s.f[0].reader, DOC_PLACE, s->app, s->automation[AUTO_MAIN], 100, &count));
    assert_true(count <= RUNS_PLACES);
}

void check_recovered(struct runs *s)
{
    for (size_t i = 0; i < s->wanted_count; i++) {
        struct wanted *x = &s->wanted[i];
        if (x->run == 0)
            continue;
        enum run_status status = runs_read(s, x->run).status;
        assert_true(status == RUN_DONE || !x->over);
        assert_true(status == RUN_CANCELLED || !x->ended);
        x->over = status == RUN_DONE;
    }
    check_places(s);
}

/* A sender may not have got the answer that its request is a run. */
struct wanted *check_whose(struct runs *s, const struct outside *o)
{
    struct str body = o->request.body[0];
    struct json *tree;
    struct str email = STR_NULL;
    OK(json_parse(s->w.s.f[0].arena, body, &tree, NULL));
    assert_true(json_as_str(json_get(tree, STR("email")), &email));
    for (size_t i = 0; i < s->wanted_count; i++)
        if (str_eq(email, str_c(s->wanted[i].email)))
            return &s->wanted[i];
    fail_msg("a request about " STR_FMT, STR_ARG(email));
    return NULL;
}

void check_sent(struct runs *s, const struct outside *o)
{
    struct fixture *f = &s->w.s.f[0];
    struct wanted *x = check_whose(s, o);
    struct run run = runs_read(s, o->run);
    char id[OID_TEXT_SIZE];
    struct doc d;
    oid_format(o->run, doc_prefix(DOC_RUN), s->api.id_key, id);
    struct str key = arena_printf(f->arena, "Idempotency-Key: %s-call", id);
    size_t keys = 0;
    for (size_t i = 0; i < o->request.header_count; i++) {
        bool is_key = str_starts(str_c(o->request.headers[i]), STR("Idempotency-Key:"));
        assert_true(!is_key || str_eq(key, str_c(o->request.headers[i])));
        keys += is_key;
    }
    assert_int_equal(keys, 1);
    assert_true(x->run == 0 || x->run == o->run);
    assert_true(!x->ended && !x->over);
    /* That it goes out is stored. */
    assert_int_equal(run.status, RUN_RUNNING);
    assert_true(str_eq(run.at, STR("call")));
    OK(store_get_doc(f->reader, f->arena, DOC_STEP, run.step_doc, &d));
    assert_int_equal(d.status, RUN_RUNNING);
    /* Again as the same attempt only when the process had ended. */
    int crashes = (int)s->counts.crashes;
    assert_true(x->attempt == 0 || run.attempt == x->attempt + 1 ||
                (run.attempt == x->attempt && crashes > x->crashes));
    s->counts.keys += x->calls == 0;
    x->calls++;
    x->crashes = crashes;
    x->attempt = (int)run.attempt;
    s->counts.calls++;
}

/* ---- what is left --------------------------------------------------------------------------------------------------
 */

static size_t due_count(struct runs *s, enum doc_kind kind, int64_t until_ms)
{
    struct doc_due due[PAGE];
    size_t count;
    int64_t next_ms;
    OK(store_due(s->w.s.f[0].reader, kind, DUE_OF_ALL, until_ms, due, PAGE, &count, &next_ms));
    return count;
}

size_t check_left(struct runs *s)
{
    size_t n = due_count(s, DOC_RUN, INT64_MAX - 1) + due_count(s, DOC_CUE, runs_now_ms()) + s->parcel_count +
               s->runner.under_way_count;
    for (size_t i = 0; i < s->wanted_count; i++)
        n += s->wanted[i].run == 0 || s->wanted[i].refused;
    return n;
}

void check_say_left(struct runs *s)
{
    struct doc_due due[PAGE];
    size_t count;
    int64_t next_ms;
    OK(store_due(s->w.s.f[0].reader, DOC_RUN, DUE_OF_ALL, INT64_MAX - 1, due, PAGE, &count, &next_ms));
    print_message("now %lld: %zu runs and %zu cues are due, %zu requests on their way, %zu under way\n",
                  (long long)runs_now_ms(), count, due_count(s, DOC_CUE, runs_now_ms()), s->parcel_count,
                  s->runner.under_way_count);
    for (size_t i = 0; i < count && i < 10; i++) {
        struct run run = runs_read(s, due[i].id);
        print_message("run %lld of %lld: status %d, at " STR_FMT ", attempt %d, due %lld, place %lld\n",
                      (long long)run.id, (long long)run.automation, (int)run.status, STR_ARG(run.at), (int)run.attempt,
                      (long long)run.due_ms, (long long)run.place);
    }
}

/* ---- in the end ----------------------------------------------------------------------------------------------------
 */

/* Each has ended well; of the main automation each is somebody's. */
static size_t check_runs(struct runs *s, int which)
{
    struct fixture *f = &s->w.s.f[0];
    struct doc_query q = {.kind = DOC_RUN, .app = s->app, .ref = s->automation[which], .limit = PAGE};
    struct doc *docs;
    size_t count = PAGE, all = 0;
    struct str before = STR_NULL;
    while (count == PAGE) {
        OK(store_list_docs(f->reader, f->arena, &q, &docs, &count));
        for (size_t i = 0; i < count; i++) {
            struct run run;
            OK(run_decode(f->arena, &docs[i], &run));
            const struct wanted *x = which == AUTO_MAIN ? wanted_of(s, run.id) : NULL;
            bool canceled = x != NULL && x->canceled && run.status == RUN_CANCELLED;
            assert_true(x == NULL || !x->ended || canceled);
            s->counts.canceled += canceled;
            if (run.status != RUN_DONE && !canceled)
                fail_msg("run %lld of automation %d is %s: " STR_FMT, (long long)run.id, which,
                         run_status_name(run.status), STR_ARG(run.error));
            assert_int_equal(run.place, 0);
            assert_true(which != AUTO_MAIN || x != NULL);
            assert_true(which != AUTO_MINUTES || i == 0 || !str_eq(run.trigger, before)); /* a time starts one */
            before = run.trigger;
            q.after = run.id;
        }
        all += count;
    }
    s->counts.runs += all;
    return all;
}

static const struct json *ask(struct runs *s, const char *path)
{
    struct str answer;
    struct json *tree;
    int status = runs_ask(s, "GET", path, NULL, &answer);
    if (status != 200)
        fail_msg("GET %s: %d " STR_FMT, path, status, STR_ARG(answer));
    OK(json_parse(s->w.s.f[0].arena, answer, &tree, NULL));
    return tree;
}

static size_t length(const struct json *list)
{
    size_t n = 0;
    for (const struct json *j = list->child; j != NULL; j = j->next)
        n++;
    return n;
}

static int64_t number_at(const struct json *data, const char *name)
{
    int64_t n = -1;
    (void)json_as_i64(json_get(data, str_c(name)), &n);
    return n;
}

/* Its record is as it is when each step was done once, and so is the history. */
static void check_record(struct runs *s, const struct wanted *x)
{
    struct arena *a = s->w.s.f[0].arena;
    int64_t more = x->n >= 3 ? 1 : 0;
    const struct json *r = ask(s, arena_printf(a, "/api/v1/app/w/record/contact/%s", x->email).ptr);
    const struct json *data = json_get(r, STR("data"));
    struct str heard = STR_NULL;
    (void)json_as_str(json_get(data, STR("heard")), &heard);
    const struct json *changes =
            json_get(ask(s, arena_printf(a, "/api/v1/app/w/record/contact/%s/history", x->email).ptr), STR("data"));
    size_t count = length(changes);
    if (number_at(data, "counted") != 1 || number_at(data, "sequenced") != more || !str_eq(heard, STR("yes")) ||
        length(json_get(r, STR("tags"))) != (size_t)(1 + more) || count != (size_t)(6 + 2 * more))
        fail_msg("%s (%d): %zu changes of " STR_FMT, x->email, x->n, count, STR_ARG(r->raw));
    s->counts.changes += count;
}

static size_t events(struct runs *s, const char *type)
{
    struct arena *a = s->w.s.f[0].arena;
    struct str iterator = STR("");
    size_t n = 0;
    for (bool done = false; !done;) {
        const struct json *page = ask(
                s, arena_printf(a, "/api/v1/app/w/msg?limit=250&event_types=%s" STR_FMT, type, STR_ARG(iterator)).ptr);
        n += length(json_get(page, STR("data")));
        assert_true(json_as_bool(json_get(page, STR("done")), &done));
        if (json_as_str(json_get(page, STR("iterator")), &iterator))
            iterator = arena_printf(a, "&iterator=" STR_FMT, STR_ARG(iterator));
    }
    return n;
}

void check_end(struct runs *s)
{
    size_t more = 0, whole = 0, places, sequenced, told, made;
    for (size_t i = 0; i < s->wanted_count; i++) {
        const struct wanted *x = &s->wanted[i];
        assert_true(x->run != 0);
        for (size_t k = 0; k < i; k++)
            assert_true(s->wanted[k].run != x->run);
        if (runs_read(s, x->run).status == RUN_DONE) {
            more += x->n >= 3;
            whole++;
            assert_true(x->calls > 0);
            check_record(s, x);
        }
        arena_reset(s->w.s.f[0].arena);
    }
    assert_int_equal(check_runs(s, AUTO_MAIN), s->wanted_count);
    sequenced = check_runs(s, AUTO_SEQUENCE);
    told = check_runs(s, AUTO_HEARD);
    made = check_runs(s, AUTO_NOTICED);
    (void)check_runs(s, AUTO_MINUTES);
    size_t canceled = s->wanted_count - whole; /* some way along */
    assert_in_range(sequenced, more, more + canceled);
    assert_in_range(told, whole, s->wanted_count);
    assert_in_range(made, told, s->wanted_count);
    assert_int_equal(events(s, "told"), told);
    assert_int_equal(events(s, "contact.created"), made);
    OK(store_count_docs(s->w.s.f[0].reader, DOC_PLACE, s->app, s->automation[AUTO_MAIN], 100, &places));
    assert_int_equal(places, 0);
    s->counts.requests += s->wanted_count;
    s->counts.events += told + made;
}
