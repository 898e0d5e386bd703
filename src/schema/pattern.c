/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions by PCRE2, read as close to ECMA 262 as its options allow. A callout before every item of the
 * pattern takes from the check's steps, more with more text ahead, so that no pattern takes longer than a check may.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "schema/schema_impl.h"

#define PATTERN_LENGTH_MAX 4096
#define HEAP_KIB_MAX       4096

struct pattern {
    pcre2_code *code;
};

/* What a code needs lives and dies with the arena. */
static void *take(PCRE2_SIZE size, void *arena)
{
    return arena_alloc(arena, size);
}

static void leave(void *block, void *arena)
{
    (void)block;
    (void)arena;
}

const struct pattern *pattern_compile(struct arena *a, struct str text, const char **why)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_ALLOW_EMPTY_CLASS | PCRE2_AUTO_CALLOUT;
    PCRE2_SIZE offset;
    int error;
    pcre2_general_context *memory = pcre2_general_context_create(take, leave, a);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_max_pattern_length(context, PATTERN_LENGTH_MAX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &error, &offset, context);
    if (code == NULL) {
        PCRE2_UCHAR said[160];
        if (pcre2_get_error_message(error, said, sizeof said) < 0)
            said[0] = '\0';
        *why = arena_printf(a, "is not a regular expression: %s at %zu", (const char *)said, (size_t)offset).ptr;
        return NULL;
    }
    struct pattern *p = arena_alloc(a, sizeof *p);
    p->code = code;
    return p;
}

static int count_item(pcre2_callout_block *block, void *arg)
{
    return check_step(arg, 1 + (block->subject_length - block->current_position) / 32) ? 0 : PCRE2_ERROR_CALLOUT;
}

bool pattern_finds(struct checking *c, const struct pattern *p, struct str text)
{
    if (!check_step(c, 20 + text.len / 64))
        return false;
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    CHECK(context != NULL && data != NULL);
    pcre2_set_callout(context, count_item, c);
    pcre2_set_heap_limit(context, HEAP_KIB_MAX);
    int found = pcre2_match(p->code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, data, context);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        c->steps = 0; /* a limit: not decided */
    return found >= 0;
}
