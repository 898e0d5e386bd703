/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/canary.h"

#include <stdio.h>

#include "sys/clock.h"

static const struct str name = {"keys", 4};

static struct str identity_of(oid_t id, char text[24])
{
    int n = snprintf(text, 24, "%lld", (long long)id);
    return str_of(text, (size_t)n);
}

static enum err make(struct shared *s)
{
    char text[24];
    int64_t now_ms = clock_wall_ms();
    struct buf sealed = BUF_INIT(256);
    struct object_change change = {.change = OBJECT_CREATE,
                                   .object = {.id = oid_next(&s->oids, now_ms),
                                              .kind = OBJ_CANARY,
                                              .key = name,
                                              .body = STR("{}"),
                                              .created_ms = now_ms,
                                              .updated_ms = now_ms}};
    keyring_seal(s->keys, name, identity_of(change.object.id, text), &sealed);
    change.object.sealed = buf_str(&sealed);
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
    enum err e = store_run(s->store, &op.op);
    buf_fini(&sealed);
    return e;
}

enum err canary_open(const struct keyring *keys, oid_t id, struct str sealed)
{
    char text[24];
    struct buf plain = BUF_INIT(256);
    enum err e = keyring_open(keys, sealed, identity_of(id, text), &plain);
    buf_fini(&plain);
    return e;
}

enum err canary_check(struct shared *s, const char **why)
{
    struct store_reader *reader;
    struct object o;
    enum err e = store_reader_open(s->store, &reader);
    *why = err_text(e);
    if (e != ERR_OK)
        return e;
    struct arena *a = arena_new(1024);
    e = store_find_object(reader, a, OBJ_CANARY, 0, 0, name, &o);
    if (e == ERR_OK)
        e = canary_open(s->keys, o.id, o.sealed);
    else if (e == ERR_NOT_FOUND)
        e = make(s);
    *why = e == ERR_INVALID ? "these are not the keys of this database: put its own keys file back (or MASTER_KEY); "
                              "without it no "
                              "endpoint secret can be opened"
                            : err_text(e);
    arena_free(a);
    store_reader_close(reader);
    return e;
}
