/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client under test on a loop of its own.
 */
#include "fixture.h"

#include "sys/clock.h"

bool fixture_no_h1;

void fixture_open(struct fixture *f, const char *allow)
{
    f->loop = loop_new();
    assert_non_null(f->loop);
    if (allow != NULL) {
        assert_int_equal(ssrf_parse_subnet(str_c(allow), &f->allow[0]), ERR_OK);
        f->policy.allow = f->allow;
        f->policy.allow_count = 1;
    }
    f->config.loop = f->loop;
    f->config.policy = &f->policy;
    f->config.no_h1 = fixture_no_h1;
    f->config.user_agent = "Postrider/test";
    const char *why = NULL;
    f->client = client_new(&f->config, &why);
    assert_non_null(f->client);
}

void fixture_close(struct fixture *f)
{
    assert_int_equal(client_in_flight(f->client), 0);
    client_free(f->client);
    loop_free(f->loop);
}

static void copy_text(char *to, size_t size, struct str s)
{
    s = str_take(s, size - 1);
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
}

static void on_done(struct client_request *r, const struct client_result *result)
{
    struct exchange *x = CONTAINER_OF(r, struct exchange, request);
    assert_false(x->done);
    x->done = true;
    x->cause = result->cause;
    x->status = result->http_status;
    x->body_len = result->body.len;
    x->truncated = result->body_truncated;
    x->retry_after_ms = result->retry_after_ms;
    x->phases = result->phases;
    copy_text(x->error, sizeof x->error, result->error);
    copy_text(x->headers, sizeof x->headers, result->headers);
    copy_text(x->peer, sizeof x->peer, result->peer);
    if (--x->fixture->pending == 0)
        loop_stop(x->fixture->loop);
}

static const char *const usual_headers[] = {"Content-Type: application/json", "webhook-id: msg_1"};

struct exchange *exchange_new(struct fixture *f, const char *host, unsigned port)
{
    struct exchange *x = mem_zalloc(1, sizeof *x);
    x->fixture = f;
    snprintf(x->url, sizeof x->url, "http://%s:%u/hook", host, port);
    x->request = (struct client_request){.method = STR("POST"),
                                         .url = str_c(x->url),
                                         .headers = usual_headers,
                                         .header_count = ARRAY_LEN(usual_headers),
                                         .body = {STR("{\"a\":"), STR("1"), STR("}")},
                                         .timeout_ms = 30000,
                                         .on_done = on_done};
    return x;
}

void send_exchange(struct exchange *x)
{
    x->done = false;
    x->fixture->pending++;
    client_send(x->fixture->client, &x->request);
    assert_false(x->done);
}

void run_exchange(struct exchange *x)
{
    send_exchange(x);
    loop_run(x->fixture->loop);
    assert_true(x->done);
}

void exchange_aim(struct exchange *x, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(x->url, sizeof x->url, fmt, args);
    va_end(args);
    x->request.url = str_c(x->url);
}

struct pause {
    struct loop_timer timer;
    struct loop *loop;
};

static void on_pause_over(struct loop_timer *t)
{
    loop_stop(CONTAINER_OF(t, struct pause, timer)->loop);
}

void pause_loop(struct fixture *f, int64_t ms)
{
    struct pause p = {.timer.on_fire = on_pause_over, .loop = f->loop};
    loop_timer_set(f->loop, &p.timer, clock_mono_ms() + ms);
    loop_run(f->loop);
}
