/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resources as tables of fields. One table per resource says what its JSON looks like; the same table reads request
 * bodies (POST, PUT, PATCH), reads and writes what is stored, and writes answers.
 *
 *              POST               PUT                                 PATCH
 *   absent     the default        the default; extensions keep        keeps
 *   null       the default        the default                         the default
 * "The default" of a REQUIRED field is a problem. Unknown members are ignored.
 */
#ifndef PR_MODEL_FIELD_H
#define PR_MODEL_FIELD_H

#include "base/arena.h"
#include "base/buf.h"
#include "json/tree.h"
#include "json/write.h"

/* What is wrong with a request: items of the 422 answer, `{"loc":[…],"msg":…,"type":…}` separated by commas. */
struct problems {
    struct buf json;
    size_t count;
};

#define PROBLEMS_INIT ((struct problems){.json = BUF_INIT(65536)})
void problems_fini(struct problems *p);
/* `where` is "body", "query", "path" or "header"; name and sub name the place (the null str: left out). */
void problem_add(struct problems *p, const char *where, struct str name, struct str sub, const char *type,
                 const char *fmt, ...) PRINTF_LIKE(6, 7);

enum field_kind {
    FIELD_TEXT,    /* struct str */
    FIELD_BOOL,    /* bool */
    FIELD_INT,     /* int; 0 reads and writes as null */
    FIELD_MS,      /* int64_t, a whole number; 0 reads and writes as null */
    FIELD_TIME,    /* int64_t ms, RFC 3339 text; 0 is null */
    FIELD_NAMES,   /* const struct str * and a count: strings; NULL is null */
    FIELD_SECONDS, /* const int64_t * (ms) and a count: seconds, fractions allowed; NULL is null, empty is empty */
    FIELD_OBJECT,  /* struct str: a JSON object as written; null str is null */
    FIELD_STRINGS, /* struct str: a JSON object of strings, compact */
    FIELD_HEADERS  /* const struct header_pair * and a count: an object of strings; NULL is null */
};

enum field_chars {
    CHARS_ANY,
    CHARS_ID,      /* [A-Za-z0-9_.-], but not "." and ".." */
    CHARS_CHANNEL, /* and : + */
    CHARS_TAG      /* and / \ # */
};

enum {
    FIELD_REQUIRED = 1,
    FIELD_EXTENSION = 2,  /* ours: PUT keeps it when absent */
    FIELD_STORED = 4,     /* in the store only: never read from a request nor written to an answer */
    FIELD_ANSWER_NOT = 8, /* read and stored, not in answers */
    FIELD_KEPT_APART = 16 /* read from requests only: stored elsewhere (sealed) and answered elsewhere */
};

struct field {
    const char *name;
    const char *alias; /* NULL: none; accepted and answered too */
    enum field_kind kind;
    unsigned flags;
    size_t at;              /* offsetof in the struct */
    size_t count_at;        /* of NAMES, SECONDS, HEADERS */
    int64_t min;            /* length of a text in bytes, items of a list, the number; */
    int64_t max;            /* 0 = no bound */
    enum field_chars chars; /* of a text, or of each item */
    int64_t item_max;       /* longest item, bytes; of SECONDS the largest in ms */
    const char *fallback;   /* TEXT, STRINGS, OBJECT: the default; NULL = null. BOOL: not NULL = true */
    const char *not_prefix; /* TEXT: may not begin with this */
};

enum field_mode { FIELD_CREATE, FIELD_REPLACE, FIELD_PATCH, FIELD_LOAD };

bool chars_fit(enum field_chars chars, struct str s);
/* Reads `body`, an object, into the struct. FIELD_LOAD trusts what it reads and reports nothing (problems may be NULL).
 */
void fields_read(struct arena *a, const struct field *table, size_t count, enum field_mode mode,
                 const struct json *body, void *into, struct problems *problems);
/* Copies what the fields point to into the arena and lets them point there. */
void fields_own(struct arena *a, const struct field *table, size_t count, void *item);
/* Members of an object that the caller has opened. */
void fields_write_answer(const struct field *table, size_t count, const void *from, struct json_writer *w);
void fields_write_stored(const struct field *table, size_t count, const void *from, struct json_writer *w);

#endif
