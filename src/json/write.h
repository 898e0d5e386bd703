/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON into a buffer: commas and nesting are kept by the writer, so that callers only say what comes next.
 * In an object every value is preceded by json_w_name.
 */
#ifndef PR_JSON_WRITE_H
#define PR_JSON_WRITE_H

#include "base/buf.h"

struct json_writer {
    struct buf *out;
    bool comma; /* a value stands before at this level */
};

static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){.out = out};
}

void json_w_object(struct json_writer *w);
void json_w_object_end(struct json_writer *w);
void json_w_array(struct json_writer *w);
void json_w_array_end(struct json_writer *w);
void json_w_name(struct json_writer *w, struct str name);
/* Escapes; bytes that are not UTF-8 become U+FFFD. */
void json_w_str(struct json_writer *w, struct str s);
void json_w_i64(struct json_writer *w, int64_t v);
void json_w_bool(struct json_writer *w, bool v);
void json_w_null(struct json_writer *w);
/* A value that is JSON already. */
void json_w_raw(struct json_writer *w, struct str json);
/* RFC 3339 text of Unix milliseconds. */
void json_w_time(struct json_writer *w, int64_t ms);

/* name and value in one call */
void json_w_str_at(struct json_writer *w, const char *name, struct str s);
void json_w_i64_at(struct json_writer *w, const char *name, int64_t v);
void json_w_bool_at(struct json_writer *w, const char *name, bool v);
void json_w_null_at(struct json_writer *w, const char *name);
void json_w_raw_at(struct json_writer *w, const char *name, struct str json);
void json_w_time_at(struct json_writer *w, const char *name, int64_t ms);
/* The null str writes null. */
void json_w_opt_str_at(struct json_writer *w, const char *name, struct str s);

/* Only the escaped inside of a string, no quotes. */
void json_escape(struct str s, struct buf *out);

#endif
