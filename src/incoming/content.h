/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request brought, as the steps of an automation see it: the JSON object
 *   {"method":"POST","headers":{"x-id":"7"},"query":{"a":"1"},"body":…}
 * Header names are lower-case. A JSON body is as it came, digit by digit; forms and multipart forms are objects of
 * strings (a name that comes twice: an array; a file: {"filename","contentType","size"}); XML and text are a string; no
 * body is null.
 */
#ifndef PR_INCOMING_CONTENT_H
#define PR_INCOMING_CONTENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/header.h"
#include "json/tree.h"

#define INCOMING_BODY_MAX ((size_t)1 << 20)
#define MULTIPART_MAX     1000 /* parts or fields of a form, parameters of a URL */

struct profile;

struct incoming {
    struct str method;
    struct str url;   /* as the sender knows it */
    struct str query; /* behind '?' */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    struct str peer;               /* textual address */
    const struct profile *profile; /* what verifies it: its signatures are secrets too; NULL: nothing */
};

struct str incoming_header(const struct incoming *in, struct str name);

enum content { CONTENT_NONE, CONTENT_JSON, CONTENT_FORM, CONTENT_MULTIPART, CONTENT_TEXT };
/* What the body is, by its Content-Type; one without a type is JSON or text. ERR_MEDIA_TYPE: nothing we take, *why
 * (static). */
MUST_USE enum err content_kind(const struct incoming *in, enum content *out, const char **why);
/* Its parts as JSON; a body that came as JSON is a slice of it, the rest is in the arena. */
struct incoming_json {
    struct str headers;
    struct str query;
    struct str body;
    const struct json *tree; /* the body, if it was to be read (content_read); NULL: it was not, or is no JSON */
    size_t depth;            /* how deep it is nested */
};
/*
 * Values of headers and parameters of the URL that are secrets or signatures read "***": those that look like one by
 * their name, where the profile has the signature, and secret_header (null: none). ERR_SYNTAX: the body does not read,
 * *why (in the arena, or static) says where. ERR_TOO_LARGE.
 */
MUST_USE enum err content_json(struct arena *a, const struct incoming *in, enum content kind, struct str secret_header,
                               struct incoming_json *out, struct str *why);
/* The same; a body of JSON is read in the pass that checks it. */
MUST_USE enum err content_read(struct arena *a, const struct incoming *in, enum content kind, struct str secret_header,
                               struct incoming_json *out, struct str *why);
/* Whether a header's value lets in whoever knows it, by the header's name; a signature does not. */
bool content_is_key(struct str header);
/* The value in a body of JSON that has been checked before. */
struct str content_checked(struct str body);
/* The JSON object of them, in the arena. */
struct str content_whole(struct arena *a, struct str method, const struct incoming_json *parts);
/* The same, read; values of it point into the parts. NULL: they are no JSON. */
const struct json *content_tree(struct arena *a, struct str method, const struct incoming_json *parts);

#endif
