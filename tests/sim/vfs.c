/* SPDX-License-Identifier: Apache-2.0 */
/* Files: what is seen, what is durable, what is under way; faults and power failures. */
#include "vfs_priv.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

struct sim_disk sim_disk;

uint64_t sim_random(void)
{
    sim_disk.random += 0x9e3779b97f4a7c15u;
    return hash_u64(sim_disk.random);
}

uint64_t sim_pick(uint64_t n)
{
    return sim_random() % n;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------
 */

void sim_bytes_write(struct sim_bytes *b, size_t at, const void *from, size_t len)
{
    if (at + len > b->len) {
        b->ptr = mem_realloc(b->ptr, at + len);
        if (at > b->len)
            memset(b->ptr + b->len, 0, at - b->len);
        b->len = at + len;
    }
    memcpy(b->ptr + at, from, len);
}

void sim_bytes_cut(struct sim_bytes *b, size_t len)
{
    if (len < b->len)
        b->len = len;
}

static void change_apply(struct sim_bytes *b, const struct sim_change *c)
{
    if (c->cut)
        sim_bytes_cut(b, c->at);
    else
        sim_bytes_write(b, c->at, c->bytes, c->len);
}

static void changes_drop(struct sim_file *f)
{
    for (size_t i = 0; i < f->change_count; i++)
        free(f->changes[i].bytes);
    f->change_count = 0;
}

void sim_file_note(struct sim_file *f, const struct sim_change *c)
{
    if (f->change_count == f->change_cap) {
        f->change_cap = f->change_cap * 2 + 16;
        f->changes = mem_realloc(f->changes, f->change_cap * sizeof *f->changes);
    }
    f->changes[f->change_count++] = *c;
    change_apply(&f->seen, c);
    sim_disk.stats.hash = hash_u64(sim_disk.stats.hash ^ c->at ^ (c->len << 32));
}

void sim_file_sync(struct sim_file *f, bool fails)
{
    for (size_t i = 0; i < f->change_count; i++) {
        if (fails && sim_pick(2) == 0)
            sim_disk.ghosts = true;
        else
            change_apply(&f->durable, &f->changes[i]);
    }
    changes_drop(f);
    f->is_durable = f->is_durable || !fails;
}

/* ---- power -------------------------------------------------------------------------------------------------------
 */

#define SECTOR 512

/* Some of its sectors, and of the last one perhaps only noise. */
static void change_tear(struct sim_bytes *b, const struct sim_change *c)
{
    sim_disk.stats.torn++;
    for (size_t at = 0; at < c->len; at += SECTOR) {
        size_t n = SECTOR < c->len - at ? SECTOR : c->len - at;
        char noise[SECTOR];
        if (sim_pick(2) == 0)
            continue;
        for (size_t i = 0; i < n; i++)
            noise[i] = (char)sim_random();
        sim_bytes_write(b, c->at + at, sim_pick(8) == 0 ? noise : c->bytes + at, n);
    }
}

static void file_lose(struct sim_file *f)
{
    /* How much got through differs by failure: nothing, nearly all, or anything. */
    uint64_t through = sim_pick(3) * 45 + sim_pick(11);
    for (size_t i = 0; i < f->change_count; i++) {
        const struct sim_change *c = &f->changes[i];
        if (sim_pick(100) < through)
            change_apply(&f->durable, c);
        else if (!c->cut && sim_pick(4) == 0)
            change_tear(&f->durable, c);
        else
            sim_disk.stats.lost++;
    }
    changes_drop(f);
    f->exists = f->is_durable;
    if (!f->exists)
        sim_bytes_cut(&f->durable, 0);
    sim_bytes_cut(&f->seen, 0);
    sim_bytes_write(&f->seen, 0, f->durable.ptr != NULL ? f->durable.ptr : "", f->durable.len);
}

void sim_disk_restart(bool power_failed)
{
    for (size_t i = 0; i < sim_disk.file_count; i++) {
        struct sim_file *f = &sim_disk.files[i];
        CHECK(f->handles == 0 && f->shm_handles == 0);
        if (power_failed)
            file_lose(f);
    }
    if (power_failed)
        sim_disk.ghosts = false;
    sim_disk.faults = (struct sim_faults){0};
    sim_disk.stopped = false;
}

/* ---- faults ------------------------------------------------------------------------------------------------------
 */

static bool count_down(uint64_t *n)
{
    if (*n == 0 || --*n > 0)
        return false;
    sim_disk.stats.errors++;
    return true;
}

static bool is_stopped(bool counts)
{
    if (!sim_disk.stopped && counts && sim_disk.faults.stop_at > 0 && --sim_disk.faults.stop_at == 0)
        sim_disk.stopped = true;
    return sim_disk.stopped;
}

enum sim_trouble sim_fault_write(bool grows)
{
    struct sim_faults *f = &sim_disk.faults;
    sim_disk.stats.writes++;
    if (is_stopped(true))
        return SIM_STOPPED;
    if (count_down(&f->write_error_at))
        return SIM_FAILS;
    if (f->full_from > 0 && --f->full_from > 0)
        return SIM_FINE;
    if (f->full_for == 0)
        return SIM_FINE;
    f->full_for--;
    sim_disk.stats.errors += grows;
    return grows ? SIM_FULL : SIM_FINE;
}

enum sim_trouble sim_fault_sync(void)
{
    sim_disk.stats.syncs++;
    if (is_stopped(true))
        return SIM_STOPPED;
    return count_down(&sim_disk.faults.sync_error_at) ? SIM_FAILS : SIM_FINE;
}

enum sim_trouble sim_fault_read(void)
{
    sim_disk.stats.reads++;
    if (is_stopped(false))
        return SIM_STOPPED;
    return count_down(&sim_disk.faults.read_error_at) ? SIM_FAILS : SIM_FINE;
}

/* ---- the disk ----------------------------------------------------------------------------------------------------
 */

struct sim_file *sim_file_find(const char *name, bool create)
{
    for (size_t i = 0; i < sim_disk.file_count; i++)
        if (strcmp(sim_disk.files[i].name, name) == 0)
            return &sim_disk.files[i];
    if (!create)
        return NULL;
    CHECK(sim_disk.file_count < SIM_FILES_MAX && strlen(name) < SIM_NAME_MAX);
    struct sim_file *f = &sim_disk.files[sim_disk.file_count++];
    *f = (struct sim_file){.exists = false};
    memcpy(f->name, name, strlen(name) + 1);
    return f;
}

void sim_disk_reset(uint64_t seed)
{
    for (size_t i = 0; i < sim_disk.file_count; i++) {
        struct sim_file *f = &sim_disk.files[i];
        CHECK(f->handles == 0);
        changes_drop(f);
        free(f->changes);
        free(f->seen.ptr);
        free(f->durable.ptr);
    }
    sim_disk = (struct sim_disk){.random = seed};
    sim_vfs_register();
}

void sim_disk_arm(struct sim_faults f)
{
    sim_disk.faults = f;
}

bool sim_disk_stopped(void)
{
    return sim_disk.stopped;
}

void sim_disk_calm(bool calm)
{
    sim_disk.calm = calm;
}

void sim_disk_stop(void)
{
    sim_disk.stopped = true;
}

bool sim_disk_has_ghosts(void)
{
    return sim_disk.ghosts;
}

void sim_disk_time(int64_t now_ms)
{
    sim_disk.now_ms = now_ms;
}

struct sim_disk_stats sim_disk_stats(void)
{
    return sim_disk.stats;
}
