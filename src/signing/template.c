/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/template.h"

#include "json/scan.h"

static const struct str field_names[FIELD_COUNT] = {
#define FIELD_ROW(sym, name) [FIELD_##sym] = {.ptr = (name), .len = sizeof(name) - 1},
        FIELD_TABLE(FIELD_ROW)
#undef FIELD_ROW
};

/* The name of the placeholder that opens at text[0] == '{', or the null str when it is text. */
static struct str read_placeholder(struct str text)
{
    size_t i = 1;
    while (i < text.len && ((text.ptr[i] >= 'a' && text.ptr[i] <= 'z') || text.ptr[i] == '_'))
        i++;
    return i > 1 && i < text.len && text.ptr[i] == '}' ? str_of(text.ptr + 1, i - 1) : STR_NULL;
}

static enum field find_field(struct str name)
{
    for (int f = FIELD_TEXT + 1; f < FIELD_COUNT; f++) {
        if (str_eq(name, field_names[f]))
            return (enum field)f;
    }
    return FIELD_TEXT;
}

struct compiler {
    struct segment segments[SEGMENTS_MAX];
    size_t count;
    unsigned fields;
};

static bool add_segment(struct compiler *c, enum field field, struct str text)
{
    if (field == FIELD_TEXT && text.len == 0)
        return true;
    if (c->count == SEGMENTS_MAX)
        return false;
    c->segments[c->count++] = (struct segment){.field = field, .text = text};
    c->fields |= 1u << field;
    return true;
}

enum err template_compile(struct arena *a, struct arena *scratch, struct str text, unsigned allowed,
                          struct template *out, struct str *why)
{
    struct compiler c = {.count = 0};
    struct str kept = arena_str(a, text);
    size_t start = 0;
    bool room = true;
    for (size_t i = 0; i < kept.len && room;) {
        struct str name = kept.ptr[i] == '{' ? read_placeholder(str_skip(kept, i)) : STR_NULL;
        if (name.ptr == NULL) {
            i++;
            continue;
        }
        enum field field = find_field(name);
        if (field == FIELD_TEXT || (allowed & 1u << field) == 0) {
            *why = arena_printf(scratch, "{" STR_FMT "} is %s", STR_ARG(name),
                                field == FIELD_TEXT ? "not a placeholder" : "not available here");
            return ERR_INVALID;
        }
        room = add_segment(&c, FIELD_TEXT, str_of(kept.ptr + start, i - start)) && add_segment(&c, field, STR_NULL);
        start = i += name.len + 2;
    }
    if (!room || !add_segment(&c, FIELD_TEXT, str_skip(kept, start))) {
        *why = arena_printf(scratch, "more than %d placeholders and texts between them", SEGMENTS_MAX);
        return ERR_INVALID;
    }
    struct segment *segments = arena_alloc(a, c.count * sizeof *segments);
    memcpy(segments, c.segments, c.count * sizeof *segments);
    *out = (struct template){.segments = segments, .count = c.count, .fields = c.fields};
    return ERR_OK;
}

size_t template_occurs(const struct template *t, enum field f)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->segments[i].field == f;
    return n;
}

/* Whether a JSON string is open behind `text`, if it was open before it or not. */
static bool string_open_behind(struct str text, bool open)
{
    for (size_t i = 0; i < text.len; i++) {
        if (open && text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            open = !open;
    }
    return open;
}

bool template_is_json(const struct template *t)
{
    struct buf doc = BUF_INIT(1 << 20);
    bool open = false, good = true;
    struct json_slice whole;
    for (size_t i = 0; i < t->count && good; i++) {
        const struct segment *s = &t->segments[i];
        buf_add_str(&doc, s->field == FIELD_TEXT ? s->text : STR("null"));
        good = s->field == FIELD_TEXT || !open;
        open = string_open_behind(s->text, open);
    }
    good = good && !doc.overflow && json_check(buf_str(&doc), &whole, NULL) == ERR_OK;
    buf_fini(&doc);
    return good;
}

void template_fill(const struct template *t, const struct values *v, struct buf *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct segment *s = &t->segments[i];
        buf_add_str(out, s->field == FIELD_TEXT ? s->text : v->of[s->field]);
    }
}

static bool match(const struct template *t, struct str text, bool nocase, struct values *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct segment *s = &t->segments[i];
        if (s->field == FIELD_TEXT) {
            if (nocase ? !str_starts_nocase(text, s->text) : !str_starts(text, s->text))
                return false;
            text = str_skip(text, s->text.len);
            continue;
        }
        bool last = i + 1 == t->count;
        size_t len = last ? text.len : str_find_str(text, t->segments[i + 1].text);
        struct str captured = str_take(text, len), *slot = &out->of[s->field];
        if (slot->ptr != NULL && !str_eq(*slot, captured))
            return false;
        *slot = captured;
        text = str_skip(text, len);
    }
    return text.len == 0;
}

bool template_match(const struct template *t, struct str text, struct values *out)
{
    return match(t, text, false, out);
}

bool template_match_nocase(const struct template *t, struct str text, struct values *out)
{
    return match(t, text, true, out);
}
