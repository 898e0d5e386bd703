/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both stores. A group is applied to the model while it is applied to the real store, operation by operation, with the
 * same results; then the real one commits. Acknowledged: the model commits. Refused for want of room: both roll back.
 * The process ends: the model waits, the store is opened again from what the disk kept, and the marker says whether the
 * group is there. It must be if it was acknowledged, and must not be if its commit had not begun; and then everything
 * that can be read must be the same in both, so nothing of it is there in part.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sqlite_priv.h"

#define ARENA_BYTES (1 << 16)
/* Places in the order of a FIFO endpoint are times of groups; as in test_same.c they stand behind all others, because
 * among those the stores need not agree. */
#define PLACES_MS (5 * 365 * TIME_DAY_MS)

/* ---- operations -------------------------------------------------------------------------------------------------
 */

static enum err verb_apply(void *arg, struct store_op *op)
{
    return backend_apply(arg, op);
}

static bool is_trouble(enum err e)
{
    return e == ERR_IO || e == ERR_FULL || e == ERR_UNAVAILABLE;
}

static enum err one(struct same *s, size_t which, struct store_op *op)
{
    struct sim *w = CONTAINER_OF(s, struct sim, s);
    enum err e = backend_apply_keyed(w->backend[which], op, verb_apply, w->backend[which]);
    w->trace = hash_u64(w->trace ^ (uint64_t)e ^ ((uint64_t)op->kind << 8));
    w->counts.operations += which == 0;
    s->counts_wait = s->counts_wait || op->kind == STORE_RECORD;
    if (which == 0 && is_trouble(e)) {
        s->broken = true;
        w->trouble = e;
    }
    return e;
}

bool world_apply(struct sim *w, struct store_op *real, struct store_op *model)
{
    if (w->s.broken)
        return false;
    real->result = one(&w->s, 0, real);
    if (w->s.broken)
        return false;
    model->result = one(&w->s, 1, model);
    assert_int_equal(real->result, model->result);
    return real->result == ERR_OK;
}

/* ---- opening -----------------------------------------------------------------------------------------------------
 */

/* Instead of the store's own hook: no pass of another thread, the world makes them itself. */
static int log_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_backend *b = arg;
    (void)db;
    (void)name;
    b->wal_bytes = (uint64_t)pages * (SQLITE_PAGE_BYTES + 24);
    return SQLITE_OK;
}

enum err world_disk_open(struct sim *w)
{
    const char *why = "";
    struct store_config c = {.path = w->s.f[0].path,
                             .ballast_bytes = 1 << 12,
                             .cache_bytes = w->options.cache_bytes,
                             .wal_cap_bytes = 1 << 20};
    enum err e = backend_sqlite.open(&c, &w->backend[0], &why);
    if (e != ERR_OK)
        return e;
    struct sqlite_backend *b = backend_of(w->backend[0]);
    sqlite3_wal_hook(b->w.db, log_grew, b);
    b->wal_cap_bytes = w->options.log_bytes;
    sim_disk_calm(true);
    e = backend_sqlite.reader_open(w->backend[0], &w->s.f[0].reader);
    if (e == ERR_OK)
        (void)fx_app_version(&w->s.f[0], 1); /* opens the log as well */
    else
        backend_sqlite.close(w->backend[0]);
    sim_disk_calm(false);
    return e;
}

void world_disk_close(struct sim *w)
{
    backend_sqlite.reader_close(w->s.f[0].reader);
    backend_sqlite.close(w->backend[0]);
    w->s.f[0].reader = NULL;
    w->backend[0] = NULL;
}

static bool roll(const struct sim *w, unsigned percent)
{
    (void)w;
    return sim_pick(100) < percent;
}

