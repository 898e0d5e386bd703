/* SPDX-License-Identifier: Apache-2.0 */
#include "automation/wait.h"

#include "base/time.h"

struct reading {
    struct arena *arena;
    const struct wait_facts *facts;
    struct str *why;
};

static struct str text_of(const struct reading *r, const char *name)
{
    struct str s = STR_NULL;
    (void)json_as_str(json_get(r->facts->input, str_c(name)), &s);
    return s;
}

static enum err refuse(struct reading *r, const char *name, const char *what)
{
    *r->why = arena_printf(r->arena, "%s: \"" STR_FMT "\" %s", name, STR_ARG(str_take(text_of(r, name), 100)), what);
    return ERR_INVALID;
}

static enum err read_duration(struct reading *r, const char *name, int64_t *due_ms)
{
    int64_t ms;
    if (time_parse_duration(str_trim(text_of(r, name)), &ms) != ERR_OK || ms > RUN_LIFE_MS)
        return refuse(r, name, "is no duration of up to a year, such as 90s, 15m, 2h, 3d");
    *due_ms = r->facts->now_ms + ms;
    return ERR_OK;
}

static enum err refuse_late(struct reading *r, const char *name)
{
    char end[TIME_TEXT_SIZE];
    time_format(r->facts->began_ms + RUN_LIFE_MS, end);
    struct str what = arena_printf(r->arena, "is later than %s, when the run ends: it lives a year at most", end);
    return refuse(r, name, arena_cstr(r->arena, what));
}

enum err wait_read(struct arena *a, const struct step *s, const struct wait_facts *f, int64_t *due_ms, struct str *why)
{
    struct reading r = {a, f, why};
    int64_t end_ms = f->began_ms + RUN_LIFE_MS, due = end_ms + 1; /* and then the run is too old */
    bool is_event = step_value(s, "event") != NULL;
    const char *name = step_value(s, "for") != NULL ? "for" : "until";
    enum err e = ERR_OK;
    if (is_event && step_value(s, "timeout") != NULL)
        e = read_duration(&r, "timeout", &due);
    else if (!is_event && step_value(s, "for") != NULL)
        e = read_duration(&r, "for", &due);
    else if (!is_event && time_parse(str_trim(text_of(&r, "until")), &due) != ERR_OK)
        e = refuse(&r, "until", "is no time such as 2026-01-31T09:00:00Z");
    if (e == ERR_OK && due > end_ms && !is_event)
        e = refuse_late(&r, name);
    if (e == ERR_OK)
        *due_ms = due < end_ms + 1 ? due : end_ms + 1;
    return e;
}
