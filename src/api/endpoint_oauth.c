/* SPDX-License-Identifier: Apache-2.0 */
/* OAuth 2.0 towards an endpoint: where the access tokens of its deliveries come from. Secrets go in and never out. */
#include "api/endpoint.h"
#include "api/routes.h"
#include "signing/header.h"
#include "signing/oauth.h"

#define PARAMS_MAX      50
#define PARAM_VALUE_MAX 4096

static void write_config(const struct oauth *o, struct json_writer *w)
{
    json_w_object(w);
    fields_write_answer(oauth_fields, oauth_field_count, o, w);
    json_w_object_end(w);
}

void endpoint_oauth_get(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    if (!endpoint_called(api, call, &f))
        return;
    if (f.ep.oauth == NULL) {
        answer_error(call, ERR_NOT_FOUND, "the endpoint has no OAuth configuration");
        return;
    }
    struct json_writer w = answer(call, 200);
    write_config(f.ep.oauth, &w);
}

void endpoint_oauth_look(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    if (!endpoint_called(api, call, &f))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_bool_at(&w, "enabled", f.ep.oauth != NULL);
    json_w_name(&w, STR("config"));
    if (f.ep.oauth != NULL)
        write_config(f.ep.oauth, &w);
    else
        json_w_null(&w);
    json_w_object_end(&w);
}

/* ---- checks -------------------------------------------------------------------------------------------------------
 */

static void check_url(const struct api *api, struct api_call *call, struct oauth *o)
{
    struct ssrf_url url;
    const char *why = NULL;
    if (o->token_url.ptr == NULL)
        return;
    if (ssrf_parse_url(api->urls, o->token_url, &url, &why) != ERR_OK) {
        call_problem(call, "tokenUrl", "value_error.url", "%s", why);
        return;
    }
    o->token_url = arena_str(call->arena, str_c(url.normal));
    ssrf_url_fini(&url);
}

static void check_key(struct api_call *call, const struct oauth *o)
{
    struct json *json;
    struct oauth_jwt jwt = {0};
    const char *why;
    if (o->jwt_params.ptr == NULL) {
        call_problem(call, "jwtParams", "value_error.missing", "are needed for clientSecretJwt");
        return;
    }
    if (json_parse(call->arena, o->jwt_params, &json, NULL) != ERR_OK)
        return;
    fields_read(call->arena, oauth_jwt_fields, oauth_jwt_field_count, FIELD_CREATE, json, &jwt, &call->problems);
    if (jwt.algorithm.ptr != NULL && !str_eq(jwt.algorithm, STR("RS256")))
        call_problem(call, "signingAlgorithm", "value_error.const", "must be RS256");
    if (jwt.secret.len > 0 && (why = oauth_check_key(jwt.secret)) != NULL)
        call_problem(call, "secretBase64", "value_error", "must be a private RSA key: %s", why);
}

/* What the method of authentication and the kind of grant need. */
static void check_secrets(struct api_call *call, const struct oauth *o)
{
    bool by_secret = str_eq(o->auth_method, OAUTH_METHOD_BASIC) || str_eq(o->auth_method, OAUTH_METHOD_POST);
    if (str_eq(o->auth_method, OAUTH_METHOD_JWT))
        check_key(call, o);
    else if (!by_secret && o->auth_method.ptr != NULL)
        call_problem(call, "authMethod", "value_error.const",
                     "must be clientSecretBasic, clientSecretPost or clientSecretJwt");
    else if (by_secret && o->client_secret.len == 0)
        call_problem(call, "clientSecret", "value_error.missing", "is needed for " STR_FMT, STR_ARG(o->auth_method));
    if (str_eq(o->grant_type, OAUTH_GRANT_REFRESH)) {
        if (o->refresh_token.len == 0)
            call_problem(call, "refreshToken", "value_error.missing", "is needed for this grantType");
    } else if (o->grant_type.ptr != NULL && !str_eq(o->grant_type, OAUTH_GRANT_CLIENT)) {
        call_problem(call, "grantType", "value_error.const", "must be clientCredentials or refreshToken");
    }
}

static void check_params(struct api_call *call, const struct oauth *o)
{
    if (o->param_count > PARAMS_MAX)
        call_problem(call, "extraParams", "value_error.max_items", "may have at most %d members", PARAMS_MAX);
    for (size_t i = 0; i < o->param_count && o->param_count <= PARAMS_MAX; i++) {
        const char *why = NULL;
        if (oauth_owns_param(o->params[i].name))
            why = "is a parameter that has a field of its own";
        else if (o->params[i].name.len == 0 || o->params[i].name.len > 256)
            why = "must have a name of 1 to 256 bytes";
        else if (o->params[i].value.len > PARAM_VALUE_MAX)
            why = "must have a value of at most 4096 bytes";
        if (why != NULL)
            problem_add(&call->problems, "body", STR("extraParams"), o->params[i].name, "value_error", "%s", why);
    }
}

static void check_headers(struct api_call *call, const struct oauth *o)
{
    bool basic = str_eq(o->auth_method, OAUTH_METHOD_BASIC);
    if (o->header_count > PARAMS_MAX)
        call_problem(call, "extraHeaders", "value_error.max_items", "may have at most %d members", PARAMS_MAX);
    for (size_t i = 0; i < o->header_count && o->header_count <= PARAMS_MAX; i++) {
        const char *why = header_refusal(NULL, o->headers[i].name, o->headers[i].value);
        if (why == NULL && basic && str_eq_nocase(o->headers[i].name, STR("authorization")))
            why = "is the header of clientSecretBasic";
        for (size_t j = 0; j < i && why == NULL; j++) {
            if (str_eq_nocase(o->headers[j].name, o->headers[i].name))
                why = "is there twice";
        }
        if (why != NULL)
            problem_add(&call->problems, "body", STR("extraHeaders"), o->headers[i].name, "value_error", "%s", why);
    }
}

/* ---- changes ------------------------------------------------------------------------------------------------------
 */

void endpoint_oauth_put(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    struct oauth *o = arena_zalloc(call->arena, sizeof *o);
    const struct json *body = call_json(call, false);
    if (body == NULL || !endpoint_called(api, call, &f))
        return;
    fields_read(call->arena, oauth_fields, oauth_field_count, FIELD_CREATE, body, o, &call->problems);
    check_url(api, call, o);
    check_secrets(call, o);
    check_params(call, o);
    check_headers(call, o);
    if (!call_fits(call))
        return;
    o->id = oid_next(api->oids, call->now_ms);
    f.ep.oauth = o;
    endpoint_save_answer(api, call, &f);
}

void endpoint_oauth_delete(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    if (!endpoint_called(api, call, &f))
        return;
    if (f.ep.oauth == NULL) {
        answer_empty(call);
        return;
    }
    f.ep.oauth = NULL;
    endpoint_save_answer(api, call, &f);
}
