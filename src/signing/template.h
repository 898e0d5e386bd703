/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates with {placeholders}, compiled once into segments: text that stands as it is, and fields to fill in. Used by
 * profiles only. A brace that opens no placeholder ("{" lower-case letters and underscores "}") is text.
 */
#ifndef PR_SIGNING_TEMPLATE_H
#define PR_SIGNING_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"

/* X(symbol, placeholder) */
#define FIELD_TABLE(X)                                                                                                 \
    X(TEXT, "")                                                                                                        \
    X(DATA, "data")                                                                                                    \
    X(EVENT_UUID, "event_uuid")                                                                                        \
    X(MESSAGE_ID, "message_id")                                                                                        \
    X(TYPE, "type")                                                                                                    \
    X(OCCURRED_AT, "occurred_at")                                                                                      \
    X(ACTOR, "actor")                                                                                                  \
    X(WORKSPACE, "workspace")                                                                                          \
    X(SIGNATURE, "signature")                                                                                          \
    X(TIMESTAMP, "timestamp")                                                                                          \
    X(TIMESTAMP_MS, "timestamp_ms")                                                                                    \
    X(ATTEMPT, "attempt")                                                                                              \
    X(BODY, "body")                                                                                                    \
    X(METHOD, "method")                                                                                                \
    X(URL, "url")                                                                                                      \
    X(FORM, "form")                                                                                                    \
    X(BODY_TIME, "body_time")

enum field {
#define FIELD_ENUM(sym, name) FIELD_##sym,
    FIELD_TABLE(FIELD_ENUM)
#undef FIELD_ENUM
            FIELD_COUNT
};

#define FIELD_BIT(sym) (1u << FIELD_##sym)

/* What may stand where. */
#define FIELDS_ENVELOPE                                                                                                \
    (FIELD_BIT(DATA) | FIELD_BIT(EVENT_UUID) | FIELD_BIT(MESSAGE_ID) | FIELD_BIT(TYPE) | FIELD_BIT(OCCURRED_AT) |      \
     FIELD_BIT(ACTOR) | FIELD_BIT(WORKSPACE))
#define FIELDS_HEADER                                                                                                  \
    (FIELD_BIT(SIGNATURE) | FIELD_BIT(TIMESTAMP) | FIELD_BIT(TIMESTAMP_MS) | FIELD_BIT(MESSAGE_ID) |                   \
     FIELD_BIT(EVENT_UUID) | FIELD_BIT(TYPE) | FIELD_BIT(ATTEMPT))
#define FIELDS_SIGNED                                                                                                  \
    (FIELD_BIT(BODY) | FIELD_BIT(TIMESTAMP) | FIELD_BIT(TIMESTAMP_MS) | FIELD_BIT(MESSAGE_ID) | FIELD_BIT(METHOD) |    \
     FIELD_BIT(URL))
#define FIELDS_SIGNATURE FIELD_BIT(SIGNATURE)

#define SEGMENTS_MAX 32

struct segment {
    enum field field;
    struct str text; /* FIELD_TEXT */
};

struct template
{
    const struct segment *segments;
    size_t count;
    unsigned fields; /* FIELD_BIT of each that occurs */
};

/* Compiles; segments and their text live in the arena. ERR_INVALID: *why, from `scratch`, names what does not fit. */
MUST_USE enum err template_compile(struct arena *a, struct arena *scratch, struct str text, unsigned allowed,
                                   struct template *out, struct str *why);
/* How often a field occurs. */
size_t template_occurs(const struct template *t, enum field f);
/* Whether no placeholder stands inside a JSON string, and the whole is JSON with null in each one's place. */
bool template_is_json(const struct template *t);

/* What fields stand for, by enum field. */
struct values {
    struct str of[FIELD_COUNT];
};
void template_fill(const struct template *t, const struct values *v, struct buf *out);
/*
 * The reverse: whether `text` reads as the template; captures go to *out, slices of text. A field takes what stands
 * before the next text of the template, at its first occurrence; two values for one field do not fit.
 */
bool template_match(const struct template *t, struct str text, struct values *out);
/* The same, but that letters of the template's own text before its last field may be upper or lower case. */
bool template_match_nocase(const struct template *t, struct str text, struct values *out);

#endif
