/* SPDX-License-Identifier: Apache-2.0 */
#include "records/match.h"

/* ---- letters ------------------------------------------------------------------------------------------------------
 */

/* Of two bytes in UTF-8, U+0080 to U+07FF. */
static unsigned small(unsigned c)
{
    bool latin = c >= 0xC0 && c <= 0xDE && c != 0xD7;
    if (latin || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c >= 0x400 && c <= 0x40F)
        return c + 80;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) /* pairs that begin with an odd one */
        return c + (c & 1);
    if (c == 0x178)
        return 0xFF;
    return (c >= 0x100 && c <= 0x177 && c != 0x130 && c != 0x138) || (c >= 0x460 && c <= 0x481) ? c | 1 : c;
}

struct str record_fold(struct arena *a, struct str s)
{
    char *to = arena_alloc(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        unsigned c = (unsigned char)s.ptr[i];
        if (c >= 0xC2 && c <= 0xDF && i + 1 < s.len) {
            c = small((c & 0x1F) << 6 | ((unsigned char)s.ptr[i + 1] & 0x3F));
            to[i++] = (char)(0xC0 | c >> 6);
            to[i] = (char)(0x80 | (c & 0x3F));
        } else {
            to[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
    }
    to[s.len] = '\0';
    return str_of(to, s.len);
}

static bool holds(struct arena *a, struct str text, struct str folded)
{
    return text.len >= folded.len && str_find_str(record_fold(a, text), folded) < text.len;
}

/* ---- fields -------------------------------------------------------------------------------------------------------
 */

bool record_match_field(struct record_match *m, struct str text)
{
    size_t colon = str_find(text, ':');
    if (colon == 0 || colon == text.len || m->field_count == RECORD_MATCH_FIELDS_MAX)
        return false;
    m->fields[m->field_count].path = str_take(text, colon);
    m->fields[m->field_count++].value = str_skip(text, colon + 1);
    return true;
}

static const struct json *at_path(const struct json *j, struct str path)
{
    while (path.len > 0 && j != NULL)
        j = json_get(j, str_split(&path, '.'));
    return j;
}

static bool has_field(const struct json *data, struct str path, struct str value)
{
    const struct json *v = json_get(data, path); /* a name may hold dots */
    if (v == NULL)
        v = at_path(data, path);
    return v != NULL && str_eq(v->type == JSON_STRING ? v->text : v->raw, value);
}

static bool says(struct arena *a, const struct json *j, struct str folded)
{
    if (j->type == JSON_STRING)
        return holds(a, j->text, folded);
    if (j->type == JSON_NUMBER)
        return holds(a, j->raw, folded);
    for (const struct json *c = j->child; c != NULL; c = c->next) {
        if (says(a, c, folded))
            return true;
    }
    return false;
}

/* ---- records ------------------------------------------------------------------------------------------------------
 */

bool record_match_is_empty(const struct record_match *m)
{
    return m->tag.ptr == NULL && m->field_count == 0 && m->search.len == 0;
}

bool record_fits(struct arena *a, const struct record_match *m, const struct record *r)
{
    struct json *data = NULL;
    bool tagged = m->tag.ptr == NULL, found = m->search.len == 0 || holds(a, r->key, m->search);
    for (size_t i = 0; i < r->tag_count; i++) {
        tagged = tagged || str_eq(r->tags[i], m->tag);
        found = found || holds(a, r->tags[i], m->search);
    }
    if (!tagged || (found && m->field_count == 0))
        return tagged;
    if (json_parse(a, r->data, &data, NULL) != ERR_OK)
        return false;
    for (size_t i = 0; i < m->field_count; i++) {
        if (!has_field(data, m->fields[i].path, m->fields[i].value))
            return false;
    }
    return found || says(a, data, m->search);
}
