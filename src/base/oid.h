/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object ids. Inside, an object is named by a 63-bit number that grows with time:
 *
 *     42 bits milliseconds since 2020-01-01 | 13 bits sequence within the millisecond | 8 bits node
 *
 * Outside, it is a prefix and a 27-character base62 KSUID in the millisecond variant (the shape of Svix's ids):
 * 20 bytes, of which 4 are seconds since 2014-05-13T16:53:20Z, 1 a 1/256 second, then the 8 bytes of the number and
 * a 7-byte keyed tag. The text is a pure function of the number and the store's id key: no index is needed to find
 * an object by its outside name, names sort as the numbers do, and a name cannot be guessed from a neighbour's.
 */
#ifndef PR_BASE_OID_H
#define PR_BASE_OID_H

#include <stdatomic.h>

#include "base/hash.h"
#include "base/str.h"

/* 0 is "none". Always positive, so that it fits SQL integers. */
typedef int64_t oid_t;

#define OID_TEXT_LEN 27
/* The longest prefix is "rectype_"; with NUL. */
#define OID_TEXT_SIZE (8 + OID_TEXT_LEN + 1)
#define OID_EPOCH_MS  ((int64_t)1577836800000)

/* Hands out numbers; shared by all threads of a process. */
struct oid_source {
    _Atomic int64_t last;
    unsigned node; /* 0..255, unique among the nodes that share a store */
};

void oid_source_init(struct oid_source *s, unsigned node, oid_t highest_seen);
/* A new number, greater than all before it from this source, close to now_ms. Lock-free. */
oid_t oid_next(struct oid_source *s, int64_t now_ms);
/* The time inside a number, Unix milliseconds. */
int64_t oid_time_ms(oid_t id);
/* The smallest number that carries this time; for ranges by time. */
oid_t oid_at_ms(int64_t ms);

/* Writes prefix and KSUID, NUL-terminated; prefix at most 8 bytes, e.g. "msg_". */
void oid_format(oid_t id, const char *prefix, struct hash_key key, char out[OID_TEXT_SIZE]);
/* The number behind a text with this prefix; ERR_NOT_FOUND when it is not one that this store made. */
MUST_USE enum err oid_parse(struct str text, const char *prefix, struct hash_key key, oid_t *out);

/* "8-4-4-4-12", lower case, NUL. */
#define OID_UUID_SIZE 37
/* The UUID (version 7, RFC 9562) that belongs to a message number: a pure function, as the text is. */
void oid_uuid(oid_t id, struct hash_key key, char out[OID_UUID_SIZE]);
/* The numbers that a UUID may belong to, those of its millisecond: [*first, *end). False: to none, it is another's. */
bool oid_uuid_range(struct str uuid, oid_t *first, oid_t *end);
/* Whether s is the text form of a UUID, either case. */
bool oid_is_uuid(struct str s);

#endif
