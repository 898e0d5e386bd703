/* SPDX-License-Identifier: Apache-2.0 */
#include "api/idempotency.h"

#include <pthread.h>

#include "api/audit.h"
#include "api/routes.h"

/* A request under way: who comes with the same key waits, on its worker, so there are never more than workers. */
struct turn {
    struct turn *next;
    struct store_key key;
};

static pthread_mutex_t turns_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turns_moved = PTHREAD_COND_INITIALIZER;
static struct turn *turns;

/* ---- the key ----------------------------------------------------------------------------------------------------- */

/* 64 bits over parts that cannot run into each other. */
static uint64_t hash_parts(struct hash_key secret, const struct str *parts, size_t count)
{
    uint64_t of[8];
    CHECK(2 * count <= ARRAY_LEN(of));
    for (size_t i = 0; i < count; i++) {
        of[2 * i] = parts[i].len;
        of[2 * i + 1] = hash_sip(secret, parts[i].ptr, parts[i].len);
    }
    return hash_sip(secret, of, 2 * count * sizeof of[0]);
}

enum err idempotency_read(struct hash_key secret, struct str header, struct str token, struct str path,
                          struct str query, struct problems *problems, struct store_key *out)
{
    if (header.ptr == NULL)
        return ERR_NOT_FOUND;
    bool good = header.len > 0 && header.len <= IDEMPOTENCY_KEY_MAX;
    for (size_t i = 0; i < header.len && good; i++)
        good = header.ptr[i] >= ' ' && header.ptr[i] <= '~';
    if (!good) {
        problem_add(problems, "header", STR("idempotency-key"), STR_NULL, "value_error",
                    "must be 1 to %d printable ASCII characters", IDEMPOTENCY_KEY_MAX);
        return ERR_INVALID;
    }
    const struct str parts[] = {token, path, query, header};
    struct hash_key other = {.k0 = ~secret.k1, .k1 = secret.k0 ^ 0x6964656d706f7465u};
    *out = (struct store_key){
            .hash = {hash_parts(secret, parts, ARRAY_LEN(parts)), hash_parts(other, parts, ARRAY_LEN(parts))}};
    return ERR_OK;
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static bool is_taken(const struct store_key *key)
{
    for (const struct turn *t = turns; t != NULL; t = t->next)
        if (t->key.hash[0] == key->hash[0] && t->key.hash[1] == key->hash[1])
            return true;
    return false;
}

static void turn_take(struct turn *t)
{
    pthread_mutex_lock(&turns_lock);
    while (is_taken(&t->key))
        pthread_cond_wait(&turns_moved, &turns_lock);
    t->next = turns;
    turns = t;
    pthread_mutex_unlock(&turns_lock);
}

static void turn_give_back(struct turn *t)
{
    pthread_mutex_lock(&turns_lock);
    struct turn **at = &turns;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    pthread_cond_broadcast(&turns_moved);
    pthread_mutex_unlock(&turns_lock);
}

bool idempotency_begin(struct api *api, struct api_call *call)
{
    struct turn *t = arena_zalloc(call->arena, sizeof *t);
    call->key = NULL;
    enum err e = idempotency_read(api->id_key, call_header(call, STR("idempotency-key")),
                                  api_credential(api, call->arena, call->headers, call->header_count), call->path,
                                  call->query, &call->problems, &t->key);
    if (e == ERR_INVALID)
        return call_fits(call);
    if (e == ERR_OK) {
        turn_take(t);
        call->key = &t->key;
    }
    return true;
}

void idempotency_leave(struct api_call *call)
{
    if (call->key != NULL)
        turn_give_back(CONTAINER_OF(call->key, struct turn, key));
    call->key = NULL;
}

void idempotency_end(struct api *api, struct api_call *call)
{
    if (call->key == NULL)
        return;
    /* A 2xx that committed nothing of its own (what was asked for is there already), or in steps that do no harm when
     * they are repeated: only the key is written. If that fails, or the process ends before, the next request does the
     * same again. */
    if (call->status >= 200 && call->status < 300 && call->key_made && !call->key->known && !call->key_kept) {
        struct store_objects op = {.op = {.kind = STORE_OBJECTS}};
        enum err e = call_run(api, call, &op.op);
        (void)e;
    }
    idempotency_leave(call);
}

void call_made(struct api_call *call, int what, oid_t id, int status)
{
    if (call->key == NULL)
        return;
    call->key->made = (struct store_made){.id = id, .what = what, .status = status};
    call->key_made = true;
}

enum err call_run(struct api *api, struct api_call *call, struct store_op *op)
{
    op->key = call->key != NULL && call->key_made && !call->key_kept ? call->key : NULL;
    enum err e = op->kind == STORE_OBJECTS ? audit_commit(api, call, CONTAINER_OF(op, struct store_objects, op))
                                           : store_run(api->store, op);
    if (op->key == NULL || e != ERR_OK)
        return e;
    call->key_kept = true;
    /* Another node was first: nothing was applied. Starting over finds its answer. */
    return op->key->known ? ERR_STALE : ERR_OK;
}

/* ---- again ------------------------------------------------------------------------------------------------------- */

/* How each kind of object is shown: by the handler that reads it, which finds it by the parameter `at`. */
static const struct {
    int what;
    const char *prefix; /* NULL: found by its key */
    size_t at;
    api_handler_fn *show;
} shows[] = {
        {OBJ_APP, "app_", 0, application_get},
        {OBJ_ENDPOINT, "ep_", 1, endpoint_get},
        {OBJ_EVENT_TYPE, NULL, 0, event_type_get},
        {OBJ_PROFILE, NULL, 0, profile_get},
        {OBJ_TASK, "qtask_", 0, background_task_get},
        {MADE_MESSAGE, "msg_", 1, message_get},
        {MADE_RECORD, "rec_", 2, record_get},
        {OBJ_TRIGGER, "trg_", 1, trigger_get},
        {OBJ_RECORD_TYPE, NULL, 0, record_type_get},
        {OBJ_ENV, NULL, 0, environment_get},
        {OBJ_INTEGRATION, "integ_", 1, integration_get},
        {OBJ_AUTOMATION, "auto_", 1, automation_get},
        {OBJ_SOURCE, "src_", 0, source_get},
        {MADE_SOURCE_URL, "src_", 0, source_url_get},
        {MADE_INBOUND_URL, "app_", 0, inbound_url_get},
};

static enum err name_of(struct api_call *call, const struct store_made *made, struct str *out)
{
    struct object o;
    enum err e = store_get_object(call->reader, call->arena, (enum object_kind)made->what, made->id, &o);
    if (e == ERR_OK)
        *out = o.deleted_ms == 0 ? o.key : STR_NULL;
    return e == ERR_OK && out->ptr == NULL ? ERR_NOT_FOUND : e;
}

static void show(struct api *api, struct api_call *call, const struct store_made *made)
{
    for (size_t i = 0; i < ARRAY_LEN(shows); i++) {
        if (shows[i].what != made->what)
            continue;
        enum err e = ERR_OK;
        struct str *param = &call->params[shows[i].at];
        if (shows[i].prefix != NULL)
            *param = api_id(api, call, made->id, shows[i].prefix);
        else
            e = name_of(call, made, param);
        if (e == ERR_OK)
            shows[i].show(api, call);
        if (e == ERR_NOT_FOUND || (e == ERR_OK && call->status == 404))
            answer_error(call, ERR_GONE,
                         "what the first request with this idempotency key made has been deleted since");
        else if (e != ERR_OK)
            answer_error(call, e, NULL);
        else if (call->status == 200)
            call->status = made->status;
        return;
    }
    answer_error(call, ERR_INTERNAL, NULL);
}

bool idempotency_answer(struct api *api, struct api_call *call)
{
    if (call->key == NULL)
        return false;
    call->key_made = call->key_kept = call->key->known = false;
    enum err e = store_find_key(api->store, call->key);
    if (e == ERR_NOT_FOUND)
        return false;
    const struct store_made *made = &call->key->made;
    if (e != ERR_OK) {
        answer_error(call, e, NULL);
    } else if (made->what == OBJ_TOKEN) {
        answer_error(
                call, ERR_CONFLICT,
                "the first request with this idempotency key made an API key; its text was in that answer only and "
                "is not kept: revoke it, and make another with another idempotency key");
    } else if (made->what == OBJ_MEMBER) {
        answer_error(call, ERR_CONFLICT,
                     "the first request with this idempotency key invited somebody; the link was in that answer only "
                     "and is not kept: invite them again with another idempotency key");
    } else if (made->what == MADE_NOTHING && made->status == 204) {
        answer_empty(call);
    } else if (made->what == MADE_NOTHING) {
        struct json_writer w = answer(call, made->status);
        json_w_object(&w);
        json_w_object_end(&w);
    } else {
        show(api, call, made);
    }
    return true;
}
