/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/env.h"
#include "api/task.h"
#include "base/mem.h"

static int64_t now(void)
{
    return NOW;
}

static void on_config(void *arg, oid_t env, oid_t app)
{
    (void)env;
    (void)app;
    ((struct fixture *)arg)->config_changes++;
}

static void on_endpoint(void *arg, oid_t env, oid_t app, oid_t ep)
{
    (void)env;
    (void)app;
    (void)ep;
    ((struct fixture *)arg)->endpoint_changes++;
}

static void on_pending(void *arg, oid_t ep)
{
    (void)ep;
    ((struct fixture *)arg)->pending_calls++;
}

static void make_keys(struct fixture *f)
{
    char path[] = "/tmp/postrider-api-XXXXXX", file[64];
    const char *why;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/keys", path);
    assert_int_equal(keyring_load(file, NULL, NULL, &f->keys, &why), ERR_OK);
    unlink(file);
    rmdir(path);
    static const char *const envs[] = {NULL, "org_aaaaaaaaaaaaaaaaaaaaaaaaaaa", "org_bbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                       "org_ccccccccccccccccccccccccccc"};
    for (int i = 1; i < 4; i++) {
        struct buf token = BUF_INIT(1024);
        auth_jwt_make(str_c(envs[i]), keyring_jwt_secret(f->keys), NOW, 0, &token);
        snprintf(f->tokens[i], sizeof f->tokens[i], "Bearer " STR_FMT, STR_ARG(buf_str(&token)));
        buf_fini(&token);
    }
}

int fx_setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    const char *why = "";
    struct str trouble;
    static const char *const addresses[] = {"203.0.113.7", NULL};
    struct store_config config = {.path = NULL};
    assert_int_equal(store_open(&config, &f->store, &why), ERR_OK);
    assert_int_equal(store_reader_open(f->store, &f->reader), ERR_OK);
    make_keys(f);
    f->arena = arena_new(65536);
    f->catalog = catalog_new(f->keys, store_identity(f->store)->id_key);
    f->urls = (struct ssrf_policy){.https_only = true};
    oid_source_init(&f->oids, 1, 0);
    f->api = (struct api){.store = f->store,
                          .catalog = f->catalog,
                          .keys = f->keys,
                          .id_key = store_identity(f->store)->id_key,
                          .oids = &f->oids,
                          .urls = &f->urls,
                          .default_profile = "standard",
                          .egress_addresses = addresses,
                          .retention_payload_ms = 90 * TIME_DAY_MS,
                          .hook_arg = f,
                          .on_config_changed = on_config,
                          .on_endpoint_changed = on_endpoint,
                          .on_pending = on_pending,
                          .on_by_hand = on_pending};
    f->answer = BUF_INIT(1 << 22);
    assert_int_equal(env_profile_rows(f->arena, NULL, &f->api.rows, &f->api.row_count, &trouble), ERR_OK);
    assert_int_equal(api_tasks_start(&f->api, now), ERR_OK);
    *state = f;
    return 0;
}

int fx_teardown(void **state)
{
    struct fixture *f = *state;
    api_tasks_stop(&f->api);
    catalog_free(f->catalog);
    store_reader_close(f->reader);
    store_close(f->store);
    keyring_free(f->keys);
    arena_free(f->arena);
    buf_fini(&f->answer);
    free(f);
    return 0;
}

void request_as(struct fixture *f, const char *authorization, const char *method, const char *path, const char *body)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    struct http_header header = {STR("authorization"), str_c(authorization)};
    struct str query = str_c(path), only_path = str_split(&query, '?');
    struct api_call call = {.arena = arena_new(16384),
                            .reader = f->reader,
                            .path = only_path,
                            .query = query,
                            .headers = &header,
                            .header_count = authorization != NULL,
                            .body = body != NULL ? str_c(body) : STR(""),
                            .now_ms = NOW};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], method) == 0)
            call.method = (enum http_method)i;
    }
    api_handle(&f->api, &call);
    buf_clear(&f->answer);
    buf_add_str(&f->answer, buf_str(&call.out));
    buf_add_c(&f->answer, '\0');
    f->status = call.status;
    f->headers = STR("");
    for (size_t i = 0; i < call.out_header_count; i++)
        f->headers = arena_printf(f->arena, STR_FMT STR_FMT ": " STR_FMT "\n", STR_ARG(f->headers),
                                  STR_ARG(call.out_headers[i].name), STR_ARG(call.out_headers[i].value));
    buf_fini(&call.out);
    arena_free(call.arena);
}

void request(struct fixture *f, int who, const char *method, const char *path, const char *body)
{
    request_as(f, who != NONE ? f->tokens[who] : NULL, method, path, body);
}

void run_steps(struct fixture *f, const struct api_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct api_step *s = &steps[i];
        request(f, s->who, s->method, s->path, s->body);
        if (f->status != s->status || (s->has != NULL && strstr(f->answer.ptr, s->has) == NULL) ||
            (s->has_not != NULL && strstr(f->answer.ptr, s->has_not) != NULL))
            fail_msg("step %zu, %s %s %s: %d %s", i, s->method, s->path, s->body != NULL ? s->body : "", f->status,
                     f->answer.ptr);
        struct json_slice v;
        if (f->status != 204)
            assert_int_equal(json_check(str_c(f->answer.ptr), &v, NULL), ERR_OK);
    }
}

char *pick(struct fixture *f, const char *name)
{
    struct str s = str_c(f->answer.ptr), quoted = arena_printf(f->arena, "\"%s\":\"", name);
    size_t at = str_find_str(s, quoted);
    assert_true(at < s.len);
    s = str_skip(s, at + quoted.len);
    return arena_cstr(f->arena, str_take(s, str_find(s, '"')));
}

char *path_of(struct fixture *f, const char *fmt, const char *id)
{
    struct buf out = BUF_INIT(1024);
    for (; *fmt != '\0'; fmt++) {
        if (*fmt == '$')
            buf_add_str(&out, str_c(id));
        else
            buf_add_c(&out, *fmt);
    }
    char *path = arena_cstr(f->arena, buf_str(&out));
    buf_fini(&out);
    return path;
}

void expect(struct fixture *f, const char *method, const char *path, const char *body, int status, const char *has)
{
    const struct api_step s = {ENV_A, method, path, body, status, has, NULL};
    run_steps(f, &s, 1);
}

void wait_for_task(struct fixture *f, const char *id)
{
    char *path = path_of(f, "/api/v1/background-task/$", id);
    for (int i = 0; i < 3000; i++) {
        request(f, ENV_A, "GET", path, NULL);
        if (strstr(f->answer.ptr, "\"finished\"") != NULL)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fail_msg("%s", f->answer.ptr);
}

int status_as(struct fixture *f, const char *token, const char *method, const char *path, const char *body)
{
    request_as(f, token, method, path, body);
    return f->status;
}