void world_disk_arm(struct sim *w, uint64_t within)
{
    const struct sim_options *o = &w->options;
    struct sim_faults f = {0};
    if (roll(w, o->stops))
        f.stop_at = 1 + sim_pick(within);
    if (roll(w, o->write_errors))
        f.write_error_at = 1 + sim_pick(within);
    /* What a failed sync left is seen until the power fails: a recovery that builds on it must not be cut off as well.
     */
    if (roll(w, o->sync_errors))
        f.sync_error_at = 1 + sim_pick(3);
    if (roll(w, o->read_errors))
        f.read_error_at = 1 + sim_pick(within * 4);
    if (roll(w, o->full)) {
        f.full_from = 1 + sim_pick(within);
        f.full_for = 1 + sim_pick(30);
    }
    sim_disk_arm(f);
}

static void restart(struct sim *w)
{
    bool power = roll(w, w->options.power);
    w->counts.crashes++;
    w->counts.power_cuts += power;
    sim_disk_restart(power);
}

void world_disk_reopen(struct sim *w)
{
    restart(w);
    for (int tries = 0;; tries++) {
        assert_true(tries < 10);
        if (tries < 4 && !sim_disk_has_ghosts() && roll(w, 50))
            world_disk_arm(w, 30);
        enum err e = world_disk_open(w);
        bool stopped = sim_disk_stopped();
        if (e == ERR_OK && !stopped)
            break;
        if (e == ERR_OK)
            world_disk_close(w);
        assert_true(e == ERR_OK || e == ERR_IO || e == ERR_FULL || e == ERR_UNAVAILABLE);
        w->counts.failed_opens++;
        restart(w);
    }
    sim_disk_arm((struct sim_faults){0});
}

/* ---- after a crash -----------------------------------------------------------------------------------------------
 */

static uint64_t marker_read(struct sim *w, size_t which)
{
    struct object o;
    OK(store_get_object(w->s.f[which].reader, w->s.f[0].arena, OBJ_CANARY, w->marker, &o));
    uint64_t n = 0;
    assert_int_equal(str_to_u64(o.body, &n), ERR_OK);
    return n;
}

static void check_keys(struct sim *w)
{
    for (size_t which = 0; which < 2; which++)
        OK(w->backend[which]->ops->begin(w->backend[which], w->s.f[0].now_ms + PLACES_MS));
    for (uint64_t i = 0; i < SAME_KEYS; i++) {
        struct store_key k[2] = {{.hash = {7, i}}, {.hash = {7, i}}};
        enum err real = backend_sqlite.key_find(w->backend[0], &k[0]),
                 model = backend_mem.key_find(w->backend[1], &k[1]);
        assert_int_equal(real, model);
        if (real == ERR_OK)
            assert_int_equal(k[0].made.id, k[1].made.id);
    }
    for (size_t which = 0; which < 2; which++)
        OK(w->backend[which]->ops->commit(w->backend[which]));
}

static void check_all(struct sim *w)
{
    assert_int_equal(marker_read(w, 0), w->acked);
    assert_int_equal(marker_read(w, 1), w->acked);
    same_compare_all(&w->s);
    check_keys(w);
    crew_check(w, false);
}

/* Whether the group under way is in the store, which both then say. */
static void resolve(struct sim *w)
{
    uint64_t there = marker_read(w, 0);
    if (there != w->acked && !(w->committing && there == w->group))
        fail_msg("the store is at group %llu, acknowledged are %llu, begun %llu%s", (unsigned long long)there,
                 (unsigned long long)w->acked, (unsigned long long)w->group, w->committing ? " with its commit" : "");
    w->counts.in_doubt += w->committing;
    w->counts.in_doubt_kept += w->committing && there == w->group;
    if (w->model_open && there == w->group)
        OK(backend_mem.commit(w->backend[1]));
    else if (w->model_open)
        backend_mem.rollback(w->backend[1]);
    w->model_open = w->committing = false;
    w->acked = there;
    w->trace = hash_u64(w->trace ^ there);
}

static void crash(struct sim *w)
{
    sim_disk_stop();
    world_disk_close(w);
    crew_crashed(w);
    world_disk_reopen(w);
    w->s.broken = false;
    resolve(w);
    check_all(w);
    crew_recovered(w);
}

