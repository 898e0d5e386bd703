/* SPDX-License-Identifier: Apache-2.0 */
#include "json/pointer.h"

#define POINTER_MAX 4096

static void write_name(struct str name, struct buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/')
            buf_add_str(out, name.ptr[i] == '~' ? STR("~0") : STR("~1"));
        else
            buf_add_c(out, name.ptr[i]);
    }
}

static void write_step(const struct json_step *s, struct buf *out)
{
    if (s == NULL)
        return;
    write_step(s->up, out);
    buf_add_c(out, '/');
    if (s->name.ptr == NULL)
        buf_addf(out, "%zu", s->item);
    else
        write_name(s->name, out);
}

struct str json_pointer_write(struct arena *a, const struct json_step *last)
{
    struct buf out = BUF_INIT(POINTER_MAX);
    write_step(last, &out);
    struct str s = last != NULL ? arena_str(a, buf_str(&out)) : STR("");
    buf_fini(&out);
    return s;
}

static struct str read_name(struct arena *a, struct str s)
{
    char *text = arena_alloc(a, s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        text[len] = s.ptr[i];
        if (s.ptr[i] == '~' && i + 1 < s.len && (s.ptr[i + 1] == '0' || s.ptr[i + 1] == '1'))
            text[len] = s.ptr[++i] == '0' ? '~' : '/';
        len++;
    }
    return str_of(text, len);
}

static const struct json *item_at(const struct json *list, struct str number)
{
    uint64_t n;
    if (str_to_u64(number, &n) != ERR_OK || n >= list->count)
        return NULL;
    const struct json *i = list->child;
    while (n-- > 0)
        i = i->next;
    return i;
}

const struct json *json_pointer_follow(struct arena *a, const struct json *root, struct str pointer)
{
    if (pointer.len == 0)
        return root;
    if (pointer.ptr[0] != '/')
        return NULL;
    const struct json *at = root;
    for (struct str rest = str_skip(pointer, 1); at != NULL;) {
        size_t len = str_find(rest, '/');
        struct str name = read_name(a, str_take(rest, len));
        at = at->type == JSON_ARRAY ? item_at(at, name) : json_get(at, name);
        if (len == rest.len)
            break;
        rest = str_skip(rest, len + 1);
    }
    return at;
}
