/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API says about itself: one row per route (describe.c), one per schema (schema.c). From these and the tables
 * of routes and fields openapi.c writes OpenAPI 3.0 and reference.c a page for people.
 */
#ifndef PR_API_DESCRIBE_H
#define PR_API_DESCRIBE_H

#include "api/handler.h"

struct description {
    enum http_method method;
    const char *pattern;
    const char *id;      /* operationId; that of other servers of this API where they have the operation */
    const char *summary; /* a sentence without its full stop */
    const char *in;      /* schema of the body, NULL: none */
    const char *out;     /* schema of the answer, "[Name]": a page of them; NULL: no body */
    int status;          /* of success */
    const char *query;   /* names of parameters, see query_parameters; NULL: none */
    int also;            /* another status of success, with the same answer; 0: none */
};
extern const struct description api_descriptions[];
extern const size_t api_description_count;

/* Of a row of the route table; NULL: none. */
const struct description *description_of(const struct route *r);
/* The heading that it stands under: a part of its id. */
struct str description_group(const struct description *d);

struct query_parameter {
    const char *name;
    const char *type;
    const char *text;
};
extern const struct query_parameter query_parameters[];
extern const size_t query_parameter_count;
/* The next of a description's parameters; *rest moves on. NULL: no more. */
const struct query_parameter *query_parameter_next(struct str *rest);

enum schema_use {
    SCHEMA_IN,    /* of a request that creates or replaces: a required field must be there */
    SCHEMA_PATCH, /* every field may be absent */
    SCHEMA_OUT    /* of an answer: every field is there */
};
struct schema {
    const char *name;
    enum schema_use use;
    const struct field *fields; /* NULL: none */
    const size_t *field_count;
    /*
     * What is not in the table of fields: "name:type" with blanks between. Types: string time int number bool object
     * strings (an object of strings) any, the name of a schema, "[type]". "?" after it: null is possible (a request
     * takes null for everything that is not required), "!": required in a request, "-": not in every answer.
     */
    const char *more;
};
extern const struct schema api_schemas[];
extern const size_t api_schema_count;
const struct schema *schema_find(struct str name);

/* A property, from either source. */
struct property {
    struct str name;
    const struct field *field; /* NULL: `type` says what it is */
    struct str type;
    bool nullable;
    bool required;
};
struct property_walk {
    const struct schema *schema;
    size_t field;
    bool alias; /* the field's other name comes next */
    struct str rest;
};
struct property_walk schema_walk(const struct schema *s);
bool schema_next(struct property_walk *w, struct property *out);

/* The OpenAPI document. */
void openapi_write(struct json_writer *w);

extern const struct field api_key_fields[];
extern const size_t api_key_field_count;

extern const struct field poller_seek_fields[], poller_commit_fields[], poller_rotate_fields[];
extern const size_t poller_seek_field_count, poller_commit_field_count, poller_rotate_field_count;
extern const struct field openapi_import_fields[];
extern const size_t openapi_import_field_count;
extern const struct field env_settings_fields[];
extern const size_t env_settings_field_count;
extern const struct field api_token_fields[], api_token_expire_fields[], integration_fields[];
extern const size_t api_token_field_count, api_token_update_field_count, api_token_expire_field_count,
        integration_field_count;

#endif