/* ---- groups ------------------------------------------------------------------------------------------------------
 */

static bool mark(struct sim *w)
{
    struct object_change c[2];
    for (size_t i = 0; i < 2; i++)
        c[i] = (struct object_change){.change = OBJECT_UPDATE,
                                      .object = {.id = w->marker,
                                                 .kind = OBJ_CANARY,
                                                 .body = fx_printf(&w->s.f[0], "%llu", (unsigned long long)w->group),
                                                 .updated_ms = w->s.f[0].now_ms}};
    struct store_objects a = {.op.kind = STORE_OBJECTS, .changes = &c[0], .count = 1};
    struct store_objects b = {.op.kind = STORE_OBJECTS, .changes = &c[1], .count = 1};
    return world_apply(w, &a.op, &b.op);
}

static void roll_back(struct sim *w)
{
    sim_disk_arm((struct sim_faults){0});
    backend_sqlite.rollback(w->backend[0]);
    backend_mem.rollback(w->backend[1]);
    w->model_open = w->committing = w->s.broken = false;
    w->counts.rolled_back++;
    crew_rolled_back(w);
    same_compare_some(&w->s);
}

/* What an error means for the process: no room is met by a rollback, anything else ends it. */
static void meet_trouble(struct sim *w)
{
    if (w->trouble == ERR_FULL && !sim_disk_stopped())
        roll_back(w);
    else
        crash(w);
}

static void group(struct sim *w)
{
    size_t n = w->options.group_max > 0 ? 1 + sim_pick(w->options.group_max) : 0;
    int64_t now = w->s.f[0].now_ms + PLACES_MS;
    w->trouble = backend_sqlite.begin(w->backend[0], now);
    if (w->trouble != ERR_OK) {
        crash(w);
        return;
    }
    OK(backend_mem.begin(w->backend[1], now));
    w->model_open = true;
    w->s.counts_wait = false;
    w->group++;
    crew_apply(w);
    for (size_t i = 0; i < n && !w->s.broken; i++)
        same_do_one(&w->s);
    if (!w->s.broken)
        (void)mark(w);
    if (w->s.broken) {
        meet_trouble(w);
        return;
    }
    w->committing = true;
    w->trouble = backend_sqlite.commit(w->backend[0]);
    if (w->trouble != ERR_OK) {
        meet_trouble(w);
        return;
    }
    OK(backend_mem.commit(w->backend[1]));
    w->model_open = w->committing = false;
    w->acked = w->group;
    w->counts.groups++;
    crew_committed(w);
}

