/* SPDX-License-Identifier: Apache-2.0 */
#include "model/endpoint_auth.h"

#include "model/config.h"

#define OA(member) offsetof(struct oauth, member)
#define JW(member) offsetof(struct oauth_jwt, member)

const struct field oauth_fields[] = {
        {.name = "grantType", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = OA(grant_type)},
        {.name = "authMethod", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = OA(auth_method)},
        {.name = "clientId", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = OA(client_id), .min = 1, .max = 2048},
        {.name = "tokenUrl", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = OA(token_url), .min = 1, .max = 8192},
        {.name = "scopes",
         .kind = FIELD_NAMES,
         .at = OA(scopes),
         .count_at = OA(scope_count),
         .max = 100,
         .item_max = 512},
        {.name = "extraParams", .kind = FIELD_HEADERS, .at = OA(params), .count_at = OA(param_count)},
        {.name = "extraHeaders", .kind = FIELD_HEADERS, .at = OA(headers), .count_at = OA(header_count)},
        {.name = "clientSecret", .kind = FIELD_TEXT, .flags = FIELD_ANSWER_NOT, .at = OA(client_secret), .max = 8192},
        {.name = "refreshToken", .kind = FIELD_TEXT, .flags = FIELD_ANSWER_NOT, .at = OA(refresh_token), .max = 16384},
        {.name = "jwtParams", .kind = FIELD_OBJECT, .flags = FIELD_ANSWER_NOT, .at = OA(jwt_params), .max = 32768},
        {.name = "id", .kind = FIELD_MS, .flags = FIELD_STORED, .at = OA(id)},
};
const size_t oauth_field_count = ARRAY_LEN(oauth_fields);

const struct field oauth_jwt_fields[] = {
        {.name = "secretBase64", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = JW(secret), .min = 1},
        {.name = "signingAlgorithm", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = JW(algorithm)},
        {.name = "secretId", .kind = FIELD_TEXT, .at = JW(key_id), .max = 512},
        {.name = "tokenExpirySecs", .kind = FIELD_MS, .at = JW(life_s), .max = 86400},
};
const size_t oauth_jwt_field_count = ARRAY_LEN(oauth_jwt_fields);

static const struct oauth *read_oauth(struct arena *a, const struct json *from)
{
    struct oauth *o = arena_zalloc(a, sizeof *o);
    fields_read(a, oauth_fields, oauth_field_count, FIELD_LOAD, from, o, NULL);
    bool whole = o->grant_type.ptr != NULL && o->auth_method.ptr != NULL && o->client_id.ptr != NULL;
    return whole && o->token_url.ptr != NULL ? o : NULL;
}

static const struct endpoint_identity *read_identity(struct arena *a, const struct json *from)
{
    struct endpoint_identity *i = arena_zalloc(a, sizeof *i);
    bool whole = json_as_str(json_get(from, STR("key")), &i->key) &&
                 json_as_str(json_get(from, STR("certificates")), &i->certificates);
    return whole ? i : NULL;
}

void endpoint_auth_read(struct arena *a, const struct json *sealed, struct endpoint *ep)
{
    const struct json *identity = json_get(sealed, STR("identity"));
    const struct json *oauth = json_get(sealed, STR("oauth"));
    ep->identity = identity != NULL ? read_identity(a, identity) : NULL;
    ep->oauth = oauth != NULL ? read_oauth(a, oauth) : NULL;
}

void endpoint_auth_write(const struct endpoint *ep, struct json_writer *w)
{
    if (ep->identity != NULL) {
        json_w_name(w, STR("identity"));
        json_w_object(w);
        json_w_str_at(w, "key", ep->identity->key);
        json_w_str_at(w, "certificates", ep->identity->certificates);
        json_w_object_end(w);
    }
    if (ep->oauth != NULL) {
        json_w_name(w, STR("oauth"));
        json_w_object(w);
        fields_write_stored(oauth_fields, oauth_field_count, ep->oauth, w);
        json_w_object_end(w);
    }
}

void endpoint_auth_own(struct arena *a, struct endpoint *ep)
{
    if (ep->identity != NULL) {
        struct endpoint_identity *copy = arena_alloc(a, sizeof *copy);
        *copy = (struct endpoint_identity){.key = arena_str(a, ep->identity->key),
                                           .certificates = arena_str(a, ep->identity->certificates)};
        ep->identity = copy;
    }
    if (ep->oauth != NULL) {
        struct oauth *copy = arena_alloc(a, sizeof *copy);
        *copy = *ep->oauth;
        fields_own(a, oauth_fields, oauth_field_count, copy);
        ep->oauth = copy;
    }
}
