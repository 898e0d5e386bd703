/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Postrider proves to an endpoint who it is, besides signing: few endpoints have any of it, so an endpoint only
 * points at it. All of it lies in the sealed part of the stored object.
 */
#ifndef PR_MODEL_ENDPOINT_AUTH_H
#define PR_MODEL_ENDPOINT_AUTH_H

#include "base/arena.h"
#include "model/field.h"

struct endpoint;

/* Shown to servers that ask for a certificate. */
struct endpoint_identity {
    struct str key;          /* PEM, not encrypted */
    struct str certificates; /* PEM, the key's own first */
};

/*
 * Where an access token is had, which deliveries then carry (RFC 6749). `id` names this configuration: another one has
 * another, while a refresh token that the server replaces is still the same.
 */
struct oauth {
    int64_t id;
    struct str grant_type;  /* one of OAUTH_GRANT_… */
    struct str auth_method; /* one of OAUTH_METHOD_… */
    struct str client_id;
    struct str client_secret; /* null: none */
    struct str token_url;     /* normalised */
    const struct str *scopes;
    size_t scope_count;
    const struct header_pair *params; /* added to the body */
    size_t param_count;
    const struct header_pair *headers; /* added to the request */
    size_t header_count;
    struct str refresh_token; /* null: none */
    struct str jwt_params;    /* JSON object: oauth_jwt_params; null: none */
};

#define OAUTH_GRANT_CLIENT  STR("clientCredentials")
#define OAUTH_GRANT_REFRESH STR("refreshToken")
#define OAUTH_METHOD_BASIC  STR("clientSecretBasic")
#define OAUTH_METHOD_POST   STR("clientSecretPost")
#define OAUTH_METHOD_JWT    STR("clientSecretJwt")

/* Of a client that signs its requests (RFC 7523). */
struct oauth_jwt {
    struct str secret; /* base64 of a private RSA key, PEM or DER */
    struct str algorithm;
    struct str key_id; /* null: none */
    int64_t life_s;    /* 0: the default */
};

/* What their JSON looks like: requests, answers and the stored form. */
extern const struct field oauth_fields[];
extern const size_t oauth_field_count;
extern const struct field oauth_jwt_fields[];
extern const size_t oauth_jwt_field_count;

/* Reads the members of an opened sealed part into the endpoint. */
void endpoint_auth_read(struct arena *a, const struct json *sealed, struct endpoint *ep);
/* Writes them, into an object that the caller has opened. */
void endpoint_auth_write(const struct endpoint *ep, struct json_writer *w);
/* Lets it point into this arena only. */
void endpoint_auth_own(struct arena *a, struct endpoint *ep);

#endif