/* The log's upkeep, and what the checkpointer's thread would do. */
bool world_upkeep(struct sim *w)
{
    struct sqlite_backend *b = backend_of(w->backend[0]);
    enum err e = backend_sqlite.between(w->backend[0]);
    if (e == ERR_OK && sim_pick(10) == 0) {
        int rc = sqlite3_wal_checkpoint_v2(b->checkpointer.conn.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        e = rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_FULL ? ERR_OK : ERR_IO;
    }
    return e == ERR_OK || e == ERR_FULL;
}

void world_step(struct sim *w)
{
    sim_disk_time(w->s.f[0].now_ms);
    if (sim_pick(4) == 0)
        world_disk_arm(w, 60);
    group(w);
    if (!world_upkeep(w) || sim_disk_stopped() || sim_pick(150) == 0)
        crash(w);
    if (sim_pick(8) == 0) {
        /* Reads meet no trouble here: they would end as ERR_IO, which is no promise broken. */
        sim_disk_arm((struct sim_faults){0});
        same_compare_some(&w->s);
    }
    struct sim_faults none = {0};
    sim_disk_arm(none);
    crew_run(w);
    arena_reset(w->s.f[0].arena);
}

void world_heal(struct sim *w)
{
    int64_t begun = w->s.f[0].now_ms;
    w->options = (struct sim_options){.cache_bytes = 1 << 20, .log_bytes = 1 << 20};
    sim_disk_arm((struct sim_faults){0});
    crash(w);
    crew_heal(w);
    for (int i = 0; crew_pending(w) > 0; i++) {
        int64_t next = crew_next_ms(w);
        if (i > 20000) {
            crew_say_stuck(w);
            fail_msg("%zu deliveries are stuck", crew_pending(w));
        }
        if (next > w->s.f[0].now_ms)
            w->s.f[0].now_ms = next;
        crew_run(w);
        group(w);
        assert_false(w->s.broken);
        arena_reset(w->s.f[0].arena);
    }
    assert_true(w->s.f[0].now_ms - begun < TIME_DAY_MS);
    check_all(w);
    crew_check(w, true);
}

/* ---- the world's beginning and end -------------------------------------------------------------------------------
 */

static void setup(struct sim *w)
{
    struct same *s = &w->s;
    struct object o[APPS + 1];
    struct object_change c[2][APPS + 1];
    for (size_t i = 0; i < APPS; i++) {
        o[i] = fx_object(&s->f[0], OBJ_APP, 0, NULL);
        s->app[i] = o[i].id;
    }
    for (size_t i = 0; i < EPS; i++)
        s->ep[i] = fx_id(&s->f[0]);
    o[APPS] = fx_object(&s->f[0], OBJ_CANARY, 0, NULL);
    o[APPS].env = 0;
    o[APPS].body = STR("0");
    w->marker = o[APPS].id;
    for (size_t which = 0; which < 2; which++) {
        for (size_t i = 0; i <= APPS; i++)
            c[which][i] = (struct object_change){.change = OBJECT_CREATE, .object = o[i]};
        struct store_objects op = {.op.kind = STORE_OBJECTS, .changes = c[which], .count = APPS + 1};
        OK(w->backend[which]->ops->begin(w->backend[which], s->f[0].now_ms + PLACES_MS));
        OK(w->backend[which]->ops->objects(w->backend[which], &op));
        OK(w->backend[which]->ops->commit(w->backend[which]));
    }
}

struct sim_options world_options(void)
{
    static const size_t caches[] = {64 << 10, 256 << 10, 4 << 20}, logs[] = {128 << 10, 512 << 10, 1 << 20};
    struct sim_options o = {.power = (unsigned)sim_pick(3) * 50,
                            .group_max = 1 + (unsigned)sim_pick(12),
                            .cache_bytes = caches[sim_pick(3)],
                            .log_bytes = logs[sim_pick(3)]};
    unsigned *const faults[] = {&o.stops, &o.write_errors, &o.sync_errors, &o.read_errors, &o.full};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        *faults[i] = sim_pick(3) == 0 ? 0 : 10 + (unsigned)sim_pick(50);
    return o;
}

void world_open(struct sim *w, uint64_t seed)
{
    const char *why = "";
    struct store_config none = {.path = NULL};
    *w = (struct sim){.s = {.random = seed, .one = one, .with_keys = true}};
    sim_disk_reset(seed);
    w->options = world_options();
    struct fixture *f = &w->s.f[0];
    *f = (struct fixture){.now_ms = TEST_START_MS, .dir = "/tmp/postrider-sim-XXXXXX", .arena = arena_new(ARENA_BYTES)};
    /* The lock and the ballast are real files. */
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/sim.db", f->dir);
    f->env = fx_id(f);
    OK(world_disk_open(w));
    OK(backend_mem.open(&none, &w->backend[1], &why));
    OK(backend_mem.reader_open(w->backend[1], &w->s.f[1].reader));
    setup(w);
    crew_open(w);
}

void world_close(struct sim *w)
{
    char command[160];
    crew_close(w);
    world_disk_close(w);
    backend_mem.reader_close(w->s.f[1].reader);
    backend_mem.close(w->backend[1]);
    snprintf(command, sizeof command, "rm -rf %s", w->s.f[0].dir);
    assert_int_equal(system(command), 0);
    arena_free(w->s.f[0].arena);
    w->trace = hash_u64(w->trace ^ sim_disk_stats().hash);
}
