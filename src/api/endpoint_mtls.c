/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS towards an endpoint: the client certificate that Postrider shows (its key goes in and never out), and the
 * authority that the server's certificate is verified by, which is the field `caBundle` under another name.
 */
#include "api/endpoint.h"
#include "api/routes.h"
#include "crypto/identity.h"

#define IDENTITY_BYTES_MAX  65536
#define CA_BUNDLE_BYTES_MAX 65536
#define SUBJECT_BYTES_MAX   4096

/* ---- the client certificate ---------------------------------------------------------------------------------------
 */

static void write_config(const struct endpoint_identity *i, struct json_writer *w)
{
    struct buf subject = BUF_INIT(SUBJECT_BYTES_MAX);
    int64_t until_ms = 0;
    enum err e = crypto_certificate_describe(i->certificates, &subject, &until_ms);
    CHECK(e == ERR_OK); /* it was read before it was stored */
    json_w_object(w);
    json_w_str_at(w, "certificate", i->certificates);
    json_w_str_at(w, "subject", buf_str(&subject));
    json_w_time_at(w, "expiresAt", until_ms);
    json_w_object_end(w);
    buf_fini(&subject);
}

void endpoint_mtls_get(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    if (!endpoint_called(api, call, &f))
        return;
    if (f.ep.identity == NULL) {
        answer_error(call, ERR_NOT_FOUND, "the endpoint has no client certificate");
        return;
    }
    struct json_writer w = answer(call, 200);
    write_config(f.ep.identity, &w);
}

void endpoint_mtls_look(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    if (!endpoint_called(api, call, &f))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_bool_at(&w, "enabled", f.ep.identity != NULL);
    json_w_name(&w, STR("config"));
    if (f.ep.identity != NULL)
        write_config(f.ep.identity, &w);
    else
        json_w_null(&w);
    json_w_object_end(&w);
}

static struct endpoint_identity *read_identity(struct api_call *call, const struct json *body)
{
    struct str pem;
    struct crypto_identity parts;
    const char *why;
    const struct json *given = json_get(body, STR("identity"));
    if (given == NULL || json_is_null(given)) {
        call_problem(call, "identity", "value_error.missing", "is missing");
    } else if (!json_as_str(given, &pem)) {
        call_problem(call, "identity", "type_error.string", "must be a string");
    } else if (pem.len > IDENTITY_BYTES_MAX) {
        call_problem(call, "identity", "value_error.max_length", "must have at most %d bytes", IDENTITY_BYTES_MAX);
    } else if (crypto_identity_read(pem, call->now_ms, &parts, &why) != ERR_OK) {
        call_problem(call, "identity", "value_error", "must be a private key and its certificate in PEM form: %s", why);
    } else {
        struct endpoint_identity *i = arena_alloc(call->arena, sizeof *i);
        i->key = arena_str(call->arena, buf_str(&parts.key));
        i->certificates = arena_str(call->arena, buf_str(&parts.certificates));
        crypto_identity_fini(&parts);
        return i;
    }
    return NULL;
}

void endpoint_mtls_put(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    const struct json *body = call_json(call, false);
    if (body == NULL || !endpoint_called(api, call, &f))
        return;
    f.ep.identity = read_identity(call, body);
    if (call_fits(call))
        endpoint_save_answer(api, call, &f);
}

void endpoint_mtls_delete(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    if (!endpoint_called(api, call, &f))
        return;
    if (f.ep.identity == NULL) {
        answer_empty(call);
        return;
    }
    f.ep.identity = NULL;
    endpoint_save_answer(api, call, &f);
}

/* ---- the server's authority ---------------------------------------------------------------------------------------
 */

void endpoint_ca_get(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    if (!endpoint_called(api, call, &f))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_opt_str_at(&w, "cert", f.ep.ca_bundle);
    json_w_object_end(&w);
}

void endpoint_ca_put(struct api *api, struct api_call *call)
{
    struct called_endpoint f;
    const struct json *body = call_json(call, false), *cert;
    if (body == NULL || !endpoint_called(api, call, &f))
        return;
    cert = json_get(body, STR("cert"));
    f.ep.ca_bundle = STR_NULL;
    if (cert != NULL && !json_is_null(cert)) {
        if (!json_as_str(cert, &f.ep.ca_bundle))
            call_problem(call, "cert", "type_error.string", "must be a string");
        else if (f.ep.ca_bundle.len > CA_BUNDLE_BYTES_MAX)
            call_problem(call, "cert", "value_error.max_length", "must have at most %d bytes", CA_BUNDLE_BYTES_MAX);
        else
            ca_bundle_check(call, "cert", f.ep.ca_bundle);
    }
    if (call_fits(call))
        endpoint_save_answer(api, call, &f);
}
